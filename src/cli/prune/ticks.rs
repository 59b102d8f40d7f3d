//! Landed ticks and dead letters.

use std::time::Duration;

use chrono::Utc;

use super::Found;
use crate::cli::{Context, Failure};
use crate::land::folder::Lock;
use crate::land::retention::{self, Held, Keep};
use crate::land::{Error, Folder};

/// Landed files to delete, and the right to do so.
pub struct Old {
    pub files: Vec<Held>,
    folder: Folder,
    lock: Option<Lock>,
}

impl Old {
    /// Deletes the files.
    pub async fn remove(self) -> Result<(), Failure> {
        let Some(lock) = &self.lock else { return Ok(()) };
        Ok(retention::remove(&self.folder, lock, &self.files).await?)
    }
}

/// Returns the landed files that are older than `age`, or too many for `bytes`.
///
/// # Errors
/// A process lands into the folder.
pub async fn old(context: &Context, age: Option<Duration>, bytes: Option<u64>) -> Result<Old, Failure> {
    let settings = context.settings();
    let folder = Folder::new(&settings.ticks_dir())?;
    if !folder.dir().is_dir() {
        return Ok(Old { files: Vec::new(), folder, lock: None });
    }
    let lock = match folder.lock() {
        Err(error @ Error::Busy { .. }) => {
            return Err(Failure::from(error).with_hint("stop the process that lands; nothing is deleted"));
        }
        lock => lock?,
    };
    let dedup = Duration::from_secs(u64::from(settings.land.dedup_hours) * 3600);
    let held = retention::held(&folder).await?;
    let now = Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    let files = retention::expired(&held, Keep { age, bytes, dedup }, now).into_iter().cloned().collect();
    Ok(Old { files, folder, lock: Some(lock) })
}

/// Returns the old files of dead letters.
pub async fn dead_letters(context: &Context, age: Duration) -> Result<Found, Failure> {
    let mut found = Found::default();
    let folder = Folder::new(&context.settings().ticks_dir())?;
    for path in retention::old_dead_letters(&folder, &context.settings().dead_dir(), age).await? {
        found.add(path)?;
    }
    Ok(found)
}
