//! What a table holds: for each column its type, how many values are NULL, NaN or distinct, and how the numbers are distributed.
//!
//! In: a query. Out: a [`Profile`]. The rows are read twice: once to count them, and once for everything else. Up to
//! [`MOST_EXACT`] rows, quantiles and distinct values are exact; beyond, quantiles come from a t-digest (Dunning and Ertl,
//! arXiv:1902.04023) and distinct values from a HyperLogLog sketch, so that memory does not grow with the rows. NaN counts in
//! no other figure.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, SchemaRef, UInt64Type};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;

use super::cell;
use super::describe::sql_type;
use crate::dialect;
use crate::text::identifier;

/// Beyond this many rows, distinct values and quantiles are estimated.
pub const MOST_EXACT: u64 = 1_000_000;

/// The quantiles, as shares of the rows.
pub const QUANTILES: [(&str, f64); 5] = [("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95)];

/// How many of the rows are shown.
const SHOWN_ROWS: usize = 5;

/// What a table holds.
#[derive(Debug)]
pub struct Profile {
    pub rows: u64,
    /// Whether distinct values and quantiles are exact.
    pub is_exact: bool,
    pub columns: Vec<ColumnProfile>,
    /// The first rows.
    pub head: RecordBatch,
}

/// What a column holds. A figure that the column's type or values do not have is `None`.
#[derive(Debug, Default)]
pub struct ColumnProfile {
    pub name: String,
    pub sql_type: String,
    pub nulls: u64,
    /// NaN values; `None` if the type has none.
    pub nans: Option<u64>,
    pub distinct: Option<u64>,
    pub is_number: bool,
    /// With all digits.
    pub min: Option<String>,
    pub max: Option<String>,
    pub mean: Option<f64>,
    /// The sample standard deviation.
    pub std: Option<f64>,
    /// In the order of [`QUANTILES`].
    pub quantiles: [Option<f64>; 5],
}

/// What is asked of a column's type.
struct Asked {
    is_number: bool,
    is_float: bool,
    /// Whether its values have an order.
    is_ordered: bool,
}

impl Asked {
    fn of(data_type: &DataType) -> Asked {
        let is_number = data_type.is_numeric();
        Asked {
            is_number,
            is_float: data_type.is_floating(),
            // Of two intervals, 1 month and 30 days, nobody can say which is longer.
            is_ordered: is_number
                || (data_type.is_temporal() && !matches!(data_type, DataType::Interval(_)))
                || data_type.is_string()
                || *data_type == DataType::Boolean,
        }
    }
}

/// Profiles the rows of a query.
///
/// # Errors
/// The query fails.
pub async fn profile(sql: &str, context: &SessionContext) -> Result<Profile, DataFusionError> {
    let schema: SchemaRef = dialect::run(context, sql).await?.schema().inner().clone();
    let counted = one_row(&format!("SELECT count(*) FROM ({sql}) AS relation"), context).await?;
    let rows = number(&counted, 0).unwrap_or_default() as u64;
    let is_exact = rows <= MOST_EXACT;
    let mut select: Vec<String> = Vec::new();
    for field in schema.fields() {
        let column = identifier(field.name());
        let asked = Asked::of(field.data_type());
        select.push(format!("count({column})"));
        if !asked.is_ordered {
            continue;
        }
        select.push(if is_exact {
            format!("count(DISTINCT {column})")
        } else {
            format!("approx_distinct(CAST({column} AS VARCHAR))")
        });
        let value = match asked.is_float {
            true => format!("CASE WHEN NOT isnan({column}) THEN {column} END"),
            false => column.clone(),
        };
        select.push(format!("min({value})"));
        select.push(format!("max({value})"));
        if asked.is_float {
            select.push(format!("count(*) FILTER (WHERE isnan({column}))"));
        }
        if asked.is_number {
            let value = format!("CAST({value} AS DOUBLE)");
            select.push(format!("avg({value})"));
            select.push(format!("stddev_samp({value})"));
            let estimate = |share: f64| format!("approx_percentile_cont({share}) WITHIN GROUP (ORDER BY {value})");
            match is_exact {
                // The engine's percentile_cont rounds the place between two values.
                true => select.push(format!("array_agg({value}) FILTER (WHERE {column} IS NOT NULL)")),
                false => select.extend(QUANTILES.iter().map(|(_, share)| estimate(*share))),
            }
        }
    }
    // Each gets a name of its own.
    let select: Vec<String> =
        select.into_iter().enumerate().map(|(number, figure)| format!("{figure} AS figure_{number}")).collect();
    let figures = match select.is_empty() {
        true => RecordBatch::new_empty(schema.clone()),
        false => one_row(&format!("SELECT {} FROM ({sql}) AS relation", select.join(", ")), context).await?,
    };
    let mut next = 0..figures.num_columns();
    // The figures come in the order in which they were asked for.
    let mut take = || next.next().unwrap_or_default();
    let mut columns = Vec::new();
    for field in schema.fields() {
        let asked = Asked::of(field.data_type());
        let values = number(&figures, take()).unwrap_or_default() as u64;
        let (name, sql_type) = (field.name().clone(), sql_type(field.data_type()));
        let (nulls, is_number) = (rows - values, asked.is_number);
        let mut column = ColumnProfile { name, sql_type, nulls, is_number, ..ColumnProfile::default() };
        if asked.is_ordered {
            column.distinct = number(&figures, take()).map(|count| count as u64);
            column.min = text(&figures, take());
            column.max = text(&figures, take());
        }
        if asked.is_float {
            column.nans = number(&figures, take()).map(|count| count as u64);
        }
        if asked.is_number {
            column.mean = number(&figures, take());
            column.std = number(&figures, take());
            column.quantiles = match is_exact {
                true => exact_quantiles(&figures, take()),
                false => std::array::from_fn(|_| number(&figures, take())),
            };
        }
        columns.push(column);
    }
    let head = dialect::run(context, &format!("SELECT * FROM ({sql}) AS relation LIMIT {SHOWN_ROWS}"))
        .await?
        .collect()
        .await?;
    let head = datafusion::arrow::compute::concat_batches(&schema, &head)?;
    Ok(Profile { rows, is_exact, columns, head })
}

async fn one_row(sql: &str, context: &SessionContext) -> Result<RecordBatch, DataFusionError> {
    let batches = dialect::run(context, sql).await?.collect().await?;
    let row = batches.into_iter().find(|batch| batch.num_rows() > 0);
    row.ok_or_else(|| DataFusionError::Internal("an aggregate has one row".into()))
}

fn number(row: &RecordBatch, column: usize) -> Option<f64> {
    let column = cast(row.column(column), &DataType::Float64).ok()?;
    column.as_primitive::<Float64Type>().iter().next().flatten()
}

/// Returns the quantiles of a list of numbers, interpolated between neighbours as `numpy.quantile` does.
fn exact_quantiles(row: &RecordBatch, column: usize) -> [Option<f64>; 5] {
    let Some(list) = row.column(column).as_list_opt::<i32>().filter(|list| !list.is_null(0)) else { return [None; 5] };
    let values = list.value(0);
    let mut values: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().collect();
    values.sort_unstable_by(f64::total_cmp);
    QUANTILES.map(|(_, share)| {
        let place = share * values.len().checked_sub(1)? as f64;
        let (below, above) = (values.get(place.floor() as usize)?, values.get(place.ceil() as usize)?);
        let weight = place - place.floor();
        // From the nearer end, as numpy does, so that the ends are exact.
        Some(if weight < 0.5 { below + (above - below) * weight } else { above - (above - below) * (1.0 - weight) })
    })
}

fn text(row: &RecordBatch, column: usize) -> Option<String> {
    let column = row.column(column);
    (!column.is_null(0)).then(|| cell::shown(column, 0))
}

/// Returns the first number of a column of counts.
pub(super) fn count(row: &RecordBatch, column: usize) -> u64 {
    let counts = cast(row.column(column), &DataType::UInt64).ok();
    counts.and_then(|counts| counts.as_primitive::<UInt64Type>().iter().next().flatten()).unwrap_or_default()
}
