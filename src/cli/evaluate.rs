//! `squall evaluate`

use super::{Context, Failure};

/// Computes a model's metrics on each split
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
