//! `squall outcomes`: scores that were emitted live, beside what then happened.

use std::path::PathBuf;
use std::time::Duration;

use datafusion::arrow::compute::concat_batches;

use super::workspace::{self, query_failure};
use super::{Context, Failure, duration, output};
use crate::dialect::one_expression;
use crate::live;
use crate::live::sink::Kept;
use crate::repl::Format;
use crate::text::{identifier, literal};

/// The column that says which version of a model gave a score.
const VERSION: &str = "model_version";

/// Compares scores that `squall live` wrote with what happened: precision, calibration, alerts and episodes
///
/// Each score is joined with the row of a label query for the same product and time, computed over landed ticks by the same file as in
/// training. A score whose horizon is not over has no outcome yet. A line is a span of time of a product, by model version if the rows
/// have it: rows, and rows with an outcome; `expected`, the mean score, and `happened`, the share of events, which agree if scores are
/// calibrated; average precision, Brier score, the precision of alerts, and episodes with those that an alert caught.
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

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    one_expression(&args.event).map_err(|complaint| {
        Failure::new(format!("--event: {}", complaint.message))
            .with_hint("write one condition over the label's columns, such as 'forward_vol >= 0.001'")
    })?;
    let workspace = workspace::open_to_compute(context).await?;
    for name in [&args.query, &args.label] {
        if let Some(failure) = workspace.why_disabled(name) {
            return Err(failure);
        }
    }
    let project = &workspace.project;
    let label = project.query(&args.label).ok_or_else(|| project.unknown(&args.label))?;
    let nothing = || live::Error::Nothing { dir: args.of.clone(), name: args.query.clone() };
    let kept = Kept::read(&args.of, &args.query)?.ok_or_else(nothing)?;
    if kept.files(&args.of)?.is_empty() {
        return Err(nothing().into());
    }
    let has = |name: &str| kept.columns.iter().any(|(column, _)| column == name);
    if !has(&args.score) {
        let columns: Vec<&str> = kept.columns.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(format!("the rows of `{}` have no column `{}`", args.query, args.score))
            .with_hint(format!("name one with --score; the columns are {}", columns.join(", "))));
    }
    let horizon = label.header.horizon.as_deref().and_then(|text| duration::parse(text).ok());
    let horizon = horizon.map_or(String::new(), |horizon| format!(", {}", horizon.as_secs()));
    let files = literal(&args.of.join(format!("{}-*.parquet", args.query)).display().to_string());
    let version = if has(VERSION) { format!("{VERSION}, ") } else { String::new() };
    let sql = format!(
        "WITH labels AS (SELECT product_id, ts, ({event}\n) AS happened FROM {label}), \
         joined AS (SELECT s.product_id, s.ts, {versions}CAST(s.{score} AS DOUBLE) AS score, l.happened \
         FROM {files} AS s LEFT JOIN labels AS l ON l.product_id = s.product_id AND l.ts = s.ts), \
         spans AS (SELECT date_bin(INTERVAL '{span} seconds', ts) AS since, product_id, {version}count(*) AS rows, \
         count(happened) AS known, avg(score) FILTER (WHERE happened IS NOT NULL) AS expected, \
         avg(CAST(happened AS INT)) AS happened, average_precision(happened, score) AS average_precision, \
         brier_score(happened, score) AS brier, precision_at(happened, score, {threshold:?}) AS alert_precision, \
         episode_metrics(happened, score, ts, {threshold:?}{horizon}) AS found FROM joined GROUP BY 1, product_id{group}) \
         SELECT since, product_id, {version}rows, known, expected, happened, average_precision, brier, alert_precision, \
         found['episodes'] AS episodes, found['caught'] AS caught FROM spans ORDER BY since, product_id{group}",
        event = args.event,
        label = identifier(&args.label),
        score = identifier(&args.score),
        versions = if has(VERSION) { format!("s.{VERSION}, ") } else { String::new() },
        span = args.span.as_secs().max(1),
        threshold = args.threshold,
        group = if has(VERSION) { format!(", {VERSION}") } else { String::new() },
    );
    let frame = workspace.session.sql(&sql).await?;
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    let rows = frame.collect().await.map_err(query_failure)?;
    let rows = concat_batches(&schema, &rows).map_err(|error| Failure::new(error.to_string()))?;
    output::write(args.format.unwrap_or(Format::TABLE), &rows)
}
