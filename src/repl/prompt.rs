//! Reading lines from a terminal, with editing, history and completion.
//!
//! A statement of several lines is read line by line. Its later lines have a prompt that says what is open: a statement, a text
//! in quotes, or a comment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::complete::Completion;
use super::feeder::Feeder;
use crate::catalog::Session;

/// The prompt of a first line, plain and for terminals with colours.
const FIRST: (&str, &str) = ("squall> ", "\x1b[1msquall>\x1b[0m ");

/// The line editor.
pub struct Prompt {
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
    /// The lines of the statement so far, for the history.
    entry: String,
}

impl Prompt {
    /// Opens the line editor, with the history of earlier shells.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn open(session: &Arc<Session>, reports: Vec<String>) -> Result<Prompt, ReadlineError> {
        // One press of Tab shows what a word may become, as far as it is not decided.
        let config = Config::builder().completion_type(CompletionType::List).completion_show_all_if_ambiguous(true);
        let config = config.auto_add_history(false).build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Completion::new(Arc::clone(session), reports)));
        let history = base_file("XDG_STATE_HOME", ".local/state", "history");
        if let Some(history) = &history {
            // The first time, there is no history yet.
            let _ = editor.load_history(history);
        }
        Ok(Prompt { editor, history, entry: String::new() })
    }

    /// Reads a line; `feeder` has the lines of the statement so far.
    ///
    /// # Errors
    /// The user gives the line up, the input ends, or the terminal breaks.
    pub fn read(&mut self, feeder: &Feeder) -> Result<String, ReadlineError> {
        if feeder.is_empty() {
            let entry = std::mem::take(&mut self.entry);
            self.remember(&entry);
        }
        if let Some(completion) = self.editor.helper_mut() {
            completion.begin_line(feeder.pending());
        }
        let line = match feeder.open() {
            None => tokio::task::block_in_place(|| self.editor.readline(&FIRST)),
            Some(open) => {
                // As wide as the first prompt, so that the lines of a statement stand below each other.
                let prompt = format!("{open:.>6}> ");
                tokio::task::block_in_place(|| self.editor.readline(&prompt))
            }
        };
        match &line {
            Ok(line) => {
                if !self.entry.is_empty() {
                    self.entry.push('\n');
                }
                self.entry.push_str(line);
            }
            Err(_) => self.entry.clear(),
        }
        line
    }

    /// Returns the columns and rows of the terminal, if it knows them.
    pub fn size(&mut self) -> Option<(usize, usize)> {
        let (columns, rows) = self.editor.dimensions()?;
        (columns > 0 && rows > 0).then_some((columns.into(), rows.into()))
    }

    /// Appends an entry to the history. If that fails, the shell continues without it.
    pub fn remember(&mut self, entry: &str) {
        if entry.trim().is_empty() || !self.editor.add_history_entry(entry).unwrap_or(false) {
            return;
        }
        let Some(history) = &self.history else { return };
        if history.parent().is_none_or(|folder| std::fs::create_dir_all(folder).is_ok()) {
            let _ = self.editor.append_history(history);
        }
    }
}

impl Drop for Prompt {
    /// Keeps the last entry, after which no line was read.
    fn drop(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        self.remember(&entry);
    }
}

/// Returns the file that a shell on a terminal runs first, if it exists.
pub fn init_file() -> Option<PathBuf> {
    base_file("XDG_CONFIG_HOME", ".config", "init.sql").filter(|file| Path::exists(file))
}

/// Returns the path of a file of squall's in one of the XDG base directories, which a variable of the environment names.
/// Returns `None` if there is no home folder.
fn base_file(variable: &str, default: &str, name: &str) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(default)))?;
    Some(base.join("squall").join(name))
}
