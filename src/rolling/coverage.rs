//! Which window expressions the kernels know, and what they need for them.
//!
//! In: the expressions of one window operator. Out: a [`Program`], in which frames and arguments that occur more than once
//! stand once; or nothing, and the stock operator stays.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::correlation::Correlation;
use datafusion::functions_aggregate::count::Count;
use datafusion::functions_aggregate::covariance::{CovariancePopulation, CovarianceSample};
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::functions_aggregate::regr::Regr;
use datafusion::functions_aggregate::stddev::{Stddev, StddevPop};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::functions_aggregate::variance::{VariancePopulation, VarianceSample};
use datafusion::functions_window::lead_lag::{WindowShift, WindowShiftKind};
use datafusion::functions_window::nth_value::NthValue;
use datafusion::functions_window::row_number::RowNumber;
use datafusion::logical_expr::WindowFrame;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::windows::WindowUDFExpr;

use super::frame;
use super::kernel::bounds::{Edge, FrameSpec, Units};
use super::kernel::pairs::Statistic;
use super::keys;

/// What is kept of an argument's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// How many are not NULL.
    Presence,
    /// Their sum, of doubles.
    Sums,
    /// Their sum and the sum of their squares, of doubles.
    Squares,
    /// Their sum, of integers, wrapping around.
    Integers,
    /// Their order.
    Order,
    /// The values themselves.
    Values,
    /// Sums of doubles, of their squares and of their products with a second argument's.
    Pairs,
}

/// An argument, and what is kept of it.
#[derive(Debug, Clone)]
pub struct Argument {
    pub expr: Arc<dyn PhysicalExpr>,
    /// The other part of a pair.
    pub second: Option<Arc<dyn PhysicalExpr>>,
    pub keep: Keep,
}

/// What is made of a frame; `column` is an index into the program's arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    CountRows,
    /// As `CountRows`, unsigned.
    RowNumber,
    Count {
        column: usize,
    },
    Sum {
        column: usize,
    },
    IntegerSum {
        column: usize,
        unsigned: bool,
    },
    Mean {
        column: usize,
    },
    Variance {
        column: usize,
        sample: bool,
        root: bool,
    },
    Extremum {
        column: usize,
        greatest: bool,
    },
    Pair {
        column: usize,
        statistic: Statistic,
    },
    /// The frame's row at this index, counted from its first row, or if negative from behind its last; else the default.
    Row {
        column: usize,
        index: i64,
        default: ScalarValue,
    },
}

/// An output over a frame, given by its index in the program.
#[derive(Debug, Clone)]
pub struct Call {
    pub frame: usize,
    pub output: Output,
}

/// Everything a window operator computes.
#[derive(Debug, Clone)]
pub struct Program {
    pub partition_by: Vec<Arc<dyn PhysicalExpr>>,
    pub order_by: Vec<PhysicalSortExpr>,
    pub frames: Vec<FrameSpec>,
    pub arguments: Vec<Argument>,
    pub calls: Vec<Call>,
    /// Whether no two rows of a partition share their order key, as the input declares.
    pub distinct: bool,
}

impl Program {
    /// Translates window expressions that share their partitioning and order; `None` if one is not covered.
    pub fn covering(expressions: &[Arc<dyn WindowExpr>], input: &Schema) -> Option<Program> {
        let first = expressions.first()?;
        let mut program = Program {
            partition_by: first.partition_by().to_vec(),
            order_by: first.order_by().to_vec(),
            frames: Vec::new(),
            arguments: Vec::new(),
            calls: Vec::new(),
            distinct: false,
        };
        let key = match program.order_by.as_slice() {
            [only] => only.expr.data_type(input).ok().filter(keys::is_countable),
            _ => None,
        };
        for expression in expressions {
            if expression.partition_by() != program.partition_by || expression.order_by() != program.order_by {
                return None;
            }
            let call = program.call(expression.as_ref(), input, key.as_ref())?;
            program.calls.push(call);
        }
        Some(program)
    }

    /// Returns whether a frame counts differences of the order key.
    pub fn needs_keys(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Keys)
    }

    /// Returns whether a frame counts groups of peers.
    pub fn needs_peers(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Peers)
    }

    fn call(&mut self, expression: &dyn WindowExpr, input: &Schema, key: Option<&DataType>) -> Option<Call> {
        let window = expression.get_window_frame();
        let any = expression.as_any();
        if let Some(sliding) = any.downcast_ref::<SlidingAggregateWindowExpr>() {
            return self.aggregate(sliding.get_aggregate_expr(), window, &format!("{sliding:?}"), input, key);
        }
        if let Some(plain) = any.downcast_ref::<PlainAggregateWindowExpr>() {
            return self.aggregate(plain.get_aggregate_expr(), window, &format!("{plain:?}"), input, key);
        }
        let standard = any.downcast_ref::<StandardWindowExpr>()?;
        let function = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
        self.window_function(function, window, input, key)
    }

    fn aggregate(
        &mut self,
        aggregate: &AggregateFunctionExpr,
        window: &WindowFrame,
        debug: &str,
        input: &Schema,
        key: Option<&DataType>,
    ) -> Option<Call> {
        // The filter is readable only in the debug form, of which it is the last field.
        let plain = !aggregate.is_distinct()
            && !aggregate.ignore_nulls()
            && aggregate.order_bys().is_empty()
            && debug.ends_with("filter: None }");
        if !plain {
            return None;
        }
        let output = self.aggregate_output(aggregate, input)?;
        let spec = frame::translate(window, key)?;
        Some(Call { frame: self.frame(spec), output })
    }

    fn aggregate_output(&mut self, aggregate: &AggregateFunctionExpr, input: &Schema) -> Option<Output> {
        let function = aggregate.fun().inner();
        let arguments = aggregate.expressions();
        if let [first, second] = arguments.as_slice() {
            return self.pair_output(aggregate, first, second, input);
        }
        let [argument] = arguments.as_slice() else { return None };
        let data_type = argument.data_type(input).ok()?;
        let is_double = data_type == DataType::Float64;
        if function.downcast_ref::<Count>().is_some() {
            let is_present = argument.downcast_ref::<Literal>().is_some_and(|literal| !literal.value().is_null());
            return Some(if is_present {
                Output::CountRows
            } else {
                Output::Count { column: self.argument(argument, Keep::Presence) }
            });
        }
        if function.downcast_ref::<Sum>().is_some() {
            return match data_type {
                DataType::Float64 => Some(Output::Sum { column: self.argument(argument, Keep::Sums) }),
                DataType::Int64 | DataType::UInt64 => Some(Output::IntegerSum {
                    column: self.argument(argument, Keep::Integers),
                    unsigned: data_type == DataType::UInt64,
                }),
                _ => None,
            };
        }
        if function.downcast_ref::<Avg>().is_some() && is_double {
            return Some(Output::Mean { column: self.argument(argument, Keep::Sums) });
        }
        let least = function.downcast_ref::<Min>().is_some();
        if least || function.downcast_ref::<Max>().is_some() {
            let covered = data_type.is_integer()
                || matches!(data_type, DataType::Float64 | DataType::Float32 | DataType::Timestamp(_, _));
            return covered
                .then(|| Output::Extremum { column: self.argument(argument, Keep::Order), greatest: !least });
        }
        let (sample, root) = if function.downcast_ref::<VarianceSample>().is_some() {
            (true, false)
        } else if function.downcast_ref::<VariancePopulation>().is_some() {
            (false, false)
        } else if function.downcast_ref::<Stddev>().is_some() {
            (true, true)
        } else if function.downcast_ref::<StddevPop>().is_some() {
            (false, true)
        } else {
            return None;
        };
        is_double.then(|| Output::Variance { column: self.argument(argument, Keep::Squares), sample, root })
    }

    fn pair_output(
        &mut self,
        aggregate: &AggregateFunctionExpr,
        first: &Arc<dyn PhysicalExpr>,
        second: &Arc<dyn PhysicalExpr>,
        input: &Schema,
    ) -> Option<Output> {
        let function = aggregate.fun().inner();
        let statistic = if function.downcast_ref::<CovarianceSample>().is_some() {
            Statistic::CovarianceSample
        } else if function.downcast_ref::<CovariancePopulation>().is_some() {
            Statistic::CovariancePopulation
        } else if function.downcast_ref::<Correlation>().is_some() {
            Statistic::Correlation
        } else {
            function.downcast_ref::<Regr>()?;
            match function.name() {
                "regr_slope" => Statistic::Slope,
                "regr_intercept" => Statistic::Intercept,
                "regr_r2" => Statistic::R2,
                _ => return None,
            }
        };
        let is_double =
            |expr: &Arc<dyn PhysicalExpr>| expr.data_type(input).is_ok_and(|kind| kind == DataType::Float64);
        if !is_double(first) || !is_double(second) {
            return None;
        }
        let same = |known: &Argument| {
            known.keep == Keep::Pairs
                && known.expr.eq(first)
                && known.second.as_ref().is_some_and(|expr| expr.eq(second))
        };
        let column = self.arguments.iter().position(same).unwrap_or_else(|| {
            let second = Some(Arc::clone(second));
            self.arguments.push(Argument { expr: Arc::clone(first), second, keep: Keep::Pairs });
            self.arguments.len() - 1
        });
        Some(Output::Pair { column, statistic })
    }

    fn window_function(
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

    fn frame(&mut self, spec: FrameSpec) -> usize {
        self.frames.iter().position(|known| *known == spec).unwrap_or_else(|| {
            self.frames.push(spec);
            self.frames.len() - 1
        })
    }

    fn argument(&mut self, expr: &Arc<dyn PhysicalExpr>, keep: Keep) -> usize {
        // Totals with squares serve those that ask for less.
        let serves = |known: Keep| known == keep || (known == Keep::Squares && keep == Keep::Sums);
        if let Some(index) = self.arguments.iter().position(|known| known.expr.eq(expr) && serves(known.keep)) {
            return index;
        }
        if keep == Keep::Squares {
            let sums = self.arguments.iter().position(|known| known.expr.eq(expr) && known.keep == Keep::Sums);
            if let Some(index) = sums {
                self.arguments[index].keep = Keep::Squares;
                return index;
            }
        }
        self.arguments.push(Argument { expr: Arc::clone(expr), second: None, keep });
        self.arguments.len() - 1
    }
}
