//! The identity of a log: two logs with the same name and different contents have different ids.
//!
//! A file log's id is created with the log and stays in its folder. A topic's id is the id of its cluster, as the broker
//! reports it, and the topic's name. A topic that is deleted and created again keeps that id. So code that notes an offset
//! also notes a [`Witness`]: the message at the last offset.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, Log, Record};
use crate::text::fingerprint;

/// A log's id: `file:<32 digits>`, or `kafka:<cluster>/<topic>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(String);

impl LogId {
    /// Makes a log id from its text.
    pub fn new(text: impl Into<String>) -> LogId {
        LogId(text.into())
    }

    /// Returns the id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message at an offset. A log that holds another message there is another log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    pub offset: i64,
    /// The record's [`Record::fingerprint`].
    pub fingerprint: String,
}

/// What a log says about a [`Witness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testimony {
    /// The log holds the same message there.
    Same,
    /// The log no longer holds the offset, so the question cannot be answered.
    Gone,
    /// The log holds another message there.
    Other,
    /// The log ends before the offset.
    Ended { end: i64 },
}

impl Record {
    /// Returns the fingerprint of the parts of a record that a log keeps unaltered: its bytes, its time of receipt and its
    /// connection.
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{} {} ", self.ingest_time, self.connection.as_deref().unwrap_or_default());
        text.push_str(&String::from_utf8_lossy(&self.payload));
        fingerprint(&text)
    }
}

impl Witness {
    /// Asks a partition of a log whether it still holds the message.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn ask(&self, log: &dyn Log, partition: i32) -> Result<Testimony, Error> {
        let held = log.offsets(partition).await?;
        if self.offset >= held.end {
            return Ok(Testimony::Ended { end: held.end });
        }
        if self.offset < held.start {
            return Ok(Testimony::Gone);
        }
        let message = match log.read(partition, self.offset, 1).await {
            // Retention may have removed the offset in the meantime.
            Err(Error::OffsetGone { .. }) => return Ok(Testimony::Gone),
            result => result?.into_iter().next(),
        };
        Ok(match message {
            Some(message) if message.offset == self.offset => match message.record.fingerprint() == self.fingerprint {
                true => Testimony::Same,
                false => Testimony::Other,
            },
            // The topic's own compaction removed the message.
            _ => Testimony::Gone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_bytes_times_and_connections_apart() {
        let record = |payload: &[u8], ingest_time, connection: Option<&str>| Record {
            key: None,
            payload: payload.to_vec().into(),
            ingest_time,
            connection: connection.map(Into::into),
        };
        let first = record(b"{}", 1, None).fingerprint();
        assert_eq!(first, Record { key: Some("BTC-USD".into()), ..record(b"{}", 1, None) }.fingerprint());
        for other in [record(b"{} ", 1, None), record(b"{}", 2, None), record(b"{}", 1, Some("c1"))] {
            assert_ne!(first, other.fingerprint());
        }
    }
}
