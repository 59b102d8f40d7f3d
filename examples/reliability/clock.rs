//! A wall clock that is set while processes run: libfaketime, loaded into them, adds to the time what a file says.
//!
//! Only the time of day is set. The monotonic clock goes on, as it does when an administrator or NTP sets a machine's clock.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How far a clock is from the right time, as libfaketime reads it.
#[derive(Debug, Clone, Copy)]
pub struct Offset(&'static str);

impl Offset {
    /// The offsets that a run goes through. Two days back, a UTC midnight lies between; brokers refuse messages that are more than
    /// an hour ahead.
    pub const ALL: [Offset; 7] =
        [Offset("-1h"), Offset("+0"), Offset("-2d"), Offset("+1h"), Offset("-2d"), Offset("+3h"), Offset("+0")];
}

/// The clock of the processes.
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// Makes a clock that is right; `folder` holds its file.
    pub fn new(library: &Path, folder: &Path) -> io::Result<Clock> {
        if !library.is_file() {
            return Err(io::Error::other(format!("{} is missing: apt-get install libfaketime", library.display())));
        }
        let clock = Clock { library: library.into(), file: folder.join("clock") };
        clock.set(Offset("+0"))?;
        Ok(clock)
    }

    /// Sets the clock of all processes that have it.
    pub fn set(&self, offset: Offset) -> io::Result<()> {
        let aside = self.file.with_extension("new");
        std::fs::write(&aside, format!("{}\n", offset.0))?;
        std::fs::rename(aside, &self.file)
    }

    /// Gives a process this clock.
    pub fn give(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            // A jump is seen at once.
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            // A file's time is what the clock said when it was written, not what it says now.
            .env("NO_FAKE_STAT", "1");
    }
}
