//! `squall evaluate --protocol walk_forward`

use std::time::Instant;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Float64Type;

use super::evaluation::{number, width};
use super::{Context, Failure, workspace};
use crate::ml::{self, OUT_OF_FOLD, OutOfFold};
use crate::model::Role;
use crate::model::walk_forward::Protocol;
use crate::text::{columns, columns_that_fit, grouped, literal};

const SECOND_NS: i64 = 1_000_000_000;

/// How the rows are cut, as flags.
#[derive(Debug, Clone, clap::Args)]
pub struct Blocks {
    /// With walk_forward: into how many blocks of time the rows are cut
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub blocks: u16,

    /// With walk_forward: how many of the first blocks only train
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=999))]
    pub train_blocks: u16,

    /// With walk_forward: how much time lies between training rows and judged rows, beside the label's horizon
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32))]
    pub embargo_s: u32,

    /// With walk_forward: writes the judged rows, with fold, label, score and the naive rule's score, to this Parquet file
    #[arg(long, value_name = "FILE")]
    pub out: Option<std::path::PathBuf>,
}

/// The figures of a model; `label`, `score`, `baseline` (the naive rule's score), `ts` and `fold` are columns.
const FIGURES: &[(&str, &str)] = &[
    ("rows", "count(score)"),
    ("prevalence", "prevalence(label) FILTER (WHERE score IS NOT NULL)"),
    ("avg_prec", "average_precision(label, score)"),
    ("gain", "average_precision_gain(label, score, baseline, ts)['estimate']"),
    ("low", "average_precision_gain(label, score, baseline, ts)['low']"),
    ("high", "average_precision_gain(label, score, baseline, ts)['high']"),
    ("roc_auc", "roc_auc(label, score)"),
];

/// Trains and judges every model of the project fold by fold, and prints its figures over the judged rows of all folds.
pub async fn run(args: Blocks, context: &Context) -> Result<(), Failure> {
    if args.train_blocks >= args.blocks {
        return Err(Failure::new(format!("all {} blocks only train", args.blocks))
            .with_hint("give --train-blocks a smaller number than --blocks"));
    }
    let workspace = workspace::open(context).await?;
    workspace::require_landed(&workspace).await?;
    let parameters = &context.settings().parameters;
    let horizon_s = parameters.get("horizon_s").and_then(|value| value.as_integer()).unwrap_or(60);
    let quantile = parameters.get("tau_quantile").and_then(|value| value.as_float()).unwrap_or(0.95);
    let protocol = Protocol {
        blocks: args.blocks.into(),
        train_blocks: args.train_blocks.into(),
        purge_ns: horizon_s * SECOND_NS,
        embargo_ns: i64::from(args.embargo_s) * SECOND_NS,
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
    print(&workspace, &judged, &protocol).await?;
    failures.iter().for_each(Failure::print);
    match naive {
        None => {
            workspace::warn("the project has no naive rule to compare with", Some("docs/models.md says what it is"))
        }
        Some(_) => {
            println!(
                "\ngain is average precision less that of the naive rule on the same rows, low to high its 95 % interval;"
            );
            println!("prevalence is the average precision of guessing");
        }
    }
    failures.pop().map_or(Ok(()), Err)
}

async fn print(workspace: &workspace::Workspace, judged: &[OutOfFold], protocol: &Protocol) -> Result<(), Failure> {
    let figures: Vec<String> = FIGURES.iter().map(|(_, sql)| format!("CAST({sql} AS DOUBLE)")).collect();
    let mut heading: Vec<String> = vec!["model".into(), "episodes".into()];
    heading.extend(FIGURES.iter().map(|(name, _)| name.to_string()));
    let mut lines = vec![heading];
    for model in judged {
        let of = format!("FROM {OUT_OF_FOLD} WHERE model = {}", literal(&model.model));
        let horizon = format!("INTERVAL '{} nanoseconds'", model.horizon_ns);
        let episodes = format!(
            "SELECT CAST(count(*) AS DOUBLE) FROM (SELECT ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS since {of} AND label)
             WHERE since IS NULL OR since >= {horizon}"
        );
        let sql = format!("SELECT CAST(({episodes}) AS DOUBLE) AS episodes, {} {of}", figures.join(", "));
        let batches = workspace::rows(workspace, &sql).await?;
        let cells = batches.iter().filter(|batch| batch.num_rows() > 0).flat_map(|batch| batch.columns());
        let values: Vec<Option<f64>> = cells.map(|cell| cell.as_primitive::<Float64Type>().iter().next()?).collect();
        let mut line = vec![model.model.clone()];
        for (index, value) in values.into_iter().enumerate() {
            let whole = index < 2;
            line.push(match value {
                Some(value) if whole => grouped(value as u64),
                value => number(value),
            });
        }
        lines.push(line);
    }
    let first = &judged[0];
    let rows: usize = first.folds.iter().map(|fold| fold.rows.len()).sum();
    println!(
        "{} blocks by time, the first {} only train; purge {} s, embargo {} s; {} judged rows in {} folds\n",
        protocol.blocks,
        protocol.train_blocks,
        first.horizon_ns / SECOND_NS,
        protocol.embargo_ns / SECOND_NS,
        grouped(rows as u64),
        first.folds.len()
    );
    let fit = columns_that_fit(&lines, width());
    lines.iter_mut().for_each(|line| line.truncate(fit));
    print!("{}", columns(&lines, 1));
    Ok(())
}
