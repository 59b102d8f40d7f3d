//! `squall parity`: what was emitted live, compared with batch.

use std::path::PathBuf;

use super::{Context, Failure, workspace};
use crate::land::Folder;
use crate::live;
use crate::text::grouped;

/// Compares rows that `squall live` wrote with batch, bit for bit
///
/// The query is computed again over all landed ticks, without materialised tables. The command ends with 1 at the first difference, and
/// prints the row, the column and both values. It also finds rows that are missing, and rows that were written twice.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The queries to compare
    #[arg(value_name = "QUERY", required = true)]
    pub queries: Vec<String>,

    /// The folder to which `squall live --to` wrote the rows
    #[arg(long, value_name = "FOLDER")]
    pub of: PathBuf,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let folder = Folder::new(&context.settings().ticks_dir())?;
    let mut differ = Vec::new();
    for name in &args.queries {
        if let Some(failure) = workspace.why_disabled(name) {
            return Err(failure);
        }
        let project = &workspace.project;
        let query = project.query(name).ok_or_else(|| project.unknown(name))?;
        let found = live::parity(project, query, workspace.session.context(), &folder, &args.of).await?;
        let waiting = match found.waiting {
            0 => String::new(),
            rows => format!("; {} have not landed yet", grouped(rows)),
        };
        match found.difference {
            None => println!("{name}: {} rows are the same, bit for bit{waiting}", grouped(found.same)),
            Some(difference) => {
                println!("{name}: {difference}");
                println!(
                    "  {} rows before it, in the order of product and time, are the same{waiting}",
                    grouped(found.same)
                );
                differ.push(name.as_str());
            }
        }
    }
    match differ.as_slice() {
        [] => Ok(()),
        names => Err(Failure::new(format!("live and batch differ: {}", names.join(", ")))
            .with_hint("if the query or a table that it reads has changed since, that is why: docs/live.md")),
    }
}
