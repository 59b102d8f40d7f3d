//! The size of the terminal.

use rustyline::Editor;
use rustyline::history::MemHistory;

/// Returns the width of the terminal in characters; `None` if standard output is not a terminal.
pub fn terminal_width() -> Option<usize> {
    terminal_size().map(|(columns, _)| columns)
}

/// Returns the columns and rows of the terminal; `None` if standard output is not a terminal.
pub fn terminal_size() -> Option<(usize, usize)> {
    let mut editor = Editor::<(), MemHistory>::with_history(rustyline::Config::default(), MemHistory::new()).ok()?;
    let (columns, rows) = editor.dimensions()?;
    // A terminal that does not know its size reports 0.
    (columns > 0).then_some((columns.into(), rows.into()))
}
