//! One line of the file log: a record's bytes in a wrapper that gives their offset and time of receipt.
//!
//! `{"offset":0,"ingest_time":1763000000000000000,"connection":"c1","key":"BTC-USD","message":{…}}`: `message` holds the
//! bytes unaltered if they are a JSON value on one line. Otherwise `text` holds them as a JSON string, or, if they are not
//! UTF-8, `hex` holds them as hexadecimal digits. Reading always returns the same bytes.

use std::borrow::Cow;
use std::io::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Record;
use super::keeper::Keeper;
use crate::text::{from_hex, hex};

/// Appends the record's line, line end included, to `buffer`.
pub fn encode(buffer: &mut Vec<u8>, offset: i64, record: &Record) {
    write_infallibly(buffer, format_args!("{{\"offset\":{offset},\"ingest_time\":{}", record.ingest_time));
    for (name, value) in [("connection", &record.connection), ("key", &record.key)] {
        if let Some(value) = value {
            write_infallibly(buffer, format_args!(",\"{name}\":{}", json_string(value)));
        }
    }
    match std::str::from_utf8(&record.payload) {
        Ok(text) if is_one_line_of_json(text) => {
            buffer.extend_from_slice(b",\"message\":");
            buffer.extend_from_slice(&record.payload);
        }
        Ok(text) => write_infallibly(buffer, format_args!(",\"text\":{}", json_string(text))),
        Err(_) => write_infallibly(buffer, format_args!(",\"hex\":\"{}\"", hex(&record.payload))),
    }
    buffer.extend_from_slice(b"}\n");
}

/// Reads a line, without its end; `keeper` stores what it holds.
///
/// # Errors
/// A text that says what is wrong with the line.
pub fn decode(line: &[u8], keeper: &mut Keeper) -> Result<(i64, Record), String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let payload = match (line.message, line.text, line.hex) {
        (Some(message), None, None) => keeper.bytes(message.get().as_bytes()),
        (None, Some(text), None) => text.into_owned().into(),
        (None, None, Some(hex)) => from_hex(&hex).ok_or("hex is not made of pairs of hexadecimal digits")?.into(),
        _ => return Err("it must hold exactly one of message, text and hex".into()),
    };
    let record = Record {
        key: line.key.map(|key| keeper.name(&key)),
        payload,
        ingest_time: line.ingest_time,
        connection: line.connection.map(|connection| keeper.name(&connection)),
    };
    Ok((in_range(line.offset)?, record))
}

/// Reads only the line's offset.
pub fn decode_offset(line: &[u8]) -> Result<i64, String> {
    #[derive(Deserialize)]
    struct Place {
        offset: i64,
    }
    let place = serde_json::from_slice::<Place>(line).map_err(|error| error.to_string())?;
    in_range(place.offset)
}

/// Refuses a negative offset, and the highest possible one, which has no next offset.
fn in_range(offset: i64) -> Result<i64, String> {
    match offset {
        ..0 | i64::MAX => Err(format!("offset {offset} is out of range")),
        _ => Ok(offset),
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    offset: i64,
    ingest_time: i64,
    connection: Option<Cow<'a, str>>,
    key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    text: Option<Cow<'a, str>>,
    hex: Option<Cow<'a, str>>,
}

/// Whether the text can be stored inside the wrapper and read back unchanged. JSON readers skip space around a value.
fn is_one_line_of_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    let outer_space = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    !outer_space(bytes.first())
        && !outer_space(bytes.last())
        && !bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
        // A bare `null` would read back as an absent message.
        && text != "null"
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn json_string(text: &str) -> serde_json::Value {
    serde_json::Value::String(text.to_string())
}

fn write_infallibly(buffer: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = buffer.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

    use super::{Keeper, Record, decode, decode_offset, encode};

    fn line(record: &Record) -> String {
        let mut buffer = Vec::new();
        encode(&mut buffer, 7, record);
        String::from_utf8(buffer).expect("a line is UTF-8")
    }

    fn record(payload: &[u8]) -> Record {
        Record { key: None, payload: payload.to_vec().into(), ingest_time: 5, connection: None }
    }

    #[test]
    fn payloads_stand_as_they_are_where_they_can() {
        let message = Record { key: Some("BTC-USD".into()), connection: Some("c1".into()), ..record(b"{\"a\": 1}") };
        let expected =
            "{\"offset\":7,\"ingest_time\":5,\"connection\":\"c1\",\"key\":\"BTC-USD\",\"message\":{\"a\": 1}}\n";
        assert_eq!(line(&message), expected);
        for (payload, expected) in [
            (&b"{\"a\":"[..], r#"{"offset":7,"ingest_time":5,"text":"{\"a\":"}"#),
            (b" {}", r#"{"offset":7,"ingest_time":5,"text":" {}"}"#),
            (b"{\n}", r#"{"offset":7,"ingest_time":5,"text":"{\n}"}"#),
            (b"null", r#"{"offset":7,"ingest_time":5,"text":"null"}"#),
            (b"", r#"{"offset":7,"ingest_time":5,"text":""}"#),
            (b"\xff\x00", r#"{"offset":7,"ingest_time":5,"hex":"ff00"}"#),
        ] {
            assert_eq!(line(&record(payload)), format!("{expected}\n"));
        }
    }

    #[test]
    fn an_offset_has_a_next_one() {
        for (offset, fits) in [(0, true), (i64::MAX - 1, true), (i64::MAX, false), (-1, false)] {
            let mut buffer = Vec::new();
            encode(&mut buffer, offset, &record(b"{}"));
            buffer.pop();
            assert_eq!(decode(&buffer, &mut Keeper::default()).is_ok(), fits);
            assert_eq!(decode_offset(&buffer).is_ok(), fits);
        }
    }

    fn payload() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[ \\{\\}\\[\\]\":,a-c0-9\n\r\t.e-]{0,20}".prop_map(String::into_bytes),
            "\\PC{0,20}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            payload in payload(), key in any::<Option<String>>(), connection in any::<Option<String>>(),
            ingest_time in any::<i64>(), offset in 0..i64::MAX,
        ) {
            let (key, connection) = (key.map(Into::into), connection.map(Into::into));
            let record = Record { key, payload: payload.into(), ingest_time, connection };
            let mut buffer = Vec::new();
            encode(&mut buffer, offset, &record);
            assert_eq!(buffer.iter().filter(|byte| **byte == b'\n').count(), 1);
            let line = buffer.strip_suffix(b"\n").expect("a line ends");
            assert_eq!(decode(line, &mut Keeper::default()), Ok((offset, record)));
            assert_eq!(decode_offset(line), Ok(offset));
        }
    }
}
