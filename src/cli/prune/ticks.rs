//! Landed ticks and dead letters.

use std::time::Duration;

use super::{DAY, Found};
use crate::cli::{Context, Failure};
use crate::land::retention::{self, Keep};
use crate::land::{Error, Folder, Place};

/// Returns what the settings keep of the landed files.
pub fn keep(context: &Context) -> Keep {
    let (retention, land) = (&context.settings().retention, &context.settings().land);
    Keep {
        age: (retention.ticks_days > 0).then(|| DAY * retention.ticks_days),
        bytes: (retention.ticks_mb > 0).then(|| retention.ticks_mb.saturating_mul(1_000_000)),
        dedup: Duration::from_secs(u64::from(land.dedup_hours) * 3600),
    }
}

/// Returns the landed files that are not kept any longer, and deletes them unless this is a dry run. While a process lands
/// into the folder, it does this itself.
pub async fn old(context: &Context, dry_run: bool) -> Result<Found, Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    let mut found = Found::default();
    if folder.place().is_local() && !folder.dir().is_dir() {
        return Ok(found);
    }
    let files = match dry_run {
        true => retention::expired_now(&folder, keep(context)).await?,
        false => match folder.reserve(None).await {
            Err(Error::Busy { dir, .. } | Error::Leased { dir, .. }) => {
                found
                    .kept
                    .push(format!("landed ticks in {}: the process that lands deletes them itself", dir.display()));
                return Ok(found);
            }
            lock => retention::prune(&folder, &lock?, keep(context)).await?,
        },
    };
    found.files = files.into_iter().map(|held| (held.path, held.bytes)).collect();
    Ok(found)
}

/// Returns the old files that were damaged and have landed again.
pub async fn damaged(context: &Context, age: Duration) -> Result<Found, Failure> {
    let mut found = Found::default();
    let folder = Folder::new(&context.settings().ticks_dir())?;
    if !folder.place().is_local() {
        let dir = folder.dir().display();
        found.kept.push(format!("damaged files in {dir}: squall does not delete them there, a rule of the store can"));
    } else if folder.dir().is_dir() {
        for path in retention::old_damaged(&folder, age).await? {
            found.add(path)?;
        }
    }
    Ok(found)
}

/// Returns the old files of dead letters.
pub async fn dead_letters(context: &Context, age: Duration) -> Result<Found, Failure> {
    let mut found = Found::default();
    let dead_dir = context.settings().dead_dir();
    let folder = Folder::new(&context.settings().ticks_dir())?;
    if !Place::new(&dead_dir)?.is_local() {
        let text = format!(
            "dead letters in {}: squall does not delete them there, a rule of the store can",
            dead_dir.display()
        );
        found.kept.push(text);
        return Ok(found);
    }
    for path in retention::old_dead_letters(&folder, &dead_dir, age).await? {
        found.add(path)?;
    }
    Ok(found)
}
