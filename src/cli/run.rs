//! `squall run`

use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::pipeline::{Materialised, Waiting};
use crate::text::columns;

/// Materialises queries of the SQL project to Parquet
#[derive(Debug, clap::Args)]
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
}

/// What the list says of a query that cannot be used.
const DISABLED: &str = "disabled: `squall check` says why";

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    if args.list {
        list(&workspace);
        return Ok(());
    }
    let selector = if args.all { "*".into() } else { args.queries.join(" ") };
    let selected = workspace.project.select(&selector)?;
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
    let tables_dir = context.settings().tables_dir();
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

fn list(workspace: &Workspace) {
    let mut rows = Vec::new();
    for query in workspace.project.queries() {
        let kind = query.kind.as_str();
        let description = &query.header.description;
        let first = description.split_once(". ").map_or(description.as_str(), |(first, _)| first);
        let disabled = workspace.unplanned.iter().any(|one| one.name == query.name && one.is_wrong());
        let says = if disabled { DISABLED } else { first.trim_end_matches('.') };
        rows.push(vec![kind, &query.name, says]);
    }
    for disabled in workspace.project.disabled() {
        rows.push(vec![disabled.kind.as_str(), &disabled.name, DISABLED]);
    }
    print!("{}", columns(&rows, 3));
}
