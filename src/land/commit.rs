//! Commits a range: its dead letters first, then the file whose name is the commit.
//!
//! If the disk is full, or the object store is away, a follower keeps the range in memory, says so, and tries again until it can write or
//! is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use object_store::PutPayload;

use super::files::LandedFile;
use super::folder::Folder;
use super::lock::Lock;
use super::pending::Pending;
use super::place::Place;
use super::summary::Summary;
use super::{Error, dead};
use crate::durable::{self, blocking};
use crate::error::with_causes;
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
    /// Where dead letters go.
    pub dead: Place,
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
    pub has_letters: bool,
    pub summary: Summary,
}

impl Commit {
    /// Writes a range's dead letters, and then the file that commits the range.
    ///
    /// # Errors
    /// The range cannot be encoded, or the disk reports an error; then nothing is committed.
    pub async fn run(self, pending: Pending) -> Result<Committed, Error> {
        let Commit { file, log, by_time, folder, dead: dead_letters, lock, patience } = self;
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
                lock.claim(&file).await?;
                if !letters.is_empty() {
                    dead::write(&dead_letters, &file, Arc::clone(&letters)).await?;
                }
                folder.commit_under(&lock, &file, content.clone()).await
            };
            match (written.await, &patience) {
                (Ok(()), patience) => {
                    if let (Some(full), Some(Patience { tell, .. })) = (full, patience) {
                        tell.say(&format!("Note: {file} was written after {} s", full.elapsed().as_secs()));
                    }
                    break;
                }
                (Err(error), Some(Patience { over, tell }))
                    if (is_full(&error) || error.is_store_away()) && !over.load(Ordering::Relaxed) =>
                {
                    if full.is_none() {
                        full = Some(Instant::now());
                        let dir = folder.dir().display();
                        tell.say(&match is_full(&error) {
                            true => {
                                format!("Warning: there is no room for {file} in {dir}; squall writes it when there is")
                            }
                            false => format!(
                                "Warning: {}; squall tries again to write {file} until it can, or until it is stopped",
                                with_causes(&error)
                            ),
                        });
                    }
                    let since = Instant::now();
                    while since.elapsed() < RETRY && !over.load(Ordering::Relaxed) {
                        tokio::time::sleep(LOOK).await;
                    }
                }
                (Err(error), _) => return Err(error),
            }
        }
        drop(lock);
        Ok(Committed { file, has_letters: !letters.is_empty(), summary })
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
