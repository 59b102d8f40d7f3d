//! `squall evaluate --protocol walk_forward`

use std::time::Instant;

use super::evaluation::{Columns, number, width};
use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::ml::{self, Folds, Judged, MOST_BLOCKS, WALK_FORWARD};
use crate::model::Role;
use crate::model::bootstrap::Settings;
use crate::model::walk_forward::Window;
use crate::text::{columns, columns_that_fit, counted, grouped, literal};

const SECOND_NS: i64 = 1_000_000_000;

/// How the rows are cut, and where they go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// With walk_forward: into how many blocks of time the rows are cut (8 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=i64::from(MOST_BLOCKS)))]
    blocks: Option<u16>,

    /// With walk_forward: how many of the first blocks only train (3 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..i64::from(MOST_BLOCKS)))]
    train_blocks: Option<u16>,

    /// With walk_forward: which blocks before the judged one train: all of them, or as many as the first training blocks
    #[arg(long, value_name = "WINDOW", value_parser = Window::NAMES)]
    window: Option<String>,

    /// With walk_forward: how long before a judged block training rows end (as far as the label looks ahead unless given)
    #[arg(long, value_name = "SECONDS")]
    purge_s: Option<u32>,

    /// With walk_forward: how much more time lies between training rows and judged rows (as far as the features look back unless given)
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
            (self.window.is_some(), "--window"),
            (self.purge_s.is_some(), "--purge-s"),
            (self.embargo_s.is_some(), "--embargo-s"),
            (self.out.is_some(), "--out"),
        ];
        flags.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
    }

    /// Returns the folds that the flags say, with defaults.
    fn folds(&self) -> Result<Folds, Failure> {
        let default = Folds::default();
        let folds = Folds {
            blocks: self.blocks.unwrap_or(default.blocks),
            train_blocks: self.train_blocks.unwrap_or(default.train_blocks),
            window: self.window.as_deref().and_then(Window::named).unwrap_or(default.window),
            purge_s: self.purge_s,
            embargo_s: self.embargo_s,
        };
        if folds.train_blocks < folds.blocks {
            return Ok(folds);
        }
        Err(Failure::new(format!("all {} blocks only train", folds.blocks))
            .with_hint("give --train-blocks a smaller number than --blocks"))
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
    let folds = args.folds()?;
    let workspace = workspace::open_to_compute(context).await?;
    workspace::require_landed(&workspace).await?;
    let names = workspace.project.model_names();
    if names.is_empty() {
        return Err(Failure::new("the project has no models").with_hint("`squall new model NAME` begins one"));
    }
    let progress = context.progress("walk forward", Some(names.len() as u64));
    let mut judged: Vec<Judged> = Vec::new();
    let mut naive = None;
    let mut failures = Vec::new();
    for name in names {
        progress.note(name);
        let start = Instant::now();
        let statement = workspace.project.model_statement(name).and_then(|text| ml::parse(&text)?.ok());
        let Some(statement) = statement else { continue };
        match ml::judge(workspace.session.context(), &statement, &folds).await {
            Ok(model) => {
                if statement.recipe.candidates.iter().any(|options| options.model_type.role == Role::Naive) {
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
    let rows = ml::walk_forward_table(&judged, naive.map(|place| &judged[place]))?;
    workspace.session.context().register_table(WALK_FORWARD, rows).map_err(workspace::query_failure)?;
    if let Some(file) = &args.out {
        let copy = format!("COPY (SELECT * FROM {WALK_FORWARD}) TO {}", literal(&file.display().to_string()));
        workspace::rows(&workspace, &format!("{copy} STORED AS PARQUET")).await?;
    }
    print(&workspace, &judged, naive).await?;
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
async fn print(workspace: &Workspace, judged: &[Judged], naive: Option<usize>) -> Result<(), Failure> {
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
    let protocol = &first.protocol;
    println!(
        "{} blocks by time, the first {} only train{}; purge {} s, embargo {} s\n{} judged rows in {} folds, {market}\n",
        protocol.blocks,
        protocol.train_blocks,
        if protocol.window == Window::Rolling { ", rolling" } else { "" },
        protocol.purge_ns / SECOND_NS,
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
fn figures(model: &Judged) -> String {
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
            FROM {WALK_FORWARD} WHERE model = {}
        )",
        columns.join(", "),
        Settings::for_horizon(model.horizon_ns).block_s,
        literal(&model.model),
    )
}

fn count(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
