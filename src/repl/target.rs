//! Where the shell's results go: standard output, or a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that results cannot go to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

/// Takes results.
#[derive(Debug, Default)]
pub struct Target {
    /// The file that every result goes to.
    file: Option<Open>,
    /// The file that only the next result goes to.
    once: Option<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl Open {
    fn create(path: &Path) -> Result<Open, Error> {
        let file = File::create(path).map_err(|source| Error { path: path.into(), source })?;
        Ok(Open { path: path.into(), writer: BufWriter::new(file) })
    }

    fn finish(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|source| Error { path: self.path, source })
    }
}

impl Target {
    /// Sends the results to a new file, or to standard output.
    ///
    /// # Errors
    /// The file cannot be made, or the one before it cannot be written.
    pub fn send(&mut self, path: Option<&Path>) -> Result<(), Error> {
        let next = path.map(Open::create).transpose()?;
        match std::mem::replace(&mut self.file, next) {
            Some(before) => before.finish(),
            None => Ok(()),
        }
    }

    /// Sends the next result to a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn send_once(&mut self, path: &Path) -> Result<(), Error> {
        self.once = Some(Open::create(path)?);
        Ok(())
    }

    /// Ends a result.
    ///
    /// # Errors
    /// The rest of it cannot be written.
    pub fn end_of_result(&mut self) -> Result<(), Error> {
        match (self.once.take(), &mut self.file) {
            (Some(once), _) => once.finish(),
            (None, Some(Open { path, writer })) => {
                writer.flush().map_err(|source| Error { path: path.clone(), source })
            }
            (None, None) => Ok(()),
        }
    }

    /// Returns whether results go to standard output.
    pub fn is_standard_output(&self) -> bool {
        self.file.is_none() && self.once.is_none()
    }

    fn writer(&mut self) -> Option<&mut BufWriter<File>> {
        self.once.as_mut().or(self.file.as_mut()).map(|open| &mut open.writer)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.writer() {
            Some(writer) => writer.write(bytes),
            None => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.writer() {
            Some(writer) => writer.flush(),
            None => io::stdout().flush(),
        }
    }
}
