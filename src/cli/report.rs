//! `squall report`

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::Utc;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, FromArgMatches, Subcommand, value_parser};

use super::{Context, Failure, workspace};
use crate::durable;
use crate::report::{self, Arguments, Needs, OwnReport, REPORTS, Report, Request, Sources};
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
}

impl Subcommand for Wanted {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(REPORTS.iter().copied().map(subcommand))
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
            let value = matches.get_one::<String>(known.name)?;
            Some((known.name.to_string(), value.clone()))
        });
        *self = Wanted { name: name.into(), arguments: given.collect(), out: matches.get_one(OUT).cloned() };
        Ok(())
    }
}

/// The argument that every report takes.
const OUT: &str = "out";

fn out(file: &str) -> Arg {
    let help = format!("Where to write the report [default: out/{file} in the folder of the setting paths.reports]");
    Arg::new(OUT).long(OUT).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

/// Returns the command of a report that comes with squall.
fn subcommand(report: &'static dyn Report) -> Command {
    let about = report.about();
    let arguments = about
        .arguments
        .iter()
        .map(|known| Arg::new(known.name).long(known.name).value_name(known.value).help(known.help));
    Command::new(about.name).about(about.description).args(arguments).arg(out(about.file))
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
    if let Some(name) = name.filter(|name| built_in(name).is_none() && name != "help") {
        let file = format!("{name}.html");
        // clap takes names that live as long as the program; at most one name is leaked.
        let own = Command::new(&*name.leak()).about("A report of the project").arg(out(&file));
        program = program.mut_subcommand("report", |report| report.subcommand(own));
    }
    program
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let sources = Sources::with_folder(&context.settings().paths.reports);
    match args.report {
        Some(wanted) if !args.list => make(wanted, &sources, context).await,
        _ => {
            let rows = known(context)?.into_iter().map(|(name, description)| vec![name, description]);
            print!("{}", columns(&rows.collect::<Vec<_>>(), 2));
            Ok(())
        }
    }
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

async fn make(wanted: Wanted, sources: &Sources, context: &Context) -> Result<(), Failure> {
    let found = match built_in(&wanted.name) {
        Some(report) => Found::BuiltIn(report),
        None => Found::Own(OwnReport::find(&wanted.name, sources)?),
    };
    let workspace = workspace::open(context).await?;
    if let Found::BuiltIn(report) = &found {
        match report.needs(&wanted.arguments) {
            Needs::Nothing => {}
            Needs::LandedTicks => workspace::require_landed(&workspace).await?,
            Needs::TrainedModels => workspace::require_models(&workspace, context)?,
        }
    }
    let progress = context.progress("report", None);
    let request = Request {
        context: workspace.session.context(),
        sources,
        parameters: workspace.project.parameters(),
        arguments: wanted.arguments,
        generated_at: Utc::now(),
    };
    let (file, page) = match &found {
        Found::BuiltIn(report) => (report.about().file.to_string(), report.make(&request).await),
        Found::Own(own) => (format!("{}.html", own.name), own.make(&request).await),
    };
    let page = page.map_err(failure)?;
    progress.finish();
    let path = match wanted.out {
        Some(path) => path,
        None => written_path(file, context).await?,
    };
    let files = page.write(&path).await?;
    println!("{}", page.verdict);
    for file in files {
        println!("{}", file.display());
    }
    for warning in &page.warnings {
        workspace::warn(warning, Some("`squall train` trains the models on the present rows"));
    }
    Ok(())
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

/// A failed query has its own hint if its cause is known, such as an untrained model.
fn failure(error: report::Error) -> Failure {
    match error {
        report::Error::Query { name, source } => workspace::query_failure(*source).within(&format!("query `{name}`")),
        other => other.into(),
    }
}
