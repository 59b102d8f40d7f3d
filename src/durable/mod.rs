//! The one way to replace a file: write it aside, sync it, rename it, and sync the folder.
//!
//! In: a path and its new content. Out: the file with either the old content or the new one, never a part of it, even after
//! a crash or a power loss at any instant. A reader that opened the old file continues to read the old file.
//!
//! A file that is written aside is in the same folder, with the name `.NAME.<process>-<n>.part`. Its writer keeps it locked.
//! So [`remove_leftovers`] can tell the leftovers of a dead process from files that a living process is writing.

mod aside;
mod disk;
#[cfg(test)]
mod power_loss;

use std::io;
use std::path::{Path, PathBuf};

pub use aside::{Aside, remove_leftovers};
use disk::{Disk, Os};

/// Replaces a file, or makes it if there is none. The folder is made too if it is missing.
///
/// # Errors
/// The disk reports an error; the old file is then still there, and the new one, written aside, is removed.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(&Os, path, content, Disk::rename)
}

/// Makes a file that must not exist. If several processes make it at once, exactly one succeeds.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the file exists, or what the disk reports.
pub fn create_new(path: &Path, content: &[u8]) -> io::Result<()> {
    write(&Os, path, content, Disk::link)
}

/// Makes a folder and its parent folders, so that they survive a power loss.
///
/// # Errors
/// The disk reports an error.
pub fn create_folder(dir: &Path) -> io::Result<()> {
    Os.create_folder(dir)
}

/// Makes changes to a folder's names survive a power loss: names that were added and names that were removed.
///
/// # Errors
/// The disk reports an error.
pub fn sync_folder(dir: &Path) -> io::Result<()> {
    Os.sync_folder(dir)
}

/// Removes a file, so that it stays away after a power loss. A file that is missing is removed already.
///
/// # Errors
/// The disk reports an error.
pub fn remove(path: &Path) -> io::Result<()> {
    match Os.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Os.sync_folder(folder_of(path)),
    }
}

/// Runs work that waits for a disk or a broker. It runs on a thread that may wait, not on one that runs tasks.
///
/// # Panics
/// If the work panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Blocking work is never cancelled, so it must have panicked; this task then panics too.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Returns whether the disk is full, or the user's share of it: the same may succeed later.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes content aside, then puts it in place.
fn write<D: Disk>(
    disk: &D,
    path: &Path,
    content: &[u8],
    put: impl FnOnce(&D, &Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    disk.create_folder(folder_of(path))?;
    let aside = aside::name(path);
    let written = disk.write(&aside, content).and_then(|held| {
        put_in_place(disk, &aside, path, put)?;
        drop(held);
        Ok(())
    });
    // After a rename nothing is left aside; after a link or a failure something is.
    match disk.remove(&aside) {
        Err(error) if written.is_ok() && error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => written,
    }
}

/// Syncs a complete file, gives it its name and makes the name durable.
///
/// The order matters: after a power loss, a name must never exist without its content.
fn put_in_place<D: Disk>(
    disk: &D,
    aside: &Path,
    path: &Path,
    put: impl FnOnce(&D, &Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    disk.sync(aside)?;
    put(disk, aside, path)?;
    disk.sync_folder(folder_of(path))
}

/// Returns the folder that contains a path.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the path of another name in the same folder.
fn sibling(path: &Path, name: &str) -> PathBuf {
    folder_of(path).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_aside() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("made/too/note.json");
        replace(&path, b"one").expect("written");
        let mut opened = std::fs::File::open(&path).expect("opened");
        replace(&path, b"two").expect("replaced");
        let mut old = String::new();
        io::Read::read_to_string(&mut opened, &mut old).expect("read");
        assert_eq!(old, "one", "whoever opened it before finishes with the old content");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        assert_eq!(std::fs::read_dir(folder_of(&path)).expect("listed").count(), 1);
    }

    #[test]
    fn of_several_that_make_a_file_exactly_one_succeeds() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("model.json");
        let made = std::thread::scope(|scope| {
            let path = &path;
            let tries: Vec<_> =
                (0..8).map(|i| scope.spawn(move || create_new(path, format!("{i}").as_bytes()).is_ok())).collect();
            tries.into_iter().map(|one| one.join().expect("no panic")).filter(|made| *made).count()
        });
        assert_eq!(made, 1);
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
        let error = create_new(&path, b"again").expect_err("it exists");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
