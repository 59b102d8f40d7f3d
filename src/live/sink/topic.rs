//! Rows in a topic: one message a row, the JSON object that standard output would get, keyed by the row's product, with the
//! row's place, times and models in its headers.
//!
//! In: the rows of consecutive offsets, which are sent together and acknowledged before the next ones are sent. Out: messages, and a
//! file that says up to which offset of the source the topic has all rows, and where the topic ended then. After a kill, what the
//! topic has behind that end is read, and the rows that are there are not sent again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Sink;
use super::lines::Lines;
use super::remembered::{self, Remembered};
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan, OFFSET, PARTITION};
use crate::log::{Log, LogId, Record};
use crate::text::fingerprint;

/// Messages that are read at once at a start.
const READ: usize = 4096;

/// Up to where a topic has all rows of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    query: String,
    /// The topic's id, and that of the log that the rows came from.
    to: String,
    log: String,
    /// The first offset of each partition of the log whose rows the topic may lack.
    next: BTreeMap<i32, i64>,
    /// Where each partition of the topic ended when it had all rows before that.
    ends: BTreeMap<i32, i64>,
}

impl remembered::State for State {
    fn new(query: &str, log: &str) -> State {
        State { query: query.into(), log: log.into(), to: String::new(), next: BTreeMap::new(), ends: BTreeMap::new() }
    }

    fn log(&self) -> &str {
        &self.log
    }

    fn next(&mut self) -> &mut BTreeMap<i32, i64> {
        &mut self.next
    }
}

/// What identifies a row in the topic: where its tick lies, and its product. Several rows may share it.
type Identity = (i32, i64, String);

/// Sends rows to a topic.
pub struct TopicSink {
    log: Arc<dyn Log>,
    name: String,
    held: Remembered<State>,
    /// How many rows of each identity the topic has behind the state's end.
    seen: HashMap<Identity, usize>,
    lines: Lines,
    /// Whether messages could not be sent. The topic may have some of them, so nothing is remembered from then on.
    has_failed: bool,
}

impl TopicSink {
    /// Opens a topic for the rows of a query; `dir` is the folder of the file that is remembered, `name` the topic for messages.
    ///
    /// # Errors
    /// The topic or the file cannot be read, or the file is about another log.
    pub async fn open(
        to: Arc<dyn Log>,
        name: &str,
        dir: &Path,
        plan: &LivePlan,
        log: &LogId,
    ) -> Result<TopicSink, Error> {
        let failed = |source| Error::log(name, source);
        let id = to.id().await.map_err(failed)?.to_string();
        let path = dir.join(format!("{}-{}.json", plan.name(), fingerprint(&id)));
        let mut held = Remembered::<State>::open(path, name, plan, log)?;
        let mut seen = HashMap::new();
        if held.is_new {
            (held.state.to, held.state.ends) = (id, ends(to.as_ref()).await.map_err(failed)?);
        } else {
            for partition in to.partitions().await.map_err(failed)? {
                let from = held.state.ends.get(&partition).copied().unwrap_or(0);
                find(to.as_ref(), partition, from, plan.name(), &mut seen).await.map_err(failed)?;
            }
        }
        Ok(TopicSink { log: to, name: name.into(), held, seen, lines: Lines::of(plan), has_failed: false })
    }

    async fn save(&mut self) -> Result<(), Error> {
        self.held.state.ends = ends(self.log.as_ref()).await.map_err(|source| Error::log(&self.name, source))?;
        self.held.write().await
    }
}

/// Returns where each partition of a topic ends.
async fn ends(log: &dyn Log) -> Result<BTreeMap<i32, i64>, crate::log::Error> {
    let mut ends = BTreeMap::new();
    for partition in log.partitions().await? {
        ends.insert(partition, log.offsets(partition).await?.end);
    }
    Ok(ends)
}

/// Counts the rows of a query that a partition of a topic has from an offset on.
async fn find(
    log: &dyn Log,
    partition: i32,
    from: i64,
    query: &str,
    seen: &mut HashMap<Identity, usize>,
) -> Result<(), crate::log::Error> {
    let held = log.offsets(partition).await?;
    let mut next = from.max(held.start);
    while next < held.end {
        let batch = log.read_batch(partition, next, crate::log::Limit::messages(READ)).await?;
        if batch.next <= next {
            return Ok(());
        }
        next = batch.next;
        for message in batch.messages {
            let Ok(row) = serde_json::from_slice::<serde_json::Value>(&message.record.payload) else { continue };
            let place = |name: &str| row.get(name).and_then(serde_json::Value::as_i64);
            let (Some(partition), Some(offset)) = (place(PARTITION), place(OFFSET)) else { continue };
            let is_own = row.get("query").and_then(serde_json::Value::as_str) == Some(query);
            if let (true, Ok(partition), Some(key)) = (is_own, i32::try_from(partition), message.record.key) {
                *seen.entry((partition, offset, key.to_string())).or_default() += 1;
            }
        }
    }
    Ok(())
}

#[async_trait]
impl Sink for TopicSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        self.held.begin(partition, at).await
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let keys = self.lines.form().keys(&rows.rows)?;
        let mut all = self.lines.form().headers(&rows.rows, &rows.offsets, now)?;
        let lines = self.lines.write(&rows.rows)?;
        let (mut records, mut headers) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
        for (row, line) in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let product = keys[row].0.as_str();
            if !self.seen.is_empty()
                && let Some(count) = self.seen.get_mut(&(partition, rows.offsets[row], product.to_string()))
                && *count > 0
            {
                *count -= 1;
                continue;
            }
            let payload = Bytes::copy_from_slice(line);
            records.push(Record { key: Some(product.into()), payload, ingest_time: now, connection: None });
            headers.push(std::mem::take(&mut all[row]));
        }
        if !records.is_empty() {
            self.has_failed = true;
            let sent = self.log.append_with(records, headers).await;
            sent.map_err(|source| Error::log(&self.name, source))?;
            self.has_failed = false;
        }
        // What was read at the start lies before offsets that come later.
        self.seen.retain(|(of, offset, _), _| *of != partition || *offset >= offsets.end);
        self.held.reached(partition, offsets.end);
        Ok(())
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        if !self.has_failed && self.seen.is_empty() && self.held.is_due(all) {
            return self.save().await;
        }
        Ok(())
    }
}
