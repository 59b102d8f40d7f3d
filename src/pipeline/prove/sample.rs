//! The ticks over which queries are recomputed, and the ways in which they are cut: the ticks on one side of an instant are
//! removed, or replaced by others.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use datafusion::arrow::compute::{cast, concat_batches, filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimestampNanosecondType};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{Expr, col, lit};

use super::generated;
use super::random::Random;
use crate::pipeline::LANDED;
use crate::text::{counted, decimals};

/// At most about so many landed ticks are used: they fit in memory, and recomputing them takes seconds.
const MOST_TICKS: i64 = 100_000;

const NS_PER_S: f64 = 1e9;

/// The column by which ticks are cut.
const TIME: &str = "ts";

/// Ticks, sorted by product and time.
#[derive(Debug)]
pub struct Sample {
    /// What the ticks are, as messages name them.
    pub name: String,
    pub ticks: RecordBatch,
    times: Vec<i64>,
}

/// The side of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The ticks after the instant.
    After,
    /// The ticks before the instant.
    Before,
}

/// What happens to the ticks of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Removed,
    /// Other prices, quantities, sides and sequence numbers at the same times.
    Replaced,
}

/// A change of the ticks on one side of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// In nanoseconds since 1970. The tick at the instant stays.
    pub at: i64,
    pub side: Side,
    pub change: Change,
}

impl Sample {
    fn new(name: String, ticks: RecordBatch) -> Result<Sample, DataFusionError> {
        let column = ticks.column_by_name(TIME).ok_or_else(|| missing(TIME))?;
        let column = cast(column, &DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Nanosecond, None))?;
        let times = column.as_primitive::<TimestampNanosecondType>();
        // A row without a time lies before every instant.
        let times = times.iter().map(|time| time.unwrap_or(i64::MIN)).collect();
        Ok(Sample { name, ticks, times })
    }

    /// Makes ticks of two products up.
    pub fn generated(schema: &SchemaRef, products: [&str; 2], seed: u64) -> Result<Sample, DataFusionError> {
        let ticks = generated::ticks(schema, products, seed)?;
        Sample::new(counted(ticks.num_rows() as u64, "generated tick"), ticks)
    }

    /// Takes landed ticks: all of them, or those of a stretch of time that the seed chooses. `None` if nothing is landed.
    pub async fn landed(context: &SessionContext, seed: u64) -> Result<Option<Sample>, DataFusionError> {
        let bounds =
            context.table(LANDED).await?.aggregate(vec![], vec![min(col(TIME)), max(col(TIME)), count(lit(1))])?;
        let bounds = bounds.collect().await?;
        let whole = |column: usize| {
            let cell = bounds.first().map(|batch| cast(batch.column(column), &DataType::Int64)).transpose()?;
            let cell = cell.filter(|cell| !cell.is_empty() && cell.is_valid(0));
            Ok::<_, DataFusionError>(cell.map(|cell| cell.as_primitive::<Int64Type>().value(0)))
        };
        let (Some(first), Some(last), Some(rows)) = (whole(0)?, whole(1)?, whole(2)?) else { return Ok(None) };
        let span = last - first;
        let mut random = Random::new(seed);
        let mut length = if rows <= MOST_TICKS { span } else { (span as f64 * MOST_TICKS as f64 / rows as f64) as i64 };
        let mut start = first + random.between(0.0, (span - length) as f64 + 1.0) as i64;
        loop {
            let found = ticks_within(context, start, start + length).await?;
            if found > MOST_TICKS && length > 1 {
                length /= 2;
            } else if found < MOST_TICKS / 4 && length < span {
                // The stretch lies in a silence, or ticks are rarer here.
                length = (length * 2).min(span).max(1);
                start = start.min(last - length).max(first);
                if ticks_within(context, start, start + length).await? > MOST_TICKS {
                    break;
                }
            } else {
                break;
            }
        }
        let order = ["product_id", TIME].map(|column| col(column).sort(true, false)).to_vec();
        let frame = context.table(LANDED).await?.filter(within(start, start + length))?.sort(order)?;
        // Ticks can be denser than expected.
        let frame = frame.limit(0, Some(2 * MOST_TICKS as usize))?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let ticks = concat_batches(&schema, &frame.collect().await?)?;
        let name = if length == span {
            counted(ticks.num_rows() as u64, "landed tick")
        } else {
            format!("{} of {} of landed ticks", duration(length), duration(span))
        };
        Ok(Some(Sample::new(name, ticks)?))
    }

    /// Returns instants at which to cut, one from each of `cuts` stretches of the ticks; each is the time of a tick.
    pub fn instants(&self, cuts: usize, random: &mut Random) -> Vec<i64> {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.dedup();
        // Leave some ticks on either side.
        let (from, to) = (times.len() / 20, times.len() - times.len() / 20);
        let mut instants: Vec<i64> = (0..cuts)
            .filter_map(|cut| {
                let stretch = (to - from) / cuts.max(1);
                times.get(from + cut * stretch + random.below(stretch.max(1))).copied()
            })
            .collect();
        instants.dedup();
        instants
    }

    /// Returns, for each product, the times of its ticks up to an instant, ascending.
    pub fn times_until(&self, at: i64) -> Vec<(String, Vec<i64>)> {
        self.times_where(|time| time <= at)
    }

    /// Returns, for each product, the times of its ticks from an instant on, ascending.
    pub fn times_from(&self, at: i64) -> Vec<(String, Vec<i64>)> {
        self.times_where(|time| time >= at)
    }

    fn times_where(&self, counts: impl Fn(i64) -> bool) -> Vec<(String, Vec<i64>)> {
        let products = self.ticks.column_by_name("product_id").and_then(|column| cast(column, &DataType::Utf8).ok());
        let mut found: Vec<(String, Vec<i64>)> = Vec::new();
        for (row, time) in self.times.iter().enumerate().filter(|(_, time)| counts(**time)) {
            let product = products.as_ref().filter(|products| products.is_valid(row));
            let product = product.map(|products| products.as_string::<i32>().value(row)).unwrap_or_default();
            match found.last_mut() {
                Some((last, times)) if last == product => times.push(*time),
                _ => found.push((product.into(), vec![*time])),
            }
        }
        found
    }

    /// Returns the ticks as a cut leaves them.
    pub fn cut(&self, cut: Cut, random: &mut Random) -> Result<RecordBatch, DataFusionError> {
        let is_touched = |time: &i64| match cut.side {
            Side::After => *time > cut.at,
            Side::Before => *time < cut.at,
        };
        let touched: Vec<bool> = self.times.iter().map(is_touched).collect();
        match cut.change {
            Change::Removed => {
                let kept: BooleanArray = touched.iter().map(|touched| Some(!touched)).collect();
                Ok(filter_record_batch(&self.ticks, &kept)?)
            }
            Change::Replaced => self.replaced(&touched, random),
        }
    }

    /// Returns the ticks in another order.
    pub fn shuffled(&self, random: &mut Random) -> Result<RecordBatch, DataFusionError> {
        let order = UInt64Array::from(random.shuffled(self.ticks.num_rows()));
        Ok(take_record_batch(&self.ticks, &order)?)
    }

    /// Replaces what the market did in the touched rows; their products and times stay.
    fn replaced(&self, touched: &[bool], random: &mut Random) -> Result<RecordBatch, DataFusionError> {
        // One factor a row keeps the bid below the ask.
        let factors: Vec<f64> = touched.iter().map(|_| random.between(0.5, 1.5)).collect();
        let schema = self.ticks.schema();
        let columns = schema.fields().iter().zip(self.ticks.columns()).map(|(field, column)| -> ArrayRef {
            match (field.name().as_str(), field.data_type()) {
                ("sequence_num", DataType::Int64) => {
                    let values = column.as_primitive::<Int64Type>().iter().zip(touched);
                    let mut other = |value: i64| value.wrapping_add(1 + random.below(1000) as i64);
                    let values: Vec<Option<i64>> = values
                        .map(|(value, touched)| value.map(|value| if *touched { other(value) } else { value }))
                        .collect();
                    Arc::new(Int64Array::from(values))
                }
                ("side", DataType::Utf8) => {
                    let values = column.as_string::<i32>().iter().zip(touched);
                    let mut other = |side: &str| match random.below(2) {
                        0 => "BUY".to_string(),
                        1 => "SELL".to_string(),
                        _ => side.to_string(),
                    };
                    let values: Vec<Option<String>> = values
                        .map(|(value, touched)| value.map(|value| if *touched { other(value) } else { value.into() }))
                        .collect();
                    Arc::new(StringArray::from(values))
                }
                (name, DataType::Float64) => {
                    let is_price = ["price", "best_bid", "best_ask"].contains(&name)
                        || name.starts_with("low_")
                        || name.starts_with("high_");
                    let values = column.as_primitive::<Float64Type>().iter().zip(touched).zip(&factors);
                    let values: Vec<Option<f64>> = values
                        .map(|((value, touched), factor)| {
                            let factor = if is_price { *factor } else { random.between(0.1, 10.0) };
                            value.map(|value| if *touched { value * factor } else { value })
                        })
                        .collect();
                    Arc::new(Float64Array::from(values))
                }
                _ => Arc::clone(column),
            }
        });
        let columns = columns.collect();
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

fn missing(column: &str) -> DataFusionError {
    DataFusionError::Plan(format!("the table {LANDED} has no column `{column}`"))
}

fn within(start: i64, end: i64) -> Expr {
    let time = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())));
    col(TIME).between(time(start), time(end))
}

async fn ticks_within(context: &SessionContext, start: i64, end: i64) -> Result<i64, DataFusionError> {
    let count = context.table(LANDED).await?.filter(within(start, end))?.count().await?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Writes a length of time for people, such as `3.2 h`.
fn duration(ns: i64) -> String {
    let seconds = ns as f64 / NS_PER_S;
    match seconds {
        _ if seconds >= 2.0 * 86_400.0 => format!("{} d", decimals(seconds / 86_400.0, 1)),
        _ if seconds >= 2.0 * 3_600.0 => format!("{} h", decimals(seconds / 3_600.0, 1)),
        _ if seconds >= 120.0 => format!("{} min", decimals(seconds / 60.0, 1)),
        _ => format!("{} s", decimals(seconds, 0)),
    }
}
