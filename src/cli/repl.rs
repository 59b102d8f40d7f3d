//! `squall repl`: the SQL shell.

use super::{Context, Failure, workspace};
use crate::repl::{self, Format};

/// Opens the SQL shell
///
/// Statements end with `;` and see the same tables as in `squall sql`. `.help` lists the shell's own commands. The history is
/// kept in $XDG_STATE_HOME/squall/history, by default ~/.local/state/squall/history. If standard input is not a terminal, the
/// shell reads it to its end, and fails if a statement failed. On a terminal, it first runs $XDG_CONFIG_HOME/squall/init.sql, by
/// default ~/.config/squall/init.sql, if that file exists.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How results are printed, until `.mode` says otherwise
    #[arg(long, value_parser = Format::parser(), default_value_t = Format::TABLE)]
    pub format: Format,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    Ok(repl::shell(&workspace.session, args.format).await?)
}
