//! Logs and topics: whether they can be read, how far an archive is behind its topic, and how far landing is behind the log.

use std::path::Path;

use super::{Examined, Finding};
use crate::cli::{logs, prune::files};
use crate::land::retention::{Held, held};
use crate::land::{Error, Folder};
use crate::log::{self, Archived, FileLog, Location};
use crate::text::{counted, grouped};

/// An archive this many messages behind its topic is worth a warning; less is on its way.
const BEHIND: i64 = 10_000;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    // If it cannot be read, the check of landed files says what is wrong.
    let landed = landed(examined).await.unwrap_or_default();
    let mut findings = Vec::new();
    let mut locations = Vec::new();
    for address in &examined.args.from {
        match logs::locate(Some(address), examined.context) {
            Ok(location) => locations.push(location),
            Err(failure) => findings.push(Finding::wrong(failure.to_string(), "see squall land --help")),
        }
    }
    let raw = settings.raw_dir();
    let folders = files(&raw).unwrap_or_default().into_iter().filter(|path| path.is_dir());
    for dir in [raw.clone()].into_iter().chain(folders) {
        match Archived::forwarded(&dir) {
            Err(error) => findings.push(Finding::error(&dir.display().to_string(), &error)),
            Ok(None) if holds_log(&dir) => locations.push(Location::Folder(dir)),
            Ok(None) => {}
            Ok(Some(note)) => {
                findings.push(archive(&dir, note.next_offset));
                let brokers = settings.kafka.bootstrap_servers.clone();
                let topic = note.topic.as_str().rsplit('/').next().unwrap_or_default().to_string();
                let location = Location::Kafka { brokers, topic };
                if !locations.iter().any(|other| same_topic(other, &location)) {
                    locations.push(location);
                }
            }
        }
    }
    for location in &locations {
        findings.extend(log(examined, location, &landed).await);
    }
    if findings.is_empty() {
        findings.push(Finding::warning(
            format!("there is no log in {}", raw.display()),
            "squall ingest or squall replay makes one; --from names another one",
        ));
    }
    findings
}

async fn landed(examined: &Examined<'_>) -> Result<Vec<Held>, Error> {
    held(&Folder::new(&examined.context.settings().ticks_dir())?).await
}

fn same_topic(one: &Location, other: &Location) -> bool {
    match (one, other) {
        (Location::Kafka { topic: one, .. }, Location::Kafka { topic: other, .. }) => one == other,
        _ => false,
    }
}

fn holds_log(dir: &Path) -> bool {
    FileLog::end_of(dir).is_ok_and(|end| end > 0)
}

/// Says how far an archive is behind its topic.
fn archive(dir: &Path, next_offset: i64) -> Finding {
    let name = dir.display();
    match FileLog::end_of(dir) {
        Err(error) => Finding::error(&format!("the archive {name}"), &error),
        Ok(end) => {
            let behind = end.saturating_sub(next_offset).max(0);
            let says = format!(
                "archive {name}: {}, {} not in Kafka yet",
                counted(end.unsigned_abs(), "message"),
                grouped(behind.unsigned_abs())
            );
            match behind > BEHIND {
                true => Finding::warning(says, "squall ingest publishes them; see its messages if it runs"),
                false => Finding::ok(says),
            }
        }
    }
}

/// Says whether a log can be read, and how far landing is behind it.
async fn log(examined: &Examined<'_>, location: &Location, landed: &[Held]) -> Vec<Finding> {
    let name = location.to_string();
    let failed = |error: log::Error| vec![Finding::error(&name, &error)];
    let log = match log::open(location, &logs::options(examined.context)).await {
        Ok(log) => log,
        Err(error) => return failed(error),
    };
    let (id, partitions) = match (log.id().await, log.partitions().await) {
        (Ok(id), Ok(partitions)) => (id, partitions),
        (Err(error), _) | (_, Err(error)) => return failed(error),
    };
    let mut findings = Vec::new();
    let (mut messages, mut lag, mut gone) = (0, 0, 0);
    for partition in &partitions {
        let held = match log.offsets(*partition).await {
            Ok(held) => held,
            Err(error) => return failed(error),
        };
        let of = landed.iter().filter(|held| held.log.as_ref() == Some(&id) && held.file.partition == *partition);
        let next = of.map(|held| held.file.next_offset()).max();
        messages += held.end - held.start;
        lag += held.end - next.unwrap_or(held.start).clamp(held.start, held.end);
        gone += held.start.saturating_sub(next.unwrap_or(held.start)).max(0);
        if let Some(next) = next.filter(|next| *next > held.end) {
            findings.push(Finding::wrong(
                format!("{name} ends at offset {}, and {next} messages of partition {partition} have landed", held.end),
                "the log lost messages or is another one; squall land --as NAME lands it beside the first",
            ));
        }
    }
    let count = counted(messages.unsigned_abs(), "message");
    let partitions = counted(partitions.len() as u64, "partition");
    let says = format!("{name}: {count} in {partitions}, {} not landed; id {id}", grouped(lag.unsigned_abs()));
    let name_of = log.topic();
    let other = landed.iter().find(|held| held.file.topic == name_of && held.log.as_ref().is_some_and(|of| *of != id));
    findings.push(match other {
        Some(other) => Finding::warning(
            format!(
                "{says}; the landed files {name_of}-… came from {}",
                other.log.as_ref().map_or("", |id| id.as_str())
            ),
            "squall land --as NAME lands this log beside the first one",
        ),
        None => Finding::ok(says),
    });
    if gone > 0 {
        findings.push(Finding::wrong(
            format!("{name} no longer has {} messages that have not landed", grouped(gone.unsigned_abs())),
            "they are lost to landing: raise the topic's retention (retention.ms), and keep squall land --follow running",
        ));
    }
    findings
}
