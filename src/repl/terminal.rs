//! The size of the terminal.

use rustyline::Editor;
use rustyline::history::MemHistory;

/// Returns the width of the terminal in characters; `None` if there is no terminal.
pub fn terminal_width() -> Option<usize> {
    let mut editor = Editor::<(), MemHistory>::with_history(rustyline::Config::default(), MemHistory::new()).ok()?;
    let (columns, _) = editor.dimensions()?;
    // A terminal that does not know its width reports 0.
    (columns > 0).then_some(columns.into())
}
