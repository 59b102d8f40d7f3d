//! Landed files: whether all can be read, whether offsets are missing, and how many messages could not be read.

use std::ops::RangeInclusive;

use super::{Examined, Finding};
use crate::cli::logs;
use crate::land::retention::held;
use crate::land::{Coverage, Folder, Summary, read_footer};
use crate::log;
use crate::text::{counted, grouped};

/// More files than this make queries and the start of landing slow.
const MANY_FILES: usize = 1000;
/// More dead letters than one in this many messages are worth a warning.
const MANY_DEAD: u64 = 100;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let dir = examined.context.settings().ticks_dir();
    let folder = match Folder::new(&dir) {
        Ok(folder) => folder,
        Err(error) => return vec![Finding::error("landed files", &error)],
    };
    let (listing, held) = match (folder.list().await, held(&folder).await) {
        (Ok(listing), Ok(held)) => (listing, held),
        (Err(error), _) | (_, Err(error)) => {
            return vec![Finding::error("landed files", &error)];
        }
    };
    if held.is_empty() {
        return vec![Finding::warning("nothing has landed yet", "squall land lands what a log holds")];
    }
    let mut summary = Summary::default();
    for held in &held {
        match read_footer(&folder, &held.file).await {
            Ok(footer) => summary.add(&footer.summary),
            Err(error) => return vec![Finding::error("landed files", &error)],
        }
    }
    let messages = counted(summary.messages, "message");
    let says = format!("{messages} in {} in {}", counted(held.len() as u64, "file"), dir.display());
    let mut findings = vec![match held.len() > MANY_FILES {
        true => Finding::warning(says, "squall land --compact merges small files"),
        false => Finding::ok(says),
    }];
    for coverage in listing.landed.partitions() {
        let missing = coverage.missing();
        if missing.is_empty() {
            continue;
        }
        let held = first_held(examined, &coverage).await;
        let (gone, lost): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|range| held.is_some_and(|held| *range.end() < held));
        let says = |ranges: &[RangeInclusive<i64>]| {
            let ranges: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
            format!("{} partition {}: offsets {} are missing", coverage.topic, coverage.partition, ranges.join(", "))
        };
        if !lost.is_empty() {
            findings.push(Finding::wrong(says(&lost), "squall land --repair lands them again from the log"));
        }
        if !gone.is_empty() {
            findings.push(Finding::warning(
                format!("{}, and the log no longer holds them", says(&gone)),
                "a longer retention of the log leaves more time to land it",
            ));
        }
    }
    let dead: u64 = summary.dead.values().sum();
    if dead > 0 {
        let reasons: Vec<String> =
            summary.dead.iter().map(|(reason, count)| format!("{} {reason}", grouped(*count))).collect();
        let says = format!("{}: {}", counted(dead, "dead letter"), reasons.join(", "));
        findings.push(match dead.saturating_mul(MANY_DEAD) > summary.messages {
            true => Finding::warning(says, "squall dead shows them"),
            false => Finding::ok(says),
        });
    }
    findings
}

/// Returns the first offset of a partition that its log still holds; `None` if the user names no log of this topic that can be read.
async fn first_held(examined: &Examined<'_>, coverage: &Coverage<'_>) -> Option<i64> {
    for address in &examined.args.from {
        let Ok(location) = logs::locate(Some(address), examined.context) else { continue };
        let Ok(log) = log::open(&location, &logs::options(examined.context)).await else { continue };
        if log.topic() == coverage.topic {
            return log.offsets(coverage.partition).await.ok().map(|held| held.start);
        }
    }
    None
}
