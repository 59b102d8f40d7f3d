//! `squall replay`

use super::{Context, Failure};

/// Reads recorded messages into a log; with --merge, overlapping recordings into one clean, ordered log
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
