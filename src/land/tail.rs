//! Reads a log from where landing has come to, and places its ticks as landing will; nothing is landed.
//!
//! In: a log, and the folder that it lands into. Out: the rows of later messages, with the `ts` and the status that they will have
//! once they have landed: the order of the products is restored from the same files, by the same code.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use tokio::task::JoinHandle;

use super::Error;
use super::columns::Columns;
use super::files::LandedFile;
use super::folder::Folder;
use super::identify::Candidate;
use super::measure;
use super::read::Chunk;
use super::recover::{Landed, read_footers, recover};
use super::summary::Summary;
use crate::log::{self, Limit, Log};
use crate::metrics::Metrics;
use crate::tick::{Order, Rules};

/// The part of a log that has not landed.
pub struct Tail {
    log: Arc<dyn Log>,
    /// The log as the user wrote it, for messages.
    source: String,
    /// The name that the log's files carry.
    name: String,
    order: Order,
    landed: BTreeMap<i32, i64>,
    last_ts: BTreeMap<String, i64>,
    /// Whether files of another name have landed too.
    has_others: bool,
    /// The offset from which each partition is read on.
    next: BTreeMap<i32, i64>,
    /// Messages of a partition that are read and parsed while the ones before them are used.
    ahead: BTreeMap<i32, JoinHandle<Result<Option<Chunk>, log::Error>>>,
    metrics: Metrics,
}

/// Messages of a partition that follow each other, and their rows.
#[derive(Debug)]
pub struct Portion {
    pub partition: i32,
    pub offsets: Range<i64>,
    /// When the last message was received by ingest; `None` if there is none.
    pub received: Option<i64>,
    /// The rows of the landed schema, in the order of (product_id, ts).
    pub rows: Vec<RecordBatch>,
    /// What the messages were, apart from the rows.
    pub summary: Summary,
}

impl Tail {
    /// Finds where landing has come to, and restores the order of products as it was there.
    ///
    /// # Errors
    /// The log or the folder cannot be read, or another log has landed under the name.
    pub async fn open(log: Arc<dyn Log>, folder: &Folder, rules: Rules, source: &str) -> Result<Tail, Error> {
        let failed = |error| Error::log(source, error);
        let id = log.id().await.map_err(failed)?;
        let files = read_footers(folder, &folder.list().await?).await?;
        let candidate = Candidate { log: &log, id: &id, source, folder, landed: &files };
        let name = candidate.name(None).await?;
        let order = recover(folder, &files, rules).await?;
        let mut landed = BTreeMap::new();
        let mut last_ts: BTreeMap<String, i64> = BTreeMap::new();
        for Landed { file, footer } in &files {
            if file.topic == name {
                landed.insert(file.partition, file.next_offset());
            }
            for (product_id, rows) in &footer.summary.products {
                let last = last_ts.entry(product_id.clone()).or_insert(rows.last_ts);
                *last = rows.last_ts.max(*last);
            }
        }
        let has_others = files.iter().any(|landed| landed.file.topic != name);
        let next = BTreeMap::new();
        let (source, ahead, metrics) = (source.into(), BTreeMap::new(), Metrics::default());
        let mut tail = Tail { log, source, name, order, landed, last_ts, has_others, next, ahead, metrics };
        tail.find_partitions().await?;
        Ok(tail)
    }

    /// Counts what is read in these metrics.
    pub fn measure(&mut self, metrics: Metrics) {
        self.metrics = metrics;
    }

    /// Returns the name that the log's landed files carry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the first offset of a partition that had not landed; `None` if nothing of the partition had.
    pub fn landed(&self, partition: i32) -> Option<i64> {
        self.landed.get(&partition).copied()
    }

    /// Returns the last `ts` that had landed of each product, from whichever log.
    pub fn last_ts(&self) -> &BTreeMap<String, i64> {
        &self.last_ts
    }

    /// Returns whether another log has landed into the same folder.
    pub fn has_others(&self) -> bool {
        self.has_others
    }

    /// Returns the partitions, each with the offset from which it is read on.
    pub fn next(&self) -> &BTreeMap<i32, i64> {
        &self.next
    }

    /// Adds partitions that the log has got; they are read from their first offset that has not landed.
    pub async fn find_partitions(&mut self) -> Result<(), Error> {
        let partitions = self.log.partitions().await.map_err(|error| Error::log(&self.source, error))?;
        for partition in partitions {
            if self.next.contains_key(&partition) {
                continue;
            }
            let held = self.offsets(partition).await?;
            let next = self.landed.get(&partition).copied().unwrap_or(held.start).max(held.start);
            self.next.insert(partition, next);
        }
        Ok(())
    }

    /// Returns the offsets that a partition of the log holds now.
    pub async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        self.log.offsets(partition).await.map_err(|error| Error::log(&self.source, error))
    }

    /// Reads and places the next messages of a partition; `None` if the log holds no more for now.
    ///
    /// # Errors
    /// The log cannot be read, or it has dropped messages that were not read yet.
    pub async fn read(&mut self, partition: i32, limit: Limit) -> Result<Option<Portion>, Error> {
        let Some(from) = self.next.get(&partition).copied() else { return Ok(None) };
        let chunk = match self.ahead.remove(&partition) {
            Some(ahead) => ahead.await?,
            None => chunk_of(Arc::clone(&self.log), partition, from, limit).await,
        };
        let chunk = chunk.map_err(|error| Error::log(&self.source, error))?;
        let Some(chunk) = chunk else { return Ok(None) };
        measure::read(&self.metrics, partition, &chunk);
        let Chunk { summary, rows, connections, received, next, .. } = chunk;
        if summary.messages >= limit.messages as u64 {
            // There is more to read, most likely.
            let ahead = tokio::spawn(chunk_of(Arc::clone(&self.log), partition, next, limit));
            self.ahead.insert(partition, ahead);
        }
        let mut columns = Columns::default();
        columns.add(&rows, &connections, &mut self.order);
        let summary = Summary { products: columns.counts(), ..summary };
        let arranged = columns.arrange(partition);
        let rows = arranged.batches().collect::<Result<Vec<_>, _>>();
        let file = LandedFile { topic: self.name.clone(), partition, first: from, last: next - 1 };
        let rows = rows.map_err(|error| Error::encode(&file, error))?;
        self.next.insert(partition, next);
        Ok(Some(Portion { partition, offsets: from..next, received, rows, summary }))
    }
}

/// Reads and parses the messages of a partition from an offset on; `None` if the log holds none for now.
async fn chunk_of(log: Arc<dyn Log>, partition: i32, from: i64, limit: Limit) -> Result<Option<Chunk>, log::Error> {
    let batch = log.read_batch(partition, from, limit).await?;
    Ok((batch.next > from).then(|| Chunk::parse(from, batch)))
}
