//! `squall lineage`

use clap::ValueEnum;

use super::{Context, Failure, output, workspace};
use crate::pipeline::lineage::Direction;

/// Shows from which columns a column comes, through every query between
///
/// Without a name: which query reads which. With a query: what each of its columns takes directly. With QUERY.COLUMN: a tree to
/// the columns of the landed messages. Beside each step stands how it is used: its value, or only as a condition, filter, join,
/// group, partition or order. Everything is found in the queries' plans; nothing is computed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A query, or one of its columns: spike_features, spike_features.rv_60s
    #[arg(value_name = "QUERY[.COLUMN]")]
    pub about: Option<String>,

    /// Follows it to what is made of it; then it may also be a table, such as landed_ticks.best_bid
    #[arg(long, requires = "about")]
    pub downstream: bool,

    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    Text,
    /// A flowchart that GitHub and many editors draw
    Mermaid,
    /// A page of its own, drawn
    Html,
    /// Nodes and edges, for programs
    Json,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let about = args.about.as_deref();
    if let Some(why) = about.and_then(|about| workspace.why_disabled(about.split('.').next().unwrap_or(about))) {
        return Err(why);
    }
    let direction = if args.downstream { Direction::Down } else { Direction::Up };
    let lineage = workspace.project.lineage(about, direction, workspace.session.context()).await?;
    let text = match args.format {
        Format::Text => lineage.text(),
        Format::Mermaid => lineage.mermaid(),
        Format::Html => lineage.html(),
        Format::Json => format!("{:#}\n", lineage.json()),
    };
    output::text(text.as_bytes())
}
