//! The shell: reads statements and commands, runs them, shows their results.
//!
//! In: lines from a terminal, with editing, history and completion, or lines from a pipe or a file. Out: results and errors.
//! After an error, the other statements of the same input are skipped, and the shell continues.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::command::{self, Command};
use super::complete::Completion;
use super::diagnose::Diagnosis;
use super::feeder::Feeder;
use super::format::{Appearance, Format};
use super::run::{Style, Written, run};
use super::statement::split;
use super::target::{Error as TargetError, Target};
use super::variables::Variables;
use super::{help, names};
use crate::catalog::Session;
use crate::error::Hint;

/// The prompt, plain and for terminals with colours.
const PROMPT: (&str, &str) = ("squall> ", "\x1b[1msquall>\x1b[0m ");

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

/// Runs the shell until its input ends or `.quit`.
///
/// # Errors
/// The terminal or the pipe breaks; or the input is not a terminal, and statements failed.
pub async fn shell(session: &Session, format: Format) -> Result<(), Error> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let limit = terminal.then_some(TERMINAL_ROWS);
    let style = Style { format, limit, appearance: Appearance::default() };
    let mut shell = Shell {
        session,
        style,
        timing: terminal,
        terminal,
        failed: 0,
        target: Target::default(),
        variables: Variables::default(),
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

struct Shell<'a> {
    session: &'a Session,
    style: Style,
    timing: bool,
    terminal: bool,
    /// How many statements and commands failed.
    failed: usize,
    /// Where results go.
    target: Target,
    variables: Variables,
    /// How many files that `.read` one another are open.
    depth: usize,
}

/// What to do after an input.
enum Next {
    Continue,
    Quit,
}

impl Shell<'_> {
    /// Reads from a terminal.
    async fn interact(&mut self) -> Result<(), Error> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
        let mut editor = Editor::<Completion, FileHistory>::with_config(config)?;
        let history = base_file("XDG_STATE_HOME", ".local/state", "history");
        if let Some(history) = &history {
            // The first time, there is no history yet.
            let _ = editor.load_history(history);
        }
        self.print(&format!("squall {}; .help shows what to type\n", env!("CARGO_PKG_VERSION")))?;
        if let Some(file) = base_file("XDG_CONFIG_HOME", ".config", "init.sql").filter(|file| file.exists())
            && let Next::Quit = self.read_file(&file).await?
        {
            return Ok(());
        }
        loop {
            let relations = names::relations(self.session.context()).await;
            editor.set_helper(Some(Completion::new(&relations, &names::functions(self.session.context()))));
            match tokio::task::block_in_place(|| editor.readline(&PROMPT)) {
                Ok(input) => {
                    if let Some(history) = &history {
                        keep(&mut editor, history);
                    }
                    self.style.appearance.width =
                        editor.dimensions().map(|(columns, _)| usize::from(columns)).filter(|width| *width > 0);
                    if let Next::Quit = self.input(&input).await? {
                        return Ok(());
                    }
                }
                // Ctrl-C drops the line; the shell continues.
                Err(ReadlineError::Interrupted) => {}
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
                && let Next::Quit = self.input(&input).await?
            {
                return Ok(());
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Reads a file, to its end.
    async fn read_file(&mut self, file: &Path) -> Result<Next, Error> {
        let text = match std::fs::read_to_string(file) {
            Ok(_) if self.depth == DEEPEST => Err(format!("{DEEPEST} files that .read one another are open")),
            Ok(text) => Ok(text),
            Err(error) => Err(format!("cannot read {}: {error}", file.display())),
        };
        let text = match text {
            Ok(text) => text,
            Err(problem) => {
                self.answer(Err(problem))?;
                return Ok(Next::Continue);
            }
        };
        self.depth += 1;
        let mut feeder = Feeder::default();
        let lines = text.split_inclusive('\n').map(Some).chain([None]);
        let mut next = Next::Continue;
        for line in lines {
            let input = match line {
                Some(line) => feeder.push(line),
                None => feeder.finish(),
            };
            if let Some(input) = input
                && let Next::Quit = Box::pin(self.input(&input)).await?
            {
                next = Next::Quit;
                break;
            }
        }
        self.depth -= 1;
        Ok(next)
    }

    async fn input(&mut self, input: &str) -> Result<Next, Error> {
        if command::is_command(input) {
            return match command::parse(input) {
                Ok(Command::Quit) => Ok(Next::Quit),
                Ok(Command::Read(file)) => self.read_file(&file).await,
                Ok(command) => {
                    let answer = self.command(command).await;
                    self.answer(answer)?;
                    Ok(Next::Continue)
                }
                Err(problem) => {
                    self.answer(Err(problem))?;
                    Ok(Next::Continue)
                }
            };
        }
        let input = self.variables.replaced(input);
        for statement in split(&input) {
            let mut style = self.style.clone();
            if !self.target.is_standard_output() {
                // A file gets the whole result.
                (style.limit, style.appearance.width) = (None, None);
            }
            let started = Instant::now();
            let result = tokio::select! {
                result = run(self.session, statement.text, &style, &mut self.target) => result,
                _ = tokio::signal::ctrl_c(), if self.terminal => {
                    self.failed += 1;
                    self.print("cancelled\n")?;
                    return Ok(Next::Continue);
                }
            };
            let ended = self.target.end_of_result();
            match result {
                Ok(written) => self.footer(written, started)?,
                Err(super::run::Error::Write(error)) if self.target.is_standard_output() => {
                    return Err(Error::Output(error));
                }
                Err(error) => {
                    self.failed += 1;
                    let diagnosis = Diagnosis::new(self.session, &error, statement, &input, None);
                    complain(&diagnosis.to_string(), diagnosis.hint().as_deref());
                    return Ok(Next::Continue);
                }
            }
            self.answer(ended.map(|()| String::new()).map_err(|error| error.to_string()))?;
        }
        Ok(Next::Continue)
    }

    /// Carries out a command and returns what to show.
    async fn command(&mut self, command: Command) -> Result<String, String> {
        let context = self.session.context();
        let on = |yes| if yes { "on" } else { "off" };
        match command {
            Command::Help => Ok(help::commands()),
            Command::Tables => Ok(help::tables(context).await),
            Command::Schema(table) => help::schema(context, &table).await,
            Command::Functions(pattern) => help::functions(context, pattern.as_deref()),
            Command::Mode(None) => Ok(format!("mode is {}\n{}", self.style.format, help::modes())),
            Command::Mode(Some(format)) => {
                self.style.format = format;
                Ok(String::new())
            }
            Command::Vertical => {
                let vertical = self.style.format == Format::VERTICAL;
                self.style.format = if vertical { Format::TABLE } else { Format::VERTICAL };
                Ok(format!("mode is {}\n", self.style.format))
            }
            Command::NullValue(None) => Ok(format!("NULL is shown as `{}`\n", self.style.appearance.null)),
            Command::NullValue(Some(text)) => {
                self.style.appearance.null = text;
                Ok(String::new())
            }
            Command::Set(None) => Ok(self.variables.list()),
            Command::Set(Some((name, value))) => {
                self.variables.set(name, value);
                Ok(String::new())
            }
            Command::Output(file) => self.target.send(file.as_deref()).map(|()| String::new()).map_err(told),
            Command::Once(file) => self.target.send_once(&file).map(|()| String::new()).map_err(told),
            Command::Limit(None) => Ok(match self.style.limit {
                Some(limit) => format!("limit is {limit}\n"),
                None => "limit is 0: all rows\n".into(),
            }),
            Command::Limit(Some(limit)) => {
                self.style.limit = (limit > 0).then_some(limit);
                Ok(String::new())
            }
            Command::Timing(None) => Ok(format!("timing is {}\n", on(self.timing))),
            Command::Timing(Some(timing)) => {
                self.timing = timing;
                Ok(String::new())
            }
            // The caller reads files and quits.
            Command::Quit | Command::Read(_) => Ok(String::new()),
        }
    }

    fn answer(&mut self, answer: Result<String, String>) -> Result<(), Error> {
        match answer {
            Ok(text) => self.print(&text),
            Err(problem) => {
                self.failed += 1;
                complain(&problem, None);
                Ok(())
            }
        }
    }

    /// Says how many rows came and how long that took.
    fn footer(&self, written: Written, started: Instant) -> Result<(), Error> {
        if !self.timing {
            return Ok(());
        }
        let rows = match (written.columns, written.rows, written.more) {
            (0, _, _) => "done".to_string(),
            (_, 1, false) => "1 row".to_string(),
            (_, rows, false) => format!("{rows} rows"),
            (_, rows, true) => format!("first {rows} rows, .limit 0 shows all"),
        };
        let columns = match written.hidden_columns {
            0 => String::new(),
            hidden => format!(", {} of {} columns fit", written.columns - hidden, written.columns),
        };
        self.print(&format!("({rows}{columns}, {:.3} s)\n", started.elapsed().as_secs_f64()))
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        let mut output = std::io::stdout();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Error::Output)
    }
}

fn told(error: TargetError) -> String {
    error.to_string()
}

fn complain(message: &str, hint: Option<&str>) {
    eprintln!("Error: {message}");
    if let Some(hint) = hint {
        eprintln!("Hint: {hint}");
    }
}

/// Appends the input to the history. If that fails, the shell continues without it.
fn keep(editor: &mut Editor<Completion, FileHistory>, history: &Path) {
    let folder = history.parent().map_or(Ok(()), std::fs::create_dir_all);
    if folder.is_ok() {
        let _ = editor.append_history(history);
    }
}

/// Returns the path of a file of squall's in one of the XDG base directories, which a variable of the environment names.
/// Returns `None` if there is no home folder.
fn base_file(variable: &str, default: &str, name: &str) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(default)))?;
    Some(base.join("squall").join(name))
}
