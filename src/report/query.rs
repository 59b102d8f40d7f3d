//! Runs the queries behind a report and holds their rows.
//!
//! In: SQL text with `$name` placeholders. Out: [`Rows`] for the numbers, and the SQL as it ran, for the reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::{Error, Journal, format};
use crate::dialect;

/// A value that replaces a placeholder.
#[derive(Debug, Clone, Copy)]
pub enum Literal<'a> {
    Text(&'a str),
    Number(f64),
    /// SQL that is inserted unchanged, such as a relation.
    Sql(&'a str),
}

/// A query exactly as it ran, so that the report can show it.
#[derive(Debug, Clone, Serialize)]
pub struct Query {
    pub name: String,
    pub sql: String,
    /// Where its rows are noted, if they are.
    #[serde(skip)]
    pub journal: Option<Arc<Journal>>,
}

/// Returns a parameter's value in the form that SQL needs: text as a literal, a list as its values between commas, everything else
/// unchanged.
pub fn in_sql(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => crate::text::literal(text),
        serde_json::Value::Array(items) => items.iter().map(in_sql).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

impl Query {
    /// Fills the placeholders of `template`; a name that is not in `values` stays as it is.
    pub fn new(name: &str, template: &str, values: &[(&str, Literal<'_>)]) -> Query {
        // Everything happens in one pass, so a `$` inside a value does not begin a placeholder.
        let mut sql = String::with_capacity(template.len());
        let mut pieces = template.trim().split('$');
        sql.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(piece.len());
            let (key, rest) = piece.split_at(end);
            match values.iter().find(|(known, _)| *known == key) {
                Some((_, Literal::Text(text))) => sql.push_str(&crate::text::literal(text)),
                Some((_, Literal::Number(number))) => sql.push_str(&format!("{number:?}")),
                Some((_, Literal::Sql(text))) => sql.push_str(text),
                None => {
                    sql.push('$');
                    sql.push_str(key);
                }
            }
            sql.push_str(rest);
        }
        Query { name: name.into(), sql, journal: None }
    }

    /// Returns the names and types of the columns that the query would return. The query does not run.
    pub async fn columns(&self, context: &SessionContext) -> Result<Vec<(String, DataType)>, Error> {
        let frame = dialect::run(context, &self.sql).await.map_err(|source| self.failed(source))?;
        let fields = frame.schema().fields().iter();
        Ok(fields.map(|field| (field.name().clone(), field.data_type().clone())).collect())
    }

    /// Runs the query once and keeps its rows in memory as a table, from which other queries then read.
    pub async fn kept<'a>(&self, context: &'a SessionContext) -> Result<Kept<'a>, Error> {
        let keep = async || {
            let frame = dialect::run(context, &self.sql).await?;
            let schema = Arc::clone(frame.schema().inner());
            let table = MemTable::try_new(schema, frame.collect_partitioned().await?)?;
            let taken = |name: &String| context.table_exist(name.as_str()).unwrap_or(true);
            let mut names =
                std::iter::once(self.name.clone()).chain((2..).map(|number| format!("{}_{number}", self.name)));
            // There are finitely many tables, so one of the names is free.
            let name = names.find(|name| !taken(name)).unwrap_or_default();
            context.register_table(name.as_str(), Arc::new(table))?;
            Ok(Kept { context, name })
        };
        keep().await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: DataFusionError) -> Error {
        Error::Query { name: self.name.clone(), sql: self.sql.clone(), source: Box::new(source) }
    }

    /// Runs the query.
    pub async fn rows(&self, context: &SessionContext) -> Result<Rows, Error> {
        let failed = |source: DataFusionError| self.failed(source);
        let frame = dialect::run(context, &self.sql).await.map_err(failed)?;
        let names = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = frame.collect().await.map_err(failed)?;
        let rows = Rows::read(names, &batches).map_err(failed)?;
        if let Some(journal) = &self.journal {
            journal.note(self, &rows);
        }
        Ok(rows)
    }
}

/// A table in memory that is there as long as this value.
pub struct Kept<'a> {
    context: &'a SessionContext,
    pub name: String,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        // If somebody else removed the table meanwhile, there is nothing left to do.
        let _ = self.context.deregister_table(self.name.as_str());
    }
}

/// One value of a result.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Flag(bool),
    Integer(i64),
    /// An instant, nanoseconds since 1970.
    Time(i64),
    /// Always finite: NaN and infinities are read as NULL.
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// The rows of a query.
#[derive(Debug, Default)]
pub struct Rows {
    /// The columns' names, in the query's order.
    names: Vec<String>,
    columns: BTreeMap<String, Vec<Cell>>,
    len: usize,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

impl Rows {
    fn read(names: Vec<String>, batches: &[RecordBatch]) -> Result<Rows, DataFusionError> {
        let mut rows = Rows { names, ..Rows::default() };
        for batch in batches {
            for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                rows.columns.entry(field.name().clone()).or_default().extend(cells(array)?);
            }
            rows.len += batch.num_rows();
        }
        Ok(rows)
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the columns' names, in the query's order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len).map(|index| Row { rows: self, index })
    }

    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Returns the first row whose `column` is `text`.
    pub fn find(&self, column: &str, text: &str) -> Option<Row<'_>> {
        self.iter().find(|row| row.text(column) == Some(text))
    }
}

impl<'a> Row<'a> {
    fn cell(&self, column: &str) -> Option<&'a Cell> {
        self.rows.columns.get(column)?.get(self.index)
    }

    /// Returns a number; `None` if it is NULL, NaN, infinite, or not a number.
    pub fn number(&self, column: &str) -> Option<f64> {
        match self.cell(column)? {
            Cell::Number(number) => Some(*number),
            Cell::Integer(integer) => Some(*integer as f64),
            _ => None,
        }
    }

    /// Returns a whole number, or an instant in nanoseconds since 1970.
    pub fn integer(&self, column: &str) -> Option<i64> {
        match self.cell(column)? {
            Cell::Integer(integer) | Cell::Time(integer) => Some(*integer),
            _ => None,
        }
    }

    pub fn text(&self, column: &str) -> Option<&'a str> {
        match self.cell(column)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn flag(&self, column: &str) -> Option<bool> {
        match self.cell(column)? {
            Cell::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns a value for a template: an instant becomes text, NULL becomes none.
    pub fn json(&self, column: &str) -> serde_json::Value {
        match self.cell(column) {
            None | Some(Cell::Null) => serde_json::Value::Null,
            Some(Cell::Flag(flag)) => (*flag).into(),
            Some(Cell::Integer(integer)) => (*integer).into(),
            Some(Cell::Time(instant)) => format::instant(Some(*instant)).into(),
            Some(Cell::Number(number)) => (*number).into(),
            Some(Cell::Text(text)) => text.as_str().into(),
            Some(Cell::Numbers(numbers)) => numbers.as_slice().into(),
            Some(Cell::Texts(texts)) => texts.as_slice().into(),
        }
    }

    /// Returns a value for a program: an instant becomes RFC 3339 with all its digits, NULL becomes null.
    pub fn exact(&self, column: &str) -> serde_json::Value {
        match self.cell(column) {
            Some(Cell::Time(instant)) => {
                DateTime::from_timestamp_nanos(*instant).to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
            }
            _ => self.json(column),
        }
    }

    /// Returns a value in the form that readers see; NULL becomes an en dash.
    pub fn shown(&self, column: &str) -> String {
        match self.cell(column) {
            None | Some(Cell::Null) => format::UNKNOWN.into(),
            Some(Cell::Flag(flag)) => if *flag { "yes" } else { "no" }.into(),
            Some(Cell::Integer(integer)) => format::count(Some(*integer as f64)),
            Some(Cell::Time(instant)) => format::instant(Some(*instant)),
            Some(Cell::Number(number)) => format::number(Some(*number)),
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Numbers(numbers)) => {
                numbers.iter().map(|number| format::number(Some(*number))).collect::<Vec<_>>().join(", ")
            }
            Some(Cell::Texts(texts)) => texts.join(", "),
        }
    }

    /// Returns a list of numbers; empty if it is NULL.
    pub fn numbers(&self, column: &str) -> &'a [f64] {
        match self.cell(column) {
            Some(Cell::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// Returns a list of texts; empty if it is NULL.
    pub fn texts(&self, column: &str) -> &'a [String] {
        match self.cell(column) {
            Some(Cell::Texts(texts)) => texts,
            _ => &[],
        }
    }
}

fn cells(array: &dyn Array) -> Result<Vec<Cell>, DataFusionError> {
    let data_type = array.data_type();
    let filled =
        |index: usize, cell: &dyn Fn(usize) -> Cell| if array.is_null(index) { Cell::Null } else { cell(index) };
    let all = |cell: &dyn Fn(usize) -> Cell| (0..array.len()).map(|index| filled(index, cell)).collect();
    Ok(match data_type {
        DataType::Null => vec![Cell::Null; array.len()],
        DataType::Boolean => {
            let flags = array.as_boolean();
            all(&|index| Cell::Flag(flags.value(index)))
        }
        DataType::Timestamp(_, zone) => {
            let nanoseconds = DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Nanosecond, zone.clone());
            let integers = cast(&cast(array, &nanoseconds)?, &DataType::Int64)?;
            let integers = integers.as_primitive::<Int64Type>();
            all(&|index| Cell::Time(integers.value(index)))
        }
        integer if integer.is_integer() => {
            let integers = cast(array, &DataType::Int64)?;
            let integers = integers.as_primitive::<Int64Type>();
            all(&|index| Cell::Integer(integers.value(index)))
        }
        number if number.is_numeric() => {
            let numbers = cast(array, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            all(&|index| Some(numbers.value(index)).filter(|n| n.is_finite()).map_or(Cell::Null, Cell::Number))
        }
        DataType::List(item) if item.data_type().is_numeric() => {
            let lists = array.as_list::<i32>();
            let mut read = Vec::with_capacity(array.len());
            for list in lists.iter() {
                read.push(match list {
                    None => Cell::Null,
                    Some(list) => {
                        let numbers = cast(&list, &DataType::Float64)?;
                        Cell::Numbers(numbers.as_primitive::<Float64Type>().iter().flatten().collect())
                    }
                });
            }
            read
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let mut read = Vec::with_capacity(array.len());
            for list in lists.iter() {
                read.push(match list {
                    None => Cell::Null,
                    Some(list) => {
                        let texts = cast(&list, &DataType::Utf8)?;
                        let texts = texts.as_string::<i32>();
                        Cell::Texts(texts.iter().flatten().map(str::to_string).collect())
                    }
                });
            }
            read
        }
        _ => {
            let texts = cast(array, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            all(&|index| Cell::Text(texts.value(index).to_string()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Literal, Query};

    #[test]
    fn placeholders_are_filled_once_and_quoted() {
        let values =
            [("model", Literal::Text("it's $split")), ("split", Literal::Text("test")), ("t", Literal::Number(0.5))];
        let query = Query::new("q", "SELECT $model, $split, $t, $other", &values);
        assert_eq!(query.sql, "SELECT 'it''s $split', 'test', 0.5, $other");
    }
}
