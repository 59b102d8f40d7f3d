//! `squall lint`

use super::check::{self, Shown};
use super::selection::Selection;
use super::{Context, Failure};
use crate::pipeline::Check;

/// Finds features that look ahead, labels that do not, and models that learn from the future
///
/// It finds in the plan of each query, and of everything that it reads, how far each column looks; no data is read. Without QUERY
/// it lints all features, labels and models, else the selected queries and what they read. It is one part of `squall check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub selection: Selection,

    #[command(flatten)]
    pub shown: Shown,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if check::part(Check::Lint, &args.selection, &args.shown, context).await? == 0 {
        eprintln!("Note: nothing was linted: none of these queries is a feature, a label or a model");
    }
    Ok(())
}
