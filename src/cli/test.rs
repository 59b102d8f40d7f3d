//! `squall test`

use super::check::{self, Shown};
use super::selection::Selection;
use super::{Context, Failure};
use crate::pipeline::Check;

/// Runs the project's tests: given rows, and the rows that a query must make of them
///
/// sql/tests/NAME.sql holds the cases of the query NAME; `squall new test NAME` begins one. Without QUERY it runs all cases, else
/// those of the selected queries. It is one part of `squall check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub selection: Selection,

    #[command(flatten)]
    pub shown: Shown,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if check::part(Check::Test, &args.selection, &args.shown, context).await? == 0 {
        eprintln!("Note: nothing was tested: there is no case of these queries; `squall new test NAME` begins one");
    }
    Ok(())
}
