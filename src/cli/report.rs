//! `squall report`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand, value_parser};

use super::workspace::Workspace;
use super::{Context, Failure, evaluation, workspace};
use crate::catalog::{self, Session};
use crate::durable;
use crate::pipeline::lineage::Direction;
use crate::repl::{self, Diagnosis};
use crate::report::{self, Arguments, Condition, FOLDER, INDEX, Needs, OwnReport, REPORTS, Report, Request, Sources};
use crate::text::columns;

/// Renders an HTML report: one file that needs no network and no script
///
/// Templates and queries come with squall. The folder reports/ of a project (the setting paths.reports) replaces them file by
/// file and adds reports of its own: a template NAME.html and its queries NAME/*.sql make `squall report NAME`.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub report: Option<Wanted>,

    /// Lists the reports instead, those of the project among them
    #[arg(long)]
    pub list: bool,
}

/// The report to make, and what it is given.
#[derive(Debug, Default)]
pub struct Wanted {
    pub name: String,
    pub arguments: Arguments,
    pub out: Option<PathBuf>,
    /// Whether to write the rows behind the report as JSON, and no page.
    pub json: bool,
    /// What ends the command with exit code 1.
    pub fail_on: Vec<Condition>,
}

impl Subcommand for Wanted {
    fn augment_subcommands(command: Command) -> Command {
        let all = Command::new(ALL).about("Makes every report that the project has data for, and the index page");
        command.subcommands(REPORTS.iter().copied().map(subcommand)).subcommand(with_results(all, &Condition::ALL))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    // A project's reports are known only after the settings are read.
    fn has_subcommand(_name: &str) -> bool {
        true
    }
}

impl FromArgMatches for Wanted {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut wanted = Wanted::default();
        wanted.update_from_arg_matches(matches)?;
        Ok(wanted)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let Some((name, matches)) = matches.subcommand() else {
            return Err(clap::Error::raw(ErrorKind::MissingSubcommand, "name a report\n"));
        };
        let known = built_in(name).map(|report| report.about().arguments).unwrap_or_default();
        let given = known.iter().filter_map(|known| {
            if known.value.is_empty() {
                return matches.get_flag(known.name).then(|| (known.name.to_string(), "yes".to_string()));
            }
            let values: Vec<&str> = matches.get_many::<String>(known.name)?.map(String::as_str).collect();
            Some((known.name.to_string(), values.join(", ")))
        });
        let fail_on = matches.get_many::<String>(FAIL_ON).into_iter().flatten();
        let condition = |word: &String| Condition::ALL.into_iter().find(|condition| condition.as_str() == word);
        *self = Wanted {
            name: name.into(),
            arguments: given.collect(),
            out: matches.try_get_one(OUT).ok().flatten().cloned(),
            json: matches.get_one::<String>(FORMAT).is_some_and(|format| format == JSON),
            fail_on: fail_on.filter_map(condition).collect(),
        };
        Ok(())
    }
}

/// The name that stands for all reports.
const ALL: &str = "all";

/// The arguments that every report takes.
const OUT: &str = "out";
const FORMAT: &str = "format";
const FAIL_ON: &str = "fail-on";

const HTML: &str = "html";
const JSON: &str = "json";

fn out(file: &str) -> Arg {
    let help = format!(
        "Where to write the report; - is the standard output [default: out/{file} in the folder of the setting paths.reports]"
    );
    Arg::new(OUT).long(OUT).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

/// Adds the arguments that say what a command gives besides pages. The help lists the findings that are `possible`; the others are refused
/// when the command runs, with an error that says which reports find them.
fn with_results(command: Command, possible: &[Condition]) -> Command {
    let format = Arg::new(FORMAT)
        .long(FORMAT)
        .value_name("FORMAT")
        .value_parser([HTML, JSON])
        .help("What to write: a page, or the rows behind it [default: html]");
    let values =
        Condition::ALL.map(|condition| PossibleValue::new(condition.as_str()).hide(!possible.contains(&condition)));
    let fail_on = Arg::new(FAIL_ON)
        .long(FAIL_ON)
        .value_name("FINDING")
        .value_delimiter(',')
        .action(ArgAction::Append)
        .value_parser(PossibleValuesParser::new(values))
        .hide(possible.is_empty())
        .help("End with exit code 1 if the report finds this, cannot tell, or cannot be made; several are separated by commas");
    command.arg(format).arg(fail_on)
}

/// Returns the command of a report that comes with squall.
fn subcommand(report: &'static dyn Report) -> Command {
    let about = report.about();
    let arguments = about.arguments.iter().map(|known| {
        let argument = Arg::new(known.name).long(known.name).help(known.help);
        match known.value.strip_suffix('…') {
            _ if known.value.is_empty() => argument.action(ArgAction::SetTrue),
            Some(value) => argument.value_name(value).action(ArgAction::Append),
            None => argument.value_name(known.value),
        }
    });
    let command = Command::new(about.name).about(about.description).args(arguments).arg(out(about.file));
    with_results(command, &Condition::of(about.name))
}

fn built_in(name: &str) -> Option<&'static dyn Report> {
    REPORTS.iter().copied().find(|report| report.about().name == name)
}

/// Adds the command of a project's own report, if the arguments contain a name that squall itself does not know.
///
/// Whether the project has that report is checked when the command runs, because the settings are known only then.
pub fn with_own(mut program: Command, arguments: impl Iterator<Item = OsString>) -> Command {
    let matches = program
        .clone()
        .mut_subcommand("report", |report| report.allow_external_subcommands(true))
        .try_get_matches_from(arguments);
    let name =
        matches.ok().and_then(|matches| Some(matches.subcommand_matches("report")?.subcommand_name()?.to_string()));
    if let Some(name) = name.filter(|name| built_in(name).is_none() && name != "help" && name != ALL) {
        let file = format!("{name}.html");
        // clap takes names that live as long as the program; at most one name is leaked.
        let own = Command::new(&*name.leak()).about("A report of the project").arg(out(&file));
        let own = with_results(own, &[]);
        program = program.mut_subcommand("report", |report| report.subcommand(own));
    }
    program
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let sources = Sources::with_folder(&context.settings().paths.reports);
    match args.report {
        Some(wanted) if !args.list && wanted.name == ALL => every(wanted, &sources, context).await,
        Some(wanted) if !args.list => {
            let made = make(&wanted, &sources, context).await?;
            made.fail_on(&wanted.name, &wanted.fail_on)
        }
        _ => {
            let rows = known(context)?.into_iter().map(|(name, description)| vec![name, description]);
            print!("{}", columns(&rows.collect::<Vec<_>>(), 2));
            Ok(())
        }
    }
}

/// Makes every report that the project has data for; the last one is the index of the others. A report that fails does not stop the
/// others. With `--fail-on` it fails the command in the end.
async fn every(wanted: Wanted, sources: &Sources, context: &Context) -> Result<(), Failure> {
    let (index, others): (Vec<_>, Vec<_>) =
        known(context)?.into_iter().map(|(name, _)| name).partition(|name| name == INDEX);
    let mut result = Ok(());
    for name in others.into_iter().chain(index) {
        let one = Wanted { name: name.clone(), json: wanted.json, ..Wanted::default() };
        let made = match make(&one, sources, context).await {
            Ok(made) => made.fail_on(&name, &wanted.fail_on),
            Err(failure) => {
                workspace::warn(&format!("no report `{name}`: {}", failure.message_and_causes()), failure.hint());
                // What a report would have found is not known, so nothing vouches for its absence.
                match wanted.fail_on.is_empty() {
                    true => Ok(()),
                    false => Err(Failure::new(format!("the report `{name}` could not be made"))
                        .with_hint("the warning says why; without --fail-on this is only a warning")),
                }
            }
        };
        result = result.and(made);
    }
    result
}

/// Returns the names and descriptions of all reports, those of the project last.
pub fn known(context: &Context) -> Result<Vec<(String, String)>, Failure> {
    let own = OwnReport::all(&Sources::with_folder(&context.settings().paths.reports))?;
    let known = REPORTS.iter().map(|report| (report.about().name.to_string(), report.about().description.to_string()));
    Ok(known.chain(own.into_iter().map(|own| (own.name, own.description))).collect())
}

/// A report that was found by its name.
enum Found {
    BuiltIn(&'static dyn Report),
    Own(OwnReport),
}

/// What a report found.
struct Made(Vec<Condition>);

impl Made {
    /// Fails if the report found one of these, or could not tell whether there is one.
    fn fail_on(&self, report: &str, conditions: &[Condition]) -> Result<(), Failure> {
        let possible = Condition::of(report);
        let wanted: Vec<Condition> = conditions.iter().copied().filter(|wanted| possible.contains(wanted)).collect();
        let found: Vec<Condition> = wanted.iter().copied().filter(|wanted| self.0.contains(wanted)).collect();
        if !found.is_empty() {
            return Err(Failure::new(format!("the report found {}", listed(&found, "and")))
                .with_hint("the report says what and where; --fail-on names what ends the command like this"));
        }
        if !wanted.is_empty() && self.0.contains(&Condition::Unknown) {
            return Err(Failure::new(format!("the report cannot tell whether there is {}", listed(&wanted, "or")))
                .with_hint("the report says why; without --fail-on this does not end the command"));
        }
        Ok(())
    }
}

/// Refuses findings that a report cannot have: the command would never fail on them.
fn check_findings(report: &str, conditions: &[Condition]) -> Result<(), Failure> {
    let possible = Condition::of(report);
    let Some(other) = conditions.iter().find(|wanted| !possible.contains(wanted)) else { return Ok(()) };
    let of_report = match possible.is_empty() {
        true => "it has no findings for --fail-on".to_string(),
        false => format!("it can find {}", listed(&possible, "and")),
    };
    let others = other.reports().iter().map(|name| format!("`squall report {name}`")).collect::<Vec<_>>();
    Err(Failure::new(format!("the report `{report}` cannot find `{}`", other.as_str())).with_hint(format!(
        "{of_report}; `{}` is for {}",
        other.as_str(),
        others.join(", ")
    )))
}

fn listed(conditions: &[Condition], word: &str) -> String {
    let words: Vec<String> = conditions.iter().map(|condition| format!("`{}`", condition.as_str())).collect();
    words.join(&format!(" {word} "))
}

async fn make(wanted: &Wanted, sources: &Sources, context: &Context) -> Result<Made, Failure> {
    let found = match built_in(&wanted.name) {
        Some(report) => Found::BuiltIn(report),
        None => Found::Own(OwnReport::find(&wanted.name, sources)?),
    };
    check_findings(&wanted.name, &wanted.fail_on)?;
    let workspace = workspace::open_for_people(context).await?;
    let mut arguments = wanted.arguments.clone();
    let mut lineage = BTreeMap::new();
    if let Found::BuiltIn(report) = &found {
        match report.needs(&wanted.arguments) {
            Needs::Nothing => {}
            Needs::Lineage => lineage = drawn(&workspace).await?,
            Needs::LandedTicks => workspace::require_landed(&workspace).await?,
            Needs::TrainedModels => workspace::require_models(&workspace, context)?,
        }
        if report.about().arguments.iter().any(|argument| argument.name == FOLDER) {
            let folder = context.settings().reports_out_dir().display().to_string();
            arguments.entry(FOLDER.into()).or_insert(folder);
        }
    }
    let progress = context.progress("report", None);
    let request = Request {
        context: workspace.session.context(),
        sources,
        parameters: workspace.project.parameters(),
        arguments,
        generated_at: Utc::now(),
        journal: Arc::default(),
        lineage,
    };
    let (file, page) = match &found {
        Found::BuiltIn(report) => (report.about().file.to_string(), report.make(&request).await),
        Found::Own(own) => (format!("{}.html", own.name), own.make(&request).await),
    };
    let page = match page {
        Ok(page) => page,
        Err(error) => return Err(failure(error, &request.arguments, &workspace).await),
    };
    progress.finish();
    let text = match wanted.json {
        false => None,
        true => Some(request.document(&wanted.name, &page)),
    };
    if wanted.out.as_deref().is_some_and(|out| out == Path::new("-")) {
        print!("{}", text.unwrap_or(page.html));
        return Ok(Made(page.conditions));
    }
    let path = match (&wanted.out, wanted.json) {
        (Some(path), _) => path.clone(),
        (None, false) => written_path(file, context).await?,
        (None, true) => written_path(file.replace(".html", ".json"), context).await?,
    };
    let files = match text {
        Some(text) => report::write(vec![(path, text)]).await?,
        None => page.write(&path).await?,
    };
    println!("{}", page.verdict);
    for file in files {
        println!("{}", file.display());
    }
    for warning in &page.warnings {
        // A warning about the rows names no model.
        let hint = warning.split_once(": ").and_then(|(model, warning)| evaluation::after(model, warning));
        workspace::warn(warning, hint.as_deref());
    }
    Ok(Made(page.conditions))
}

/// Draws the lineage of the project under an empty name, and that of each query under its own. A query that cannot be planned has none.
async fn drawn(workspace: &Workspace) -> Result<BTreeMap<String, String>, Failure> {
    let context = workspace.session.context();
    let overview = workspace.project.lineage(None, Direction::Up, context).await?;
    let mut drawn = BTreeMap::from([(String::new(), overview.svg())]);
    for query in workspace.project.queries() {
        if let Ok(lineage) = workspace.project.lineage(Some(&query.name), Direction::Up, context).await {
            drawn.insert(query.name.clone(), lineage.svg());
        }
    }
    Ok(drawn)
}

/// Returns where a report is written by default, after removing what dead processes left there.
async fn written_path(file: String, context: &Context) -> Result<PathBuf, Failure> {
    let folder = context.settings().reports_out_dir();
    let path = folder.join(file);
    let removed = durable::blocking(move || durable::remove_leftovers(&folder)).await;
    match removed {
        Ok(()) => Ok(path),
        Err(source) => Err(report::Error::Write { path, source }.into()),
    }
}

/// Says why a report could not be made. A query that failed is explained as the shell explains it: first what the arguments name, which the
/// user typed, and otherwise the report's own query.
async fn failure(error: report::Error, arguments: &Arguments, workspace: &Workspace) -> Failure {
    let report::Error::Query { name, sql, source } = error else { return error.into() };
    let known = ["on", "reference", "current", "against"].into_iter();
    for (argument, relation) in known.filter_map(|name| arguments.get_key_value(name)) {
        let sql = format!("SELECT * FROM {}", report::source(relation));
        if let Err(error) = workspace.session.sql(&sql).await {
            // A model is not a relation, and the report says what is wrong with it.
            if !relation.starts_with("model:") {
                return explained(&workspace.session, &error.into(), &sql).await.within(&format!("--{argument}"));
            }
        }
    }
    let failed = match catalog::model_hint(&source) {
        Some(_) => workspace::query_failure(*source),
        None => explained(&workspace.session, &repl::Error::Query(*source), &sql).await,
    };
    failed.within(&format!("query `{name}`"))
}

/// Explains an error as the shell does.
async fn explained(session: &Session, error: &repl::Error, sql: &str) -> Failure {
    match repl::split(sql).into_iter().next() {
        Some(statement) => Diagnosis::find(session, error, statement, sql, None).await.into(),
        None => Failure::new(error.to_string()),
    }
}
