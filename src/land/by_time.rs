//! Places the ticks of an earlier period, or of another recording of the same period, by their own times among those that have
//! landed.
//!
//! In: the landed files, and the ticks to be placed. Out: an [`Order`] that knows the landed ticks around them. Landed files are
//! read as far as needed: those within which, or within the span of duplicates around which, a tick's time lies.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::files::LandedFile;
use super::folder::Folder;
use super::recover::{Landed, each_row};
use crate::tick::{Columns, Order, Rules};

/// The landed ticks among which others are placed.
#[derive(Debug)]
pub struct ByTime {
    folder: Folder,
    rules: Rules,
    /// The files that have not been read yet.
    files: Vec<Landed>,
}

impl ByTime {
    /// Returns the landed ticks, and the order in which a log's ticks are placed next. If the log's last files were placed by
    /// time too, it goes on after them, as if the log had landed without a break.
    pub fn after(folder: &Folder, name: &str, landed: Vec<Landed>, rules: Rules) -> (ByTime, Order) {
        let mut order = Order::new(rules);
        let mut last: BTreeMap<i32, Vec<&Landed>> = BTreeMap::new();
        for file in landed.iter().filter(|landed| landed.file.topic == name) {
            let run = last.entry(file.file.partition).or_default();
            match is_by_time(file) {
                true => run.push(file),
                false => run.clear(),
            }
        }
        for file in last.into_values().flatten() {
            for (product_id, rows) in &file.footer.summary.products {
                order.follow(product_id, rows.last_ts);
            }
        }
        (ByTime { folder: folder.clone(), rules, files: landed }, order)
    }

    /// Tells the order of the landed ticks around these.
    pub async fn prepare(&mut self, ticks: &Columns, order: &mut Order) -> Result<(), Error> {
        let mut times: BTreeMap<u32, (i64, i64)> = BTreeMap::new();
        for (product, time) in ticks.product.iter().zip(&ticks.event_time) {
            let (first, last) = times.entry(*product).or_insert((*time, *time));
            (*first, *last) = ((*first).min(*time), (*last).max(*time));
        }
        let around = |first: i64, last: i64| {
            let span = self.rules.dedup_ns.max(self.rules.late_ns);
            (first.saturating_sub(span), last.saturating_add(span))
        };
        let times: BTreeMap<&str, (i64, i64)> = times
            .into_iter()
            .map(|(product, (first, last))| (&**ticks.products.name(product), around(first, last)))
            .collect();
        let near = |file: &Landed| {
            file.footer.summary.products.iter().any(|(product_id, rows)| {
                times.get(product_id.as_str()).is_some_and(|(from, to)| rows.first_ts <= *to && rows.last_ts >= *from)
            })
        };
        let wanted: BTreeSet<LandedFile> =
            self.files.iter().filter(|file| near(file)).map(|file| file.file.clone()).collect();
        for file in self.files.extract_if(.., |file| wanted.contains(&file.file)) {
            each_row(&self.folder, &file, |row, identity| order.beside(&row.tick.product_id, row.ts, identity)).await?;
        }
        Ok(())
    }
}

/// Returns whether a file's ticks were placed by their own times.
pub fn is_by_time(landed: &Landed) -> bool {
    landed.footer.origin.as_ref().is_some_and(|origin| origin.by_time)
}
