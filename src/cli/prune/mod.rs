//! `squall prune`: deletes what the settings no longer keep, and never what has not landed.

mod dated;
mod raw;
mod ticks;

use std::path::PathBuf;
use std::time::Duration;

use super::print::safe;
use super::{Context, Failure};
use crate::text::{columns, grouped};
pub use dated::files;
pub use ticks::keep;

const DAY: Duration = Duration::from_secs(86_400);

/// Deletes stored files that are older than the settings keep them
///
/// The settings of the section [retention] say how long each kind of file is kept; by default everything is kept. Messages that
/// have not landed are never deleted, nor is the newest file of a log or of a landed partition.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names the files and deletes nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Deletes archived messages that Kafka has, even if they did not land on this machine
    #[arg(long)]
    pub forwarded: bool,
}

/// What may be deleted of one kind of file, and what stays although it is old.
#[derive(Debug, Default)]
struct Found {
    files: Vec<(PathBuf, u64)>,
    /// What stays and why, one sentence each.
    kept: Vec<String>,
}

impl Found {
    fn add(&mut self, path: PathBuf) -> Result<(), Failure> {
        let bytes = std::fs::metadata(&path)
            .map_err(|error| Failure::new(format!("cannot look at {}: {error}", path.display())))?
            .len();
        self.files.push((path, bytes));
        Ok(())
    }
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let retention = &context.settings().retention;
    let days = |days: u32| (days > 0).then(|| DAY * days);
    let mut kinds: Vec<(&str, Found)> = Vec::new();
    if let Some(age) = days(retention.raw_days) {
        kinds.push(("raw messages", raw::old(context, age, args.forwarded).await?));
    }
    if let Some(age) = days(retention.torn_days) {
        kinds.push(("torn lines", dated::torn(context, age)?));
        kinds.push(("damaged files", ticks::damaged(context, age).await?));
    }
    if let Some(age) = days(retention.events_days) {
        kinds.push(("events", dated::events(context, age)?));
    }
    if let Some(age) = days(retention.dead_days) {
        kinds.push(("dead letters", ticks::dead_letters(context, age).await?));
    }
    if ticks::keep(context).has_limits() {
        kinds.push(("landed ticks", ticks::old(context, args.dry_run).await?));
    }
    if kinds.is_empty() {
        println!("everything is kept: every setting of [retention] is 0");
        return Ok(());
    }
    show(&kinds, args.dry_run);
    if args.dry_run {
        return Ok(());
    }
    for (path, _) in kinds.iter().flat_map(|(_, found)| &found.files) {
        match std::fs::remove_file(path) {
            // Landed ticks are deleted already.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::new(format!("cannot delete {}: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Prints what goes, and what stays although it is old.
fn show(kinds: &[(&str, Found)], dry_run: bool) {
    if kinds.iter().all(|(_, found)| found.files.is_empty()) {
        println!("nothing is old enough to delete");
    } else {
        list(kinds, dry_run);
    }
    for kept in kinds.iter().flat_map(|(_, found)| &found.kept) {
        println!("kept: {}", safe(kept));
    }
}

fn list(kinds: &[(&str, Found)], dry_run: bool) {
    let mut rows = vec![vec![String::new(), "files".into(), "MB".into()]];
    for (kind, found) in kinds {
        let bytes: u64 = found.files.iter().map(|(_, bytes)| bytes).sum();
        rows.push(vec![kind.to_string(), grouped(found.files.len() as u64), grouped(bytes.div_ceil(1_000_000))]);
    }
    println!("{}", if dry_run { "these files would be deleted:" } else { "these files are deleted:" });
    print!("{}", columns(&rows, 1));
    if dry_run {
        for (path, _) in kinds.iter().flat_map(|(_, found)| &found.files) {
            println!("  {}", path.display());
        }
    }
}
