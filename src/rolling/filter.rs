//! FILTER clauses of window aggregates, folded into their arguments.
//!
//! `sum(x) FILTER (WHERE p) OVER w` is `sum(CASE WHEN p THEN x END) OVER w`, since the aggregates that the kernels know pass
//! over NULLs. In: a logical plan. Out: the same plan, its columns under the same names, without such clauses; the
//! operator that comes of them has the filter in an argument, where the kernels find it.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, LogicalPlan, Window, WindowFunctionDefinition, when};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::settings::Settings;

/// The aggregates of one argument that pass over NULLs, by the names that the engine gives them.
const AGGREGATES: &[&str] = &["count", "sum", "avg", "min", "max", "var", "var_pop", "stddev", "stddev_pop"];

/// Folds each FILTER clause of a covered window aggregate into its argument.
#[derive(Debug)]
pub struct FoldFilters;

impl OptimizerRule for FoldFilters {
    fn name(&self) -> &str {
        "squall_fold_window_filters"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = config.options();
        let enabled = options.extensions.get::<Settings>().is_none_or(|settings| settings.rolling.enabled);
        let LogicalPlan::Window(window) = plan else { return Ok(Transformed::no(plan)) };
        if !enabled || !window.window_expr.iter().any(has_foldable_filter) {
            return Ok(Transformed::no(LogicalPlan::Window(window)));
        }
        let expressions = window.window_expr.iter().map(|expr| fold(expr.clone())).collect::<Result<Vec<_>>>()?;
        let folded = Window::try_new(expressions, window.input)?;
        Ok(Transformed::yes(LogicalPlan::Window(folded)))
    }
}

fn has_foldable_filter(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => has_foldable_filter(&alias.expr),
        Expr::WindowFunction(function) => {
            let covered = matches!(&function.fun, WindowFunctionDefinition::AggregateUDF(aggregate)
                if AGGREGATES.contains(&aggregate.name()));
            covered && function.params.filter.is_some() && !function.params.distinct && function.params.args.len() == 1
        }
        _ => false,
    }
}

fn fold(expr: Expr) -> Result<Expr> {
    if !has_foldable_filter(&expr) {
        return Ok(expr);
    }
    let name = expr.schema_name().to_string();
    let WindowFunction { fun, params } = match expr.unalias() {
        Expr::WindowFunction(function) => *function,
        other => return Ok(other),
    };
    let WindowFunctionParams { mut args, filter, .. } = params.clone();
    let (Some(filter), Some(argument)) = (filter, args.pop()) else {
        return Ok(Expr::from(WindowFunction { fun, params }).alias(name));
    };
    let args = vec![when(*filter, argument).end()?];
    let params = WindowFunctionParams { args, filter: None, ..params };
    Ok(Expr::from(WindowFunction { fun, params }).alias(name))
}
