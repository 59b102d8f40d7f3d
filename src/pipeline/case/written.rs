//! The rows that a case writes, with the types of the table for which they stand.
//!
//! In: a query, such as `VALUES ('A', 1)`, and the names of its columns. Out: a batch with the columns of a schema. A value that does not
//! fit its column is an error: as NULL, it would let a test pass that compares nothing.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

use crate::pipeline::cell;
use crate::pipeline::describe::sql_type;
use crate::text::tokens::is_word;

/// What is wrong with written rows.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    #[error("{}", .0.find_root().message())]
    Rows(#[from] DataFusionError),
    #[error("`{column}` cannot be {value}, because it is {sql_type}")]
    Value {
        column: String,
        value: String,
        sql_type: String,
        /// Where the value is written in the query, if the query is VALUES.
        at: Option<Location>,
    },
}

impl From<ArrowError> for Wrong {
    fn from(error: ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

/// Returns the rows of a query with the columns of `schema`; those that are not among `names` are NULL.
///
/// # Errors
/// The query fails, the names are not those of its columns, or a value does not fit its column.
pub async fn rows(own: &SessionContext, names: &[String], sql: &str, schema: &Schema) -> Result<RecordBatch, Wrong> {
    let invalid = |message: String| Wrong::Rows(DataFusionError::Plan(message));
    for column in names {
        if schema.index_of(column).is_err() {
            return Err(invalid(format!("there is no column `{column}`")));
        }
    }
    let batch = if sql.trim().is_empty() {
        RecordBatch::new_empty(Arc::new(Schema::empty()))
    } else {
        let frame = own.sql(sql).await?;
        let found = Arc::new(frame.schema().as_arrow().clone());
        concat_batches(&found, &frame.collect().await?)?
    };
    if batch.num_columns() != names.len() && batch.num_columns() > 0 {
        return Err(invalid(format!("{} columns are named, {} given", names.len(), batch.num_columns())));
    }
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema.fields() {
        let place = names.iter().position(|column| column == field.name());
        columns.push(match place.filter(|place| *place < batch.num_columns()) {
            Some(place) => fitting(batch.column(place), field).map_err(|error| match unfit(&batch, place, field) {
                Some(row) => Wrong::Value {
                    column: field.name().clone(),
                    value: shown(batch.column(place), row),
                    sql_type: sql_type(field.data_type()),
                    at: spot(sql, row, place),
                },
                None => error.into(),
            })?,
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    let nullable = schema.fields().iter().map(|field| Field::clone(field).with_nullable(true));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(nullable.collect::<Vec<_>>())), columns)?)
}

/// Returns values in the type of a column, none of them changed.
fn fitting(values: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(values, field.data_type(), &strict)?;
    let cuts = field.data_type().is_integer() || *field.data_type() == DataType::Boolean;
    if cuts && values.data_type().is_numeric() {
        let back = cast_with_options(&cast, values.data_type(), &strict)?;
        if back.as_ref() != values.as_ref() {
            return Err(ArrowError::CastError("a value is not whole".into()));
        }
    }
    Ok(cast)
}

/// Returns the first row whose value does not fit.
fn unfit(batch: &RecordBatch, column: usize, field: &Field) -> Option<usize> {
    (0..batch.num_rows()).find(|row| fitting(&batch.column(column).slice(*row, 1), field).is_err())
}

fn shown(values: &ArrayRef, row: usize) -> String {
    let value = cell::shown(values, row);
    if values.data_type().is_string() { format!("'{value}'") } else { value }
}

/// Returns where a value of VALUES is written.
fn spot(sql: &str, row: usize, column: usize) -> Option<Location> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let mut tokens = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    if !is_word(tokens.next()?, "VALUES") {
        return None;
    }
    let (mut depth, mut rows, mut columns, mut begins) = (0, 0, 0, false);
    for token in tokens {
        if std::mem::take(&mut begins) && (rows, columns) == (row + 1, column) {
            return Some(token.span.start);
        }
        match token.token {
            Token::LParen => {
                depth += 1;
                if depth == 1 {
                    (rows, columns, begins) = (rows + 1, 0, true);
                }
            }
            Token::RParen => depth -= 1,
            Token::Comma if depth == 1 => (columns, begins) = (columns + 1, true),
            _ => {}
        }
    }
    None
}
