//! `squall new`

use clap::ValueEnum;

use super::workspace;
use super::{Context, Failure};
use crate::durable;
use crate::pipeline::Template;

/// Begins a query, model, audit or test with a commented template that passes `squall check` as it is
///
/// The file is sql/features/NAME.sql, sql/labels/NAME.sql, sql/models/NAME.sql, sql/audits/NAME.sql or, for a test of the query NAME,
/// sql/tests/NAME.sql. No file is overwritten.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to begin
    #[arg(value_enum)]
    pub kind: Kind,

    /// Its name: lowercase letters, digits and underscores; of a test, the query that it tests
    pub name: String,

    /// For a model: the query that gives the rows to learn from; it has a BOOLEAN column, the label
    #[arg(long, value_name = "QUERY", default_value = "spike_training")]
    pub from: String,
}

/// What can be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Looks only back
    Feature,
    /// Looks ahead: what models predict
    Label,
    /// Learns from a query
    Model,
    /// Returns what is wrong with the data
    Audit,
    /// Given rows, and the rows that a query makes of them
    Test,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let template = match args.kind {
        Kind::Feature => Template::Feature,
        Kind::Label => Template::Label,
        Kind::Model => Template::Model { from: args.from },
        Kind::Audit => Template::Audit,
        Kind::Test => Template::Test,
    };
    if let (Kind::Test, Some(why)) = (args.kind, workspace.why_disabled(&args.name)) {
        return Err(why);
    }
    let begun = workspace.project.begin(&template, &args.name, workspace.session.context()).await?;
    durable::create_new(&begun.file, begun.text.as_bytes())
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", begun.file.display())))?;
    println!("Wrote {}.", begun.file.display());
    let next = match args.kind {
        Kind::Model => format!("squall check {0} && squall train {0}", args.name),
        Kind::Test => format!("squall test {}", args.name),
        Kind::Feature | Kind::Label | Kind::Audit => format!("squall check {}", args.name),
    };
    println!("Change it to what you mean, then: {next}");
    Ok(())
}
