//! Shows a result that does not fit on the screen in the user's pager.
//!
//! In: the bytes of a result. Out: the bytes on standard output if they fit on the screen; otherwise in the pager that `PAGER`
//! names, or in `less`, or in `more`. If none of them starts, or `PAGER` is empty, everything goes to standard output.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

use super::format::width;
use super::interrupts::Elsewhere;

/// The rows of the screen that stay free for the line after a result and for the prompt.
const SPARE_ROWS: usize = 2;

/// A result on its way to a screen.
#[derive(Debug)]
pub struct Paged {
    columns: usize,
    rows: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So far it fits on the screen.
    Waiting(Vec<u8>),
    Pager(Child, Elsewhere),
    /// There is no pager.
    Passing,
}

impl Paged {
    /// Begins a result on a screen of so many columns and rows.
    pub fn new((columns, rows): (usize, usize)) -> Paged {
        Paged { columns, rows: rows.saturating_sub(SPARE_ROWS), state: State::Waiting(Vec::new()) }
    }

    /// Ends the result, and waits until the user leaves the pager. Returns whether there was a pager.
    ///
    /// # Errors
    /// Standard output cannot be written, or the pager cannot be waited for.
    pub fn finish(mut self) -> io::Result<bool> {
        match &mut self.state {
            State::Waiting(bytes) => {
                let mut output = io::stdout();
                output.write_all(bytes).and_then(|()| output.flush()).map(|()| false)
            }
            State::Pager(child, _) => {
                // Closing its input tells the pager that the result has ended.
                drop(child.stdin.take());
                child.wait().map(|_| true)
            }
            State::Passing => Ok(false),
        }
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        let lines = String::from_utf8_lossy(bytes);
        lines.lines().count() <= self.rows && lines.lines().all(|line| width(line) <= self.columns)
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Pager(child, _) => match &mut child.stdin {
                Some(input) => input.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
            State::Passing => io::stdout().write(bytes),
            State::Waiting(waiting) => {
                let mut waiting = std::mem::take(waiting);
                waiting.extend_from_slice(bytes);
                if self.fits(&waiting) {
                    self.state = State::Waiting(waiting);
                    return Ok(bytes.len());
                }
                self.state = start().map_or(State::Passing, |child| State::Pager(child, Elsewhere::begin()));
                self.write_all(&waiting)?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Waiting(_) => Ok(()),
            State::Pager(child, _) => child.stdin.as_mut().map_or(Ok(()), Write::flush),
            State::Passing => io::stdout().flush(),
        }
    }
}

fn start() -> Option<Child> {
    let wanted = std::env::var("PAGER").ok();
    let candidates = match wanted.as_deref().map(str::trim) {
        Some("") => return None,
        Some(wanted) => vec![wanted],
        None => vec!["less", "more"],
    };
    candidates.into_iter().find_map(|command| {
        let mut words = command.split_whitespace();
        let mut command = Command::new(words.next()?);
        command.args(words).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            // Leave at once if everything fits, keep the text on the screen, cut long lines, pass colours through.
            command.env("LESS", "FRSX");
        }
        command.spawn().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_on_the_screen_waits() {
        let mut paged = Paged::new((10, 5));
        paged.write_all(b"0123456789\n2\n").unwrap();
        paged.write_all("比比比比比\n".as_bytes()).unwrap();
        assert!(matches!(&paged.state, State::Waiting(bytes) if bytes.len() == 29));
        assert!(!paged.fits(b"1\n2\n3\n4\n"));
        assert!(!paged.fits("比比比比比1\n".as_bytes()));
    }
}
