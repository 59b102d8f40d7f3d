//! `squall plan`

use super::days::{Days, without_data};
use super::live_plan;
use super::run::selector;
use super::selection::Selection;
use super::{Context, Failure, workspace};
use crate::pipeline::{Outlook, Would};
use crate::text::{columns, grouped};

/// Shows what `squall run` would make and why, without making it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub selection: Selection,

    #[command(flatten)]
    pub days: Days,

    /// Shows how the named queries would run live: the windows that keep a state, what each reads, what is left for each poll, what
    /// rows wait for, and how many rows and bytes the state holds by the ticks that have landed
    #[arg(long, requires = "queries", conflicts_with_all = ["exclude", "full", "from", "to"])]
    pub live: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let options = args.days.options()?;
    let workspace = workspace::open(context).await?;
    if args.live {
        return live_plan::describe(&args.selection.queries, &workspace).await;
    }
    let selector = selector(&args.selection.queries, &args.selection.exclude);
    let tables_dir = context.settings().tables_dir();
    let session = workspace.session.context();
    let outlooks = workspace.project.outlook(session, &selector, &tables_dir, &options).await?;
    let fresh = outlooks.iter().filter(|outlook| outlook.would == Would::Nothing).count();
    let shown: Vec<[String; 4]> = outlooks.iter().filter(|outlook| outlook.would != Would::Nothing).map(row).collect();
    if !shown.is_empty() {
        let header = ["query", "would make", "rows", "because"];
        let rows: Vec<Vec<&str>> = std::iter::once(header.to_vec())
            .chain(shown.iter().map(|row| row.iter().map(String::as_str).collect()))
            .collect();
        print!("{}", columns(&rows, 4));
    }
    if let Some(days) = without_data(&options, &workspace).await?
        && shown.is_empty()
    {
        println!("nothing to make: no message of {days} is landed");
        return Ok(());
    }
    match (shown.is_empty(), fresh) {
        (true, 1) => println!("everything is fresh: 1 table"),
        (true, _) => println!("everything is fresh: {fresh} tables"),
        (false, 0) => {}
        (false, 1) => println!("1 table is fresh"),
        (false, _) => println!("{fresh} tables are fresh"),
    }
    Ok(())
}

fn row(outlook: &Outlook) -> [String; 4] {
    let (would, rows) = match outlook.would {
        Would::Nothing => ("nothing".into(), String::new()),
        Would::Whole { rows } => {
            ("the whole table".into(), rows.map_or(String::new(), |rows| format!("~{}", grouped(rows))))
        }
        Would::Days { stale, of, ticks } => (format!("{stale} of {of} days"), format!("~{}", grouped(ticks))),
        Would::Unusable => ("nothing".into(), String::new()),
    };
    [outlook.name.clone(), would, rows, outlook.because.clone()]
}
