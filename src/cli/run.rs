//! `squall run`

use super::{Context, Failure, workspace};
use crate::pipeline::{Kind, Materialised};

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

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    if args.list {
        list(&workspace.project);
        return Ok(());
    }
    let selector = if args.all { "*".into() } else { args.queries.join(" ") };
    let selected = workspace.project.select(&selector)?;
    let width = selected.iter().map(|name| name.len()).max().unwrap_or_default().max("query".len());
    let progress = context.progress("run", Some(selected.len() as u64));
    progress.note(selected.first().copied().unwrap_or_default());
    println!("{:<width$}  {:>12}  {:>8}  path", "query", "rows", "seconds");
    let mut following = selected.iter().skip(1);
    let mut done = |table: &Materialised| {
        let seconds = table.elapsed.as_secs_f64();
        println!("{:<width$}  {:>12}  {seconds:>8.2}  {}", table.name, table.rows, table.path.display());
        progress.add(1);
        progress.note(following.next().copied().unwrap_or_default());
    };
    let tables_dir = context.settings().tables_dir();
    workspace.project.run(workspace.session.context(), &selector, &tables_dir, &mut done).await?;
    progress.finish();
    if !workspace.project.has_data(workspace.session.context()).await? {
        eprintln!("Note: no message is landed, so what reads ticks is empty: `squall land` lands messages");
    }
    Ok(())
}

fn list(project: &crate::pipeline::Project) {
    let width = project.queries().iter().map(|query| query.name.len()).max().unwrap_or_default();
    for query in project.queries() {
        let kind = match query.kind {
            Kind::Plain => "query",
            Kind::Feature => "feature",
            Kind::Label => "label",
            Kind::Model => "model",
            Kind::Audit => "audit",
        };
        let description = &query.header.description;
        let first = description.split_once(". ").map_or(description.as_str(), |(first, _)| first);
        println!("{kind:<7}  {:<width$}  {}", query.name, first.trim_end_matches('.'));
    }
}
