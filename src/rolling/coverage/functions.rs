//! Window functions proper.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::functions_window::lead_lag::{WindowShift, WindowShiftKind};
use datafusion::functions_window::nth_value::NthValue;
use datafusion::functions_window::row_number::RowNumber;
use datafusion::logical_expr::WindowFrame;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::windows::WindowUDFExpr;

use super::{Argument, Call, Keep, Output, Program};
use crate::rolling::frame;
use crate::rolling::function::half_life::half_life;
use crate::rolling::function::kept::Recipe;
use crate::rolling::function::{Function, WindowFunction};
use crate::rolling::kernel::bounds::{Edge, FrameSpec, Units};
use crate::rolling::kernel::returns::Variation;

impl Program {
    pub(super) fn window_function(
        &mut self,
        function: &WindowUDFExpr,
        window: &WindowFrame,
        input: &Schema,
        key: Option<&DataType>,
    ) -> Option<Call> {
        // Both flags are readable only in the debug form, of which they are the last fields.
        if !format!("{function:?}").ends_with("is_reversed: false, ignore_nulls: false }") {
            return None;
        }
        let definition = function.fun().inner();
        let arguments = function.args();
        if let Some(own) = definition.downcast_ref::<WindowFunction>() {
            return self.own_function(own.function, arguments, window, key);
        }
        if definition.downcast_ref::<RowNumber>().is_some() {
            let frame = self.frame(FrameSpec { units: Units::Rows, start: Edge::Unbounded, end: Edge::Offset(0) });
            return Some(Call { frame, output: Output::RowNumber });
        }
        let value = arguments.first()?;
        let data_type = value.data_type(input).ok()?;
        if data_type.is_null() {
            return None;
        }
        let integer = |index: usize| match arguments.get(index) {
            None => Some(None),
            Some(argument) => match argument.downcast_ref::<Literal>()?.value().cast_to(&DataType::Int64).ok()? {
                ScalarValue::Int64(Some(value)) => Some(Some(value)),
                _ => None,
            },
        };
        if let Some(shift) = definition.downcast_ref::<WindowShift>() {
            let distance = integer(1)?.unwrap_or(1);
            let offset = match shift.kind() {
                WindowShiftKind::Lag => distance.checked_neg()?,
                WindowShiftKind::Lead => distance,
            };
            let default = match arguments.get(2) {
                Some(argument) => argument.downcast_ref::<Literal>()?.value().cast_to(&data_type).ok()?,
                None => ScalarValue::try_from(&data_type).ok()?,
            };
            let edge = Edge::Offset(offset);
            let frame = self.frame(FrameSpec { units: Units::Rows, start: edge, end: edge });
            let column = self.argument(value, Keep::Values);
            return Some(Call { frame, output: Output::Row { column, index: 0, default } });
        }
        definition.downcast_ref::<NthValue>()?;
        let index = match definition.name() {
            "first_value" => 0,
            "last_value" => -1,
            "nth_value" => match integer(1)?? {
                0 => return None,
                index if index > 0 => index - 1,
                index => index,
            },
            _ => return None,
        };
        let spec = frame::translate(window, key)?;
        let default = ScalarValue::try_from(&data_type).ok()?;
        let column = self.argument(value, Keep::Values);
        Some(Call { frame: self.frame(spec), output: Output::Row { column, index, default } })
    }
    /// Covers one of squall's own functions.
    fn own_function(
        &mut self,
        function: Function,
        arguments: &[Arc<dyn PhysicalExpr>],
        window: &WindowFrame,
        key: Option<&DataType>,
    ) -> Option<Call> {
        let value = arguments.first()?;
        let (recipe, times) = match function {
            Function::RealizedVolatility => (Recipe::Returns(Variation::Realized), None),
            Function::BipowerVariation => (Recipe::Returns(Variation::Bipower), None),
            Function::TickImbalance => (Recipe::Signs, None),
            Function::MaxGap => (Recipe::Gaps, None),
            Function::TimeWeightedAvg => (Recipe::Holding, Some(Arc::clone(arguments.get(1)?))),
            Function::Ewma => {
                // What is wrong with a half-life, the stock operator says.
                let literal = arguments.get(1)?.downcast_ref::<Literal>()?;
                let half_life = half_life(literal.value(), key?).ok()?;
                // There is a key only where there is one ORDER BY column.
                let order = self.order_by.first()?;
                let recipe = Recipe::Decay { half_life, descending: order.options.descending };
                (recipe, Some(Arc::clone(&order.expr)))
            }
        };
        let spec = frame::translate(window, key)?;
        let column = match times {
            Some(times) => self.argument_with_times(value, &times, Keep::Own(recipe)),
            None => self.argument(value, Keep::Own(recipe)),
        };
        Some(Call { frame: self.frame(spec), output: Output::Own { column } })
    }

    fn argument_with_times(
        &mut self,
        value: &Arc<dyn PhysicalExpr>,
        times: &Arc<dyn PhysicalExpr>,
        keep: Keep,
    ) -> usize {
        let same = |known: &Argument| {
            known.keep == keep && known.expr.eq(value) && known.second.as_ref().is_some_and(|expr| expr.eq(times))
        };
        self.arguments.iter().position(same).unwrap_or_else(|| {
            self.arguments.push(Argument { expr: Arc::clone(value), second: Some(Arc::clone(times)), keep });
            self.arguments.len() - 1
        })
    }
}
