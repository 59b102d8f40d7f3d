//! `squall land`

use super::{Context, Failure};

/// Lands messages from a log into Parquet, exactly once
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
