//! Files that are written aside: their names, a folder for writers that need their own path, and what dead processes left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::disk::{Disk, Os};
use super::{folder_of, put_in_place, sibling};

/// The ending of the name of everything that is written aside.
const END: &str = ".part";
/// The file that a writer keeps locked in its folder aside.
const LOCK: &str = "lock";
/// A file aside that is younger than this may not be locked yet, although its writer lives.
const YOUNG: Duration = Duration::from_secs(60);

/// Returns a name beside the path that no other writer uses.
pub fn name(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    // Processes in two containers may have the same id; the time tells them apart.
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    sibling(path, &format!(".{name}.{}-{:x}-{n}{END}", std::process::id(), since_epoch.as_nanos()))
}

/// A folder beside a file, in which a writer that needs a path writes the file's next content.
///
/// The folder is removed when this is dropped. Only [`Aside::commit`] changes the file.
#[derive(Debug)]
pub struct Aside {
    target: PathBuf,
    dir: PathBuf,
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")]
    lock: File,
}

impl Aside {
    /// Makes the folder in which the next content of `target` is written.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn beside(target: &Path) -> io::Result<Aside> {
        let dir = name(target);
        Os.create_folder(folder_of(target))?;
        fs::create_dir(&dir)?;
        let lock = File::create(dir.join(LOCK)).and_then(|lock| lock.lock().map(|()| lock));
        match lock {
            Ok(lock) => Ok(Aside { target: target.to_path_buf(), dir, lock }),
            Err(error) => {
                // Report the first error.
                let _ = fs::remove_dir_all(&dir);
                Err(error)
            }
        }
    }

    /// Returns the path to write to: in the folder aside, with the target's own name.
    pub fn path(&self) -> PathBuf {
        self.dir.join(self.target.file_name().unwrap_or_default())
    }

    /// Replaces the target with the written file.
    ///
    /// # Errors
    /// The disk reports an error, or nothing was written; the target then stays as it was.
    pub fn commit(self) -> io::Result<()> {
        put_in_place(&Os, &self.path(), &self.target, Disk::rename)
    }

    /// Puts the written file at another path beside the target, for writers that learn the file's name only at the end.
    ///
    /// # Errors
    /// The disk reports an error, or nothing was written; the file at the path then stays as it was.
    pub fn commit_to(self, path: &Path) -> io::Result<()> {
        put_in_place(&Os, &self.path(), path, Disk::rename)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What cannot be removed now will be removed later as a leftover.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Removes what processes that have ended wrote aside in a folder. Call it when a command begins to write there.
///
/// # Errors
/// The folder cannot be listed. What cannot be removed is left for the next time.
pub fn remove_leftovers(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_aside = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with('.') && name.ends_with(END));
        if is_aside && is_abandoned(&path) {
            // Another process may be removing it at the same time.
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
    Ok(())
}

/// Returns whether no process holds it and no process is about to.
fn is_abandoned(path: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    if age.is_none_or(|age| age < YOUNG) {
        return false;
    }
    let lock = if metadata.is_dir() { path.join(LOCK) } else { path.to_path_buf() };
    match File::open(&lock) {
        Ok(file) => file.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Path) {
        let past = SystemTime::now() - Duration::from_secs(3600);
        File::open(path).and_then(|file| file.set_modified(past)).expect("the file's time is set");
    }

    #[test]
    fn what_is_built_aside_appears_when_it_is_committed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let target = dir.path().join("scores.parquet");
        let abandoned = Aside::beside(&target).expect("made");
        fs::write(abandoned.path(), "half").expect("written");
        drop(abandoned);
        assert!(!target.exists());
        let aside = Aside::beside(&target).expect("made");
        fs::write(aside.path(), "whole").expect("written");
        aside.commit().expect("committed");
        assert_eq!(fs::read(&target).expect("read"), b"whole");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
        let aside = Aside::beside(&target).expect("made");
        fs::write(aside.path(), "other").expect("written");
        let named_last = dir.path().join("scores-2.parquet");
        aside.commit_to(&named_last).expect("committed");
        assert_eq!(fs::read(&named_last).expect("read"), b"other");
        assert_eq!(fs::read(&target).expect("read"), b"whole");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
    }

    #[test]
    fn only_what_nobody_holds_is_a_leftover() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let held = Aside::beside(&dir.path().join("held")).expect("made");
        age(&held.dir);
        let left = dir.path().join(".left.json.1-2-3.part");
        fs::write(&left, "half").expect("written");
        let left_folder = dir.path().join(".table.1-2-3.part");
        fs::create_dir(&left_folder).expect("made");
        age(&left);
        age(&left_folder);
        let young = dir.path().join(".young.1-2-3.part");
        fs::write(&young, "half").expect("written");
        let other = dir.path().join("kept.part");
        fs::write(&other, "not ours").expect("written");
        age(&other);
        remove_leftovers(dir.path()).expect("listed");
        assert!(held.dir.exists() && young.exists() && other.exists());
        assert!(!left.exists() && !left_folder.exists());
        remove_leftovers(&dir.path().join("absent")).expect("nothing is left in a folder that is not there");
    }
}
