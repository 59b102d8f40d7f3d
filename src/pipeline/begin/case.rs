//! The first case of a query's test: made-up rows for what it reads, and what it makes of them now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::execution::context::SessionContext;

use crate::pipeline::case::{own_catalog, table_of};
use crate::pipeline::error::Error;
use crate::pipeline::{Project, Query, cell};
use crate::text::literal;

/// How many rows each table gets, and how many seconds lie between two of them.
const ROWS: usize = 3;
const STEP_S: usize = 2;

/// The most columns of the result that the case expects; more make a test that nobody reads.
const MOST_EXPECTED: usize = 8;

impl Project {
    /// Returns the text of a test file with one case.
    pub(super) async fn first_case(&self, query: &Query, context: &SessionContext) -> Result<String, Error> {
        let mut read: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        let flows = self.flows(query, context).await?;
        for source in flows.columns.iter().map(|(_, flow)| flow).chain([&flows.rows]).flat_map(|flow| flow.keys()) {
            read.entry(Arc::clone(&source.relation)).or_default().extend(source.column.clone());
        }
        let own = own_catalog(context);
        let mut given = String::new();
        for (table, columns) in read {
            // A table function and a model are not tables.
            let Ok(provider) = context.table_provider(&*table).await else { continue };
            let schema = provider.schema();
            let writable = schema.fields().iter().map(|field| (field.name().as_str(), field.data_type()));
            let writable: Vec<_> = writable.filter(|(name, kind)| value(name, kind, 0).is_some()).collect();
            let mut fields: Vec<(&str, &DataType)> =
                writable.iter().copied().filter(|(name, _)| columns.contains(*name)).collect();
            if fields.is_empty() {
                // A query that counts rows reads no column.
                fields.extend(writable.first());
            }
            let names: Vec<String> = fields.iter().map(|(name, _)| name.to_string()).collect();
            let row = |row: usize| {
                let cells: Vec<String> = fields.iter().filter_map(|(name, kind)| value(name, kind, row)).collect();
                format!("  ({})", cells.join(", "))
            };
            let rows = match names.is_empty() {
                true => String::new(),
                false => format!("VALUES\n{}\n", (0..ROWS).map(row).collect::<Vec<_>>().join(",\n")),
            };
            given.push_str(&format!("-- given {table}({}):\n{rows}", names.join(", ")));
            self.give(&own, &table, &names, &rows, &schema).await?;
        }
        let index = self.position(&query.name).ok_or_else(|| self.unknown(&query.name))?;
        let made = self.rows_of(index, None, &own).await.map_err(cannot)?;
        let expected = expected(query, &made);
        let grain = if query.header.grain.is_empty() { "" } else { ", in the order of its grain" };
        Ok(format!(
            "-- What {name} must make of given rows. The given rows are made up, and the expected rows are what the query returns \
             now:\n-- check them by hand, then change them to what matters. Rows are compared{grain}.\n\n\
             -- test: it returns what it returned when this test was begun\n{given}{expected}",
            name = query.name
        ))
    }

    async fn give(
        &self,
        own: &SessionContext,
        table: &str,
        columns: &[String],
        rows: &str,
        schema: &SchemaRef,
    ) -> Result<(), Error> {
        let rows = table_of(own, columns, rows, schema).await.map_err(|wrong| cannot(wrong.to_string()))?;
        own.register_table(table, rows).map_err(|error| cannot(error.strip_backtrace()))?;
        Ok(())
    }
}

fn cannot(problem: String) -> Error {
    Error::Begin {
        problem: format!("the query cannot be run over made-up rows: {problem}"),
        hint: "write the test by hand; docs/pipeline.md shows one".into(),
    }
}

/// Returns a made-up value as SQL writes it; `None` for a type that VALUES cannot write.
fn value(name: &str, data_type: &DataType, row: usize) -> Option<String> {
    let step = [0.0, 2.0, 1.0][row % 3];
    Some(match data_type {
        DataType::Timestamp(..) => format!("'2026-01-01T00:00:{:02}Z'", row * STEP_S),
        DataType::Date32 => format!("'2026-01-{:02}'", row + 1),
        DataType::Boolean => if row.is_multiple_of(2) { "false" } else { "true" }.into(),
        // A bid lies below its ask.
        kind if kind.is_floating() && name.contains("bid") => format!("{:?}", 99.0 + step),
        kind if kind.is_floating() && name.contains("ask") => format!("{:?}", 101.0 + step),
        kind if kind.is_floating() => format!("{:?}", 100.0 + step),
        kind if kind.is_integer() => row.to_string(),
        kind if kind.is_string() && name == "status" => "'ok'".into(),
        kind if kind.is_string() => "'A'".into(),
        _ => return None,
    })
}

/// Returns the rows as a case expects them.
fn expected(query: &Query, made: &RecordBatch) -> String {
    let schema = made.schema();
    let is_key = |name: &str| query.header.grain.iter().any(|key| key == name);
    let simple = |data_type: &DataType| !data_type.is_nested() && !matches!(data_type, DataType::Null);
    let all = schema.fields().iter().enumerate().filter(|(_, field)| simple(field.data_type()));
    let mut columns: Vec<usize> = all.map(|(index, _)| index).collect();
    // The keys come first, so that a reader knows which row it is.
    columns.sort_by_key(|index| (!is_key(schema.field(*index).name()), *index));
    columns.truncate(MOST_EXPECTED);
    let names: Vec<&str> = columns.iter().map(|index| schema.field(*index).name().as_str()).collect();
    let rows = (0..made.num_rows()).map(|row| {
        let cells: Vec<String> = columns.iter().map(|index| shown(made.column(*index), row)).collect();
        format!("  ({})", cells.join(", "))
    });
    let rows: Vec<String> = rows.collect();
    let rows = if rows.is_empty() { String::new() } else { format!("VALUES\n{}\n", rows.join(",\n")) };
    format!("-- expect({}):\n{rows}", names.join(", "))
}

/// Returns a value as SQL writes it, with all its digits.
fn shown(column: &Arc<dyn Array>, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".into();
    }
    match column.data_type() {
        DataType::Float64 => match column.as_primitive::<Float64Type>().value(row) {
            number if number.is_finite() => format!("{number:?}"),
            number => format!("CAST('{number}' AS DOUBLE)"),
        },
        DataType::Boolean => cell::shown(column, row),
        kind if kind.is_numeric() => cell::shown(column, row),
        _ => literal(&cell::shown(column, row)),
    }
}
