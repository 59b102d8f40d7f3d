//! `squall profile`

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};

use super::workspace::{self, query_failure};
use super::{Context, Failure, output, relation};
use crate::pipeline::profile::{ColumnProfile, MOST_EXACT, Profile, QUANTILES, profile};
use crate::repl::{self, Format};
use crate::text::{columns, counted, grouped};

/// The width of what is printed, in characters.
const WIDTH: usize = 80;

/// Longer text is cut.
const MOST_LETTERS: usize = 30;

/// Says what a query, table or file holds: types, NULLs, ranges, quantiles, first rows
///
/// Up to a million rows, distinct values and quantiles are exact; beyond, they are estimated, and it says so. NaN counts in no
/// other figure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A query of the project, a table, a Parquet, CSV or JSON file, or a SELECT statement
    #[arg(value_name = "NAME|FILE")]
    pub name: String,

    /// Prints one row for each column in this form, with every figure
    #[arg(long, value_parser = Format::parser())]
    pub format: Option<Format>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let sql = relation::sql(&args.name, &workspace)?;
    let found = profile(&sql, workspace.session.context()).await.map_err(query_failure)?;
    match args.format {
        Some(format) => output::write(format, &batch(&found)?),
        None => output::text(text(relation::shown(&args.name, "the query"), &found).as_bytes()),
    }
}

fn batch(found: &Profile) -> Result<RecordBatch, Failure> {
    let own = || found.columns.iter();
    let texts =
        |cell: fn(&ColumnProfile) -> Option<String>| Arc::new(own().map(cell).collect::<StringArray>()) as ArrayRef;
    let counts =
        |cell: &dyn Fn(&ColumnProfile) -> Option<u64>| Arc::new(own().map(cell).collect::<UInt64Array>()) as ArrayRef;
    let numbers =
        |cell: &dyn Fn(&ColumnProfile) -> Option<f64>| Arc::new(own().map(cell).collect::<Float64Array>()) as ArrayRef;
    let mut all = vec![
        ("column", texts(|column| Some(column.name.clone()))),
        ("type", texts(|column| Some(column.sql_type.clone()))),
        ("rows", counts(&|_| Some(found.rows))),
        ("nulls", counts(&|column| Some(column.nulls))),
        ("nans", counts(&|column| column.nans)),
        ("distinct", counts(&|column| column.distinct)),
        ("min", texts(|column| column.min.clone())),
        ("max", texts(|column| column.max.clone())),
        ("mean", numbers(&|column| column.mean)),
        ("std", numbers(&|column| column.std)),
    ];
    all.extend(QUANTILES.iter().enumerate().map(|(at, (name, _))| (*name, numbers(&|column| column.quantiles[at]))));
    RecordBatch::try_from_iter_with_nullable(all.into_iter().map(|(name, column)| (name, column, true)))
        .map_err(|error| Failure::new(error.to_string()))
}

fn text(name: &str, found: &Profile) -> String {
    let size = [counted(found.rows, "row"), counted(found.columns.len() as u64, "column")].join(", ");
    let mut text = format!("{name}: {size}\n\n");
    let about = if found.is_exact { "distinct" } else { "~distinct" };
    let has_nan = found.columns.iter().any(|column| column.nans.unwrap_or_default() > 0);
    let mut head = vec!["column", "type", "NULL"];
    head.extend(has_nan.then_some("NaN"));
    head.push(about);
    let mut rows = vec![head.into_iter().map(str::to_string).collect::<Vec<_>>()];
    for column in &found.columns {
        let count = |count: Option<u64>| count.map(grouped).unwrap_or_default();
        let mut row = vec![column.name.clone(), column.sql_type.clone(), grouped(column.nulls)];
        row.extend(has_nan.then(|| count(column.nans)));
        row.push(count(column.distinct));
        rows.push(row);
    }
    text.push_str(&columns(&rows, 2));
    let about = if found.is_exact { ["5%", "50%", "95%"] } else { ["~5%", "~50%", "~95%"] };
    let mut rows: Vec<Vec<String>> =
        vec![["number", "mean", "std", "min", about[0], about[1], about[2], "max"].map(str::to_string).to_vec()];
    let mut ranges: Vec<Vec<String>> = vec![["column", "from", "to"].map(str::to_string).to_vec()];
    for column in &found.columns {
        let end = |end: &Option<String>| end.as_deref().and_then(|end| end.parse().ok()).map(short).unwrap_or_default();
        let figure = |figure: Option<f64>| figure.map(short).unwrap_or_default();
        let [low, _, median, _, high] = column.quantiles;
        let figures = [column.mean, column.std].map(figure);
        let shares = [low, median, high].map(figure);
        if column.is_number {
            let [mean, std] = figures;
            let [low, median, high] = shares;
            rows.push(vec![column.name.clone(), mean, std, end(&column.min), low, median, high, end(&column.max)]);
        } else if let (Some(min), Some(max)) = (&column.min, &column.max) {
            ranges.push(vec![column.name.clone(), cut(min), cut(max)]);
        }
    }
    if rows.len() > 1 {
        text.push_str(&format!("\n{}", columns(&rows, 1)));
    }
    if ranges.len() > 1 {
        text.push_str(&format!("\n{}", columns(&ranges, 3)));
    }
    if !found.is_exact {
        text.push_str(&format!("\n~ estimated: there are more than {} rows\n", grouped(MOST_EXACT)));
    }
    if found.head.num_rows() > 0 {
        text.push_str(&format!("\nFirst rows\n{}", repl::table(&found.head, WIDTH)));
    }
    text
}

/// Returns a number with four significant digits.
fn short(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{number:.2e}");
    }
    let digits = (3 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

fn cut(text: &str) -> String {
    match text.chars().count() > MOST_LETTERS {
        true => text.chars().take(MOST_LETTERS - 1).chain(['…']).collect(),
        false => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_have_four_digits() {
        for (number, expected) in [
            (0.0, "0"),
            (60_012.345, "60012"),
            (1.5, "1.5"),
            (0.000123456, "0.0001235"),
            (-0.5, "-0.5"),
            (1e-9, "1.00e-9"),
            (12_345_678.0, "1.23e7"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(number), expected);
        }
    }
}
