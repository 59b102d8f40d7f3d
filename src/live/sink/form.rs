//! The form in which the rows of a query leave: its columns, the place of the row's tick in the log, and, if the query scores with
//! models, their names and versions.
//!
//! In: rows as the plan gives them. Out: the same rows with `model` and `model_version`; and what is said of each row in the headers of a
//! message.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimestampNanosecondType};

use crate::live::error::Error;
use crate::live::plan::{LivePlan, OFFSET, PARTITION};
use crate::log::Headers;

/// The columns that name the models of a row, and their versions. Batch does not have them, so parity does not compare them.
const MODEL: &str = "model";
const VERSION: &str = "model_version";

/// The form of a query's rows.
#[derive(Debug, Clone)]
pub struct Form {
    query: String,
    schema: SchemaRef,
    /// The columns to add, with the value that each has in every row.
    added: Vec<String>,
    model: String,
    version: String,
    /// The names of the columns with a row's product and time.
    key: [String; 2],
}

impl Form {
    /// Returns the form of a query's rows. A query's own column keeps its name and its values.
    pub fn of(plan: &LivePlan) -> Form {
        let models = plan.models();
        let model = models.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",");
        let version = models.iter().map(|(_, version)| version.to_string()).collect::<Vec<_>>().join(",");
        let mut fields: Vec<Arc<Field>> = plan.schema().fields().iter().cloned().collect();
        let mut added = Vec::new();
        for (name, value) in [(MODEL, &model), (VERSION, &version)] {
            if !models.is_empty() && plan.schema().index_of(name).is_err() {
                fields.push(Arc::new(Field::new(name, DataType::Utf8, false)));
                added.push(value.clone());
            }
        }
        let key = plan.key().map(String::from);
        Form { query: plan.name().into(), schema: Arc::new(Schema::new(fields)), added, model, version, key }
    }

    /// Returns the query's name.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns the columns of rows that leave.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns rows with the columns that are added.
    ///
    /// # Errors
    /// The rows are not those of the query.
    pub fn filled(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        for value in &self.added {
            columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows.num_rows()))));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(not_encoded)
    }

    /// Returns the product and the time of each row, in nanoseconds since 1970.
    ///
    /// # Errors
    /// The rows are not those of the query.
    pub fn keys(&self, rows: &RecordBatch) -> Result<Vec<(String, i64)>, Error> {
        let column = |name: &str| rows.column_by_name(name).ok_or_else(|| not_encoded(format!("no column {name}")));
        let products = cast(column(&self.key[0])?, &DataType::Utf8).map_err(not_encoded)?;
        let times = column(&self.key[1])?;
        let times =
            times.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(|| not_encoded("a time is not one"))?;
        let products = products.as_string::<i32>().iter().zip(times.values());
        Ok(products.map(|(product, time)| (product.unwrap_or_default().to_string(), *time)).collect())
    }

    /// Returns the headers of each row's message; `emitted` is when they leave, in nanoseconds since 1970.
    ///
    /// # Errors
    /// The rows are not those of the query.
    pub fn headers(&self, rows: &RecordBatch, offsets: &[i64], emitted: i64) -> Result<Vec<Headers>, Error> {
        let partitions = rows.column_by_name(PARTITION).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let keys = self.keys(rows)?;
        let headers = keys.into_iter().zip(offsets).enumerate().map(|(row, ((_, time), offset))| {
            let mut headers: Headers = vec![("query", self.query.clone())];
            headers.extend(partitions.map(|partitions| (PARTITION, partitions.value(row).to_string())));
            headers.push((OFFSET, offset.to_string()));
            headers.push(("event_time", time.to_string()));
            headers.push(("emission_time", emitted.to_string()));
            if !self.model.is_empty() {
                headers.push((MODEL, self.model.clone()));
                headers.push((VERSION, self.version.clone()));
            }
            headers
        });
        Ok(headers.collect())
    }
}

/// Returns an instant in nanoseconds since 1970 as RFC 3339, UTC.
pub fn instant(ns: i64) -> String {
    DateTime::from_timestamp_nanos(ns).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// Returns the error of rows that cannot be given their form.
pub fn not_encoded(problem: impl ToString) -> Error {
    Error::Encode { problem: problem.to_string() }
}
