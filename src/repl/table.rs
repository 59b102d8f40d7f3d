//! Shows rows as a table for people.
//!
//! In: record batches. Out: text, one line per row. Column widths come from the first [`SAMPLE_ROWS`] rows, so that a result
//! of any length can stream. If a later cell is wider, its line moves to the right. Numbers are aligned to the right. Floats
//! have ten significant digits (CSV and JSON have them all), and NULL is written `NULL`.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// How many rows decide the widths of the columns.
const SAMPLE_ROWS: usize = 1000;

/// To make a table fit, text columns are narrowed to this many characters; after that, columns are left out.
const NARROWEST: usize = 12;

const SEPARATOR: &str = " │ ";
const SIGNIFICANT_DIGITS: i32 = 10;

/// Lays rows out as a table.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    /// The width to fit into, in characters; `None` if there is no limit.
    fit: Option<usize>,
    /// Rows that wait until the widths are decided.
    waiting: Vec<Vec<String>>,
    columns: Option<Vec<Column>>,
}

/// A column that is shown: either a field of the schema, or the gap where fields are left out.
#[derive(Debug, Clone, Copy)]
struct Column {
    field: Option<usize>,
    width: usize,
    numeric: bool,
    /// Whether longer cells may be cut. Times and numbers may not, because a part of one would be wrong.
    text: bool,
    /// Whether longer cells are cut.
    cut: bool,
}

/// Returns rows as a table that is at most `width` characters wide, if that is possible. A value that cannot be written as text
/// is replaced by the reason.
pub fn table(batch: &RecordBatch, width: usize) -> String {
    let mut table = Table::new(batch.schema(), Some(width));
    match table.push(batch) {
        Ok(text) => text + &table.finish(),
        Err(error) => error.to_string(),
    }
}

impl Table {
    /// Begins a table of `schema` that is at most `fit` characters wide, if that is possible.
    pub fn new(schema: SchemaRef, fit: Option<usize>) -> Self {
        Table { schema, fit, waiting: Vec::new(), columns: None }
    }

    /// Takes more rows and returns the text that is ready.
    ///
    /// # Errors
    /// A type cannot be written as text.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<String, ArrowError> {
        self.waiting.extend(rows(batch)?);
        if self.columns.is_none() && self.waiting.len() < SAMPLE_ROWS {
            return Ok(String::new());
        }
        Ok(self.flush())
    }

    /// Returns the rest of the text.
    pub fn finish(&mut self) -> String {
        self.flush()
    }

    /// Returns how many of the result's columns did not fit.
    pub fn hidden_columns(&self) -> usize {
        let shown = self.columns.iter().flatten().filter(|column| column.field.is_some()).count();
        if self.columns.is_some() { self.schema.fields().len() - shown } else { 0 }
    }

    fn flush(&mut self) -> String {
        let mut text = String::new();
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => {
                let columns = layout(&self.schema, &self.waiting, self.fit);
                let names: Vec<String> = self.schema.fields().iter().map(|field| printable(field.name())).collect();
                line(&columns, &names, &mut text);
                rule(&columns, &mut text);
                columns
            }
        };
        for row in self.waiting.drain(..) {
            line(&columns, &row, &mut text);
        }
        self.columns = Some(columns);
        text
    }
}

/// Returns the widths that show everything, or as much as fits.
fn layout(schema: &SchemaRef, sample: &[Vec<String>], fit: Option<usize>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let cells = sample.iter().map(|row| length(&row[index]));
        let width = cells.chain([length(field.name())]).max().unwrap_or(0);
        let kind = field.data_type();
        let numeric = kind.is_numeric();
        let text = !numeric && !kind.is_temporal() && *kind != DataType::Boolean;
        columns.push(Column { field: Some(index), width, numeric, text, cut: false });
    }
    let Some(fit) = fit else { return columns };
    // First the widest texts are narrowed.
    while total(&columns) > fit {
        let over = total(&columns) - fit;
        let texts = columns.iter_mut().filter(|column| column.text && column.width > NARROWEST);
        let Some(widest) = texts.max_by_key(|column| column.width) else { break };
        widest.width = widest.width.saturating_sub(over.div_ceil(2)).max(NARROWEST);
        widest.cut = true;
    }
    // Then columns in the middle are left out.
    let gap = Column { field: None, width: 1, numeric: false, text: false, cut: false };
    while total(&columns) > fit && columns.iter().filter(|column| column.field.is_some()).count() > 2 {
        match columns.iter().position(|column| column.field.is_none()) {
            None => {
                let middle = columns.len() / 2;
                columns[middle] = gap;
            }
            Some(at) if at >= columns.len() - at => drop(columns.remove(at - 1)),
            Some(at) => drop(columns.remove(at + 1)),
        }
    }
    columns
}

fn total(columns: &[Column]) -> usize {
    let cells: usize = columns.iter().map(|column| column.width).sum();
    cells + length(SEPARATOR) * columns.len().saturating_sub(1) + 2
}

fn line(columns: &[Column], row: &[String], text: &mut String) {
    let start = text.len();
    for (index, column) in columns.iter().enumerate() {
        text.push_str(if index == 0 { " " } else { SEPARATOR });
        let cell = column.field.map_or("…", |field| &row[field]);
        let space = " ".repeat(column.width.saturating_sub(length(cell)));
        if column.numeric {
            text.push_str(&space);
        }
        if column.cut && length(cell) > column.width {
            text.extend(cell.chars().take(column.width - 1).chain(['…']));
        } else {
            text.push_str(cell);
        }
        if !column.numeric {
            text.push_str(&space);
        }
    }
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}

fn rule(columns: &[Column], text: &mut String) {
    let dashes: Vec<String> = columns.iter().map(|column| "─".repeat(column.width)).collect();
    text.push('─');
    text.push_str(&dashes.join("─┼─"));
    text.push_str("─\n");
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Returns the rows of a batch as text.
fn rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        let cells = cells(column)?;
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    Ok(rows)
}

/// Returns the cells of a column as text.
fn cells(column: &dyn Array) -> Result<Vec<String>, ArrowError> {
    let null = || "NULL".to_string();
    let cells = match column.data_type() {
        DataType::Float16 => {
            let values = column.as_primitive::<Float16Type>().iter();
            values.map(|value| value.map_or_else(null, |value| readable(value.to_f64()))).collect()
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().iter();
            // Parse the shortest text, because 0.1 in 32 bits and 0.1 in 64 bits are different numbers.
            values.map(|value| value.map_or_else(null, |value| value.to_string())).collect()
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter();
            values.map(|value| value.map_or_else(null, readable)).collect()
        }
        _ => {
            let options = FormatOptions::default().with_null("NULL");
            let formatter = ArrayFormatter::try_new(column, &options)?;
            let cell = |row| formatter.value(row).try_to_string().map(|cell| printable(&cell));
            return (0..column.len()).map(cell).collect();
        }
    };
    Ok(cells)
}

/// Returns a float with ten significant digits, or more if its whole part has more. Very large and very small numbers have
/// an exponent.
pub fn readable(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        let text = format!("{value:.*e}", (SIGNIFICANT_DIGITS - 1) as usize);
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", without_trailing_zeros(digits)),
            None => text,
        };
    }
    let decimals = (SIGNIFICANT_DIGITS - 1 - magnitude).max(0) as usize;
    without_trailing_zeros(&format!("{value:.decimals$}")).to_string()
}

fn without_trailing_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Returns the text with control characters escaped, so that a cell cannot break its line or control the terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn render(columns: Vec<(&str, ArrayRef)>, fit: Option<usize>) -> String {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let mut table = Table::new(batch.schema(), fit);
        let mut text = table.push(&batch).unwrap();
        text.push_str(&table.finish());
        text
    }

    #[test]
    fn numbers_stand_at_the_right_and_null_is_shown() {
        let text = render(
            vec![
                ("product", Arc::new(StringArray::from(vec![Some("BTC-USD"), None]))),
                ("bid", Arc::new(Float64Array::from(vec![Some(67223.49), None]))),
                ("n", Arc::new(Int64Array::from(vec![1, 1000]))),
                ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
            ],
            None,
        );
        assert_eq!(
            text,
            [
                " product │      bid │    n │ ok",
                "─────────┼──────────┼──────┼───────",
                " BTC-USD │ 67223.49 │    1 │ true",
                " NULL    │     NULL │ 1000 │ false",
                "",
            ]
            .join("\n")
        );
    }

    #[test]
    fn an_empty_result_shows_its_columns() {
        assert_eq!(render(vec![("n", Arc::new(Int64Array::from(vec![0_i64; 0])))], None), " n\n───\n");
    }

    #[test]
    fn a_cell_neither_breaks_its_line_nor_drives_the_terminal() {
        let text = render(vec![("x", Arc::new(StringArray::from(vec!["a\nb\t\u{1b}[31mé"])))], None);
        assert!(text.ends_with(" a\\nb\\t\\u{1b}[31mé\n"), "{text:?}");
    }

    #[test]
    fn texts_are_cut_and_then_columns_left_out_to_fit() {
        let long: ArrayRef = Arc::new(StringArray::from(vec!["0123456789012345678901234567890123456789"]));
        let text = render(vec![("n", Arc::new(Int64Array::from(vec![7]))), ("text", long.clone())], Some(30));
        assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
        assert!(text.contains('…'), "{text}");

        let names = ["a", "b", "c", "d", "e", "f"];
        let text = render(names.iter().map(|name| (*name, long.clone())).collect(), Some(50));
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        let header = text.lines().next().unwrap();
        assert!(header.starts_with(" a ") && header.ends_with(" f"), "{text}");
    }

    #[test]
    fn a_long_result_streams_once_its_widths_are_known() {
        let batch = |value: i64, rows: usize| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![value; rows]));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let mut table = Table::new(batch(1, 1).schema(), None);
        assert_eq!(table.push(&batch(1, SAMPLE_ROWS - 1)).unwrap(), "");
        assert_eq!(table.push(&batch(1, 1)).unwrap().lines().count(), SAMPLE_ROWS + 2);
        assert_eq!(table.push(&batch(1234, 1)).unwrap(), " 1234\n");
        assert_eq!(table.finish(), "");
    }

    #[test]
    fn floats_are_readable() {
        for (value, expected) in [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (67223.495, "67223.495"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e10, "10000000000"),
            (1_764_000_000.25, "1764000000"),
            (9.999_999_999_99, "10"),
            (1.0 / 3.0, "0.3333333333"),
            (1.234_567_890_123e-7, "1.23456789e-7"),
            (5e-324, "4.940656458e-324"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(readable(value), expected);
        }
    }
}
