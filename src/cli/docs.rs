//! `squall docs`

use std::path::PathBuf;

use super::{Context, Failure, report};

/// Writes the documentation of the project: one page with queries, columns, lineage, audits and tests
///
/// It is the report `docs`: every fact comes from the queries' headers and plans, and nothing is computed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write the page [default: out/docs.html in the folder of the setting paths.reports]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let wanted = report::Wanted { name: "docs".into(), out: args.out, ..report::Wanted::default() };
    report::run(report::Args { report: Some(wanted), list: false }, context).await
}
