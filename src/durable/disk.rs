//! The disk operations that replacing a file needs. A test can use a disk that fails or loses power instead of the real one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The steps that replace a file.
pub trait Disk {
    /// A value that is held while a file is written aside.
    type Held;

    /// Makes a folder and its parent folders.
    fn create_folder(&self, dir: &Path) -> io::Result<()>;
    /// Makes a file, which must not exist, and writes its content.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<Self::Held>;
    /// Makes a file's content survive a power loss.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Renames a file; a file that has the new name already is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name; fails if the name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a folder's names survive a power loss.
    fn sync_folder(&self, dir: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's disk.
pub struct Os;

impl Disk for Os {
    type Held = File;

    fn create_folder(&self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::create_dir_all(dir)?;
        for folder in missing.into_iter().rev() {
            self.sync_folder(super::folder_of(folder))?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<File> {
        let mut file = File::create_new(path)?;
        file.lock()?;
        file.write_all(content)?;
        Ok(file)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn sync_folder(&self, dir: &Path) -> io::Result<()> {
        // On other systems a folder cannot be opened; its names are as durable as the system makes them.
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
