//! `squall repl`: the SQL shell.

use std::path::PathBuf;

use futures::future::LocalBoxFuture;

use super::workspace::Workspace;
use super::{Context, Failure, report, workspace};
use crate::pipeline::Query;
use crate::pipeline::lineage::Direction;
use crate::repl::{self, Complaint, Format};
use crate::text::did_you_mean;

/// Opens the SQL shell
///
/// Statements end with `;` and see the same tables as in `squall sql`. `.help` lists the shell's own commands. The history is
/// kept in $XDG_STATE_HOME/squall/history, by default ~/.local/state/squall/history. If standard input is not a terminal, the
/// shell reads it to its end, and fails if a statement failed. On a terminal, it first runs $XDG_CONFIG_HOME/squall/init.sql, by
/// default ~/.config/squall/init.sql, if that file exists. Results that do not fit on the screen go to $PAGER. Tables and views that
/// you CREATE are kept in data/catalog/, which `squall sql` shares; CREATE TEMP TABLE lasts as long as the shell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How results are printed, until `.mode` says otherwise
    #[arg(long, value_parser = Format::parser(), default_value_t = Format::TABLE)]
    pub format: Format,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open_for_people(context).await?;
    let project = Known { workspace: &workspace, context };
    Ok(repl::shell(&workspace.session, &project, args.format).await?)
}

/// What the shell may ask about the project.
struct Known<'a> {
    workspace: &'a Workspace,
    context: &'a Context,
}

impl repl::Project for Known<'_> {
    fn look_again(&self) {
        let tables_dir = self.context.settings().tables_dir();
        // It is attached already, so that this cannot fail.
        let _ = self.workspace.project.attach(self.workspace.session.context(), &tables_dir);
    }

    fn keys(&self, query: &str) -> Vec<String> {
        self.workspace.project.query(query).map(|query| query.header.grain.clone()).unwrap_or_default()
    }

    fn unit(&self, query: &str, column: &str) -> Option<String> {
        let units = &self.workspace.project.query(query)?.header.units;
        units.iter().find(|(name, _)| *name == column).map(|(_, unit)| unit.clone())
    }

    fn lineage<'a>(&'a self, about: &'a str) -> LocalBoxFuture<'a, Result<String, Complaint>> {
        Box::pin(async move {
            let project = &self.workspace.project;
            let (name, column) = about.split_once('.').map_or((about, None), |(name, column)| (name, Some(column)));
            let Some(query) = project.query(name) else {
                let near = did_you_mean(name, project.queries().iter().map(|query| query.name.as_str()));
                return Err(Complaint::new(format!("the project has no query `{name}`"))
                    .with_hint(near.unwrap_or_else(|| "`squall list` lists the project's queries".into())));
            };
            if column.is_some() {
                let lineage = project.lineage(Some(about), Direction::Up, self.workspace.session.context()).await;
                return lineage.map(|lineage| lineage.text()).map_err(|error| complaint(&error.into()));
            }
            let named = |queries: Vec<&Query>| match queries.is_empty() {
                true => "nothing".to_string(),
                false => queries.iter().map(|query| query.name.as_str()).collect::<Vec<_>>().join(", "),
            };
            let reads_it = |other: &&Query| project.parents(other).any(|parent| parent.name == name);
            let (reads, readers) =
                (project.parents(query).collect(), project.queries().iter().filter(reads_it).collect());
            Ok(format!("{name}  {}\n  reads    {}\n  read by  {}\n", query.kind.as_str(), named(reads), named(readers)))
        })
    }

    fn reports(&self) -> Result<Vec<(String, String)>, Complaint> {
        report::known(self.context).map_err(|failure| complaint(&failure))
    }

    fn report<'a>(&'a self, name: &'a str, file: Option<PathBuf>) -> LocalBoxFuture<'a, Result<String, Complaint>> {
        Box::pin(async move {
            let wanted = report::Wanted { name: name.into(), out: file, ..report::Wanted::default() };
            let made = report::run(report::Args { report: Some(wanted), list: false }, self.context).await;
            made.map(|()| String::new()).map_err(|failure| complaint(&failure))
        })
    }
}

fn complaint(failure: &Failure) -> Complaint {
    let complaint = Complaint::new(failure.message_and_causes());
    match failure.hint() {
        Some(hint) => complaint.with_hint(hint),
        None => complaint,
    }
}
