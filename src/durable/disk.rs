//! What replacing a file asks of a disk, so that a test can put one in its place that fails or loses power.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The steps of which replacing a file is made.
pub trait Disk {
    /// What is held while a file is written aside.
    type Held;

    /// Makes a folder and those above it.
    fn create_folder(&self, dir: &Path) -> io::Result<()>;
    /// Makes a file that must not exist and writes its content.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<Self::Held>;
    /// Makes a file's content outlive a power loss.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, unless something has that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a folder's names outlive a power loss.
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
        // Elsewhere a folder cannot be opened, and its names are as durable as the system makes them.
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
