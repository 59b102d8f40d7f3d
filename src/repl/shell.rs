//! The shell: reads statements and commands, runs them, shows their results.
//!
//! In: lines from a terminal, with editing, history and completion, or lines from a pipe or a file. Out: results and errors.
//! After an error, the other statements of the same input are skipped, and the shell continues.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use rustyline::error::ReadlineError;
use tokio::signal::unix::SignalKind;

use super::commands::{self, Answer};
use super::complaint::Complaint;
use super::feeder::Feeder;
use super::format::{Appearance, Format};
use super::interrupts::{self, Elsewhere};
use super::prompt::Prompt;
use super::run::Style;
use super::target::{Error as TargetError, Target};
use super::variables::Variables;
use crate::catalog::Session;
use crate::error::Hint;

/// The most rows of a result shown on a terminal, until `.limit` changes it.
const TERMINAL_ROWS: usize = 100;

/// Files that `.read` one another end here.
const DEEPEST: usize = 16;

/// What went wrong with the shell itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read from the terminal")]
    Terminal(#[from] ReadlineError),
    #[error("cannot read standard input")]
    Input(#[source] std::io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    #[error("statements and commands that failed: {count}")]
    Statements { count: usize },
}

impl Hint for Error {}

/// What the shell asks about the SQL project. The command line answers, because it knows the project.
pub trait Project {
    /// Looks at the project's tables anew; called before each statement, because others may have landed ticks or run queries.
    fn look_again(&self);

    /// Returns the columns that identify a row of a query; none if it is not a query of the project.
    fn keys(&self, query: &str) -> Vec<String>;

    /// Returns the unit of a column in a query of the project, if its header names it.
    fn unit(&self, query: &str, column: &str) -> Option<String>;

    /// Returns what a query reads and what reads it; for QUERY.COLUMN, from which columns the column comes.
    ///
    /// # Errors
    /// It is not a query of the project, or the query has no such column.
    fn lineage<'a>(&'a self, about: &'a str) -> LocalBoxFuture<'a, Answer>;

    /// Returns the reports' names and descriptions.
    ///
    /// # Errors
    /// The project's folder of reports cannot be read.
    fn reports(&self) -> Result<Vec<(String, String)>, Complaint>;

    /// Makes a report, in a file if one is given.
    ///
    /// # Errors
    /// There is no such report, or it cannot be made.
    fn report<'a>(&'a self, name: &'a str, file: Option<PathBuf>) -> LocalBoxFuture<'a, Answer>;
}

/// Runs the shell until its input ends or `.quit`.
///
/// # Errors
/// The terminal or the pipe breaks; or the input is not a terminal, and statements failed.
pub async fn shell(session: &Arc<Session>, project: &dyn Project, format: Format) -> Result<(), Error> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let limit = terminal.then_some(TERMINAL_ROWS);
    let mut shell = Shell {
        session: Arc::clone(session),
        project,
        style: Style { format, limit, appearance: Appearance::default() },
        width: Width::Terminal,
        timing: terminal,
        paging: true,
        terminal,
        screen: None,
        failed: 0,
        target: Target::default(),
        variables: Variables::default(),
        last: None,
        edited: None,
        depth: 0,
    };
    match if terminal { shell.interact().await } else { shell.read_through().await } {
        // The reader of our output is gone, for example because `head` has read enough lines.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error),
        Ok(()) if !terminal && shell.failed > 0 => Err(Error::Statements { count: shell.failed }),
        Ok(()) => Ok(()),
    }
}

/// The state of a shell.
pub struct Shell<'a> {
    pub(super) session: Arc<Session>,
    pub(super) project: &'a dyn Project,
    pub(super) style: Style,
    pub(super) width: Width,
    pub(super) timing: bool,
    /// Whether results that do not fit on the screen go to a pager.
    pub(super) paging: bool,
    pub(super) terminal: bool,
    /// The columns and rows of the terminal.
    pub(super) screen: Option<(usize, usize)>,
    /// How many statements and commands failed.
    pub(super) failed: usize,
    /// Where results go.
    pub(super) target: Target,
    pub(super) variables: Variables,
    /// The last input that was SQL.
    pub(super) last: Option<String>,
    /// What the user's editor saved, for the history.
    pub(super) edited: Option<String>,
    /// How many files that `.read` one another are open.
    depth: usize,
}

/// The largest width of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Terminal,
    /// So many characters; 0 is any number.
    Set(usize),
}

/// What to do after an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Continue,
    /// Skip the rest of what was given at once.
    Skip,
    Quit,
}

impl Shell<'_> {
    /// Reads from a terminal.
    async fn interact(&mut self) -> Result<(), Error> {
        // From now on, Ctrl-C does not end the process.
        interrupts::listen(vec![SignalKind::interrupt()]);
        let reports = self.project.reports().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
        let mut prompt = Prompt::open(&self.session, reports)?;
        self.screen = prompt.size();
        self.print(&format!("squall {}; .help shows what to type\n", env!("CARGO_PKG_VERSION")))?;
        if let Some(file) = super::prompt::init_file()
            && self.read_file(&file).await? == Next::Quit
        {
            return Ok(());
        }
        let mut feeder = Feeder::default();
        loop {
            let typing = Elsewhere::begin();
            let line = prompt.read(&feeder);
            drop(typing);
            match line {
                Ok(line) => {
                    self.screen = prompt.size();
                    let mut next = Next::Continue;
                    for line in line.split_inclusive('\n').chain(["\n"]) {
                        if next == Next::Continue
                            && let Some(input) = feeder.push(line)
                        {
                            next = self.input(&input).await?;
                        }
                    }
                    if next != Next::Continue {
                        feeder = Feeder::default();
                    }
                    if let Some(edited) = self.edited.take() {
                        prompt.remember(&edited);
                    }
                    if next == Next::Quit {
                        return Ok(());
                    }
                }
                // Ctrl-C drops the statement; the shell continues.
                Err(ReadlineError::Interrupted) => feeder = Feeder::default(),
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads from a pipe, to its end.
    async fn read_through(&mut self) -> Result<(), Error> {
        let mut feeder = Feeder::default();
        let mut line = String::new();
        loop {
            line.clear();
            let read = tokio::task::block_in_place(|| std::io::stdin().lock().read_line(&mut line));
            let ended = read.map_err(Error::Input)? == 0;
            let input = if ended { feeder.finish() } else { feeder.push(&line) };
            if let Some(input) = input
                && self.input(&input).await? == Next::Quit
            {
                return Ok(());
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Reads a file, to its end.
    pub(super) async fn read_file(&mut self, file: &Path) -> Result<Next, Error> {
        let read = match std::fs::read_to_string(file) {
            Ok(_) if self.depth == DEEPEST => {
                Err(Complaint::new(format!("{DEEPEST} files that .read one another are open"))
                    .with_hint("a file may not read itself"))
            }
            Ok(text) => Ok(text),
            Err(error) => Err(Complaint::new(format!("cannot read {}: {error}", file.display()))
                .with_hint("paths are relative to the working directory")),
        };
        let text = match read {
            Ok(text) => text,
            Err(complaint) => return self.answer(Err(complaint)).map(|()| Next::Continue),
        };
        self.depth += 1;
        let next = self.lines(&text).await;
        self.depth -= 1;
        next
    }

    /// Runs the statements and commands of a text.
    pub(super) async fn lines(&mut self, text: &str) -> Result<Next, Error> {
        let mut feeder = Feeder::default();
        for line in text.split_inclusive('\n').map(Some).chain([None]) {
            let input = match line {
                Some(line) => feeder.push(line),
                None => feeder.finish(),
            };
            if let Some(input) = input {
                let next = Box::pin(self.input(&input)).await?;
                if next != Next::Continue {
                    return Ok(next);
                }
            }
        }
        Ok(Next::Continue)
    }

    async fn input(&mut self, input: &str) -> Result<Next, Error> {
        if !commands::is_command(input) {
            let input = self.variables.replaced(input);
            return self.statements(&input).await;
        }
        match commands::parse(input) {
            Ok(call) => call.run(self).await,
            Err(complaint) => self.answer(Err(complaint)).map(|()| Next::Continue),
        }
    }

    /// Shows what a command answers.
    pub(super) fn answer(&mut self, answer: Answer) -> Result<(), Error> {
        match answer {
            Ok(text) => self.print(&text),
            Err(complaint) => {
                self.failed += 1;
                complain(&complaint);
                Ok(())
            }
        }
    }

    /// Prints a text, in a pager if it is longer than the screen.
    pub(super) fn show(&mut self, text: &str) -> Result<(), Error> {
        let screen = &mut Target::default();
        let shown = screen.begin_result(self.screen.filter(|_| self.paging), false);
        self.ended(shown)?;
        let shown = screen.write_all(text.as_bytes());
        let ended = tokio::task::block_in_place(|| screen.end_result(true));
        match shown {
            Err(error) if !screen.was_left() => Err(Error::Output(error)),
            _ => self.ended(ended),
        }
    }

    /// Sends a text to where results go.
    pub(super) fn put(&mut self, text: &str) -> Result<(), Error> {
        let written = self.target.begin_result(None, false);
        self.ended(written)?;
        let written = self.target.write_all(text.as_bytes());
        let ended = self.target.end_result(written.is_ok());
        match written {
            Err(error) if self.target.is_standard_output() => Err(Error::Output(error)),
            _ => self.ended(ended),
        }
    }

    /// Tells why results could not go where they go.
    pub(super) fn ended(&mut self, result: Result<(), TargetError>) -> Result<(), Error> {
        self.answer(result.map(|()| String::new()).map_err(|error| Complaint::of(&error)))
    }

    pub(super) fn print(&self, text: &str) -> Result<(), Error> {
        let mut output = std::io::stdout();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Error::Output)
    }
}

pub(super) fn complain(complaint: &Complaint) {
    eprintln!("Error: {complaint}");
}
