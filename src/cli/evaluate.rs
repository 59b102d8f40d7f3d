//! `squall evaluate`

use super::evaluation::{self, Evaluation};
use super::{Context, Failure, runs, verdicts, walk_forward, workspace};

/// Shows how each model does on each split, and whether it beats the naive rule
///
/// Reads the query spike_metrics. Prevalence is the average precision of guessing; an undefined metric is a dash, with the
/// reason below the table. The verdicts come from the query spike_comparison: a model beats the naive rule if the 95 % interval
/// of the difference, over the same resamples of the test rows, lies above 0.
///
/// The figures are recorded in the table runs, and on MLflow if a server is set.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query or table that holds the metrics, one row a model and split
    #[arg(long, value_name = "QUERY", default_value = "spike_metrics")]
    pub from: String,

    /// How models are judged: as they were trained, on their splits; or walk_forward, trained anew on the past of each block of time
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t = Protocol::Splits)]
    pub protocol: Protocol,

    #[command(flatten)]
    pub walk_forward: walk_forward::Flags,
}

impl Args {
    /// Returns the arguments that judge trained models by a query.
    pub fn of(query: &str) -> Args {
        Args { from: query.into(), protocol: Protocol::Splits, walk_forward: walk_forward::Flags::default() }
    }
}

/// How models are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Protocol {
    /// Trained models on each split of the rows
    Splits,
    /// Each model trained anew on the rows before each block of time, and judged on that block
    WalkForward,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let start = chrono::Utc::now();
    if args.protocol == Protocol::WalkForward {
        return walk_forward::run(args.walk_forward, context).await;
    }
    if let Some(flag) = args.walk_forward.given() {
        return Err(
            Failure::new(format!("{flag} belongs to another protocol")).with_hint("add --protocol walk_forward")
        );
    }
    let workspace = workspace::open_for_people(context).await?;
    workspace::require_models(&workspace, context)?;
    let progress = context.progress("evaluate", None);
    let batches = workspace::rows(&workspace, &format!("SELECT * FROM {}", args.from)).await?;
    progress.finish();
    let missing = |name: &&str| batches.first().is_some_and(|batch| batch.column_by_name(name).is_none());
    if let Some(column) = ["model", "rows"].into_iter().find(missing) {
        return Err(Failure::new(format!("`{}` has no column `{column}`: it does not hold metrics", args.from))
            .with_hint(format!(
                "--from takes rows like those of ml_evaluate, such as --from \"ml_evaluate_all('{}', 'split')\"",
                args.from
            )));
    }
    let mut evaluations = Evaluation::read(&batches)?;
    // What is wrong with it has been said before.
    evaluations.retain(|evaluation| !evaluation.is_unreadable());
    if evaluations.is_empty() {
        return Err(Failure::new(format!("`{}` has no rows: no labelled row was scored", args.from)).with_hint(
            "squall sql 'SELECT split, count(*), count(spike) FROM spike_training GROUP BY split' shows what there is",
        ));
    }
    evaluation::print(&evaluations, &format!("squall sql 'SELECT * FROM {}'", args.from));
    let verdicts = verdicts::of(&workspace, &evaluations).await?;
    if !verdicts.is_empty() {
        println!("\n{}", verdicts.join("\n"));
    }
    evaluation::warn(&evaluations);
    runs::record(&evaluations, start, context).await;
    Ok(())
}
