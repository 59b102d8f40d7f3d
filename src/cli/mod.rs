//! The command line: clap arguments and dispatch; one file per command.
//!
//! In: arguments and the environment. Out: an exit code; results on standard output, progress and errors on standard error.

#[macro_use]
mod print;

mod alerts;
mod check;
mod compare;
mod config;
mod days;
mod dead;
mod demo;
mod diff;
mod docs;
mod doctor;
mod duration;
mod evaluate;
mod evaluation;
mod failure;
mod ingest;
mod init;
mod land;
mod lineage;
mod lint;
mod list;
mod live;
mod live_plan;
mod logs;
mod new;
mod outcomes;
mod output;
mod parity;
mod plan;
mod profile;
mod progress;
mod prune;
mod reference;
mod relation;
mod repl;
mod replay;
mod report;
mod run;
mod runs;
mod score;
mod selection;
mod serve;
mod service;
mod show;
mod simulate;
mod sql;
mod test;
mod topic;
mod train;
mod verdicts;
mod walk_forward;
mod watch;
mod worker;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Resolved, Settings, resolve};
use crate::dialect::STACK;
pub use failure::Failure;
pub use progress::Progress;
pub use reference::markdown as reference;

/// Predicts short-horizon volatility spikes from live market data, in SQL
#[derive(Debug, Parser)]
#[command(
    name = "squall",
    version,
    arg_required_else_help = true,
    after_help = "Start with `squall demo`, or with `squall init` for a project of your own; `squall COMMAND --help` explains a command."
)]
pub struct Cli {
    /// The settings file; `squall.toml` in the working directory is read when there is one
    #[arg(long, global = true, value_name = "FILE", help_heading = reference::GLOBAL)]
    config: Option<PathBuf>,

    /// Overrides one setting, such as `land.late_ms=500`; may be repeated
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE", value_parser = assignment, help_heading = reference::GLOBAL)]
    set: Vec<(String, String)>,

    /// The folder of everything that squall stores, the same as --set paths.data=DIR
    #[arg(long, global = true, value_name = "DIR", help_heading = reference::GLOBAL)]
    data: Option<String>,

    /// The environment: its settings in squall.toml, its models, scores and reports; also SQUALL_ENV
    #[arg(long, global = true, value_name = "NAME", help_heading = reference::GLOBAL)]
    env: Option<String>,

    /// The workers that compute queries, HOST:PORT,…, the same as --set cluster.workers=…; `squall worker` starts one
    #[arg(long, global = true, value_name = "ADDR", value_delimiter = ',', help_heading = reference::GLOBAL)]
    workers: Vec<String>,

    /// Shows no progress
    #[arg(long, short, global = true, help_heading = reference::GLOBAL)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

/// Reads `section.key=value`.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().into(), value.trim().into())),
        _ => Err("it is written like land.late_ms=500".into()),
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Simulate(simulate::Args),
    Ingest(ingest::Args),
    Replay(replay::Args),
    Land(land::Args),
    Dead(dead::Args),
    Prune(prune::Args),
    Doctor(doctor::Args),
    List(list::Args),
    Show(show::Args),
    New(new::Args),
    Plan(plan::Args),
    Run(run::Args),
    Train(train::Args),
    Score(score::Args),
    Live(live::Args),
    Parity(parity::Args),
    Outcomes(outcomes::Args),
    Topic(topic::Args),
    Evaluate(evaluate::Args),
    Compare(compare::Args),
    Report(report::Args),
    Runs(runs::Args),
    Check(check::Args),
    Lint(lint::Args),
    Test(test::Args),
    Lineage(lineage::Args),
    Docs(docs::Args),
    Profile(profile::Args),
    Diff(diff::Args),
    Sql(sql::Args),
    Repl(repl::Args),
    Serve(serve::Args),
    Worker(worker::Args),
    Demo(demo::Args),
    Config(config::Args),
}

/// What every command gets.
#[derive(Debug, Clone)]
pub struct Context {
    pub resolved: Resolved,
    pub quiet: bool,
}

impl Context {
    /// Returns the settings in use.
    pub fn settings(&self) -> &Settings {
        &self.resolved.settings
    }

    /// Starts a progress line; it shows nothing if standard error is not a terminal, or with `--quiet`.
    pub fn progress(&self, label: &str, total: Option<u64>) -> Progress {
        Progress::start(label, total, self.quiet || print::is_json())
    }
}

/// How long the program waits at its end for work that nobody needs any more.
const LEAVING: Duration = Duration::from_secs(2);

/// Runs the program.
pub fn main() -> ExitCode {
    crate::error::panics::print_one_line(print::fault);
    let command = report::with_own(Cli::command(), std::env::args_os());
    let cli = match Cli::from_arg_matches(&command.get_matches_from(std::env::args_os().map(no_option))) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match on_threads(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Carries out a command. The first thread has a stack that the system chose, so another one plans.
fn on_threads(cli: Cli) -> Result<(), Failure> {
    let no_threads = |error: std::io::Error| Failure::new(format!("cannot start threads: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let runtime = runtime.map_err(no_threads)?;
    let planning = std::thread::Builder::new().name("squall".into()).stack_size(STACK);
    let run = move || {
        let ended = runtime.block_on(dispatch(cli));
        // Work that was cancelled ends soon, or is not worth waiting for.
        runtime.shutdown_timeout(LEAVING);
        ended
    };
    let running = planning.spawn(run).map_err(no_threads)?;
    // A panic of the other thread has said what it had to say.
    running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns an argument in a form that is not taken for an option if it is SQL that begins with a comment.
fn no_option(argument: OsString) -> OsString {
    match argument.to_str() {
        Some(text) if text.starts_with("--") && text[2..].starts_with(char::is_whitespace) => format!(" {text}").into(),
        _ => argument,
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Ingest(args) => args.service.begin("ingest"),
        Command::Land(args) => args.service.begin("land"),
        Command::Live(args) => args.service.begin("live"),
        _ => {}
    }
    let local = PathBuf::from("squall.toml");
    let file = cli.config.or_else(|| local.exists().then_some(local));
    // A variable that is not Unicode is not one of squall's.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let data = cli.data.map(|folder| ("paths.data".to_string(), folder));
    // Written as a list, because an address may itself begin with a bracket.
    let workers = (!cli.workers.is_empty()).then(|| ("cluster.workers".to_string(), format!("{:?}", cli.workers)));
    let flags: Vec<_> = cli.set.into_iter().chain(data).chain(workers).collect();
    let resolved = resolve(file.as_deref(), environment, &flags, cli.env.as_deref())?;
    for warning in &resolved.warnings {
        eprintln!("Warning: {warning}");
    }
    let context = &Context { resolved, quiet: cli.quiet };
    match cli.command {
        Command::Init(args) => init::run(args, context).await,
        Command::Simulate(args) => simulate::run(args, context).await,
        Command::Ingest(args) => ingest::run(args, context).await,
        Command::Replay(args) => replay::run(args, context).await,
        Command::Land(args) => land::run(args, context).await,
        Command::Dead(args) => dead::run(args, context).await,
        Command::Prune(args) => prune::run(args, context).await,
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::New(args) => new::run(args, context).await,
        Command::Plan(args) => plan::run(args, context).await,
        Command::Run(args) => run::run(args, context).await,
        Command::Train(args) => train::run(args, context).await,
        Command::Score(args) => score::run(args, context).await,
        Command::Live(args) => live::run(args, context).await,
        Command::Parity(args) => parity::run(args, context).await,
        Command::Outcomes(args) => outcomes::run(args, context).await,
        Command::Topic(args) => topic::run(args, context).await,
        Command::Evaluate(args) => evaluate::run(args, context).await,
        Command::Compare(args) => compare::run(args, context).await,
        Command::Report(args) => report::run(args, context).await,
        Command::Runs(args) => runs::run(args, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::Lint(args) => lint::run(args, context).await,
        Command::Test(args) => test::run(args, context).await,
        Command::Lineage(args) => lineage::run(args, context).await,
        Command::Docs(args) => docs::run(args, context).await,
        Command::Profile(args) => profile::run(args, context).await,
        Command::Diff(args) => diff::run(args, context).await,
        Command::Sql(args) => sql::run(args, context).await,
        Command::Repl(args) => repl::run(args, context).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::Worker(args) => worker::run(args, context).await,
        Command::Demo(args) => demo::run(args, context).await,
        Command::Config(args) => config::run(args, context).await,
    }
}
