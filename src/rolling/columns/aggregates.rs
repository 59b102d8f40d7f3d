//! Aggregates that the table does not have: DataFusion's accumulators over the rows of a frame.
//!
//! Rows that left a frame are taken out, if the accumulator can do that and neither arguments nor result are floating-point
//! numbers. A frame that only grew takes the new rows, if the accumulator is known to survive its evaluation. Otherwise all rows of
//! the frame are accumulated anew, in time proportional to the frame's length. So a result never depends on rows that left.
//!
//! An accumulator gets rows in one piece, however the input was divided into batches: sums of distinct values and t-digests have other
//! bits if they get the same rows in other pieces.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, new_empty_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Kernel};

/// The arguments of a call, each batch with the position of its first row.
#[derive(Debug)]
struct Arguments {
    batches: Vec<(usize, Vec<ArrayRef>)>,
}

impl Column for Arguments {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Arguments { batches: Vec::new() }
    }

    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()> {
        self.batches.push((position, arrays.to_vec()));
        Ok(())
    }

    fn release(&mut self, position: usize) {
        let gone = self.batches.partition_point(|(first, arrays)| first + length(arrays) <= position);
        self.batches.drain(..gone);
    }

    fn bytes(&self) -> usize {
        self.batches.iter().flat_map(|(_, arrays)| arrays).map(|array| array.get_array_memory_size()).sum()
    }
}

fn length(arrays: &[ArrayRef]) -> usize {
    arrays.first().map_or(0, |array| array.len())
}

impl Arguments {
    /// Returns the rows of a range in one piece; `None` if the range is empty.
    fn rows(&self, start: usize, end: usize) -> Result<Option<Vec<ArrayRef>>> {
        let from = self.batches.partition_point(|(first, arrays)| first + length(arrays) <= start);
        let within = self.batches[from..].iter().take_while(|(first, _)| *first < end);
        let mut pieces = within.map(|(first, arrays)| -> Vec<ArrayRef> {
            let (low, high) = (start.max(*first), end.min(first + length(arrays)));
            arrays.iter().map(|array| array.slice(low - first, high - low)).collect()
        });
        let Some(one) = pieces.next().filter(|_| start < end) else { return Ok(None) };
        let mut pieces: Vec<Vec<ArrayRef>> = std::iter::once(one).chain(pieces).collect();
        if pieces.len() == 1 {
            return Ok(pieces.pop());
        }
        let columns = 0..pieces[0].len();
        let joined = columns.map(|column| {
            let parts: Vec<&dyn Array> = pieces.iter().map(|piece| piece[column].as_ref()).collect();
            Ok(concat(&parts)?)
        });
        Ok(Some(joined.collect::<Result<_>>()?))
    }
}

/// Aggregates whose accumulators go on after they were evaluated. Others may give up what they hold (apache/datafusion#19612).
const GO_ON: [&str; 18] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "bit_xor",
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
];

/// Accumulates the rows of each frame.
struct Accumulated {
    aggregate: Arc<AggregateFunctionExpr>,
    /// Whether rows can be taken out without a rounding error.
    retracts: bool,
    /// Whether rows can be added after an evaluation.
    goes_on: bool,
    accumulator: Option<Box<dyn Accumulator>>,
    /// The rows that are accumulated.
    start: usize,
    end: usize,
    cumulative: bool,
}

impl Accumulated {
    fn begin(&self) -> Result<Box<dyn Accumulator>> {
        if self.retracts { self.aggregate.create_sliding_accumulator() } else { self.aggregate.create_accumulator() }
    }

    /// Returns the result over a range of rows.
    fn over(&mut self, arguments: &Arguments, start: usize, end: usize) -> Result<ScalarValue> {
        let overlaps = start < self.end && end >= self.end && start >= self.start;
        let mut accumulator = match self.accumulator.take() {
            Some(accumulator) if self.goes_on && start == self.start && end >= self.end => accumulator,
            Some(mut accumulator) if self.retracts && overlaps => {
                if let Some(rows) = arguments.rows(self.start, start)? {
                    accumulator.retract_batch(&rows)?;
                }
                self.start = start;
                accumulator
            }
            _ => {
                (self.start, self.end) = (start, start);
                self.begin()?
            }
        };
        if let Some(rows) = arguments.rows(self.end, end)? {
            accumulator.update_batch(&rows)?;
        }
        self.end = end.max(self.end);
        let result = accumulator.evaluate()?;
        self.accumulator = Some(accumulator);
        Ok(result)
    }
}

impl Kernel<Arguments> for Accumulated {
    fn evaluate(&mut self, arguments: &Arguments, frames: &Frames) -> Result<ArrayRef> {
        let mut last: Option<(usize, usize, ScalarValue)> = None;
        let mut results = Vec::with_capacity(frames.start.len());
        for (start, end) in frames.each() {
            let result = match &last {
                Some((known_start, known_end, result)) if (*known_start, *known_end) == (start, end) => result.clone(),
                _ => self.over(arguments, start, end)?,
            };
            last = Some((start, end, result.clone()));
            results.push(result);
        }
        let field = self.aggregate.field();
        if results.is_empty() {
            return Ok(new_empty_array(field.data_type()));
        }
        let found = ScalarValue::iter_to_array(results)?;
        if found.data_type() == field.data_type() {
            return Ok(found);
        }
        Ok(datafusion::arrow::compute::cast(&found, field.data_type())?)
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.cumulative && self.goes_on {
            self.end
        } else if self.retracts {
            self.start.min(spanned)
        } else {
            spanned
        }
    }

    fn bytes(&self) -> usize {
        self.accumulator.as_ref().map_or(0, |accumulator| accumulator.size())
    }
}

/// Plans an aggregate that the table does not have.
pub fn plan(call: &Call, aggregate: &AggregateFunctionExpr) -> Option<Planned> {
    if call.arguments.is_empty() || !aggregate.order_bys().is_empty() || aggregate.ignore_nulls() {
        return None;
    }
    // Some types have no accumulator, and the aggregate says so only when it makes one.
    aggregate.create_accumulator().ok()?;
    let types = (0..call.arguments.len()).map(|index| call.data_type(index)).collect::<Option<Vec<_>>>()?;
    let field = aggregate.field();
    let exact = !types.iter().chain([field.data_type()]).any(DataType::is_floating);
    // The engine's bit_xor is 0, and not NULL, once the last value is taken out.
    let retracts = exact
        && aggregate.fun().name() != "bit_xor"
        && aggregate.create_sliding_accumulator().is_ok_and(|accumulator| accumulator.supports_retract_batch());
    let goes_on = retracts || (GO_ON.contains(&aggregate.fun().name()) && !aggregate.is_distinct());
    let (aggregate, cumulative) = (Arc::new(aggregate.clone()), call.is_cumulative());
    call.read::<Arguments, _>((), move || Accumulated {
        aggregate: Arc::clone(&aggregate),
        retracts,
        goes_on,
        accumulator: None,
        start: 0,
        end: 0,
        cumulative,
    })
}
