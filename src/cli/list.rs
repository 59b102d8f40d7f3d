//! `squall list`

use super::selection::Selection;
use super::workspace::{self, Workspace};
use super::{Context, Failure, output};
use crate::pipeline::{Disabled, Query};
use crate::repl::Format;
use crate::text::columns;

/// Lists the queries, models and audits of the SQL project, each after what it reads
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub selection: Selection,

    /// Lists every fact about each of them, in this form [default: kind, name and first sentence, aligned]
    #[arg(long, value_parser = Format::parser())]
    pub format: Option<Format>,
}

/// What the list says of a query that cannot be used.
const DISABLED: &str = "disabled: `squall check` says why";

/// The columns of the formats.
const COLUMNS: [&str; 9] = ["kind", "name", "file", "description", "grain", "time_column", "tags", "reads", "disabled"];

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let tables_dir = context.settings().tables_dir();
    let project = &workspace.project;
    let chosen = project.choose(&args.selection.selector(), workspace.session.context(), &tables_dir).await;
    // A project of which every file is wrong has nothing to choose from, but files to list.
    let chosen = match chosen {
        Err(_) if args.selection.is_empty() && !project.is_empty() => Vec::new(),
        chosen => chosen?,
    };
    let unplanned = workspace.unplanned().await;
    let broken: &[Disabled] = if args.selection.is_empty() { project.disabled() } else { &[] };
    let Some(format) = args.format else {
        let mut rows: Vec<Vec<&str>> = Vec::new();
        for query in chosen {
            let says = if is_disabled(&unplanned, query) { DISABLED } else { query.first_sentence() };
            rows.push(vec![query.kind.as_str(), &query.name, says]);
        }
        rows.extend(broken.iter().map(|one| vec![one.kind.as_str(), &one.name, DISABLED]));
        return output::text(columns(&rows, 3).as_bytes());
    };
    let mut rows: Vec<Vec<String>> = chosen.iter().map(|query| facts(&workspace, &unplanned, query)).collect();
    rows.extend(broken.iter().map(|one| {
        let file = one.file.display().to_string();
        let empty = std::iter::repeat_n(String::new(), 5);
        let known = [one.kind.as_str().into(), one.name.clone(), file];
        known.into_iter().chain(empty).chain(["true".into()]).collect()
    }));
    output::write(format, &output::batch(&COLUMNS, &rows)?)
}

fn is_disabled(unplanned: &[Disabled], query: &Query) -> bool {
    unplanned.iter().any(|one| one.name == query.name && one.is_wrong())
}

fn facts(workspace: &Workspace, unplanned: &[Disabled], query: &Query) -> Vec<String> {
    let header = &query.header;
    vec![
        query.kind.as_str().into(),
        query.name.clone(),
        query.file.display().to_string(),
        header.description.clone(),
        header.grain.join(", "),
        header.time_column.clone().unwrap_or_default(),
        header.tags.join(", "),
        workspace.project.reads(query).join(", "),
        is_disabled(unplanned, query).to_string(),
    ]
}
