//! Landed files: whether all can be read, whether offsets are missing, and how many messages could not be read.

use super::{Examined, Finding};
use crate::land::retention::held;
use crate::land::{Folder, Summary, read_footer};
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
        let missing: Vec<String> =
            coverage.missing().iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        if !missing.is_empty() {
            findings.push(Finding::wrong(
                format!(
                    "{} partition {}: offsets {} are missing",
                    coverage.topic,
                    coverage.partition,
                    missing.join(", ")
                ),
                "squall land --repair lands them again from the log",
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
