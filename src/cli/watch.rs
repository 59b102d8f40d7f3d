//! The terminal of `squall live --watch`: the board is drawn anew a few times a second, on a screen of its own.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Failure;
use crate::live::Board;
use crate::repl::terminal_size;

/// How often the board is drawn.
const EVERY: Duration = Duration::from_millis(250);
/// After so many pictures, the terminal's size is read again.
const PER_SIZE: usize = 4;
/// The size of a terminal that does not say it.
const SIZE: (usize, usize) = (80, 24);

/// The other screen without a cursor, and back. Each picture comes as a whole to terminals that know synchronised output.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// A board that is being drawn.
pub struct Watch {
    task: JoinHandle<()>,
}

impl Watch {
    /// Returns why the board cannot be drawn: standard output is not a terminal.
    ///
    /// # Errors
    /// Standard output is not a terminal.
    pub fn check() -> Result<(), Failure> {
        match std::io::stdout().is_terminal() {
            true => Ok(()),
            false => Err(Failure::new("--watch draws a board, and standard output is not a terminal")
                .with_hint("without --watch, rows go to standard output; --to names another place")),
        }
    }

    /// Begins to draw.
    pub fn start(board: Board) -> Watch {
        put(OPEN);
        let task = tokio::spawn(async move {
            loop {
                let size = terminal_size().filter(|(_, rows)| *rows > 0).unwrap_or(SIZE);
                for _ in 0..PER_SIZE {
                    draw(&board, size);
                    tokio::time::sleep(EVERY).await;
                }
            }
        });
        Watch { task }
    }
}

/// The terminal is as it was before, however the run ends.
impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        put(CLOSE);
    }
}

fn draw(board: &Board, (width, height): (usize, usize)) {
    let mut picture = String::from(BEGIN);
    let lines = board.lines(width, height);
    for (number, line) in lines.iter().enumerate() {
        picture.push_str(line);
        // What the line before held is removed; after the last line, nothing may scroll.
        picture.push_str(if number + 1 < lines.len() { "\x1b[K\r\n" } else { "\x1b[K" });
    }
    picture.push_str(END);
    put(&picture);
}

/// Writes to the terminal. If it is gone, there is nothing to draw on.
fn put(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
