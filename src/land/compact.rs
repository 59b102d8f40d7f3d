//! Compaction: merges many small files of a partition into one while readers keep reading.
//!
//! In: adjacent files of a partition. Out: one file with the same rows, named for the whole range.
//!
//! The merged file is committed first. From then on its parts are hidden, because their ranges lie inside its own. The parts
//! are deleted later, so that queries planned before the merge still find them. A crash at any instant loses no row and
//! shows no row twice. Before a part is deleted, the merged file is read: it must have the part's rows.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use tokio::sync::mpsc;

use super::Error;
use super::damage::Rows;
use super::encode::{self, Encoder, Footer};
use super::files::LandedFile;
use super::folder::Folder;
use super::lock::Lock;
use super::origin::Origin;
use super::recover::{Landed, read_footer};
use super::summary::Summary;
use crate::durable::blocking;

/// Files are merged up to this many rows, about 100 MB.
const MOST_ROWS: u64 = 1 << 22;
/// How many batches are read ahead of the one being encoded.
const AHEAD: usize = 4;

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compaction {
    /// The files committed, and how many files each was merged from.
    pub merged: Vec<(LandedFile, usize)>,
    /// Hidden files deleted.
    pub deleted: usize,
    /// Hidden files kept: the file that hides them is so new that a running query may still read its parts, or they are
    /// damaged.
    pub kept: usize,
}

/// Merges adjacent small files of each partition, and deletes those that have been hidden for `grace`.
pub async fn compact(folder: &Folder, lock: &Lock, grace: Duration) -> Result<Compaction, Error> {
    let mut compaction = Compaction { merged: merge(folder, lock).await?, ..Compaction::default() };
    delete_hidden(folder, lock, grace, &mut compaction).await?;
    Ok(compaction)
}

/// Commits merged files beside their parts.
pub async fn merge(folder: &Folder, lock: &Lock) -> Result<Vec<(LandedFile, usize)>, Error> {
    let mut merged = Vec::new();
    let listing = folder.list().await?;
    for coverage in listing.landed.partitions().filter(|coverage| lock.owns(coverage.partition)) {
        let mut parts: Vec<Landed> = Vec::new();
        let mut rows = 0;
        for file in coverage.files {
            let footer = read_footer(folder, file).await?;
            let joins = parts
                .last()
                .is_none_or(|before| before.file.next_offset() == file.first && may_share_log(&before.footer, &footer));
            if !joins || rows + footer.summary.all_rows() > MOST_ROWS {
                merged.extend(merge_parts(folder, lock, &parts).await?);
                parts.clear();
                rows = 0;
            }
            rows += footer.summary.all_rows();
            parts.push(Landed { file: file.clone(), footer });
        }
        merged.extend(merge_parts(folder, lock, &parts).await?);
    }
    Ok(merged)
}

/// Returns whether two neighbours may come from one log. Files of earlier versions do not name their log.
fn may_share_log(before: &Footer, after: &Footer) -> bool {
    match (&before.origin, &after.origin) {
        (Some(before), Some(after)) => before.log == after.log,
        (None, _) => true,
        // The merged file could not name its log.
        (Some(_), None) => false,
    }
}

/// Merges adjacent files into one; `None` if there are fewer than two.
async fn merge_parts(folder: &Folder, lock: &Lock, parts: &[Landed]) -> Result<Option<(LandedFile, usize)>, Error> {
    let [first, .., last] = parts else { return Ok(None) };
    let file = LandedFile { last: last.file.last, ..first.file.clone() };
    match lock.claim(&file).await {
        // These files are merged later, together with others.
        Err(Error::Claimed { .. }) => return Ok(None),
        claimed => claimed?,
    }
    let mut summary = Summary::default();
    for part in parts {
        summary.add(&part.footer.summary);
    }
    let products: Vec<String> = summary.products.keys().cloned().collect();
    let origin = last.footer.origin.as_ref().map(|origin| Origin {
        // The last message of the whole range may lie before the last part, if that part holds no message.
        last: parts.iter().rev().find_map(|part| part.footer.origin.as_ref()?.last.clone()),
        log: origin.log.clone(),
        by_time: parts.iter().all(|part| part.footer.origin.as_ref().is_some_and(|origin| origin.by_time)),
    });
    let mut encoder = Encoder::start(&file, &Footer { summary, origin })?;
    let (sender, mut batches) = mpsc::channel::<RecordBatch>(AHEAD);
    let encoding = tokio::spawn(blocking(move || {
        while let Some(batch) = batches.blocking_recv() {
            encoder.write(&batch)?;
        }
        Ok::<_, Error>(encoder)
    }));
    let read = read_parts(folder, parts, &products, sender).await;
    let encoder = encoding.await?;
    read?;
    let encoder = encoder?;
    let content = blocking(move || encoder.finish()).await?;
    folder.commit_under(lock, &file, content).await?;
    Ok(Some((file, parts.len())))
}

/// Sends the rows of all parts in the order of (product_id, ts), reading each part once.
async fn read_parts(
    folder: &Folder,
    parts: &[Landed],
    products: &[String],
    sender: mpsc::Sender<RecordBatch>,
) -> Result<(), Error> {
    let mut cursors = Vec::with_capacity(parts.len());
    for part in parts {
        cursors.push(Cursor { part, rows: encode::open(folder, &part.file).await?, held: None });
    }
    for product_id in products {
        // The parts follow each other in the log, so their rows of one product follow each other in ts.
        for cursor in &mut cursors {
            let rows = cursor.part.footer.summary.products.get(product_id).map_or(0, |rows| rows.total());
            // The file's rows were counted while they were pushed to columns in memory, so the number fits usize.
            let mut left = rows as usize;
            while left > 0 {
                let Some(batch) = cursor.take(left).await? else { break };
                left -= batch.num_rows();
                if sender.send(batch).await.is_err() {
                    // The encoder has failed and reports why.
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// A position in a part's rows.
struct Cursor<'a> {
    part: &'a Landed,
    rows: Rows,
    held: Option<RecordBatch>,
}

impl Cursor<'_> {
    /// Returns up to `limit` of the next rows; `None` at the end.
    async fn take(&mut self, limit: usize) -> Result<Option<RecordBatch>, Error> {
        let batch = match self.held.take() {
            Some(batch) => Some(batch),
            None => self.rows.try_next().await?,
        };
        let Some(batch) = batch else { return Ok(None) };
        let rows = batch.num_rows().min(limit);
        if rows < batch.num_rows() {
            self.held = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        Ok(Some(batch.slice(0, rows)))
    }
}

/// Deletes files that have been hidden for `grace`, if the file that hides them has all of their rows.
///
/// # Errors
/// A file is not what its name and footer say, or the merged file lacks rows; then nothing that it hides is deleted.
async fn delete_hidden(
    folder: &Folder,
    lock: &Lock,
    grace: Duration,
    compaction: &mut Compaction,
) -> Result<(), Error> {
    let listing = folder.list().await?;
    let mut hidden: BTreeMap<&LandedFile, Vec<&LandedFile>> = BTreeMap::new();
    for part in listing.landed.hidden().iter().filter(|part| lock.owns(part.partition)) {
        let mut files = listing.landed.of(&part.topic, part.partition).iter();
        if let Some(merged) = files.find(|file| file.first <= part.first && part.last <= file.last) {
            hidden.entry(merged).or_default().push(part);
        }
    }
    for (merged, parts) in hidden {
        if listing.object(merged).is_none_or(|object| Folder::age(object) < grace) {
            compaction.kept += parts.len();
            continue;
        }
        let good = check_merged(folder, merged, &parts).await?;
        compaction.kept += parts.len() - good.len();
        for part in good {
            folder.delete(part).await?;
            compaction.deleted += 1;
        }
    }
    Ok(())
}

/// Checks that a merged file has as many rows of each part's range as the part has. Returns the parts that could be compared.
async fn check_merged<'a>(
    folder: &Folder,
    merged: &LandedFile,
    parts: &[&'a LandedFile],
) -> Result<Vec<&'a LandedFile>, Error> {
    let mut good = Vec::new();
    // Reading the footer checks that the file has the name that it was written under.
    read_footer(folder, merged).await?;
    let mut offsets: Vec<i64> = Vec::new();
    let mut batches = encode::open_offsets(folder, merged).await?;
    while let Some(batch) = batches.try_next().await? {
        let read = encode::offsets(&batch).ok_or_else(|| Error::unreadable(merged, "it has no offsets"))?;
        offsets.extend_from_slice(read);
    }
    offsets.sort_unstable();
    for part in parts {
        let first = offsets.partition_point(|offset| *offset < part.first);
        let found = offsets[first..].partition_point(|offset| *offset <= part.last) as u64;
        let rows = match read_footer(folder, part).await {
            Ok(footer) => footer.summary.all_rows(),
            // It cannot be compared, so it is not deleted.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        good.push(*part);
        if found != rows {
            let (merged, part) = (merged.to_string(), part.to_string());
            return Err(Error::Lossy { merged, part, found, rows });
        }
    }
    Ok(good)
}
