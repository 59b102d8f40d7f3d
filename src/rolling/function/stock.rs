//! A frame's result by itself, for the stock operator.
//!
//! In: the arguments' values and, behind them, those of the ORDER BY columns; the rows of one frame. Out: the kernels' result
//! over just these rows.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::PartitionEvaluator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use super::half_life::half_life;
use super::kept::{Kept, Recipe, Scan};
use super::{Function, needs_one_order_key};
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::returns::Variation;
use crate::rolling::keys::ascending;

/// Evaluates one function.
#[derive(Debug)]
pub struct Stock {
    function: Function,
    data_type: DataType,
    /// The half-life of an `ewma`.
    constant: Option<ScalarValue>,
}

impl Stock {
    /// Prepares for a call's arguments.
    pub fn new(function: Function, arguments: &[Arc<dyn PhysicalExpr>], fields: &[FieldRef]) -> Result<Self> {
        let constant = match (function, arguments.get(1).and_then(|argument| argument.downcast_ref::<Literal>())) {
            (Function::Ewma, Some(literal)) => Some(literal.value().clone()),
            (Function::Ewma, None) => {
                return plan_err!(
                    "half_life of ewma(value, half_life) must be constant, such as INTERVAL '10 seconds' or 10"
                );
            }
            _ => None,
        };
        let data_type = fields.first().map_or(DataType::Null, |field| field.data_type().clone());
        Ok(Stock { function, data_type, constant })
    }

    fn recipe(&self, values: &[ArrayRef]) -> Result<Recipe> {
        Ok(match (self.function, &self.constant) {
            (Function::RealizedVolatility, _) => Recipe::Returns(Variation::Realized),
            (Function::BipowerVariation, _) => Recipe::Returns(Variation::Bipower),
            (Function::TickImbalance, _) => Recipe::Signs,
            (Function::MaxGap, _) => Recipe::Gaps,
            (Function::TimeWeightedAvg, _) => Recipe::Holding,
            (Function::Ewma, constant) => {
                let [_, _, times] = values else { return needs_one_order_key(values.len().saturating_sub(2)) };
                let null = ScalarValue::Null;
                let half_life = half_life(constant.as_ref().unwrap_or(&null), times.data_type())?;
                Recipe::Decay { half_life, descending: descends(times)? }
            }
        })
    }
}

impl PartitionEvaluator for Stock {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let rows: Vec<ArrayRef> = values.iter().map(|values| values.slice(range.start, range.len())).collect();
        let mut kept = Kept::new(self.recipe(&rows)?, &self.data_type);
        // The times of an ewma are the order key, behind the two arguments.
        let times = if self.function == Function::Ewma { rows.get(2) } else { rows.get(1) };
        kept.extend(&rows[0], times)?;
        let frame = Frames { start: vec![0], end: vec![range.len()] };
        ScalarValue::try_from_array(&kept.evaluate(&mut Scan::default(), &frame)?, 0)
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn uses_window_frame(&self) -> bool {
        true
    }
}

/// Returns whether ordered times descend; which is as good as not where all are the same.
fn descends(times: &ArrayRef) -> Result<bool> {
    let keys = ascending(times, false)?;
    let mut known = (0..times.len()).filter(|row| times.is_valid(*row)).map(|row| keys[row]);
    let first = known.next();
    Ok(known.next_back().zip(first).is_some_and(|(last, first)| last < first))
}
