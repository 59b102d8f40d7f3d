//! The messages of PostgreSQL's protocol, version 3.
//!
//! In: bytes from a client. Out: [`Message`]s; and the bytes of what the server answers. Source: chapter "Frontend/Backend Protocol" of
//! PostgreSQL's manual, section "Message Formats".

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a message before the client has proved who it is.
pub const SMALL: usize = 10_000;

/// The most bytes of a message.
pub const LARGE: usize = 64 << 20;

/// The codes of the first message that are not versions of the protocol.
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// A client's first message.
#[derive(Debug, PartialEq, Eq)]
pub enum First {
    /// Asks whether the server speaks TLS.
    Tls,
    /// Asks whether the server encrypts by GSSAPI.
    Gss,
    Cancel {
        process: i32,
        secret: i32,
    },
    Start {
        version: u32,
        parameters: Vec<(String, String)>,
    },
}

/// What a name in Describe and Close names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Statement,
    Portal,
}

/// A client's later message.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind {
        portal: String,
        statement: String,
        formats: Vec<i16>,
        values: Vec<Option<Bytes>>,
        results: Vec<i16>,
    },
    Describe(Target, String),
    Execute {
        portal: String,
        rows: usize,
    },
    Close(Target, String),
    Flush,
    Sync,
    Terminate,
    /// The client's part of an authentication.
    Password(Bytes),
    /// A part of COPY FROM STDIN, which the server never asks for.
    Copy,
}

/// Reads the first message; `None` if the client is gone.
///
/// # Errors
/// The bytes are not a first message, or the connection fails.
pub async fn first<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<First>> {
    let mut head = [0; 4];
    if reader.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut head[1..]).await?;
    let mut body = body(reader, u32::from_be_bytes(head), SMALL).await?;
    let code = number(&mut body)?;
    Ok(Some(match code {
        TLS => First::Tls,
        GSS => First::Gss,
        CANCEL => First::Cancel { process: number(&mut body)? as i32, secret: number(&mut body)? as i32 },
        version => {
            let mut parameters = Vec::new();
            while body.first().is_some_and(|byte| *byte != 0) {
                parameters.push((text(&mut body)?, text(&mut body)?));
            }
            First::Start { version, parameters }
        }
    }))
}

/// Reads a later message, with its length in bytes; `None` if the client is gone.
///
/// # Errors
/// The bytes are not a message, it is longer than `limit`, or the connection fails.
pub async fn message<R: AsyncRead + Unpin>(reader: &mut R, limit: usize) -> io::Result<Option<(Message, usize)>> {
    let mut head = [0; 5];
    if reader.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut head[1..]).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = body(reader, length, limit).await?;
    let length = body.len();
    let message = match head[0] {
        b'Q' => Message::Query(text(&mut body)?),
        b'P' => {
            let (name, text) = (text(&mut body)?, text(&mut body)?);
            let types = list(&mut body, number)?;
            Message::Parse { name, text, types }
        }
        b'B' => {
            let (portal, statement) = (text(&mut body)?, text(&mut body)?);
            let formats = list(&mut body, short)?;
            let values = list(&mut body, value)?;
            let results = list(&mut body, short)?;
            Message::Bind { portal, statement, formats, values, results }
        }
        b'D' => Message::Describe(target(&mut body)?, text(&mut body)?),
        b'E' => {
            let portal = text(&mut body)?;
            // A negative number means no limit, as 0 does.
            Message::Execute { portal, rows: usize::try_from(number(&mut body)? as i32).unwrap_or(0) }
        }
        b'C' => Message::Close(target(&mut body)?, text(&mut body)?),
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'p' => Message::Password(body),
        b'd' | b'c' | b'f' => Message::Copy,
        other => return Err(bad(&format!("a message of the unknown type {other}"))),
    };
    Ok(Some((message, length)))
}

/// Reads what follows a message's length.
async fn body<R: AsyncRead + Unpin>(reader: &mut R, length: u32, limit: usize) -> io::Result<Bytes> {
    let length = (length as usize).checked_sub(4).filter(|length| *length <= limit);
    let length = length.ok_or_else(|| bad("a message of an impossible length"))?;
    let mut body = BytesMut::new();
    let mut rest = reader.take(length as u64);
    // The buffer grows with what arrives, so that a length alone takes no memory.
    while body.len() < length {
        if rest.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body.freeze())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the client sent {what}"))
}

fn short(body: &mut Bytes) -> io::Result<i16> {
    body.try_get_i16().map_err(|_| bad("a message that is too short"))
}

fn number(body: &mut Bytes) -> io::Result<u32> {
    body.try_get_u32().map_err(|_| bad("a message that is too short"))
}

fn text(body: &mut Bytes) -> io::Result<String> {
    let end = body.iter().position(|byte| *byte == 0).ok_or_else(|| bad("a text without an end"))?;
    let text = String::from_utf8(body.split_to(end).to_vec()).map_err(|_| bad("a text that is not UTF-8"))?;
    body.advance(1);
    Ok(text)
}

fn value(body: &mut Bytes) -> io::Result<Option<Bytes>> {
    match usize::try_from(number(body)? as i32) {
        Err(_) => Ok(None),
        Ok(length) if length <= body.len() => Ok(Some(body.split_to(length))),
        Ok(_) => Err(bad("a value that is too short")),
    }
}

fn target(body: &mut Bytes) -> io::Result<Target> {
    match body.try_get_u8() {
        Ok(b'S') => Ok(Target::Statement),
        Ok(b'P') => Ok(Target::Portal),
        _ => Err(bad("a name of the unknown kind")),
    }
}

fn list<T>(body: &mut Bytes, item: fn(&mut Bytes) -> io::Result<T>) -> io::Result<Vec<T>> {
    // The protocol's number has 16 bits without a sign.
    (0..short(body)? as u16).map(|_| item(body)).collect()
}

/// What a column of a result is called, and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub oid: u32,
    /// The bytes of a value; -1 if they vary.
    pub size: i16,
    /// What the type needs besides its name, such as a decimal's digits; -1 if nothing.
    pub modifier: i32,
}

/// The transaction's state, as the server tells it when it waits for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    None,
    Open,
    Failed,
}

/// An error or a notice, in the fields that clients know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// The place in the statement, in characters from 1.
    pub position: Option<usize>,
}

/// The bytes of the server's messages, until they are sent.
#[derive(Debug, Default)]
pub struct Out {
    pub bytes: BytesMut,
}

impl Out {
    /// Appends a message. `write` writes what follows its length.
    pub fn message(&mut self, kind: u8, write: impl FnOnce(&mut BytesMut)) {
        self.bytes.put_u8(kind);
        let start = self.bytes.len();
        self.bytes.put_i32(0);
        write(&mut self.bytes);
        let length = (self.bytes.len() - start) as i32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Says who may go on: a step of the authentication.
    pub fn authentication(&mut self, step: i32, data: &[u8]) {
        self.message(b'R', |bytes| {
            bytes.put_i32(step);
            bytes.put_slice(data);
        });
    }

    /// Tells a setting.
    pub fn parameter(&mut self, name: &str, value: &str) {
        self.message(b'S', |bytes| {
            put_text(bytes, name);
            put_text(bytes, value);
        });
    }

    /// Tells what a cancel request has to name.
    pub fn key(&mut self, process: i32, secret: i32) {
        self.message(b'K', |bytes| {
            bytes.put_i32(process);
            bytes.put_i32(secret);
        });
    }

    /// Says that the newest version of the protocol is 3.0, and which options are unknown.
    pub fn version(&mut self, unknown: &[&str]) {
        self.message(b'v', |bytes| {
            bytes.put_i32(0x0003_0000);
            bytes.put_i32(unknown.len() as i32);
            unknown.iter().for_each(|name| put_text(bytes, name));
        });
    }

    pub fn ready(&mut self, transaction: Transaction) {
        let state = match transaction {
            Transaction::None => b'I',
            Transaction::Open => b'T',
            Transaction::Failed => b'E',
        };
        self.message(b'Z', |bytes| bytes.put_u8(state));
    }

    /// Says that a statement is complete: what it did, such as `SELECT 3`.
    pub fn complete(&mut self, tag: &str) {
        self.message(b'C', |bytes| put_text(bytes, tag));
    }

    pub fn columns(&mut self, columns: &[Column], formats: &[i16]) {
        self.message(b'T', |bytes| {
            bytes.put_i16(columns.len() as i16);
            for (at, column) in columns.iter().enumerate() {
                put_text(bytes, &column.name);
                bytes.put_i32(0);
                bytes.put_i16(0);
                bytes.put_u32(column.oid);
                bytes.put_i16(column.size);
                bytes.put_i32(column.modifier);
                bytes.put_i16(format(formats, at));
            }
        });
    }

    pub fn parameters(&mut self, types: &[u32]) {
        self.message(b't', |bytes| {
            bytes.put_i16(types.len() as i16);
            types.iter().for_each(|oid| bytes.put_u32(*oid));
        });
    }

    pub fn error(&mut self, severity: &str, error: &Notice) {
        self.fields(b'E', severity, error);
    }

    pub fn notice(&mut self, notice: &Notice) {
        self.fields(b'N', "NOTICE", notice);
    }

    fn fields(&mut self, kind: u8, severity: &str, notice: &Notice) {
        self.message(kind, |bytes| {
            let position = notice.position.map(|at| at.to_string());
            let fields = [
                (b'S', Some(severity)),
                (b'V', Some(severity)),
                (b'C', Some(notice.code)),
                (b'M', Some(notice.message.as_str())),
                (b'H', notice.hint.as_deref()),
                (b'P', position.as_deref()),
            ];
            for (field, value) in fields {
                let Some(value) = value else { continue };
                bytes.put_u8(field);
                put_text(bytes, value);
            }
            bytes.put_u8(0);
        });
    }

    /// Appends a message that has only a type.
    pub fn signal(&mut self, kind: u8) {
        self.message(kind, |_| {});
    }
}

/// Returns the format of a column or parameter: none listed means text, one listed is for all.
pub fn format(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [all] => *all,
        each => each.get(at).copied().unwrap_or(0),
    }
}

/// Writes a text and its end. A zero byte would end it early, so there it is a space.
fn put_text(bytes: &mut BytesMut, text: &str) {
    bytes.extend(text.bytes().map(|byte| if byte == 0 { b' ' } else { byte }));
    bytes.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> io::Result<Option<Message>> {
        let read = futures::executor::block_on(async { message(&mut &bytes[..], LARGE).await });
        Ok(read?.map(|(message, _)| message))
    }

    #[test]
    fn a_bind_is_read_with_nulls_and_formats() {
        let mut out = Out::default();
        out.message(b'B', |bytes| {
            put_text(bytes, "p");
            put_text(bytes, "s");
            bytes.put_slice(&[0, 1, 0, 1]);
            bytes.put_slice(&[0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 7]);
            bytes.put_slice(&[0, 0]);
        });
        let expected = Message::Bind {
            portal: "p".into(),
            statement: "s".into(),
            formats: vec![1],
            values: vec![None, Some(Bytes::from_static(&[7]))],
            results: vec![],
        };
        assert_eq!(read(&out.bytes).unwrap(), Some(expected));
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn a_text_never_ends_early() {
        let mut out = Out::default();
        out.complete("a\0b");
        assert_eq!(&out.bytes[..], b"C\0\0\0\x08a b\0");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
            let _ = futures::executor::block_on(async { first(&mut &bytes[..]).await });
        }

        #[test]
        fn bodies_of_every_kind_never_panic(kind in proptest::sample::select(&b"QPBDECHSXpdcf"[..]), body in proptest::collection::vec(any::<u8>(), 0..48)) {
            let mut out = Out::default();
            out.message(kind, |bytes| bytes.put_slice(&body));
            let _ = read(&out.bytes);
        }
    }
}
