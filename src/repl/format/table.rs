//! Shows rows as a table for people.
//!
//! In: record batches. Out: text, one line per row. Column widths come from the first [`SAMPLE_ROWS`] rows, so that a result
//! of any length can stream. If a later cell is wider, its line moves to the right. Numbers are aligned to the right.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows, width as length};
use super::{Appearance, Kind, Layout, fitting, plan, vertical};

/// How many rows decide the widths of the columns.
const SAMPLE_ROWS: usize = 1000;

const SEPARATOR: &str = " │ ";

/// Columns aligned for reading.
pub static TABLE: Kind = Kind {
    name: "table",
    help: "Columns aligned for reading; floats rounded to ten digits",
    for_people: true,
    alone: false,
    begin: |schema, appearance| match plan::is_plan(&schema) {
        true => Ok(Box::new(plan::Plan)),
        false => Ok(Box::new(Table::new(schema, appearance))),
    },
};

/// Lays rows out as a table.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    appearance: Appearance,
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
    /// Whether longer cells are cut.
    cut: bool,
}

/// Returns rows as a table that is at most `width` characters wide, if that is possible. A value that cannot be written as text
/// is replaced by the reason.
pub fn table(batch: &RecordBatch, width: usize) -> String {
    let appearance = Appearance { width: Some(width), ..Appearance::default() };
    let mut table = Table::new(batch.schema(), &appearance);
    let written = table.push(batch).and_then(|head| Ok([head, table.finish()?].concat()));
    written.map_or_else(|error| error.to_string(), |text| String::from_utf8_lossy(&text).into_owned())
}

impl Layout for Table {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.waiting.extend(rows(batch, &self.appearance)?);
        if self.columns.is_none() {
            if self.waiting.len() < SAMPLE_ROWS {
                return Ok(Vec::new());
            }
            self.columns = Some(layout(&self.schema, &self.waiting, &self.appearance));
            return Ok(self.first().into_bytes());
        }
        Ok(self.flush().into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        if self.columns.is_none() {
            let columns = layout(&self.schema, &self.waiting, &self.appearance);
            if self.is_better_vertical(&columns) {
                let names = vertical::names(&self.schema);
                let rows = self.waiting.drain(..).enumerate();
                return Ok(rows
                    .map(|(index, row)| vertical::lines(&names, &row, index + 1))
                    .collect::<String>()
                    .into());
            }
            self.columns = Some(columns);
            return Ok(self.first().into_bytes());
        }
        Ok(self.flush().into_bytes())
    }

    fn hidden_columns(&self) -> usize {
        let shown = self.columns.iter().flatten().filter(|column| column.field.is_some()).count();
        if self.columns.is_some() { self.schema.fields().len() - shown } else { 0 }
    }
}

impl Table {
    /// Begins a table of `schema`. It is at most as wide as the appearance says, if that is possible.
    fn new(schema: SchemaRef, appearance: &Appearance) -> Self {
        Table { schema, appearance: appearance.clone(), waiting: Vec::new(), columns: None }
    }

    /// Returns whether the whole result is better shown with one line a column: not all columns fit, and the result is one row
    /// or fits on the screen.
    fn is_better_vertical(&self, columns: &[Column]) -> bool {
        let Some(height) = self.appearance.height else { return false };
        let lines = self.waiting.len() * (self.schema.fields().len() + 1);
        let hides = columns.iter().any(|column| column.field.is_none());
        hides && (self.waiting.len() == 1 || (!self.waiting.is_empty() && lines + 2 <= height))
    }

    /// Returns the head and the rows that wait; the columns are decided.
    fn first(&mut self) -> String {
        let mut text = String::new();
        if let Some(columns) = &self.columns {
            line(columns, &vertical::names(&self.schema), &mut text);
            rule(columns, &mut text);
        }
        text + &self.flush()
    }

    fn flush(&mut self) -> String {
        let mut text = String::new();
        for row in self.waiting.drain(..) {
            line(self.columns.as_deref().unwrap_or_default(), &row, &mut text);
        }
        text
    }
}

/// Returns the widths that show everything, or as much as fits.
fn layout(schema: &SchemaRef, sample: &[Vec<String>], appearance: &Appearance) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut candidates: Vec<fitting::Column> = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let cells = sample.iter().map(|row| length(&row[index]));
        let width = cells.chain([length(&printable(field.name()))]).max().unwrap_or(0);
        let kind = field.data_type();
        let numeric = kind.is_numeric();
        let text = !numeric && !kind.is_temporal() && *kind != DataType::Boolean;
        let wanted = appearance.wanted.iter().any(|name| name == field.name());
        candidates.push(fitting::Column { width, text, wanted });
        columns.push(Column { field: Some(index), width, numeric, cut: false });
    }
    let Some(fit) = appearance.width else { return columns };
    let shown = fitting::choose(&mut candidates, fit, length(SEPARATOR));
    let column = |field: Option<usize>| match field {
        None => Column { field, width: 1, numeric: false, cut: false },
        Some(index) => {
            let width = candidates[index].width;
            Column { width, cut: width < columns[index].width, ..columns[index] }
        }
    };
    shown.into_iter().map(column).collect()
}

fn line(columns: &[Column], row: &[String], text: &mut String) {
    let start = text.len();
    for (index, column) in columns.iter().enumerate() {
        text.push_str(if index == 0 { " " } else { SEPARATOR });
        let cell = column.field.map_or("…", |field| &row[field]);
        let space = " ".repeat(column.width.saturating_sub(length(cell).min(if column.cut {
            column.width
        } else {
            usize::MAX
        })));
        if column.numeric {
            text.push_str(&space);
        }
        if column.cut && length(cell) > column.width {
            text.push_str(&cut(cell, column.width));
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

/// Returns a text that takes exactly `width` columns of a terminal and ends with `…`.
fn cut(text: &str, width: usize) -> String {
    let mut cut = String::new();
    for character in text.chars() {
        cut.push(character);
        if length(&cut) >= width {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    let missing = width.saturating_sub(length(&cut));
    cut + &" ".repeat(missing)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn render(columns: Vec<(&str, ArrayRef)>, fit: Option<usize>) -> String {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let mut table = Table::new(batch.schema(), &Appearance { width: fit, ..Appearance::default() });
        let mut text = table.push(&batch).unwrap();
        text.extend(table.finish().unwrap());
        String::from_utf8(text).unwrap()
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
    fn what_is_too_wide_for_the_screen_stands_below_each_other_if_it_fits_there() {
        let wide = |rows: usize, height: usize| {
            let number: ArrayRef = Arc::new(Int64Array::from(vec![1_234_567_890; rows]));
            let names = ["a", "b", "c", "d", "e", "f"];
            let batch = RecordBatch::try_from_iter(names.map(|name| (name, number.clone()))).unwrap();
            let appearance =
                Appearance { width: Some(40), height: Some(height), wanted: vec!["d".into()], ..Appearance::default() };
            let mut table = Table::new(batch.schema(), &appearance);
            let mut text = table.push(&batch).unwrap();
            text.extend(table.finish().unwrap());
            String::from_utf8(text).unwrap()
        };
        assert!(wide(1, 5).starts_with("── row 1 ──\na  1234567890\n"));
        assert!(wide(2, 24).contains("── row 2 ──\n"));
        let table = wide(4, 24);
        assert!(table.starts_with("          a │ … │          d │ …\n"), "{table}");
        assert!(table.lines().count() == 6 && table.lines().all(|line| length(line) <= 40), "{table}");
    }

    #[test]
    fn a_long_result_streams_once_its_widths_are_known() {
        let batch = |value: i64, rows: usize| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![value; rows]));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let mut table = Table::new(batch(1, 1).schema(), &Appearance::default());
        let mut push = |value, rows| String::from_utf8(table.push(&batch(value, rows)).unwrap()).unwrap();
        assert_eq!(push(1, SAMPLE_ROWS - 1), "");
        assert_eq!(push(1, 1).lines().count(), SAMPLE_ROWS + 2);
        assert_eq!(push(1234, 1), " 1234\n");
        assert_eq!(table.finish().unwrap(), b"");
    }

    #[test]
    fn wide_characters_keep_the_columns_aligned() {
        let text = render(
            vec![
                ("名前", Arc::new(StringArray::from(vec!["比特币", "ab"]))),
                ("n", Arc::new(Int64Array::from(vec![1, 22]))),
            ],
            None,
        );
        assert_eq!(text, " 名前   │  n\n────────┼────\n 比特币 │  1\n ab     │ 22\n");
        let long: ArrayRef = Arc::new(StringArray::from(vec!["比".repeat(30)]));
        let text = render(vec![("text", long)], Some(16));
        assert_eq!(text.lines().last(), Some(&*format!(" {}…", "比".repeat(6))));
    }
}
