//! `squall run`

use super::days::{Days, without_data};
use super::selection::joined;
use super::{Context, Failure, workspace};
use crate::pipeline::{Made, Materialised, Waiting};

/// Materialises queries of the SQL project to Parquet, as far as they are stale
///
/// A table whose rows depend only on ticks around them is divided by UTC days; only the days that new ticks reach are made.
#[derive(Debug, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("what").args(["queries", "all"]).required(true))]
pub struct Args {
    /// Queries to materialise: NAME, +NAME (and what it reads), NAME+ (and what reads it), 2+NAME (two steps), spike_*, tag:T,
    /// path:P, kind:K, state:stale; a comma between two means both at once
    #[arg(value_name = "QUERY")]
    pub queries: Vec<String>,

    /// Materialises every query
    #[arg(long)]
    pub all: bool,

    /// Leaves out the queries that this selects
    #[arg(long, value_name = "QUERY", num_args = 1..)]
    pub exclude: Vec<String>,

    #[command(flatten)]
    pub days: Days,
}

/// Returns the selector for the queries that were named; without any, all.
pub(super) fn selector(queries: &[String], exclude: &[String]) -> String {
    let all = ["*".to_string()];
    joined(if queries.is_empty() { &all } else { queries }, exclude)
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let options = args.days.options()?;
    let workspace = workspace::open_to_compute(context).await?;
    let selector = selector(&args.queries, &args.exclude);
    let tables_dir = context.settings().tables_dir();
    let selected = workspace.project.select_in(&selector, workspace.session.context(), &tables_dir).await?;
    let width = selected.iter().map(|name| name.len()).max().unwrap_or_default().max("query".len());
    let without_data = without_data(&options, &workspace).await?;
    let progress = context.progress("run", Some(selected.len() as u64));
    progress.note(selected.first().copied().unwrap_or_default());
    println!("{:<width$}  {:>12}  {:<15}  {:>8}", "query", "rows", "made", "seconds");
    let mut following = selected.iter().skip(1);
    let mut notes = Vec::new();
    let mut done = |table: &Materialised| {
        let seconds = table.elapsed.as_secs_f64();
        println!(
            "{:<width$}  {:>12}  {:<15}  {seconds:>8.2}",
            table.name,
            table.rows,
            made(table.made, without_data.is_none())
        );
        progress.add(1);
        progress.note(following.next().copied().unwrap_or_default());
        if let Some(reason) = &table.never_fresh {
            notes.push(format!("queries that read `{}` compute it anew: {reason}", table.name));
        }
        if let Made::Days { stale: stale @ 1.., .. } = table.made {
            let days = if stale == 1 { "1 other day of it is".into() } else { format!("{stale} other days of it are") };
            notes.push(format!("queries that read `{}` compute it anew: {days} stale", table.name));
        }
    };
    let waiting = workspace.project.run(workspace.session.context(), &selector, &tables_dir, &options, &mut done).await;
    progress.finish();
    for note in notes {
        eprintln!("Note: {note}");
    }
    if !workspace.project.has_data(workspace.session.context()).await? {
        eprintln!("Note: no message is landed, so queries that read ticks have no rows: `squall land` lands messages");
    } else if let Some(days) = &without_data {
        eprintln!("Note: no message of {days} is landed, so there was nothing to make for these days");
    }
    for Waiting { query, model } in waiting? {
        eprintln!("Note: `{query}` waits for the model `{model}`: `squall train` trains it");
    }
    Ok(())
}

/// Returns how much of a table a run has made, as it is printed.
fn made(made: Made, has_data: bool) -> String {
    match made {
        Made::Nothing | Made::Days { made: 0, .. } if !has_data => "no data".into(),
        Made::Nothing => "fresh".into(),
        Made::Whole => "whole".into(),
        Made::Days { made, of, .. } => format!("{made} of {of} days"),
    }
}
