//! `squall check`

use clap::ValueEnum;
use serde_json::json;

use super::print::safe;
use super::selection::Selection;
use super::workspace::{self, Workspace};
use super::{Context, Failure, Progress};
use crate::pipeline::{self, Check, Checked, Fault, Outcome, Severity, Thoroughness};
use crate::repl;
use crate::text::{counted, wrapped};

/// The width of what is printed, in characters.
const WIDTH: usize = 80;

/// How far the lines below a heading are indented.
const INDENT: &str = "       ";

/// Checks the SQL project and says everything that is wrong with it
///
/// It reads every file, plans every query and every model's training query, compares headers with columns, runs the lints, the
/// audits of the data and the project's tests, and goes on after each fault. With --prove, it also recomputes features and labels
/// over ticks that are cut at random instants: a feature whose past values change when later ticks are removed or replaced looks
/// ahead, in whatever way it is written. Without QUERY it checks the whole project, else the queries and what they read.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub selection: Selection,

    /// Recomputes features and labels over cut ticks: made-up ones, and landed ones if there are any
    #[arg(long)]
    pub prove: bool,

    /// With --prove: how often the ticks are cut
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000), requires = "prove")]
    pub cuts: u16,

    /// With --prove: decides where the ticks are cut and what replaces them; the same seed gives the same cuts
    #[arg(long, default_value_t = 7, requires = "prove")]
    pub seed: u64,

    /// Leaves out the audits and the test of each grain, which read all landed data
    #[arg(long)]
    pub no_audits: bool,

    #[command(flatten)]
    pub shown: Shown,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line a check, and below it what is wrong, for people
    Text,
    /// One JSON object a finding and line, for programs: kind, severity, query, file, line, column, message, hint
    Json,
}

/// Which findings make the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Warnings and errors
    Warn,
    /// Only errors
    Error,
}

/// How the findings of a part of the checks are shown.
#[derive(Debug, Clone, clap::Args)]
pub struct Shown {
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// The least severe finding that makes the command fail
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open_quietly(context).await?;
    let how = Thoroughness { cuts: args.cuts.into(), seed: args.seed };
    let options = pipeline::Options {
        without_data: args.no_audits,
        proof: args.prove.then_some(how),
        ..options(&workspace, &args.selection, context).await?
    };
    check(&workspace, &options, &args.shown, context).await?;
    Ok(())
}

/// Runs one of the checks by itself, and returns how many subjects it had.
pub async fn part(check: Check, selection: &Selection, shown: &Shown, context: &Context) -> Result<u64, Failure> {
    let workspace = workspace::open(context).await?;
    let options = pipeline::Options { checks: vec![check], ..options(&workspace, selection, context).await? };
    // Whether a broken file is read is the business of other checks.
    if let Some(why) = options.names.iter().find_map(|name| workspace.why_disabled(name)) {
        return Err(why);
    }
    self::check(&workspace, &options, shown, context).await
}

/// Returns what to check. A query that cannot be used is not part of the graph, so only its name selects it.
async fn options(
    workspace: &Workspace,
    selection: &Selection,
    context: &Context,
) -> Result<pipeline::Options, Failure> {
    let project = &workspace.project;
    if project.is_empty() {
        return Err(pipeline::Error::NoProject { dir: context.settings().paths.sql.clone() }.into());
    }
    let tables_dir = context.settings().tables_dir();
    let chosen = async |words: &[String]| -> Result<Vec<String>, Failure> {
        let is_disabled = |word: &&String| project.disabled().iter().any(|disabled| disabled.name == **word);
        let (mut names, words): (Vec<String>, Vec<String>) = words.iter().cloned().partition(|word| is_disabled(&word));
        if !words.is_empty() {
            let found = project.choose(&words.join(" "), workspace.session.context(), &tables_dir).await?;
            names.extend(found.into_iter().map(|query| query.name.clone()));
        }
        Ok(names)
    };
    let (names, without) = (chosen(&selection.queries).await?, chosen(&selection.exclude).await?);
    Ok(pipeline::Options { names, without, ..pipeline::Options::default() })
}

async fn check(
    workspace: &Workspace,
    options: &pipeline::Options,
    shown: &Shown,
    context: &Context,
) -> Result<u64, Failure> {
    let progress = context.progress("check", None);
    let mut report = Report { format: shown.format, progress, checks: 0, warnings: 0, errors: 0, files: Vec::new() };
    let session = workspace.session.context();
    workspace.project.check(session, &workspace.unplanned().await, options, &mut report).await?;
    report.progress.clone().finish();
    let sum = report.sum();
    let fails = report.errors > 0 || (shown.fail_on == FailOn::Warn && report.warnings > 0);
    if fails {
        return Err(Failure::new(sum));
    }
    if shown.format == Format::Text && report.warnings > 0 {
        println!("{sum}");
    }
    Ok(report.checks)
}

/// Prints what is found, and counts it.
struct Report {
    format: Format,
    progress: Progress,
    /// How many checks ended.
    checks: u64,
    warnings: u64,
    errors: u64,
    files: Vec<std::path::PathBuf>,
}

impl pipeline::Report for Report {
    fn begins(&mut self, check: Check, subject: &str) {
        self.progress.note(format!("{} {subject}", check.as_str()));
    }

    fn ends(&mut self, checked: Checked) {
        self.checks += 1;
        if let Outcome::Faults(faults) = &checked.outcome {
            faults.iter().for_each(|fault| self.count(fault));
        }
        match self.format {
            Format::Text => print(&checked),
            Format::Json => print_json(&checked),
        }
    }
}

impl Report {
    fn count(&mut self, fault: &Fault) {
        match fault.severity {
            Severity::Warning => self.warnings += 1,
            Severity::Error => self.errors += 1,
        }
        if !self.files.contains(&fault.place.file) {
            self.files.push(fault.place.file.clone());
        }
    }

    /// Says how much is wrong.
    fn sum(&self) -> String {
        let counts = [(self.errors, "error"), (self.warnings, "warning")];
        let counts: Vec<String> =
            counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun)).collect();
        format!("{} in {}", counts.join(" and "), counted(self.files.len() as u64, "file"))
    }
}

fn print(checked: &Checked) {
    let (result, faults): (String, &[Fault]) = match &checked.outcome {
        Outcome::Ok(None) => ("ok".into(), &[]),
        Outcome::Ok(Some(note)) => (format!("ok ({note})"), &[]),
        Outcome::Skipped(reason) => (reason.clone(), &[]),
        Outcome::Faults(faults) if faults.iter().all(|fault| fault.severity == Severity::Warning) => {
            ("warning".into(), faults)
        }
        Outcome::Faults(faults) => ("FAILED".into(), faults),
    };
    let head = format!("{}: {result}", checked.subject);
    // The check stands in the margin of the first line.
    for (number, line) in wrapped(&head, WIDTH, INDENT).lines().enumerate() {
        match number {
            0 => println!("{:<width$}{}", checked.check.as_str(), line.trim_start(), width = INDENT.len()),
            _ => println!("{line}"),
        }
    }
    for fault in faults {
        println!("{INDENT}{}", fault.place);
        print!("{}", shown(&wrapped(&format!("{}: {}", fault.severity.as_str(), fault.message), WIDTH, INDENT)));
        if !fault.place.text.is_empty() {
            for line in shown(&fault.place.excerpt().within(WIDTH - INDENT.len())).lines() {
                println!("{INDENT}{line}");
            }
        }
        if let Some(hint) = &fault.hint {
            print!("{}", wrapped(&format!("hint: {hint}"), WIDTH, INDENT));
        }
    }
    if let Some(sample) = &checked.sample {
        for line in repl::table(sample, WIDTH - INDENT.len()).lines() {
            println!("{INDENT}{line}");
        }
    }
}

/// Returns what comes from files in a form that cannot control a terminal. A caret stands below its character, so tabs stay.
fn shown(text: &str) -> String {
    text.split('\t').map(safe).collect::<Vec<_>>().join("\t")
}

fn print_json(checked: &Checked) {
    let Outcome::Faults(faults) = &checked.outcome else { return };
    for fault in faults {
        let line = json!({
            "kind": fault.check.as_str(),
            "severity": fault.severity.as_str(),
            "query": fault.query,
            "file": fault.place.file,
            "line": fault.place.line,
            "column": fault.place.column.unwrap_or(1),
            "message": fault.message,
            "hint": fault.hint,
        });
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_turns_the_direction_of_writing_is_spelled_out() {
        assert_eq!(super::shown("a\tb\u{202e}c\n  ^"), "a\tb\\u{202e}c\n  ^");
    }
}
