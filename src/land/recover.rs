//! Takes up where landed files left off: the order of products and connections, from the files alone.
//!
//! In: a partition's visible files. Out: the state that landing them left behind, however many runs that took.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::Error;
use super::columns::{Row, rows};
use super::connections::Connections;
use super::encode;
use super::files::LandedFile;
use super::folder::Folder;
use super::order::{Identity, Order, Rules};
use super::summary::Summary;

/// Returns the state after `files`, which are a partition's visible files in offset order.
pub async fn recover(folder: &Folder, files: &[LandedFile], rules: Rules) -> Result<(Order, Connections), Error> {
    let mut order = Order::new(rules);
    let mut connections = Connections::default();
    let mut summaries = Vec::with_capacity(files.len());
    let mut last_ts: BTreeMap<String, i64> = BTreeMap::new();
    for file in files {
        let summary = read_summary(folder, file).await?;
        connections.restore(&summary);
        last_ts.extend(summary.products.iter().map(|(product_id, rows)| (product_id.clone(), rows.last_ts)));
        summaries.push(summary);
    }
    for (file, summary) in files.iter().zip(&summaries) {
        // A file all of whose rows are too old to be anyone's duplicate need not be read.
        let matters = |product_id: &str, ts: i64| {
            last_ts.get(product_id).is_some_and(|last| last.saturating_sub(ts) <= rules.dedup_ns)
        };
        if !summary.products.iter().any(|(product_id, rows)| matters(product_id, rows.last_ts)) {
            continue;
        }
        restore(folder, file, summary, &mut order, &matters).await?;
    }
    Ok((order, connections))
}

/// Returns the summary in a landed file's footer.
pub async fn read_summary(folder: &Folder, file: &LandedFile) -> Result<Summary, Error> {
    encode::summary(file, folder.open(file).await?.metadata())
}

/// Takes up the rows of one file that `matters` says are needed.
async fn restore(
    folder: &Folder,
    file: &LandedFile,
    summary: &Summary,
    order: &mut Order,
    matters: &impl Fn(&str, i64) -> bool,
) -> Result<(), Error> {
    let mut batches = folder.open(file).await?.build().map_err(|source| Error::unreadable(file, source))?;
    // A message's rows of one product follow each other: the file is sorted by product and ts, and a message's ticks are
    // placed one after the other.
    let mut before: Option<(Row, usize)> = None;
    while let Some(batch) = batches.try_next().await.map_err(|source| Error::unreadable(file, source))? {
        for row in rows(&batch).map_err(|source| Error::unreadable(file, source))? {
            let position = match &before {
                Some((before, position))
                    if before.log_offset == row.log_offset && before.tick.product_id == row.tick.product_id =>
                {
                    position + 1
                }
                _ => 0,
            };
            if matters(&row.tick.product_id, row.ts) {
                let identity = Identity::of(&row.tick, summary.sequence_at(row.log_offset), position);
                order.restore(&row.tick.product_id, row.ts, identity);
            }
            before = Some((row, position));
        }
    }
    Ok(())
}
