//! `squall run`

use super::selection::joined;
use super::workspace;
use super::{Context, Failure};
use crate::pipeline::{Materialised, Waiting};

/// Materialises queries of the SQL project to Parquet
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Queries to materialise: NAME, +NAME (and what it reads), NAME+ (and what reads it), 2+NAME (two steps), spike_*, tag:T,
    /// path:P, kind:K, state:stale; a comma between two means both at once
    #[arg(value_name = "QUERY", required_unless_present = "all")]
    pub queries: Vec<String>,

    /// Materialises every query
    #[arg(long, conflicts_with = "queries")]
    pub all: bool,

    /// Leaves out the queries that this selects
    #[arg(long, value_name = "QUERY", num_args = 1..)]
    pub exclude: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let include = if args.all { vec!["*".to_string()] } else { args.queries };
    let selector = joined(&include, &args.exclude);
    let tables_dir = context.settings().tables_dir();
    let selected = workspace.project.select_in(&selector, workspace.session.context(), &tables_dir).await?;
    let width = selected.iter().map(|name| name.len()).max().unwrap_or_default().max("query".len());
    let progress = context.progress("run", Some(selected.len() as u64));
    progress.note(selected.first().copied().unwrap_or_default());
    println!("{:<width$}  {:>12}  {:>8}  path", "query", "rows", "seconds");
    let mut following = selected.iter().skip(1);
    let mut never_fresh = Vec::new();
    let mut done = |table: &Materialised| {
        let seconds = table.elapsed.as_secs_f64();
        println!("{:<width$}  {:>12}  {seconds:>8.2}  {}", table.name, table.rows, table.path.display());
        progress.add(1);
        progress.note(following.next().copied().unwrap_or_default());
        never_fresh.extend(table.never_fresh.as_ref().map(|reason| (table.name.clone(), reason.clone())));
    };
    let waiting = workspace.project.run(workspace.session.context(), &selector, &tables_dir, &mut done).await;
    progress.finish();
    for (name, reason) in never_fresh {
        eprintln!("Note: queries that read `{name}` compute it anew: {reason}");
    }
    if !workspace.project.has_data(workspace.session.context()).await? {
        eprintln!("Note: no message is landed, so queries that read ticks have no rows: `squall land` lands messages");
    }
    for Waiting { query, model } in waiting? {
        eprintln!("Note: `{query}` waits for the model `{model}`: `squall train` trains it");
    }
    Ok(())
}
