//! `squall evaluate --protocol walk_forward`

use std::time::Instant;

use super::evaluation::{Columns, number, width};
use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::ml::{self, OUT_OF_FOLD, OutOfFold};
use crate::model::Role;
use crate::model::bootstrap::Settings;
use crate::model::walk_forward::Protocol;
use crate::text::{columns, columns_that_fit, counted, grouped, literal};

const SECOND_NS: i64 = 1_000_000_000;

const BLOCKS: u16 = 8;
const TRAIN_BLOCKS: u16 = 3;
const EMBARGO_S: u32 = 300;

/// How the rows are cut, and where they go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// With walk_forward: into how many blocks of time the rows are cut (8 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000))]
    blocks: Option<u16>,

    /// With walk_forward: how many of the first blocks only train (3 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=999))]
    train_blocks: Option<u16>,

    /// With walk_forward: how much time lies between training rows and judged rows, beside the label's horizon (300 s unless given)
    #[arg(long, value_name = "SECONDS")]
    embargo_s: Option<u32>,

    /// With walk_forward: writes the judged rows, with fold, label, score and the naive rule's score, to this Parquet file
    #[arg(long, value_name = "FILE")]
    out: Option<std::path::PathBuf>,
}

impl Flags {
    /// Returns a flag that was given.
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.blocks.is_some(), "--blocks"),
            (self.train_blocks.is_some(), "--train-blocks"),
            (self.embargo_s.is_some(), "--embargo-s"),
            (self.out.is_some(), "--out"),
        ];
        flags.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
    }
}

/// The figures of a model, from a row of the query in [`figures`].
const FIGURES: &[(&str, &str)] = &[
    ("rows", "rows"),
    ("avg_prec", "average_precision"),
    ("gain", "gain['estimate']"),
    ("low", "gain['low']"),
    ("high", "gain['high']"),
    ("roc_auc", "roc_auc"),
];

/// Trains and judges every model of the project fold by fold, and prints its figures over the judged rows of all folds.
pub async fn run(args: Flags, context: &Context) -> Result<(), Failure> {
    let (blocks, train_blocks) = (args.blocks.unwrap_or(BLOCKS), args.train_blocks.unwrap_or(TRAIN_BLOCKS));
    if train_blocks >= blocks {
        return Err(Failure::new(format!("all {blocks} blocks only train"))
            .with_hint("give --train-blocks a smaller number than --blocks"));
    }
    let workspace = workspace::open(context).await?;
    workspace::require_landed(&workspace).await?;
    let parameters = &context.settings().parameters;
    let horizon_s = parameters.get("horizon_s").and_then(|value| value.as_integer()).unwrap_or(60);
    let quantile = parameters.get("tau_quantile").and_then(|value| value.as_float()).unwrap_or(0.95);
    let protocol = Protocol {
        blocks: blocks.into(),
        train_blocks: train_blocks.into(),
        purge_ns: horizon_s * SECOND_NS,
        embargo_ns: i64::from(args.embargo_s.unwrap_or(EMBARGO_S)) * SECOND_NS,
        positive_quantile: quantile,
    };
    let names = workspace.project.model_names();
    if names.is_empty() {
        return Err(Failure::new("the project has no models").with_hint("`squall new model NAME` begins one"));
    }
    let progress = context.progress("walk forward", Some(names.len() as u64));
    let mut judged: Vec<OutOfFold> = Vec::new();
    let mut naive = None;
    let mut failures = Vec::new();
    for name in names {
        progress.note(name);
        let start = Instant::now();
        let statement = workspace.project.model_statement(name).and_then(|text| ml::parse(&text)?.ok());
        let Some(statement) = statement else { continue };
        match ml::out_of_fold(workspace.session.context(), &statement, &protocol).await {
            Ok(model) => {
                if statement.options.model_type.role == Role::Naive {
                    naive = Some(judged.len());
                }
                judged.push(model);
            }
            Err(error) => failures.push(Failure::from(error).within(name)),
        }
        progress.add(1);
        progress.note(format!("{name} in {:.2} s", start.elapsed().as_secs_f64()));
    }
    progress.finish();
    if judged.is_empty() {
        return Err(failures.pop().unwrap_or_else(|| Failure::new("no model can be judged")));
    }
    let rows = ml::out_of_fold_table(&judged, naive.map(|place| &judged[place]))?;
    workspace.session.context().register_table(OUT_OF_FOLD, rows).map_err(workspace::query_failure)?;
    if let Some(file) = &args.out {
        let copy = format!("COPY (SELECT * FROM {OUT_OF_FOLD}) TO {}", literal(&file.display().to_string()));
        workspace::rows(&workspace, &format!("{copy} STORED AS PARQUET")).await?;
    }
    print(&workspace, &judged, naive, &protocol).await?;
    failures.iter().for_each(Failure::print);
    match naive {
        None => {
            workspace::warn("the project has no naive rule to compare with", Some("docs/models.md says what it is"))
        }
        Some(_) => {
            println!(
                "\ngain: average precision less that of the naive rule on the same rows; low, high: its\n95 % interval; prevalence: the average precision of guessing"
            );
        }
    }
    failures.pop().map_or(Ok(()), Err)
}

/// Prints how the rows were cut, a line of figures for each model, and the verdicts.
async fn print(
    workspace: &Workspace,
    judged: &[OutOfFold],
    naive: Option<usize>,
    protocol: &Protocol,
) -> Result<(), Failure> {
    let mut heading: Vec<String> = vec!["model".into()];
    heading.extend(FIGURES.iter().map(|(name, _)| name.to_string()));
    let mut lines = vec![heading];
    let mut verdicts = Vec::new();
    let mut market = String::new();
    for (place, model) in judged.iter().enumerate() {
        for batch in workspace::rows(workspace, &figures(model)).await? {
            let row = Columns(&batch);
            for index in 0..batch.num_rows() {
                let mut line = vec![model.model.clone()];
                for (name, _) in FIGURES {
                    line.push(match *name {
                        "rows" => grouped(count(row.whole(name, index)?)),
                        name => number(row.number(name, index)?),
                    });
                }
                lines.push(line);
                if naive.is_some_and(|naive| naive != place) {
                    let verdict = row.text("verdict", index)?.unwrap_or_default();
                    verdicts.push(format!("{}: {verdict}\n", model.model));
                }
                let prevalence = number(row.number("prevalence", index)?);
                market =
                    format!("{}, prevalence {prevalence}", counted(count(row.whole("episodes", index)?), "episode"));
            }
        }
    }
    let first = &judged[0];
    println!(
        "{} blocks by time, the first {} only train; purge {} s, embargo {} s\n{} judged rows in {} folds, {market}\n",
        protocol.blocks,
        protocol.train_blocks,
        first.horizon_ns / SECOND_NS,
        protocol.embargo_ns / SECOND_NS,
        grouped(first.folds.iter().map(|fold| fold.rows.len() as u64).sum()),
        first.folds.len()
    );
    let fit = columns_that_fit(&lines, width());
    lines.iter_mut().for_each(|line| line.truncate(fit));
    print!("{}\n{}", columns(&lines, 1), verdicts.concat());
    Ok(())
}

/// Returns the query of a model's figures.
fn figures(model: &OutOfFold) -> String {
    let columns: Vec<String> = FIGURES.iter().map(|(name, value)| format!("{value} AS {name}")).collect();
    let horizon_s = (model.horizon_ns / SECOND_NS).max(1);
    format!(
        "SELECT {}, episodes, prevalence,
            verdict(average_precision, average_precision - gain['estimate'], prevalence, gain['low'], gain['high'], episodes,
                'the naive rule') AS verdict
        FROM (
            SELECT count(score) AS rows, spike_episodes(label, ts, {horizon_s}) AS episodes,
                prevalence(label) FILTER (WHERE score IS NOT NULL) AS prevalence,
                average_precision(label, score) AS average_precision, roc_auc(label, score) AS roc_auc,
                average_precision_gain(label, score, baseline, ts, {}) AS gain
            FROM {OUT_OF_FOLD} WHERE model = {}
        )",
        columns.join(", "),
        Settings::for_horizon(model.horizon_ns).block_s,
        literal(&model.model),
    )
}

fn count(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
