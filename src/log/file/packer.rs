//! Packs finished days in the background, one after the other, while messages are appended.
//!
//! A day is finished when a newer one has begun: nothing is appended to it any more. The packed file is written aside, checked
//! and put in place before the plain one is removed. If both are there, a crash came between; readers then use the plain one,
//! and the day is packed again.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::{Error, Tell};
use super::days::{self, io};
use super::packed;
use crate::durable;

/// Packs the finished days of one folder.
pub struct Packer {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    stop: AtomicBool,
    /// Held while days are packed.
    work: Mutex<()>,
    tell: Tell,
    /// The folder stays locked until the last day in work is finished or given up.
    _lock: Arc<File>,
}

impl Packer {
    /// Prepares to pack; `lock` is the folder's, and `tell` tells the user what goes wrong.
    pub fn new(dir: &Path, lock: Arc<File>, tell: Tell) -> Packer {
        let shared =
            Shared { dir: dir.to_path_buf(), stop: AtomicBool::new(false), work: Mutex::new(()), tell, _lock: lock };
        Packer { shared: Arc::new(shared) }
    }

    /// Packs what is finished, on a thread that may wait.
    pub fn start(&self) {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let _work = shared.work.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = finished(&shared.dir, &shared.stop) {
                let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
                shared
                    .tell
                    .say(&format!("Warning: a finished day is not packed, and is tried again later: {error}{cause}"));
            }
        });
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

/// Packs every day but the newest.
fn finished(dir: &Path, stop: &AtomicBool) -> Result<(), Error> {
    let days = days::list(dir)?;
    let newest = days.last().map_or(0, |day| day.day);
    for day in days.iter().filter(|day| !day.packed && day.day < newest) {
        let target = day.path.with_extension("ndjson.zst");
        if !packed::pack(&day.path, &target, stop)? {
            return Ok(());
        }
        match std::fs::remove_file(&day.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io("remove", &day.path)(error)),
            _ => durable::sync_folder(dir).map_err(io("sync", dir))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_but_the_newest_is_packed_and_a_crash_between_is_mended() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let line = |n: i64| format!("{{\"offset\":{n},\"ingest_time\":1,\"text\":\"x\"}}\n");
        for (n, day) in ["20260105", "20260106", "20260107"].into_iter().enumerate() {
            std::fs::write(dir.path().join(format!("{day}.ndjson")), line(n as i64)).expect("written");
        }
        // As if a crash had come before the plain file was removed.
        std::fs::write(dir.path().join("20260105.ndjson.zst"), "half").expect("written");
        let plain: Vec<bool> = days::list(dir.path()).expect("listed").iter().map(|day| day.packed).collect();
        assert_eq!(plain, [false, false, false]);
        finished(dir.path(), &AtomicBool::new(false)).expect("packed");
        let packed: Vec<bool> = days::list(dir.path()).expect("listed").iter().map(|day| day.packed).collect();
        assert_eq!(packed, [true, true, false]);
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 3);
        assert_eq!(days::offsets(dir.path()).expect("offsets"), 0..3);
    }
}
