//! `squall check`

use super::{Context, Failure};

/// Checks the SQL project: it parses, its lints hold, its audits return no rows
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
