//! `squall show`

use clap::ValueEnum;
use datafusion::common::TableReference;
use serde_json::json;

use super::workspace::{self, Workspace};
use super::{Context, Failure, output};
use crate::error::Hint;
use crate::pipeline::{Described, Extent, Query, sql_type};
use crate::text::{columns, wrapped};

/// The width of what is printed, in characters.
const WIDTH: usize = 80;

/// Shows what is known about a query: file, header, columns, how far it looks, what it reads, its SQL
///
/// Types, lookback and horizon are found in the query's plan; nothing is computed. NAME may also be a table, such as
/// landed_ticks: then its columns are shown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query, model or audit
    pub name: String,

    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Everything, for people
    Text,
    /// Everything as one object, for programs
    Json,
    /// Only the SQL, with its placeholders filled
    Sql,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let Some(query) = workspace.project.query(&args.name) else { return table(&args, &workspace).await };
    let described = workspace.project.describe(query, workspace.session.context()).await;
    let shown = match args.format {
        Format::Sql => format!("{}\n", query.sql),
        Format::Json => format!("{:#}\n", object(&workspace, query, described.as_ref().ok())),
        Format::Text => {
            let mut shown = text(&workspace, query, described.as_ref().ok());
            if let Err(error) = described {
                let why = workspace.project.explain(&query.name, &workspace.unplanned().await).unwrap_or(error);
                let hint = why.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                shown.push_str(&format!("\nits columns are not known: {}{hint}\n", why.without_place()));
            }
            format!("{shown}\n{}\n", query.sql)
        }
    };
    output::text(shown.as_bytes())
}

/// Shows a table that is not a query of the project.
async fn table(args: &Args, workspace: &Workspace) -> Result<(), Failure> {
    if let Some(why) = workspace.why_disabled(&args.name) {
        return Err(why);
    }
    let found = workspace.session.context().table_provider(TableReference::bare(args.name.as_str())).await;
    let Ok(table) = found.map_err(|_| ()) else {
        return Err(workspace.project.unknown(&args.name).into());
    };
    let schema = table.schema();
    let shown = match args.format {
        Format::Sql => return Err(Failure::new(format!("`{}` is a table and has no SQL", args.name))),
        Format::Json => {
            let column = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| json!({ "name": field.name(), "type": sql_type(field.data_type()), "nullable": field.is_nullable() });
            let fields: Vec<_> = schema.fields().iter().map(column).collect();
            format!("{:#}\n", json!({ "name": args.name, "kind": "table", "columns": fields }))
        }
        Format::Text => {
            let mut rows = vec![vec!["column".to_string(), "type".into()]];
            rows.extend(schema.fields().iter().map(|field| vec![field.name().clone(), sql_type(field.data_type())]));
            format!("{}: table\n\n{}", args.name, columns(&rows, 2))
        }
    };
    output::text(shown.as_bytes())
}

fn text(workspace: &Workspace, query: &Query, described: Option<&Described>) -> String {
    let header = &query.header;
    let mut shown = format!("{}: {}\n{}\n", query.name, query.kind.as_str(), query.file.display());
    if !header.description.is_empty() {
        shown.push_str(&format!("\n{}", wrapped(&header.description, WIDTH, "")));
    }
    let names = |names: Vec<&str>| names.join(", ");
    let severity = header.severity.map(|severity| severity.as_str().to_string()).unwrap_or_default();
    let facts = [
        ("grain", header.grain.join(", ")),
        ("time column", header.time_column.clone().unwrap_or_default()),
        ("lookback", described.map(|found| found.reach.before.to_string()).unwrap_or_default()),
        ("horizon", described.map(|found| found.reach.after.to_string()).unwrap_or_default()),
        ("severity", severity),
        ("tags", header.tags.join(", ")),
        ("reads", names(workspace.project.reads(query))),
        ("read by", names(workspace.project.read_by(query))),
    ];
    shown.push('\n');
    for (label, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let text = wrapped(fact, WIDTH, &" ".repeat(13));
        shown.push_str(&format!("{label:<13}{}", text.trim_start()));
    }
    if let Some(described) = described {
        let mut rows = vec![["column", "type", "looks back", "looks ahead", "unit"].map(str::to_string).to_vec()];
        let far = |extent: &Extent| if extent.is_beyond() { extent.to_string() } else { String::new() };
        for column in &described.columns {
            let (back, ahead) = (far(&column.reach.before), far(&column.reach.after));
            let unit = column.unit.clone().unwrap_or_default();
            rows.push(vec![column.name.clone(), column.sql_type.clone(), back, ahead, unit]);
        }
        // A column in which no row says anything is left out.
        let says: Vec<bool> = (0..5).map(|at| at < 2 || rows[1..].iter().any(|row| !row[at].is_empty())).collect();
        for row in &mut rows {
            let mut keep = says.iter();
            row.retain(|_| keep.next().copied().unwrap_or(true));
        }
        shown.push_str(&format!("\n{}", columns(&rows, 5)));
    }
    shown
}

fn object(workspace: &Workspace, query: &Query, described: Option<&Described>) -> serde_json::Value {
    let header = &query.header;
    let columns = described.map(|described| {
        let column = |column: &crate::pipeline::DescribedColumn| {
            json!({
                "name": column.name,
                "type": column.sql_type,
                "nullable": column.nullable,
                "unit": column.unit,
                "lookback": column.reach.before.to_string(),
                "horizon": column.reach.after.to_string(),
                "formula": column.formula,
            })
        };
        described.columns.iter().map(column).collect::<Vec<_>>()
    });
    json!({
        "name": query.name,
        "kind": query.kind.as_str(),
        "file": query.file,
        "description": header.description,
        "grain": header.grain,
        "time_column": header.time_column,
        "lookback": described.map(|found| found.reach.before.to_string()),
        "horizon": described.map(|found| found.reach.after.to_string()),
        "severity": header.severity.map(|severity| severity.as_str()),
        "tags": header.tags,
        "reads": workspace.project.reads(query),
        "read_by": workspace.project.read_by(query),
        "columns": columns,
        "sql": query.sql,
    })
}
