//! A wall clock that is set while processes run: `clock.c`, loaded into them, adds to the time of day what a file says.
//!
//! Only the time of day is set. The monotonic clock goes on, as it does when an administrator or NTP sets a machine's clock.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("clock.c");

/// How far a clock is from the right time, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Offset(i64);

const HOUR: i64 = 3600;

impl Offset {
    /// The offsets that a run goes through. Two days back, a UTC midnight lies between; brokers refuse messages that are more than
    /// an hour ahead.
    pub const ALL: [Offset; 7] =
        [Offset(-HOUR), Offset(0), Offset(-48 * HOUR), Offset(HOUR), Offset(-48 * HOUR), Offset(3 * HOUR), Offset(0)];
}

/// The clock of the processes.
pub struct Clock {
    library: PathBuf,
    path: PathBuf,
    offset: File,
}

impl Clock {
    /// Compiles the library into `folder`; the clock is right at first.
    pub fn new(folder: &Path) -> io::Result<Clock> {
        let (source, library, path) = (folder.join("clock.c"), folder.join("clock.so"), folder.join("offset"));
        std::fs::write(&source, SOURCE)?;
        let compiled = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status()?;
        if !compiled.success() {
            return Err(io::Error::other("cc cannot compile the clock; --jumps needs Linux and a C compiler"));
        }
        let offset = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
        let clock = Clock { library, path, offset };
        clock.set(Offset(0))?;
        Ok(clock)
    }

    /// Sets the clock of all processes that have it, at once.
    pub fn set(&self, offset: Offset) -> io::Result<()> {
        self.offset.write_all_at(&offset.0.to_ne_bytes(), 0)
    }

    /// Gives a process this clock.
    pub fn give(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CLOCK_OFFSET_FILE", &self.path);
    }
}
