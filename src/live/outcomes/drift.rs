//! Whether the features of the last span differ from what a model keeps of its training rows.

use std::path::Path;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;

use super::lines::{files, instant};
use crate::dialect;
use crate::functions::OF_MODEL;
use crate::live::sink::Kept;
use crate::model::Artifact;
use crate::text::{identifier, literal};

/// A feature of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub column: String,
    pub test: String,
    pub value: f64,
    pub drifted: bool,
}

/// Compares the columns of a query's rows from an instant on, in nanoseconds since 1970, with the columns that a model was trained on, as
/// `drift('model:…')` does; columns that only one of them has are left out.
///
/// # Errors
/// The rows cannot be read.
pub async fn features(
    context: &SessionContext,
    model: &Artifact,
    dir: &Path,
    kept: &Kept,
    since: i64,
) -> Result<Vec<Feature>, DataFusionError> {
    let columns = model.distributions.iter().map(|sketch| sketch.column.as_str()).filter(|name| kept.has(name));
    let columns: Vec<String> = columns.map(identifier).collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let (columns, files, since) = (columns.join(", "), files(dir, &kept.query), instant(since));
    let rows = format!("SELECT {columns} FROM {files} WHERE ts >= {since}");
    let sql = format!(
        "SELECT column_name, test, CAST(value AS DOUBLE), drifted FROM drift({}, {}) WHERE drifted IS NOT NULL",
        literal(&format!("{OF_MODEL}{}", model.reference())),
        literal(&rows)
    );
    let mut features = Vec::new();
    for rows in dialect::run(context, &sql).await?.collect().await? {
        let text = |column: usize| cast(rows.column(column), &DataType::Utf8);
        let (names, tests) = (text(0)?, text(1)?);
        let (names, tests) = (names.as_string::<i32>(), tests.as_string::<i32>());
        let (values, drifted) = (rows.column(2).as_primitive::<Float64Type>(), rows.column(3).as_boolean());
        features.extend((0..rows.num_rows()).map(|row| Feature {
            column: names.value(row).into(),
            test: tests.value(row).into(),
            value: values.value(row),
            drifted: drifted.value(row),
        }));
    }
    Ok(features)
}
