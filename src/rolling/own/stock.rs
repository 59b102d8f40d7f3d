//! Computes the result of one frame alone, for the stock operator.
//!
//! In: the arguments' values, followed by the values of the ORDER BY columns, both for the rows of one frame. Out: the
//! kernels' result over exactly these rows.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::PartitionEvaluator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};

use super::OwnFunction;
use crate::rolling::computation::evaluate;
use crate::rolling::kernel::bounds::{Edge, FrameSpec, Frames, Units};
use crate::rolling::keys::{ascending, is_countable};
use crate::rolling::plan::{Call, OrderKey};

/// Evaluates one function.
#[derive(Debug)]
pub struct FrameByFrame {
    function: &'static OwnFunction,
    /// The arguments as expressions over their values; constants stay constants.
    arguments: Vec<Arc<dyn PhysicalExpr>>,
}

impl FrameByFrame {
    /// Prepares for a call's arguments.
    pub fn new(function: &'static OwnFunction, arguments: &[Arc<dyn PhysicalExpr>]) -> Self {
        let argument = |(index, argument): (usize, &Arc<dyn PhysicalExpr>)| match argument.downcast_ref::<Literal>() {
            Some(_) => Arc::clone(argument),
            None => column(index),
        };
        FrameByFrame { function, arguments: arguments.iter().enumerate().map(argument).collect() }
    }
}

impl PartitionEvaluator for FrameByFrame {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let fields: Vec<Field> = values
            .iter()
            .enumerate()
            .map(|(index, values)| Field::new(index.to_string(), values.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let columns = values.iter().map(|values| values.slice(range.start, range.len())).collect();
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let order_columns = values.len() - self.arguments.len();
        let order = match order_columns {
            1 => {
                let (index, times) = (values.len() - 1, rows.column(values.len() - 1));
                let data_type = times.data_type().clone();
                Some(OrderKey { expr: column(index), descending: descends(times)?, data_type })
            }
            _ => None,
        };
        let frame = Some(FrameSpec { units: Units::Rows, start: Edge::Offset(0), end: Edge::Unbounded });
        let call =
            Call { arguments: &self.arguments, input: &schema, frame, order_columns, order, ignores_nulls: false };
        let name = self.function.documentation.syntax();
        let planned = (self.function.plan)(&call)?
            .ok_or_else(|| internal_datafusion_err!("{name} has arguments of the types that it was given"))?;
        let arguments = planned.source.arguments();
        let types: Vec<DataType> =
            arguments.iter().map(|argument| argument.data_type(&schema)).collect::<Result<_>>()?;
        let arrays: Vec<ArrayRef> =
            arguments.iter().map(|argument| evaluate(argument, &rows)).collect::<Result<_>>()?;
        let mut reading = planned.source.start(&types);
        reading.extend(&arrays, 0)?;
        let mut results = Vec::new();
        reading.evaluate(&[Frames { start: vec![0], end: vec![range.len()] }], &mut results)?;
        let (_, result) = results.pop().ok_or_else(|| internal_datafusion_err!("{name} has a result"))?;
        ScalarValue::try_from_array(&result, 0)
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn uses_window_frame(&self) -> bool {
        true
    }
}

fn column(index: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(&index.to_string(), index))
}

/// Returns whether ordered times descend; if all are equal, either answer is right.
fn descends(times: &ArrayRef) -> Result<bool> {
    if !is_countable(times.data_type()) {
        return Ok(false);
    }
    let keys = ascending(times, false)?;
    let mut known = (0..times.len()).filter(|row| times.is_valid(*row)).map(|row| keys[row]);
    let first = known.next();
    Ok(known.next_back().zip(first).is_some_and(|(last, first)| last < first))
}
