//! `squall land --check`: what has landed, and what is missing or damaged.

use std::sync::Arc;

use super::super::{Context, Failure, logs};
use super::nothing_landed;
use crate::error::with_causes;
use crate::land::{self, Compared, Folder, Landed};
use crate::log::{self, Log, LogId};
use crate::text::printable;

/// The most of an offset list or a reason that is printed.
const MOST_PRINTED: usize = 10_000;

/// Prints which offsets have landed, using only the names of the files; with `deep`, also reads the files.
pub async fn run(deep: bool, from: Option<&str>, context: &Context) -> Result<(), Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    let landed = folder.list().await?.landed;
    if landed.visible().next().is_none() {
        return Err(nothing_landed(&folder));
    }
    let missing = print_coverage(&landed);
    let damaged = if deep { inspect(&folder, &landed, from, context).await? } else { 0 };
    let problems: Vec<String> = [
        (missing, "range of offsets is missing", "ranges of offsets are missing"),
        (damaged, "file is damaged", "files are damaged"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, one, several)| if n == 1 { format!("a {one}") } else { format!("{n} {several}") })
    .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(problems.join(", ")).with_hint(
            "`squall land --repair --from LOG` lands lost and damaged ranges again from the log that they came from",
        )),
    }
}

/// Prints the offsets of each partition; returns the number of ranges that are missing.
fn print_coverage(landed: &Landed) -> usize {
    let width = landed.partitions().map(|coverage| coverage.topic.len()).max().unwrap_or_default().max("topic".len());
    println!("{:<width$}  {:>9}  {:>12}  {:>12}  {:>6}  missing", "topic", "partition", "first", "last", "files");
    let mut missing = 0;
    for coverage in landed.partitions() {
        let ranges = coverage.missing();
        missing += ranges.len();
        let listed: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let offsets = coverage.offsets();
        println!(
            "{:<width$}  {:>9}  {:>12}  {:>12}  {:>6}  {}",
            coverage.topic,
            coverage.partition,
            offsets.start(),
            offsets.end(),
            coverage.files.len(),
            if listed.is_empty() { "none".into() } else { listed.join(", ") }
        );
    }
    missing
}

/// Reads every file, and compares it with the log it came from if that is at hand. Prints what differs, and returns how many
/// files do.
async fn inspect(folder: &Folder, landed: &Landed, from: Option<&str>, context: &Context) -> Result<usize, Failure> {
    let source = log_of(from, context).await?;
    // Files of other names came from other logs.
    let source = match source {
        Some((log, id)) => {
            let name = land::landed_name(&log, &id, from.unwrap_or(log.topic()), folder, None).await?;
            Some((log, id, name))
        }
        None => None,
    };
    let (mut whole, mut compared, mut damaged) = (0, 0, 0);
    println!();
    for file in landed.visible() {
        let looked = async {
            let inspected = land::inspect(folder, file).await?;
            match &source {
                Some((log, id, name)) if *name == file.topic => land::compare(log, id, folder, file, &inspected).await,
                _ => Ok(Compared::OtherLog),
            }
        };
        match looked.await {
            Ok(Compared::Same) => (whole, compared) = (whole + 1, compared + 1),
            Ok(Compared::Gone | Compared::OtherLog) => whole += 1,
            Err(error) if error.is_damage() => {
                damaged += 1;
                println!("{}", printable(&with_causes(&error), MOST_PRINTED));
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!("{whole} of {} files are what their footers say; {compared} were compared with the log", whole + damaged);
    Ok(damaged)
}

/// Opens the log that `--from` names; without it, the log in the data folder if there is one.
async fn log_of(from: Option<&str>, context: &Context) -> Result<Option<(Arc<dyn Log>, LogId)>, Failure> {
    let location = logs::locate(from, context)?;
    let log = match log::open(&location, &logs::options(context)).await {
        Err(log::Error::NoLog { .. } | log::Error::EmptyLog { .. }) if from.is_none() => return Ok(None),
        log => log?,
    };
    let id = log.id().await?;
    Ok(Some((log, id)))
}
