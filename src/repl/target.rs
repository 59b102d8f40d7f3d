//! Where the shell's results go: standard output, a pager, or a file.
//!
//! A file that takes one result appears whole or not at all: it is written aside and put in place when the result has ended.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::pager::Paged;
use crate::durable::Aside;
use crate::error::Hint;

/// Why results cannot go somewhere.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} has a result already, and a file of this format holds one", path.display())]
    Full { path: PathBuf },
    #[error("standard output has a result already, and a file of this format holds one")]
    Second,
    #[error("this format is for files, not for a terminal")]
    Terminal,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Write { .. } => "name a file in a folder where you may write".into(),
            Error::Full { .. } => "`.output FILE` names another file".into(),
            Error::Second => "write one statement a file, or COPY (SELECT …) TO 'file.parquet'".into(),
            Error::Terminal => "`.once FILE` names a file; for `squall sql`, write > FILE after the command".into(),
        })
    }
}

/// Takes results.
#[derive(Debug, Default)]
pub struct Target {
    /// The file that every result goes to.
    file: Option<Open>,
    /// The file that only the next result goes to.
    once: Option<Whole>,
    /// The screen that the result goes to, if it may need a pager.
    paged: Option<Paged>,
    /// Whether the reader left the pager of the last result.
    left: bool,
    /// Whether the result that has begun must be the only one where it goes.
    alone: bool,
    /// Whether standard output has a result that must be its only one.
    ended: bool,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    writer: BufWriter<File>,
    /// Whether the file has a result.
    used: bool,
    /// Whether it has a result that must be its only one.
    ended: bool,
}

impl Open {
    fn create(path: &Path) -> Result<Open, Error> {
        let file = File::create(path).map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(Open { path: path.into(), writer: BufWriter::new(file), used: false, ended: false })
    }

    fn finish(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|source| Error::Write { path: self.path, source })
    }
}

/// A file of one result, which is written aside.
#[derive(Debug)]
struct Whole {
    path: PathBuf,
    writer: BufWriter<File>,
    aside: Aside,
    /// Whether anything was written.
    begun: bool,
}

impl Whole {
    fn begin(path: &Path) -> Result<Whole, Error> {
        let wrong = |source| Error::Write { path: path.into(), source };
        if path.is_dir() {
            return Err(wrong(io::ErrorKind::IsADirectory.into()));
        }
        let aside = Aside::beside(path).map_err(wrong)?;
        let file = File::create(aside.path()).map_err(wrong)?;
        Ok(Whole { path: path.into(), writer: BufWriter::new(file), aside, begun: false })
    }

    fn finish(mut self) -> Result<(), Error> {
        let ended = self.writer.flush().and_then(|()| self.aside.commit());
        ended.map_err(|source| Error::Write { path: self.path, source })
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

    /// Sends the next result to a file, which is replaced when the result has ended.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn send_once(&mut self, path: &Path) -> Result<(), Error> {
        self.once = Some(Whole::begin(path)?);
        Ok(())
    }

    /// Begins a result. `screen` has the columns and rows of the terminal if a longer result may go to a pager; `alone` says
    /// that a file holds one such result at most.
    ///
    /// # Errors
    /// The result cannot go to where results go now.
    pub fn begin_result(&mut self, screen: Option<(usize, usize)>, alone: bool) -> Result<(), Error> {
        self.left = false;
        self.alone = alone;
        match (&self.once, &mut self.file) {
            (Some(_), _) => Ok(()),
            (None, Some(open)) if open.ended || alone && open.used => Err(Error::Full { path: open.path.clone() }),
            (None, Some(open)) => {
                open.used = true;
                if alone {
                    open.ended = true;
                    self.once = Some(Whole::begin(&open.path)?);
                }
                Ok(())
            }
            (None, None) if self.ended => Err(Error::Second),
            (None, None) if alone && io::stdout().is_terminal() => Err(Error::Terminal),
            (None, None) => {
                self.paged = screen.map(Paged::new);
                Ok(())
            }
        }
    }

    /// Ends a result. If it is not whole, a file that takes one result stays as it was.
    ///
    /// # Errors
    /// The rest of it cannot be written.
    pub fn end_result(&mut self, whole: bool) -> Result<(), Error> {
        let standard_output = |source| Error::Write { path: "standard output".into(), source };
        if let Some(paged) = self.paged.take() {
            self.left = paged.finish().map_err(standard_output)?;
        }
        match (self.once.take(), &mut self.file) {
            // A statement such as CREATE TABLE has no result, so the file still waits for one.
            (Some(once), _) if whole && self.alone && !once.begun => {
                self.once = Some(once);
                Ok(())
            }
            (Some(once), _) if whole => once.finish(),
            (Some(_), _) => Ok(()),
            (None, Some(Open { path, writer, .. })) => {
                writer.flush().map_err(|source| Error::Write { path: path.clone(), source })
            }
            (None, None) => Ok(()),
        }
    }

    /// Returns whether results go to standard output.
    pub fn is_standard_output(&self) -> bool {
        self.file.is_none() && self.once.is_none()
    }

    /// Returns whether the reader left the pager before the result's end; then a broken pipe is not a failure.
    pub fn was_left(&self) -> bool {
        self.left
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (&mut self.once, &mut self.file, &mut self.paged) {
            (Some(once), _, _) => {
                once.begun = true;
                once.writer.write(bytes)
            }
            (None, Some(file), _) => file.writer.write(bytes),
            (None, None, Some(paged)) => paged.write(bytes),
            (None, None, None) => {
                self.ended |= self.alone;
                io::stdout().write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match (&mut self.once, &mut self.file, &mut self.paged) {
            (Some(once), _, _) => once.writer.flush(),
            (None, Some(file), _) => file.writer.flush(),
            (None, None, Some(paged)) => paged.flush(),
            (None, None, None) => io::stdout().flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_of_one_result_is_whole_or_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.csv");
        std::fs::write(&file, "before").unwrap();
        let mut target = Target::default();
        for (whole, expected) in [(false, "before"), (true, "after")] {
            target.send_once(&file).unwrap();
            target.begin_result(None, false).unwrap();
            target.write_all(b"after").unwrap();
            target.end_result(whole).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
            assert_eq!(files(dir.path()), ["a.csv"]);
        }
        assert!(target.is_standard_output());
    }

    #[test]
    fn a_file_that_holds_one_result_refuses_another() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.parquet");
        let mut target = Target::default();
        target.send(Some(&file)).unwrap();
        // A statement without a result, such as CREATE TABLE.
        target.begin_result(None, true).unwrap();
        target.end_result(true).unwrap();
        target.begin_result(None, true).unwrap();
        target.write_all(b"one").unwrap();
        target.end_result(true).unwrap();
        assert!(matches!(target.begin_result(None, true), Err(Error::Full { .. })));
        assert!(matches!(target.begin_result(None, false), Err(Error::Full { .. })));
        target.send(None).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
    }
}
