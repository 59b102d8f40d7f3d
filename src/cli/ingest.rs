//! `squall ingest`

use super::{Context, Failure};

/// Receives ticks from a websocket into a log
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
