//! `squall report`

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::{Context, Failure, workspace};
use crate::report::{self, DriftOptions, EvaluationOptions, Report};

/// Renders an HTML report: one file that needs no network and no script
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub report: Kind,
}

/// The reports there are.
#[derive(Debug, Subcommand)]
pub enum Kind {
    /// Does the model beat the naive rule: metrics, curves, calibration, alerts, a timeline
    Eval(EvalArgs),
    /// Which columns' distributions changed between a reference and a current sample
    Drift(DriftArgs),
}

/// Arguments of `squall report eval`.
#[derive(Debug, Default, clap::Args)]
pub struct EvalArgs {
    /// The model in question; by default the best on validation of those that are more than a rule
    #[arg(long)]
    pub model: Option<String>,

    /// Where to write the report [default: evaluation.html in the setting paths.reports]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `squall report drift`.
#[derive(Debug, Default, clap::Args)]
pub struct DriftArgs {
    /// A table, view or query to compare with [default: drift_reference, the training rows]
    #[arg(long, value_name = "QUERY")]
    pub reference: Option<String>,

    /// A table, view or query to compare [default: drift_current, the test rows]
    #[arg(long, value_name = "QUERY")]
    pub current: Option<String>,

    /// Where to write the report [default: drift.html in the setting paths.reports]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    match args.report {
        Kind::Eval(args) => eval(args, context).await,
        Kind::Drift(args) => drift(args, context).await,
    }
}

async fn eval(args: EvalArgs, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    workspace::require_models(&workspace, context)?;
    let progress = context.progress("report", None);
    let options = EvaluationOptions { model: args.model, generated_at: Utc::now() };
    let report = report::evaluation(workspace.session.context(), &options).await.map_err(failure)?;
    progress.finish();
    write(&report, args.out, "evaluation.html", context)
}

async fn drift(args: DriftArgs, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    if args.reference.is_none() || args.current.is_none() {
        workspace::require_landed(&workspace).await?;
    }
    let progress = context.progress("report", None);
    let options = DriftOptions { reference: args.reference, current: args.current, generated_at: Utc::now() };
    let report = report::drift(workspace.session.context(), &options).await.map_err(failure)?;
    progress.finish();
    write(&report, args.out, "drift.html", context)
}

/// A failed query has its own hint where its cause is known, such as an untrained model.
fn failure(error: report::Error) -> Failure {
    match error {
        report::Error::Query { source, .. } => workspace::query_failure(*source),
        other => other.into(),
    }
}

fn write(report: &Report, out: Option<PathBuf>, name: &str, context: &Context) -> Result<(), Failure> {
    let path = out.unwrap_or_else(|| Path::new(&context.settings().paths.reports).join(name));
    report.write(&path)?;
    println!("{}", report.verdict);
    println!("{}", path.display());
    Ok(())
}
