//! `squall runs`: one file a command.

mod list;
mod push;
mod record;

use clap::Subcommand;

use super::{Context, Failure};
pub use record::record;

/// Lists recorded trainings and evaluations, and sends to MLflow what is not sent
///
/// Runs are recorded in data/runs/; SQL reads them as the table `runs`. If track.mlflow_tracking_uri is set, they are recorded on
/// that MLflow server too.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Push(push::Args),
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => list::run(args, context),
        Command::Push(args) => push::run(args, context).await,
    }
}
