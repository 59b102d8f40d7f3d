//! The form in which a message that cannot go on is kept: one line of JSON with the reason and the message's bytes.

use serde::Serialize;

use super::Record;
use crate::text::hex;

/// A message that cannot go on, and its place in the log.
#[derive(Debug)]
pub struct DeadLetter {
    pub offset: i64,
    pub record: Record,
    pub reason: String,
}

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    ingest_time: i64,
    connection: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

impl DeadLetter {
    /// Appends the letter's line, line end included, to `buffer`.
    ///
    /// # Errors
    /// None is expected: the line consists of texts and numbers, and is written to memory.
    pub fn encode(&self, topic: &str, partition: i32, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        let DeadLetter { offset, record, reason } = self;
        let text = std::str::from_utf8(&record.payload).ok();
        let line = Line {
            topic,
            partition,
            offset: *offset,
            ingest_time: record.ingest_time,
            connection: record.connection.as_deref(),
            reason,
            payload: text,
            payload_hex: text.is_none().then(|| hex(&record.payload)),
        };
        serde_json::to_writer(&mut *buffer, &line)?;
        buffer.push(b'\n');
        Ok(())
    }
}
