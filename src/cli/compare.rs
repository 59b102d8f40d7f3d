//! `squall compare`

use super::{Context, Failure};

/// Compares the models side by side
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
