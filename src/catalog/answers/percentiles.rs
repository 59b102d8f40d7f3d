//! Percentiles of groups.
//!
//! The engine cuts the weight of the upper neighbour off after six decimals, so that a percentile is wrong in the seventh digit. In: a
//! plan. Out: the same plan with an exact function. Windows have the kernels' own.

use std::sync::{Arc, LazyLock};

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::percentile_cont::percentile_cont_udaf;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;
use crate::functions;

static EXACT: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| Arc::new(functions::percentile_cont()));

/// Replaces the engine's function.
#[derive(Debug)]
pub struct ExactPercentiles;

impl AnalyzerRule for ExactPercentiles {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, _| {
            let Expr::AggregateFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
            if call.func != percentile_cont_udaf() {
                return Ok(Transformed::no(Expr::AggregateFunction(call)));
            }
            // WITHIN GROUP (ORDER BY x DESC) counts from the other end.
            if let Some(Expr::Literal(ScalarValue::Float64(Some(share)), _)) = call.params.args.get(1)
                && call.params.order_by.first().is_some_and(|key| !key.asc)
            {
                call.params.args[1] = lit(1.0 - share);
            }
            call.params.order_by.clear();
            call.func = Arc::clone(&EXACT);
            Ok(Transformed::yes(Expr::AggregateFunction(call)))
        })
    }

    fn name(&self) -> &str {
        "squall_exact_percentiles"
    }
}
