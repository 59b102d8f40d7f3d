//! Commits a range: its dead letters first, then the file whose name is the commit.
//!
//! If the disk is full, a follower keeps the range in memory, says so, and tries again until there is room or it is stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use object_store::PutPayload;

use super::files::LandedFile;
use super::folder::Folder;
use super::lock::Lock;
use super::pending::Pending;
use super::summary::Summary;
use super::{Error, dead};
use crate::durable::{self, blocking};
use crate::log::{LogId, Tell};

/// How long to wait for room on the disk before the next attempt, and how often to look whether to go on.
const RETRY: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// Everything that committing a file needs.
pub struct Commit {
    pub file: LandedFile,
    pub log: LogId,
    /// As in the file's origin.
    pub by_time: bool,
    pub folder: Folder,
    pub dead_dir: PathBuf,
    /// The work holds it too, so that no other process lands before the work ends.
    pub lock: Arc<Lock>,
    /// Whether to wait for room when the disk is full; `None` means to fail.
    pub patience: Option<Patience>,
}

/// How to wait for room on the disk.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Set when waiting has to end.
    pub over: Arc<AtomicBool>,
    pub tell: Tell,
}

/// What was committed.
pub struct Committed {
    pub file: LandedFile,
    pub dead_file: Option<PathBuf>,
    pub summary: Summary,
}

impl Commit {
    /// Writes a range's dead letters, and then the file that commits the range.
    ///
    /// # Errors
    /// The range cannot be encoded, or the disk reports an error; then nothing is committed.
    pub async fn run(self, pending: Pending) -> Result<Committed, Error> {
        let Commit { file, log, by_time, folder, dead_dir, lock, patience } = self;
        let encoding = {
            let (file, lock) = (file.clone(), Arc::clone(&lock));
            blocking(move || {
                let encoded = pending.encode(&file, log, by_time);
                drop(lock);
                encoded
            })
        };
        let (content, summary, letters) = encoding.await?;
        let (content, letters) = (PutPayload::from(content), Arc::new(letters));
        let mut full: Option<Instant> = None;
        loop {
            let written = async {
                if !letters.is_empty() {
                    let (dead_dir, file, letters) = (dead_dir.clone(), file.clone(), Arc::clone(&letters));
                    blocking(move || dead::write(&dead_dir, &file, &letters)).await?;
                }
                folder.commit(&file, content.clone()).await
            };
            match (written.await, &patience) {
                (Ok(()), patience) => {
                    if let (Some(full), Some(Patience { tell, .. })) = (full, patience) {
                        tell.say(&format!("Note: {file} was written after {} s", full.elapsed().as_secs()));
                    }
                    break;
                }
                (Err(error), Some(Patience { over, tell })) if is_full(&error) && !over.load(Ordering::Relaxed) => {
                    if full.is_none() {
                        full = Some(Instant::now());
                        let dir = folder.dir().display();
                        tell.say(&format!(
                            "Warning: there is no room for {file} in {dir}; squall writes it when there is"
                        ));
                    }
                    let since = Instant::now();
                    while since.elapsed() < RETRY && !over.load(Ordering::Relaxed) {
                        tokio::time::sleep(LOOK).await;
                    }
                }
                (Err(error), _) => return Err(error),
            }
        }
        let dead_file = (!letters.is_empty()).then(|| dead::path(&dead_dir, &file));
        drop(lock);
        Ok(Committed { file, dead_file, summary })
    }
}

/// Returns whether the disk is full, or the user's share of it.
fn is_full(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return durable::is_full(io);
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let io = |kind| std::io::Error::from(kind);
        let store = |kind| Error::Store {
            path: "data/ticks".into(),
            source: object_store::Error::Generic { store: "local", source: Box::new(io(kind)) },
        };
        assert!(is_full(&store(ErrorKind::StorageFull)));
        assert!(is_full(&Error::Folder { dir: "data/dead".into(), source: io(ErrorKind::QuotaExceeded) }));
        assert!(!is_full(&store(ErrorKind::PermissionDenied)));
    }
}
