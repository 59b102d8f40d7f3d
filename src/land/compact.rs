//! Compaction: many small files of a partition become one, while readers look on.
//!
//! In: a partition's adjacent files. Out: one file of the same rows under the name of the joint range.
//!
//! The merged file is committed first: from then on its parts, whose ranges lie inside its own, are hidden. They are deleted
//! later, so that queries planned before still find them. A crash at any instant loses nothing and shows nothing twice.

use std::time::Duration;

use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use futures::TryStreamExt;

use super::Error;
use super::encode::Encoder;
use super::files::LandedFile;
use super::folder::{Folder, Lock};
use super::recover::read_summary;
use super::summary::Summary;

/// Files are merged up to so many rows: some 100 MB.
const MOST_ROWS: u64 = 1 << 22;

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compaction {
    /// The files committed, and how many each was merged of.
    pub merged: Vec<(LandedFile, usize)>,
    /// Hidden files deleted.
    pub deleted: usize,
    /// Hidden files kept, since what hides them is younger than queries may be.
    pub kept: usize,
}

/// Merges adjacent small files of each partition, and deletes those that have been hidden for `grace`.
pub async fn compact(folder: &Folder, lock: &Lock, grace: Duration) -> Result<Compaction, Error> {
    let mut compaction = Compaction { merged: merge(folder, lock).await?, ..Compaction::default() };
    delete_hidden(folder, lock, grace, &mut compaction).await?;
    Ok(compaction)
}

/// Commits merged files beside their parts.
pub async fn merge(folder: &Folder, _lock: &Lock) -> Result<Vec<(LandedFile, usize)>, Error> {
    let mut merged = Vec::new();
    let listing = folder.list().await?;
    for coverage in listing.landed.partitions() {
        let mut parts: Vec<(LandedFile, Summary)> = Vec::new();
        let mut rows = 0;
        for file in coverage.files {
            let summary = read_summary(folder, file).await?;
            let adjacent = parts.last().is_none_or(|(before, _)| before.last + 1 == file.first);
            if !adjacent || rows + summary.all_rows() > MOST_ROWS {
                merged.extend(merge_parts(folder, &parts).await?);
                parts.clear();
                rows = 0;
            }
            rows += summary.all_rows();
            parts.push((file.clone(), summary));
        }
        merged.extend(merge_parts(folder, &parts).await?);
    }
    Ok(merged)
}

/// Merges adjacent files into one; `None` where there are fewer than two.
async fn merge_parts(folder: &Folder, parts: &[(LandedFile, Summary)]) -> Result<Option<(LandedFile, usize)>, Error> {
    let [(first, _), .., (last, _)] = parts else { return Ok(None) };
    let file = LandedFile { last: last.last, ..first.clone() };
    let mut summary = Summary::default();
    for (_, part) in parts {
        summary.add(part);
    }
    let mut encoder = Encoder::start(&file, &summary)?;
    for product_id in summary.products.keys() {
        // The parts follow each other in the log, so their rows of one product follow each other in ts.
        for (part, part_summary) in parts {
            let Some(selection) = rows_of(part_summary, product_id) else { continue };
            let reader = folder.open(part).await?.with_row_selection(selection).build();
            let mut batches = reader.map_err(|source| Error::unreadable(part, source))?;
            while let Some(batch) = batches.try_next().await.map_err(|source| Error::unreadable(part, source))? {
                encoder.write(&batch)?;
            }
        }
    }
    folder.commit(&file, encoder.finish()?).await?;
    Ok(Some((file, parts.len())))
}

/// Selects a file's rows of one product: the file is sorted by product, and its summary counts the rows of each.
fn rows_of(summary: &Summary, product_id: &str) -> Option<RowSelection> {
    let rows = summary.products.get(product_id)?.total();
    let before = summary.products.iter().take_while(|(before, _)| before.as_str() < product_id);
    let before: u64 = before.map(|(_, rows)| rows.total()).sum();
    // A file's rows were counted by pushing them to columns in memory, so they fit usize.
    let selectors = [RowSelector::skip(before as usize), RowSelector::select(rows as usize)];
    Some(RowSelection::from(selectors.to_vec()))
}

/// Deletes files that have been hidden for `grace`.
async fn delete_hidden(
    folder: &Folder,
    _lock: &Lock,
    grace: Duration,
    compaction: &mut Compaction,
) -> Result<(), Error> {
    let listing = folder.list().await?;
    for hidden in listing.landed.hidden() {
        let mut files = listing.landed.of(&hidden.topic, hidden.partition).iter();
        let container = files.find(|file| file.first <= hidden.first && hidden.last <= file.last);
        let object = container.and_then(|container| listing.object(container));
        if object.is_some_and(|object| Folder::age(object) >= grace) {
            folder.delete(hidden).await?;
            compaction.deleted += 1;
        } else {
            compaction.kept += 1;
        }
    }
    Ok(())
}
