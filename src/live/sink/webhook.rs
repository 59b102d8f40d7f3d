//! Rows to a webhook: a request for the rows of consecutive offsets, at least once.
//!
//! In: the rows of consecutive offsets. Out: requests with the JSON object `query`, `log_partition`, `first_offset`, `last_offset` and
//! `rows`, one after another; and a file that says up to which offset the receiver has taken rows, and where the request ends that was
//! sent last. After a kill, that request is sent again with the same rows and the same key, so a receiver that remembers keys takes it
//! once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Sink;
use super::lines::Lines;
use super::remembered::{self, Remembered};
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};
use crate::live::webhook::{Posted, Stop, Webhook};
use crate::log::LogId;
use crate::text::fingerprint;

/// A request has this many rows at most, or those of one offset if they are more.
const ROWS: usize = 500;

/// Up to where a receiver has taken the rows of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    query: String,
    log: String,
    /// The first offset of each partition whose rows may not have been taken.
    next: BTreeMap<i32, i64>,
    /// Where the request ends that begins there, if it was sent.
    until: BTreeMap<i32, i64>,
}

impl remembered::State for State {
    fn new(query: &str, log: &str) -> State {
        State { query: query.into(), log: log.into(), next: BTreeMap::new(), until: BTreeMap::new() }
    }

    fn log(&self) -> &str {
        &self.log
    }

    fn next(&mut self) -> &mut BTreeMap<i32, i64> {
        &mut self.next
    }
}

/// Posts rows.
pub struct WebhookSink {
    webhook: Webhook,
    stop: Stop,
    held: Remembered<State>,
    lines: Lines,
    waiting: BTreeMap<i32, Waiting>,
    /// Whether the run ended before the receiver took a request. Nothing more is sent then.
    has_stopped: bool,
}

/// Rows of a partition that were not taken yet.
struct Waiting {
    rows: Vec<(i64, Vec<u8>)>,
    /// One past the last offset that was put.
    end: i64,
}

impl WebhookSink {
    /// Opens a webhook for the rows of a query; `dir` is the folder of the file that is remembered.
    ///
    /// # Errors
    /// The file cannot be read or is about another log, or another process sends rows of the query.
    pub fn open(webhook: Webhook, dir: &Path, plan: &LivePlan, log: &LogId, stop: Stop) -> Result<WebhookSink, Error> {
        let path = dir.join(format!("{}-{}.json", plan.name(), fingerprint(webhook.address())));
        let held = Remembered::open(path, webhook.shown(), plan, log)?;
        Ok(WebhookSink { webhook, stop, held, lines: Lines::of(plan), waiting: BTreeMap::new(), has_stopped: false })
    }

    /// Sends the rows of a partition that wait. The rows of a request that was sent before are sent together, once all are there.
    async fn send(&mut self, partition: i32) -> Result<(), Error> {
        while let Some(waiting) = self.waiting.get(&partition) {
            let first = self.held.state.next.get(&partition).copied().unwrap_or_default();
            let sent = self.held.state.until.get(&partition).copied();
            let end = match sent {
                Some(until) if waiting.end < until => return Ok(()),
                Some(until) => until,
                None => waiting.rows.get(ROWS - 1).map_or(waiting.end, |(offset, _)| offset + 1),
            };
            let count = waiting.rows.partition_point(|(offset, _)| *offset < end);
            if count > 0 {
                let body = self.body(partition, first..end, &waiting.rows[..count]);
                if sent.is_none() {
                    self.held.state.until.insert(partition, end);
                    self.held.write().await?;
                }
                let log = fingerprint(&self.held.state.log);
                let key = format!("{}-{log}-{partition}-{first}-{}", self.held.state.query, end - 1);
                match self.webhook.post(&key, &body, &self.stop).await? {
                    Posted::Taken => {}
                    Posted::Refused { status, answer } => {
                        let (webhook, first, last) = (self.webhook.shown().into(), first, end - 1);
                        return Err(Error::RowsRefused { webhook, partition, first, last, status, answer });
                    }
                    Posted::Stopped => {
                        self.has_stopped = true;
                        return Err(Error::Stopped);
                    }
                }
            }
            self.held.state.until.remove(&partition);
            self.held.reached(partition, end);
            match self.waiting.get_mut(&partition) {
                Some(waiting) if end < waiting.end => drop(waiting.rows.drain(..count)),
                _ => drop(self.waiting.remove(&partition)),
            }
        }
        Ok(())
    }

    fn body(&self, partition: i32, offsets: Range<i64>, rows: &[(i64, Vec<u8>)]) -> Bytes {
        let (query, last) = (&self.held.state.query, offsets.end - 1);
        // A query's name has only letters, digits and underscores.
        let mut body = format!(
            "{{\"query\":\"{query}\",\"log_partition\":{partition},\"first_offset\":{},\"last_offset\":{last},\"rows\":[",
            offsets.start
        )
        .into_bytes();
        for (number, (_, row)) in rows.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(row);
        }
        body.extend_from_slice(b"]}");
        body.into()
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        self.held.begin(partition, at).await
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        if self.has_stopped {
            return Err(Error::Stopped);
        }
        let lines = self.lines.write(&rows.rows)?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
        let waiting = self.waiting.entry(partition).or_insert_with(|| Waiting { rows: Vec::new(), end: 0 });
        waiting.rows.extend(rows.offsets.iter().copied().zip(lines));
        waiting.end = offsets.end;
        self.send(partition).await
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        if self.held.is_due(all) {
            return self.held.write().await;
        }
        Ok(())
    }
}
