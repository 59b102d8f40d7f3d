//! `squall outcomes`: scores that were emitted live, beside what then happened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::DataType;

use super::workspace::{self, Workspace, query_failure};
use super::{Context, Failure, duration, output};
use crate::dialect::one_expression;
use crate::live;
use crate::live::outcomes::{Asked, Found, Lines, Outcomes, files, statement};
use crate::live::sink::Kept;
use crate::live::{Board, LivePlan};
use crate::log::Tell;
use crate::metrics::Metrics;
use crate::repl::Format;
use crate::text::identifier;

/// Compares scores that `squall live` wrote with what happened: precision, calibration, alerts and episodes
///
/// Each score is joined with the row of a label query for the same product and time, computed over landed ticks by the same file as in
/// training. A score whose horizon is not over has no outcome yet. A line is a span of time of a product, by model and version if the
/// rows have them: rows, and rows with an outcome; `expected`, the mean score, and `happened`, the share of events, which agree if scores
/// are calibrated; average precision, Brier score, precision and recall of alerts; and episodes with those that an alert caught. Each
/// `expected_…` is what the scores of all rows alone make one expect, if each is the probability of its row; no label is needed for it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query whose rows were written
    #[arg(value_name = "QUERY")]
    pub query: String,

    /// The folder to which `squall live --to` wrote the rows
    #[arg(long, value_name = "FOLDER")]
    pub of: PathBuf,

    /// The label query
    #[arg(long, value_name = "QUERY")]
    pub label: String,

    /// The event, as a SQL condition over the label's columns, such as 'forward_vol >= 0.001'
    #[arg(long, value_name = "CONDITION")]
    pub event: String,

    /// The column with the score
    #[arg(long, value_name = "COLUMN", default_value = "score")]
    pub score: String,

    /// An alert stands at a row whose score is at least this
    #[arg(long, value_name = "SCORE", value_parser = number, default_value_t = 0.5)]
    pub threshold: f64,

    /// The span of time of a line, such as 15m or 1d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1h")]
    pub span: Duration,

    /// What is printed
    #[arg(long, value_parser = Format::parser())]
    pub format: Option<Format>,
}

/// Reads a number that can be compared with scores.
fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is not a number".to_string())?;
    match number.is_finite() {
        true => Ok(number),
        false => Err("no score can be compared with it".into()),
    }
}

/// Finds out what is asked about scores.
///
/// # Errors
/// The label is not a query of the project, or the event is not a condition over its columns.
async fn asked(workspace: &Workspace, [label, event, score]: [&str; 3], threshold: f64) -> Result<Asked, Failure> {
    let hint = "write one condition over the label's columns, such as 'forward_vol >= 0.001'";
    one_expression(event)
        .map_err(|complaint| Failure::new(format!("--event: {}", complaint.message)).with_hint(hint))?;
    if let Some(failure) = workspace.why_disabled(label) {
        return Err(failure);
    }
    let query = workspace.project.query(label).ok_or_else(|| workspace.project.unknown(label))?;
    let horizon = query.header.horizon.as_deref().and_then(|text| duration::parse(text).ok());
    let sql = format!("SELECT product_id, ts, ({event}\n) AS happened FROM {}", identifier(label));
    let planned = workspace.session.sql(&sql).await?;
    if *planned.schema().field(2).data_type() != DataType::Boolean {
        return Err(Failure::new("--event: it is neither true nor false").with_hint(hint));
    }
    let [label, event, score] = [label, event, score].map(String::from);
    Ok(Asked { label, event, score, threshold, horizon })
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open_to_compute(context).await?;
    if let Some(failure) = workspace.why_disabled(&args.query) {
        return Err(failure);
    }
    let asked = asked(&workspace, [&args.label, &args.event, &args.score], args.threshold).await?;
    let nothing = || live::Error::Nothing { dir: args.of.clone(), name: args.query.clone() };
    let kept = Kept::read(&args.of, &args.query)?.ok_or_else(nothing)?;
    if kept.files(&args.of)?.is_empty() {
        return Err(nothing().into());
    }
    if !kept.has(&args.score) {
        let columns: Vec<&str> = kept.columns.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(format!("the rows of `{}` have no column `{}`", args.query, args.score))
            .with_hint(format!("name one with --score; the columns are {}", columns.join(", "))));
    }
    let relations = [files(&args.of, &args.query), identifier(&args.label)];
    let sql = statement(&asked, &kept, relations.each_ref().map(String::as_str), Lines::Spans(args.span));
    let frame = workspace.session.sql(&sql).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let rows = frame.collect().await.map_err(query_failure)?;
    let rows = concat_batches(&schema, &rows).map_err(|error| Failure::new(error.to_string()))?;
    output::write(args.format.unwrap_or(Format::TABLE), &rows)
}

/// The outcomes that `squall live` looks at while it runs.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Beside {
    /// Joins scores with this label query once the horizon is over and ticks have landed, and shows how good they were: as metrics, on
    /// the board, and as a table at the end. Needs --event, and a folder in --to
    #[arg(long, value_name = "QUERY", requires = "event")]
    pub outcomes: Option<String>,

    /// The event, as a SQL condition over the label's columns, such as 'forward_vol >= 0.001'
    #[arg(long, value_name = "CONDITION", requires = "outcomes")]
    pub event: Option<String>,

    /// The column with the score
    #[arg(long, value_name = "COLUMN", default_value = "score", requires = "outcomes")]
    pub score: String,

    /// An alert stands at a row whose score is at least this; --alert decides who is told of what
    #[arg(long, value_name = "SCORE", value_parser = number, default_value_t = 0.5, requires = "outcomes")]
    pub threshold: f64,

    /// How long to rest before outcomes are looked at again
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s", requires = "outcomes")]
    pub outcomes_every: Duration,

    /// The time that the rows cover whose outcomes are looked at: the last hour of each query
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1h", requires = "outcomes")]
    pub outcomes_span: Duration,
}

impl Beside {
    /// Begins to look at outcomes; `None` if nobody asks for them. `dir` is the folder to which rows go, if they go to one.
    ///
    /// # Errors
    /// What is asked cannot be answered.
    pub async fn start(
        &self,
        workspace: &Workspace,
        plans: &[LivePlan],
        dir: Option<&Path>,
        metrics: &Metrics,
        board: Option<&Board>,
        tell: &Tell,
    ) -> Result<Option<Outcomes>, Failure> {
        let (Some(label), Some(event)) = (&self.outcomes, &self.event) else { return Ok(None) };
        let dir = dir.ok_or_else(|| {
            Failure::new("--outcomes reads the rows that a folder holds, and rows do not go to one")
                .with_hint("name a folder: --to out")
        })?;
        let asked = asked(workspace, [label, event, &self.score], self.threshold).await?;
        if asked.horizon.is_some_and(|horizon| horizon >= self.outcomes_span) {
            return Err(Failure::new(format!("--outcomes-span is not longer than the horizon of `{label}`"))
                .with_hint("the last rows have no outcome until their horizon is over; name a longer span"));
        }
        let has_score =
            |plan: &LivePlan| ["product_id", "ts", &self.score].iter().all(|name| plan.schema().index_of(name).is_ok());
        if !plans.iter().any(has_score) {
            return Err(Failure::new(format!("no rows have a column `{}`", self.score))
                .with_hint("name the column with the score with --score, and a query that has it"));
        }
        let started = Outcomes::start(live::outcomes::Options {
            asked,
            dir: dir.into(),
            queries: plans.iter().map(|plan| plan.name().to_string()).collect(),
            project: Arc::new(workspace.project.clone()),
            context: workspace.session.context().clone(),
            every: self.outcomes_every,
            span: self.outcomes_span,
            metrics: metrics.clone(),
            board: board.cloned(),
            tell: tell.clone(),
        });
        Ok(Some(started.map_err(|source| live::Error::Thread { source })?))
    }
}

/// Prints what became of scores: the table on standard output, and drift on standard error.
pub fn report(found: &Found) -> Result<(), Failure> {
    for table in &found.tables {
        output::write(Format::TABLE, table)?;
    }
    for sentence in &found.drifted {
        eprintln!("Note: {sentence}");
    }
    Ok(())
}
