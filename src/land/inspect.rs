//! Reads landed files whole, and compares them with what their footers say and with the log they came from.
//!
//! In: a landed file, and its log if that is at hand. Out: what is wrong with the file, if anything. A file and its log agree
//! if the same ticks stand at the same offsets. Both sides are reduced to counts and a sum of hashes, so that neither has to
//! fit into memory.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::TryStreamExt;

use super::Error;
use super::columns::{Row, rows};
use super::encode::{self, Footer};
use super::files::LandedFile;
use super::folder::Folder;
use super::read::{Chunk, Reader, Wanted};
use super::summary::Rows;
use crate::log::{Log, LogId};
use crate::text::grouped;
use crate::tick::{Status, Tick};

/// What a range of offsets holds, in a file or in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    messages: u64,
    control: u64,
    dead: u64,
    ticks: u64,
    /// The sum of the hashes of the ticks with their offsets; it does not depend on their order.
    hash: u64,
}

impl Content {
    fn add<P: AsRef<str>>(&mut self, tick: &Tick<P>, offset: i64, ingest_time: i64, connection: Option<&str>) {
        let mut hasher = DefaultHasher::new();
        (offset, ingest_time, connection, tick.product_id.as_ref(), tick.event_time, tick.side, tick.sequence_num)
            .hash(&mut hasher);
        for number in tick.numbers() {
            number.map(f64::to_bits).hash(&mut hasher);
        }
        self.ticks += 1;
        self.hash = self.hash.wrapping_add(hasher.finish());
    }

    /// Returns how a log's content differs from a file's; `None` if it does not.
    fn difference(&self, log: &Content) -> Option<String> {
        for (what, file, log) in [
            ("messages", self.messages, log.messages),
            ("control messages", self.control, log.control),
            ("dead letters", self.dead, log.dead),
            ("ticks", self.ticks, log.ticks),
        ] {
            if file != log {
                return Some(format!("it has {} {what}, and the log has {}", grouped(file), grouped(log)));
            }
        }
        (self.hash != log.hash).then(|| "its ticks are not those of the log".to_string())
    }
}

/// A file that was read whole.
#[derive(Debug, Clone)]
pub struct Inspected {
    pub footer: Footer,
    pub content: Content,
}

/// Reads a landed file whole.
///
/// # Errors
/// The file cannot be read, or it is not what its name and its footer say.
pub async fn inspect(folder: &Folder, file: &LandedFile) -> Result<Inspected, Error> {
    let footer = super::read_footer(folder, file).await?;
    let mut batches = encode::open(folder, file).await?;
    let summary = &footer.summary;
    let mut content = Content {
        messages: summary.messages,
        control: summary.control.values().sum(),
        dead: summary.dead.values().sum(),
        ..Content::default()
    };
    let mut products: BTreeMap<String, Rows> = BTreeMap::new();
    let mut before: Option<(String, i64)> = None;
    while let Some(batch) = batches.try_next().await? {
        for row in rows(&batch).map_err(|source| Error::unreadable(file, source))? {
            let Row { tick, ts, status, ingest_time, connection, log_offset } = row;
            if !file.offsets().contains(&log_offset) {
                return Err(Error::differs(
                    file,
                    format!("a row has the offset {log_offset}, outside the file's range"),
                ));
            }
            let place = (tick.product_id.clone(), ts);
            if before.as_ref().is_some_and(|before| *before >= place) {
                return Err(Error::differs(file, "its rows are out of order"));
            }
            before = Some(place);
            content.add(&tick, log_offset, ingest_time, connection.as_deref());
            count(&mut products, tick.product_id, ts, status);
        }
    }
    if products != summary.products {
        return Err(Error::differs(file, "its rows are not those that its footer counts"));
    }
    Ok(Inspected { footer, content })
}

fn count(products: &mut BTreeMap<String, Rows>, product_id: String, ts: i64, status: Status) {
    let rows = products.entry(product_id).or_insert_with(|| Rows::starting_at(ts));
    rows.count(ts, status);
}

/// Compares an inspected file with its range of the log.
///
/// # Errors
/// The log cannot be read, or the file differs from it.
pub async fn compare(
    log: &Arc<dyn Log>,
    id: &LogId,
    folder: &Folder,
    file: &LandedFile,
    inspected: &Inspected,
) -> Result<Compared, Error> {
    if inspected.footer.origin.as_ref().is_some_and(|origin| origin.log != *id) {
        return Ok(Compared::OtherLog);
    }
    if !holds(log, file).await? {
        return Ok(Compared::Gone);
    }
    let content = content_of_log(log, file).await?;
    let Some(difference) = inspected.content.difference(&content) else { return Ok(Compared::Same) };
    // Kafka's compaction takes messages out of a topic, and `isolation.level` hides some. What is left has to agree.
    if content.messages < inspected.content.messages && agrees(log, folder, file, &content).await? {
        return Ok(Compared::Gone);
    }
    Err(Error::differs(file, difference))
}

/// Returns whether the ticks that a file has at the offsets of messages of the log are those of the log.
async fn agrees(log: &Arc<dyn Log>, folder: &Folder, file: &LandedFile, of_log: &Content) -> Result<bool, Error> {
    let mut present: Vec<i64> = Vec::new();
    let mut reader = Reader::start(Arc::clone(log), Wanted::all_of(file));
    while let Some(chunk) = reader.next().await? {
        present.extend(&chunk.rows.log_offset);
    }
    let mut content = Content::default();
    let mut batches = encode::open(folder, file).await?;
    while let Some(batch) = batches.try_next().await? {
        for row in rows(&batch).map_err(|source| Error::unreadable(file, source))? {
            if present.binary_search(&row.log_offset).is_ok() {
                content.add(&row.tick, row.log_offset, row.ingest_time, row.connection.as_deref());
            }
        }
    }
    Ok((content.ticks, content.hash) == (of_log.ticks, of_log.hash))
}

/// What a comparison with the log says about a file that does not differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    Same,
    /// The log no longer holds the file's range, or not all messages of it.
    Gone,
    /// The file came from another log.
    OtherLog,
}

/// Returns whether the log still holds a file's whole range.
pub async fn holds(log: &Arc<dyn Log>, file: &LandedFile) -> Result<bool, Error> {
    let held = log.offsets(file.partition).await.map_err(|source| Error::log(log.topic(), source))?;
    Ok(held.start <= file.first && file.last < held.end)
}

async fn content_of_log(log: &Arc<dyn Log>, file: &LandedFile) -> Result<Content, Error> {
    let mut content = Content::default();
    let mut reader = Reader::start(Arc::clone(log), Wanted::all_of(file));
    while let Some(chunk) = reader.next().await? {
        let Chunk { summary, rows, connections, .. } = chunk;
        content.messages += summary.messages;
        content.control += summary.control.values().sum::<u64>();
        content.dead += summary.dead.values().sum::<u64>();
        for row in 0..rows.log_offset.len() {
            let connection = rows.connection[row].map(|number| &**connections.name(number));
            content.add(&rows.ticks.tick(row), rows.log_offset[row], rows.ingest_time[row], connection);
        }
    }
    Ok(content)
}
