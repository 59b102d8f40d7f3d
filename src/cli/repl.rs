//! `squall repl`: the SQL shell.

use super::{Context, Failure, workspace};
use crate::repl::{self, Format};

/// Opens the SQL shell
///
/// Statements end with `;` and see the same tables as in `squall sql`. `.help` lists the shell's own commands. The history is
/// kept in $XDG_STATE_HOME/squall/history, by default ~/.local/state/squall/history. If standard input is not a terminal, the
/// shell reads it to its end, and fails if a statement failed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How results are printed, until `.format` says otherwise
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    Ok(repl::shell(&workspace.session, args.format).await?)
}
