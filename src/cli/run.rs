//! `squall run`

use super::{Context, Failure};

/// Materialises a named query of the SQL project, and what it needs (+NAME) or feeds (NAME+)
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
