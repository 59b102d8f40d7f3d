//! Aggregates as window functions.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::correlation::Correlation;
use datafusion::functions_aggregate::count::Count;
use datafusion::functions_aggregate::covariance::{CovariancePopulation, CovarianceSample};
use datafusion::functions_aggregate::median::Median;
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::functions_aggregate::regr::Regr;
use datafusion::functions_aggregate::stddev::{Stddev, StddevPop};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::functions_aggregate::variance::{VariancePopulation, VarianceSample};
use datafusion::logical_expr::WindowFrame;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;

use super::{Argument, Call, Keep, Output, Program};
use crate::rolling::frame;
use crate::rolling::kernel::bounds::Edge;
use crate::rolling::kernel::pairs::Statistic;
use crate::rolling::kernel::quantile::Rank;

impl Program {
    pub(super) fn aggregate(
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
        let spec = frame::translate(window, key)?;
        let output = self.aggregate_output(aggregate, input, spec.start == Edge::Unbounded)?;
        Some(Call { frame: self.frame(spec), output })
    }

    fn aggregate_output(
        &mut self,
        aggregate: &AggregateFunctionExpr,
        input: &Schema,
        cumulative: bool,
    ) -> Option<Output> {
        let totals = |keep| if cumulative { Keep::Ahead } else { keep };
        let function = aggregate.fun().inner();
        let arguments = aggregate.expressions();
        if function.downcast_ref::<PercentileCont>().is_some() {
            let [argument, percentile] = arguments.as_slice() else { return None };
            return self.quantile_output(argument, percentile_rank(percentile)?, input);
        }
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
                DataType::Float64 => Some(Output::Sum { column: self.argument(argument, totals(Keep::Sums)) }),
                DataType::Int64 | DataType::UInt64 => Some(Output::IntegerSum {
                    column: self.argument(argument, Keep::Integers),
                    unsigned: data_type == DataType::UInt64,
                }),
                _ => None,
            };
        }
        if function.downcast_ref::<Avg>().is_some() && is_double {
            return Some(Output::Mean { column: self.argument(argument, totals(Keep::Sums)) });
        }
        let least = function.downcast_ref::<Min>().is_some();
        if least || function.downcast_ref::<Max>().is_some() {
            let covered = data_type.is_integer()
                || matches!(data_type, DataType::Float64 | DataType::Float32 | DataType::Timestamp(_, _));
            return covered
                .then(|| Output::Extremum { column: self.argument(argument, Keep::Order), greatest: !least });
        }
        if function.downcast_ref::<Median>().is_some() {
            return self.quantile_output(argument, Rank::Median, input);
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
        is_double.then(|| Output::Variance { column: self.argument(argument, totals(Keep::Squares)), sample, root })
    }

    fn quantile_output(&mut self, argument: &Arc<dyn PhysicalExpr>, rank: Rank, input: &Schema) -> Option<Output> {
        let covered = matches!(argument.data_type(input).ok()?, DataType::Float64 | DataType::Float32);
        covered.then(|| Output::Quantile { column: self.argument(argument, Keep::Order), rank })
    }

    fn pair_output(
        &mut self,
        aggregate: &AggregateFunctionExpr,
        first: &Arc<dyn PhysicalExpr>,
        second: &Arc<dyn PhysicalExpr>,
        input: &Schema,
    ) -> Option<Output> {
        let output = pair_output_of(aggregate)?;
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
        Some(output(column))
    }
}

/// Returns what an aggregate of two arguments makes of their column.
fn pair_output_of(aggregate: &AggregateFunctionExpr) -> Option<impl Fn(usize) -> Output> {
    let function = aggregate.fun().inner();
    let statistic = if function.downcast_ref::<CovarianceSample>().is_some() {
        Some(Statistic::CovarianceSample)
    } else if function.downcast_ref::<CovariancePopulation>().is_some() {
        Some(Statistic::CovariancePopulation)
    } else if function.downcast_ref::<Correlation>().is_some() {
        Some(Statistic::Correlation)
    } else {
        function.downcast_ref::<Regr>()?;
        match function.name() {
            "regr_count" => None,
            "regr_slope" => Some(Statistic::Slope),
            "regr_intercept" => Some(Statistic::Intercept),
            "regr_r2" => Some(Statistic::R2),
            "regr_avgx" => Some(Statistic::AverageX),
            "regr_avgy" => Some(Statistic::AverageY),
            "regr_sxx" => Some(Statistic::DeviationsX),
            "regr_syy" => Some(Statistic::DeviationsY),
            "regr_sxy" => Some(Statistic::DeviationsXY),
            _ => return None,
        }
    };
    Some(move |column| match statistic {
        Some(statistic) => Output::Pair { column, statistic },
        None => Output::PairCount { column },
    })
}

/// Reads a percentile, which the engine has coerced to a double; what it would refuse stays for it to refuse.
fn percentile_rank(argument: &Arc<dyn PhysicalExpr>) -> Option<Rank> {
    match argument.downcast_ref::<Literal>()?.value() {
        ScalarValue::Float64(Some(fraction)) if (0.0..=1.0).contains(fraction) => Some(Rank::Percentile(*fraction)),
        _ => None,
    }
}
