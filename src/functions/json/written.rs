//! Values of JSON as text.

/// Returns a value of JSON without blanks, with texts and numbers in their usual form, as DuckDB writes it.
///
/// # Errors
/// A text has half a character, such as `"\ud800"`.
pub fn compact(value: &str) -> serde_json::Result<String> {
    let mut out = String::with_capacity(value.len());
    let mut at = 0;
    while let Some(first) = value.as_bytes().get(at) {
        let rest = &value[at..];
        at += match first {
            b'"' => {
                let end = end_of_text(rest);
                match rest[..end].contains('\\') {
                    true => write_text(&serde_json::from_str::<String>(&rest[..end])?, &mut out),
                    false => out.push_str(&rest[..end]),
                }
                end
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
                let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
                write_number(&rest[..end], &mut out);
                end
            }
            b' ' | b'\t' | b'\n' | b'\r' => 1,
            // Outside texts, JSON is ASCII.
            other => {
                out.push(char::from(*other));
                1
            }
        };
    }
    Ok(out)
}

/// Returns what a value of JSON says: a text without its quotes, and other values as [`compact`] has them; `None` for null.
///
/// # Errors
/// As [`compact`].
pub fn said(value: &str) -> serde_json::Result<Option<String>> {
    match value.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => serde_json::from_str(value).map(Some),
        _ => compact(value).map(Some),
    }
}

/// Returns the length of the text that a piece of JSON begins with, with its quotes.
fn end_of_text(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(json.len(), |(end, _)| end + 1)
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Writes a number: integers, and what a double cannot hold, as they are; others with the fewest digits that give the same double.
fn write_number(number: &str, out: &mut String) {
    if !number.contains(['.', 'e', 'E']) {
        return out.push_str(if number == "-0" { "0" } else { number });
    }
    let double = number.parse::<f64>().unwrap_or(f64::INFINITY);
    if double.is_infinite() {
        return out.push_str(number);
    }
    let short = format!("{double:e}");
    let exponent = short.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or_default();
    // The bounds between 0.000001 and 1e-7, and between 100000000000000000000.0 and 1e21, are those of JavaScript.
    if !(-6..=20).contains(&exponent) {
        return out.push_str(&short);
    }
    let plain = double.to_string();
    out.push_str(&plain);
    if !plain.contains('.') {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_duckdb_writes_them() {
        for (value, expected) in [
            (r#"{ "a" : [ 1 , 2.50 ], "b": null, "c c" : true }"#, r#"{"a":[1,2.5],"b":null,"c c":true}"#),
            ("[1E2, 1e20, 1e21, 1e22, 123456.789e-12]", "[100.0,100000000000000000000.0,1e21,1e22,1.23456789e-7]"),
            ("[0.000001, 0.0000001, 1e400, -0, -0.0, 0e5]", "[0.000001,1e-7,1e400,0,-0.0,0.0]"),
            ("[18446744073709551616, -9223372036854775809]", "[18446744073709551616,-9223372036854775809]"),
            (r#""\u00e9\n\/\u0001\u001f\" \\""#, r#""é\n/\u0001\u001F\" \\""#),
            (r#"["a\\", "b c"]"#, r#"["a\\","b c"]"#),
        ] {
            assert_eq!(compact(value).unwrap(), expected);
        }
        assert!(compact(r#""\ud800""#).is_err());
    }

    #[test]
    fn texts_lose_their_quotes() {
        assert_eq!(said(r#""\u00e9 x""#).unwrap().as_deref(), Some("é x"));
        assert_eq!(said("null").unwrap(), None);
        assert_eq!(said("[ 1 ]").unwrap().as_deref(), Some("[1]"));
        assert_eq!(said("true").unwrap().as_deref(), Some("true"));
    }
}
