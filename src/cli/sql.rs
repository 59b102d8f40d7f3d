//! `squall sql`: statements from an argument, a file or standard input; results on standard output.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::SignalKind;

use super::{Context, Failure, workspace};
use crate::repl::interrupts::{self, STOPPED};
use crate::repl::{self, Appearance, Diagnosis, Format, Progress, Showing, Style, Target, Written};

/// How long an interrupted statement has to remove the files that it had begun.
const CLEARING_UP: Duration = Duration::from_millis(300);

/// The most rows of a table shown on a terminal, unless `--limit` says otherwise.
const TERMINAL_ROWS: usize = 100;

/// Runs SQL statements and prints their results
///
/// Separate statements with `;`. They run one after another; the first that fails ends the run. Statements see the table
/// `landed_ticks`, the queries of the SQL project under their files' names, the tables that `squall run` made, and any file:
/// SELECT * FROM 'ticks.parquet', CREATE EXTERNAL TABLE, COPY (SELECT …) TO 'out.parquet'. If COPY fails, it leaves no file.
/// CREATE TABLE and CREATE VIEW keep what they make in data/catalog/, for later statements and for `squall repl`; CREATE TEMP TABLE
/// lasts as long as the command. getenv('NAME') returns a variable of the environment.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The statements; `-` reads them from standard input
    #[arg(value_name = "SQL", required_unless_present_any = ["file", "commands"], conflicts_with_all = ["file", "commands"])]
    pub statements: Option<String>,

    /// Statements; may be repeated, and then they run one after another
    #[arg(long = "command", short = 'c', value_name = "SQL", conflicts_with = "file", allow_hyphen_values = true)]
    pub commands: Vec<String>,

    /// Reads the statements from a file; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// How results are printed
    #[arg(long, value_parser = Format::parser(), default_value_t = Format::TABLE)]
    pub format: Format,

    /// Prints at most this many rows of each result, 0 for all [default: 100 for tables on a terminal, else all]
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<usize>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let script = Script::read(&args)?;
    let terminal = std::io::stdout().is_terminal();
    let default = (terminal && args.format.is_for_people()).then_some(TERMINAL_ROWS);
    let style = Style {
        format: args.format,
        limit: args.limit.map_or(default, |limit| (limit > 0).then_some(limit)),
        appearance: Appearance { width: if terminal { repl::terminal_width() } else { None }, ..Appearance::default() },
    };
    let showing = match (context.quiet, terminal) {
        (true, _) => Showing::Never,
        (false, true) => Showing::UntilOutput,
        (false, false) => Showing::Always,
    };
    let workspace = workspace::open_for_people(context).await?;
    interrupts::listen(vec![SignalKind::interrupt(), SignalKind::terminate()]);
    let mut output = Target::default();
    let mut printed = false;
    for statement in repl::split(&script.text) {
        // Tables are separated by an empty line; CSV and JSON are not, because programs read them.
        if printed && args.format.is_for_people() && writeln!(output).is_err() {
            return Ok(());
        }
        output.begin_result(None, style.format.is_alone())?;
        let progress = Progress::begin(showing);
        let running = repl::run(&workspace.session, statement.text, &style, &mut output, progress);
        let ended = tokio::select! {
            ended = running => ended,
            () = interrupts::next() => {
                // The tasks of the statement end now, and take the files with them that they had begun. They may keep all threads of
                // the runtime busy, so its clock is not asked.
                std::thread::sleep(CLEARING_UP);
                return Err(Failure::new("stopped before the statement ended").with_code(STOPPED));
            }
        };
        match ended {
            Ok(written) => {
                printed = written.columns > 0;
                note(written, context);
            }
            Err(error) if error.is_broken_pipe() => return Ok(()),
            Err(error) => {
                let source = script.source.as_deref();
                return Err(Diagnosis::find(&workspace.session, &error, statement, &script.text, source).await.into());
            }
        }
    }
    Ok(())
}

/// Says on standard error what was left out of a table.
fn note(written: Written, context: &Context) {
    if context.quiet {
        return;
    }
    let mut left_out = Vec::new();
    if written.more {
        left_out.push(format!("first {} rows; --limit 0 prints all", written.rows));
    }
    if written.hidden_columns > 0 {
        let shown = written.columns - written.hidden_columns;
        left_out.push(format!("{shown} of {} columns fit; --format csv prints all", written.columns));
    }
    if !left_out.is_empty() {
        // If standard error is closed, there is nowhere to print it.
        let _ = writeln!(std::io::stderr(), "({})", left_out.join("; "));
    }
}

/// The statements' text, and the name that errors use for it.
struct Script {
    text: String,
    source: Option<String>,
}

impl Script {
    fn read(args: &Args) -> Result<Script, Failure> {
        let standard_input = PathBuf::from("-");
        if !args.commands.is_empty() {
            // The line ends a comment at a command's end.
            return Ok(Script { text: args.commands.join("\n;\n"), source: None });
        }
        let file = match (&args.statements, &args.file) {
            (Some(text), _) if text != "-" => return Ok(Script { text: text.clone(), source: None }),
            (_, Some(file)) if *file != standard_input => file,
            _ => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|error| Failure::new(format!("cannot read statements from standard input: {error}")))?;
                return Ok(Script { text, source: Some("<stdin>".into()) });
            }
        };
        let mut text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(format!("cannot read statements from {}: {error}", file.display()))
                .with_hint("`squall sql 'SELECT 1'` takes the statement itself")
        })?;
        if text.starts_with('\u{feff}') {
            // Some editors begin a file with a byte order mark.
            text.remove(0);
        }
        Ok(Script { text, source: Some(file.display().to_string()) })
    }
}
