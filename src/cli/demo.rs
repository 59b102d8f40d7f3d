//! `squall demo`

use super::{Context, Failure};

/// Runs the whole path once, from a simulated exchange or recorded messages to reports
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
