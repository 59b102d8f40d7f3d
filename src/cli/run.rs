//! `squall run`

use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::pipeline::{Made, Materialised, RunOptions, Waiting};
use crate::text::columns;

/// Materialises queries of the SQL project to Parquet, as far as they are stale
///
/// A table whose rows depend only on ticks around them is divided by UTC days; only the days that new ticks reach are made.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Queries to materialise: NAME, +NAME (and what it needs), NAME+ (and what needs it)
    #[arg(value_name = "QUERY", required_unless_present_any = ["all", "list"])]
    pub queries: Vec<String>,

    /// Materialises every query
    #[arg(long, conflicts_with = "queries")]
    pub all: bool,

    /// Lists the project's queries instead
    #[arg(long, conflicts_with_all = ["queries", "all"])]
    pub list: bool,

    /// Makes tables again that are fresh
    #[arg(long)]
    pub full: bool,

    /// The first UTC day to make of tables that are divided by days
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub from: Option<String>,

    /// The last UTC day to make
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub to: Option<String>,
}

/// Returns the selector for the queries that were named; without any, all.
pub(super) fn selector(queries: &[String]) -> String {
    if queries.is_empty() { "*".into() } else { queries.join(" ") }
}

/// Reads a day as tables name it.
pub(super) fn day(text: &str) -> Result<String, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").or(chrono::NaiveDate::parse_from_str(text, "%Y%m%d"));
    day.map(|day| day.format("%Y%m%d").to_string()).map_err(|_| "it is written like 2026-01-31".into())
}

/// What the list says of a query that cannot be used.
const DISABLED: &str = "disabled: `squall check` says why";

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    if args.list {
        list(&workspace).await;
        return Ok(());
    }
    let selector = selector(&args.queries);
    let selected = workspace.project.select(&selector)?;
    let width = selected.iter().map(|name| name.len()).max().unwrap_or_default().max("query".len());
    let progress = context.progress("run", Some(selected.len() as u64));
    progress.note(selected.first().copied().unwrap_or_default());
    println!("{:<width$}  {:>12}  {:<15}  {:>8}", "query", "rows", "made", "seconds");
    let mut following = selected.iter().skip(1);
    let mut notes = Vec::new();
    let mut done = |table: &Materialised| {
        let seconds = table.elapsed.as_secs_f64();
        println!("{:<width$}  {:>12}  {:<15}  {seconds:>8.2}", table.name, table.rows, made(table.made));
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
    let tables_dir = context.settings().tables_dir();
    let options = RunOptions { full: args.full, from: args.from, to: args.to };
    let waiting = workspace.project.run(workspace.session.context(), &selector, &tables_dir, &options, &mut done).await;
    progress.finish();
    for note in notes {
        eprintln!("Note: {note}");
    }
    if !workspace.project.has_data(workspace.session.context()).await? {
        eprintln!("Note: no message is landed, so queries that read ticks have no rows: `squall land` lands messages");
    }
    for Waiting { query, model } in waiting? {
        eprintln!("Note: `{query}` waits for the model `{model}`: `squall train` trains it");
    }
    Ok(())
}

/// Returns how much of a table a run has made, as it is printed.
fn made(made: Made) -> String {
    match made {
        Made::Nothing => "fresh".into(),
        Made::Whole => "whole".into(),
        Made::Days { made, of, .. } => format!("{made} of {of} days"),
    }
}

async fn list(workspace: &Workspace) {
    let mut rows = Vec::new();
    let unplanned = workspace.unplanned().await;
    for query in workspace.project.queries() {
        let kind = query.kind.as_str();
        let description = &query.header.description;
        let first = description.split_once(". ").map_or(description.as_str(), |(first, _)| first);
        let disabled = unplanned.iter().any(|one| one.name == query.name && one.is_wrong());
        let says = if disabled { DISABLED } else { first.trim_end_matches('.') };
        rows.push(vec![kind, &query.name, says]);
    }
    for disabled in workspace.project.disabled() {
        rows.push(vec![disabled.kind.as_str(), &disabled.name, DISABLED]);
    }
    print!("{}", columns(&rows, 3));
}
