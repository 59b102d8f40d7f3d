//! Places the ticks of an earlier period, or of another recording of the same period, by their own times among those that have
//! landed.
//!
//! In: the landed files, and the ticks to be placed. Out: an [`Order`] that knows the landed ticks around them. Landed files are
//! read as far as needed: those within which, or within the span of duplicates around which, a tick's time lies. A log can hold
//! several periods, each earlier than the one before: where the times go back by an hour, the next period begins.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::files::LandedFile;
use super::folder::Folder;
use super::recover::{Landed, each_row, read_footer};
use crate::tick::{Columns, EARLIER_NS, Order, Rules, Status};

/// The landed ticks among which others are placed.
#[derive(Debug)]
pub struct ByTime {
    folder: Folder,
    rules: Rules,
    /// The files that have not been read yet.
    files: Vec<Landed>,
    /// How many files the present run has landed that are among them.
    added: usize,
    /// The files that hold no tick from before the next ones in their log.
    later: BTreeSet<LandedFile>,
}

/// By how much ticks that share a time can move a product's `ts`, at most.
const SHARED_NS: i64 = 1_000_000_000;

impl ByTime {
    /// Returns the landed ticks, and the order in which a log's ticks are placed next. If the log's last files were placed by
    /// time too, it goes on after them, as if the log had landed without a break.
    ///
    /// # Errors
    /// A landed file cannot be read.
    pub async fn after(
        folder: &Folder,
        name: &str,
        landed: Vec<Landed>,
        rules: Rules,
    ) -> Result<(ByTime, Order), Error> {
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
            let products = &file.footer.summary.products;
            for (product_id, rows) in products {
                order.follow(product_id, rows.last_ts);
            }
            // In a file that may hold the end of one period and the beginning of an earlier one, the last tick is not the latest.
            if products.values().any(|rows| rows.last_ts.saturating_sub(rows.first_ts) >= EARLIER_NS) {
                let mut last: BTreeMap<String, (i64, i64)> = BTreeMap::new();
                each_row(folder, file, |row, _| {
                    let known = last.entry(row.tick.product_id.clone()).or_insert((row.log_offset, row.ts));
                    *known = (row.log_offset, row.ts).max(*known);
                })
                .await?;
                last.iter().for_each(|(product_id, (_, ts))| order.follow(product_id, *ts));
            }
        }
        Ok((ByTime { folder: folder.clone(), rules, files: landed, added: 0, later: BTreeSet::new() }, order))
    }

    /// Says which files hold no tick from before the next ones in their log. A duplicate in them does not make an earlier tick another one.
    pub fn came_later(&mut self, files: impl Iterator<Item = LandedFile>) {
        self.later.extend(files);
    }

    /// Returns whether some of these ticks may begin an earlier period.
    pub fn goes_back(ticks: &Columns, order: &mut Order) -> bool {
        let mut last: BTreeMap<u32, Option<i64>> = BTreeMap::new();
        ticks.product.iter().zip(&ticks.event_time).any(|(product, time)| {
            let last = last.entry(*product).or_insert_with(|| order.last_ts(ticks.products.name(*product)));
            let back = last.is_some_and(|last| time.saturating_sub(SHARED_NS) <= last.saturating_sub(EARLIER_NS));
            *last = (*last).max(Some(*time));
            back
        })
    }

    /// Adds the files that the present run has landed, which are committed.
    pub async fn add(&mut self, files: &[LandedFile]) -> Result<(), Error> {
        for file in &files[self.added..] {
            self.files.push(Landed { file: file.clone(), footer: read_footer(&self.folder, file).await? });
        }
        self.added = files.len();
        Ok(())
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
            let is_later = self.later.contains(&file.file);
            each_row(&self.folder, &file, |row, identity| match is_later && row.status == Status::Duplicate {
                true => order.take(&row.tick.product_id, row.ts),
                false => order.beside(&row.tick.product_id, row.ts, identity),
            })
            .await?;
        }
        Ok(())
    }
}

/// Returns whether a file's ticks were placed by their own times.
pub fn is_by_time(landed: &Landed) -> bool {
    landed.footer.origin.as_ref().is_some_and(|origin| origin.by_time)
}
