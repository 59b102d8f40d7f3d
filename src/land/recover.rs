//! Restores the state after the landed files: the order of products and connections, from the files alone.
//!
//! In: a folder's visible files. Out: the state after landing them, whatever the number of runs, logs and partitions.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::Error;
use super::columns::{Row, rows};
use super::encode::{self, Footer};
use super::files::LandedFile;
use super::folder::{Folder, Listing};
use crate::tick::{Identity, Order, Rules, Status};

/// A visible file and its footer.
#[derive(Debug, Clone)]
pub struct Landed {
    pub file: LandedFile,
    pub footer: Footer,
}

/// Reads the footers of the visible files, ordered by name, partition and offset.
pub async fn read_footers(folder: &Folder, listing: &Listing) -> Result<Vec<Landed>, Error> {
    let mut landed = Vec::new();
    for file in listing.landed.visible() {
        landed.push(Landed { file: file.clone(), footer: read_footer(folder, file).await? });
    }
    Ok(landed)
}

/// Returns what a landed file's footer says.
pub async fn read_footer(folder: &Folder, file: &LandedFile) -> Result<Footer, Error> {
    encode::footer(file, folder.open(file).await?.metadata())
}

/// Returns the order of every product after all landed files. A product has one order, even if its ticks come from several
/// logs.
pub async fn recover(folder: &Folder, landed: &[Landed], rules: Rules) -> Result<Order, Error> {
    let mut order = Order::new(rules);
    let mut last_ts: BTreeMap<String, i64> = BTreeMap::new();
    for Landed { footer, .. } in landed {
        for (product_id, rows) in &footer.summary.products {
            let last = last_ts.entry(product_id.clone()).or_insert(rows.last_ts);
            *last = rows.last_ts.max(*last);
        }
    }
    for file in landed {
        // A file can be skipped if all its rows are too old to have a duplicate.
        let matters = |product_id: &str, ts: i64| {
            last_ts.get(product_id).is_some_and(|last| last.saturating_sub(ts) <= rules.dedup_ns)
        };
        if file.footer.summary.products.iter().any(|(product_id, rows)| matters(product_id, rows.last_ts)) {
            restore(folder, file, &mut order, &matters).await?;
        }
    }
    Ok(order)
}

/// Tells an order which ticks landed as the first of their kind in files that do not come before. Such a tick, placed again,
/// is a duplicate.
pub async fn restore_elsewhere(folder: &Folder, landed: &[Landed], order: &mut Order) -> Result<(), Error> {
    for file in landed {
        each_row(folder, file, |row, identity| {
            if row.status != Status::Duplicate {
                order.know(&row.tick.product_id, identity);
            }
        })
        .await?;
    }
    Ok(())
}

/// Restores those rows of a file that `matters` selects.
async fn restore(
    folder: &Folder,
    landed: &Landed,
    order: &mut Order,
    matters: &impl Fn(&str, i64) -> bool,
) -> Result<(), Error> {
    each_row(folder, landed, |row, identity| {
        if matters(&row.tick.product_id, row.ts) {
            order.restore(&row.tick.product_id, row.ts, identity);
        }
    })
    .await
}

/// Passes on each row of a file, with its tick's identity.
pub async fn each_row(folder: &Folder, landed: &Landed, mut pass: impl FnMut(&Row, Identity)) -> Result<(), Error> {
    let Landed { file, footer } = landed;
    let mut batches = encode::open(folder, file).await?;
    // A message's rows of one product are adjacent: the file is sorted by product and ts, and a message's ticks are placed
    // one after another.
    let mut before: Option<(Row, usize)> = None;
    while let Some(batch) = batches.try_next().await? {
        for row in rows(&batch).map_err(|source| Error::unreadable(file, source))? {
            let position = match &before {
                Some((before, position))
                    if before.log_offset == row.log_offset && before.tick.product_id == row.tick.product_id =>
                {
                    position + 1
                }
                _ => 0,
            };
            pass(&row, Identity::of(&row.tick, footer.summary.sequence_at(row.log_offset), position));
            before = Some((row, position));
        }
    }
    Ok(())
}
