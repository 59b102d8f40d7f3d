//! `squall train`

use super::{Context, Failure};

/// Trains the models of the SQL project, or one of them
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
