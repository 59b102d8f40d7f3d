//! `squall diff`

use std::sync::Arc;

use clap::ValueEnum;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use serde_json::json;

use super::workspace::{self, Workspace};
use super::{Context, Failure, output, relation};
use crate::pipeline::compare::{By, Difference, compare};
use crate::repl;
use crate::text::{counted, grouped};

/// The width of what is printed, in characters.
const WIDTH: usize = 80;

/// Compares two queries, tables or files: columns, rows, values
///
/// Rows are paired by the grain of A or else of B, or by --keys; without a grain, whole rows are compared. NaN equals NaN. All other
/// floating-point numbers are equal only bit by bit, unless --tolerance says otherwise. It ends with 1 if the two differ.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A query of the project, a table, a Parquet, CSV or JSON file, or a SELECT statement
    #[arg(value_name = "A")]
    pub first: String,

    /// What to compare it with
    #[arg(value_name = "B")]
    pub second: String,

    /// The columns that pair a row of A with a row of B
    #[arg(long, alias = "by", value_name = "COLUMN,…", value_delimiter = ',')]
    pub keys: Vec<String>,

    /// Numbers are equal if they differ by at most this share of the larger one
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub tolerance: f64,

    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The differences with examples, for people
    Text,
    /// Counts as one object, for programs
    Json,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("it is a share from 0 to less than 1, such as 1e-9".into()),
    }
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let sql = [relation::sql(&args.first, &workspace)?, relation::sql(&args.second, &workspace)?];
    let names = [args.first.as_str(), args.second.as_str()];
    let shown = [relation::shown(names[0], "the first query"), relation::shown(names[1], "the second query")];
    let by = By {
        keys: if args.keys.is_empty() { grain(&names, &workspace) } else { args.keys },
        tolerance: args.tolerance,
    };
    let sides = [(shown[0], sql[0].as_str()), (shown[1], sql[1].as_str())];
    let found = compare(sides, &by, workspace.session.context()).await?;
    match args.format {
        Format::Text => output::text(text(shown, &by, &found).as_bytes())?,
        Format::Json => output::text(format!("{:#}\n", object(names, &by, &found)).as_bytes())?,
    }
    if found.is_none() { Ok(()) } else { Err(Failure::new(format!("{} and {} differ", shown[0], shown[1]))) }
}

/// Returns the grain of the first of the two that has one.
fn grain(names: &[&str; 2], workspace: &Workspace) -> Vec<String> {
    let queries = names.iter().filter_map(|name| workspace.project.query(name));
    queries.map(|query| query.header.grain.clone()).find(|grain| !grain.is_empty()).unwrap_or_default()
}

fn text([a, b]: [&str; 2], by: &By, found: &Difference) -> String {
    let mut text = format!("a  {a}: {}\nb  {b}: {}\n", counted(found.rows[0], "row"), counted(found.rows[1], "row"));
    match found.paired {
        Some(paired) => {
            text.push_str(&format!("{} by {}\n", paired_rows(paired), by.keys.join(", ")));
        }
        None => text.push_str("whole rows are compared: neither has a grain, and --keys names no columns\n"),
    }
    if !found.not_compared.is_empty() {
        text.push_str(&format!("not compared, because of their type: {}\n", found.not_compared.join(", ")));
    }
    if found.is_none() {
        text.push_str("no difference\n");
        return text;
    }
    for line in &found.schema {
        text.push_str(&format!("\ncolumns: {line}"));
    }
    if !found.schema.is_empty() {
        text.push('\n');
    }
    for (side, name) in ["a", "b"].into_iter().enumerate() {
        if found.only[side] > 0 {
            text.push_str(&format!("\n{} only in {name}\n", counted(found.only[side], "row")));
            text.extend(found.only_samples[side].as_ref().map(|sample| repl::table(sample, WIDTH)));
        }
    }
    for column in &found.columns {
        let share = found.paired.map(|paired| format!(" of {}", grouped(paired))).unwrap_or_default();
        let rows = if column.rows == 1 && share.is_empty() { "row" } else { "rows" };
        let worst = column.worst.map_or(String::new(), |worst| format!(", by {worst} at most"));
        text.push_str(&format!("\n`{}` differs in {}{share} {rows}{worst}\n", column.name, grouped(column.rows)));
        text.extend(column.sample.as_ref().map(|sample| repl::table(&in_full(sample), WIDTH)));
    }
    text
}

/// Returns rows with all digits of their numbers; a table rounds them, so that values that differ would look alike.
fn in_full(rows: &RecordBatch) -> RecordBatch {
    let columns = rows.schema_ref().fields().iter().zip(rows.columns()).map(|(field, column)| {
        let written = if field.data_type().is_floating() { cast(column, &DataType::Utf8).ok() } else { None };
        (field.name().clone(), written.unwrap_or_else(|| Arc::clone(column)))
    });
    RecordBatch::try_from_iter(columns).unwrap_or_else(|_| rows.clone())
}

fn paired_rows(paired: u64) -> String {
    if paired == 1 { "1 row is paired".into() } else { format!("{} rows are paired", grouped(paired)) }
}

fn object(names: [&str; 2], by: &By, found: &Difference) -> serde_json::Value {
    let columns = found.columns.iter().map(|column| (column.name.clone(), json!(column.rows)));
    let worst = found.columns.iter().filter_map(|column| Some((column.name.clone(), column.worst?)));
    let worst = worst.map(|(name, worst)| (name, json!({ "absolute": worst.absolute, "ulp": worst.ulp })));
    json!({
        "same": found.is_none(),
        "a": { "name": names[0], "rows": found.rows[0], "only": found.only[0] },
        "b": { "name": names[1], "rows": found.rows[1], "only": found.only[1] },
        "by": by.keys,
        "paired": found.paired,
        "schema": found.schema,
        "differing": columns.collect::<serde_json::Map<_, _>>(),
        "worst": worst.collect::<serde_json::Map<_, _>>(),
        "not_compared": found.not_compared,
    })
}
