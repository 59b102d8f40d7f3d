//! `squall simulate`

use super::{Context, Failure};

/// Serves a simulated exchange on a local websocket: Coinbase Advanced Trade's ticker protocol
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Err(Failure::new("not built yet"))
}
