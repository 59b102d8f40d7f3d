//! FILTER clauses of window aggregates, folded into their arguments.
//!
//! `sum(x) FILTER (WHERE p) OVER w` is `sum(CASE WHEN p THEN x END) OVER w`, since the aggregates that the kernels know pass
//! over rows whose first argument is NULL. In: a logical plan. Out: the same plan, its columns under the same names, without such clauses; the
//! operator that comes of them has the filter in an argument, where the kernels find it.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, LogicalPlan, Window, WindowFunctionDefinition, when};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::settings::Settings;

/// The aggregates that pass over a row whose first argument is NULL, by the names that the engine gives them: those of one
/// argument, and those of two.
const UNARY: &[&str] = &["count", "sum", "avg", "min", "max", "var", "var_pop", "stddev", "stddev_pop", "median"];
const BINARY: &[&str] = &[
    "percentile_cont",
    "covar_samp",
    "covar_pop",
    "corr",
    "regr_count",
    "regr_slope",
    "regr_intercept",
    "regr_r2",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
];

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
            let known = match function.params.args.len() {
                1 => UNARY,
                2 => BINARY,
                _ => return false,
            };
            let covered = matches!(&function.fun, WindowFunctionDefinition::AggregateUDF(aggregate)
                if known.contains(&aggregate.name()));
            covered && function.params.filter.is_some() && !function.params.distinct
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
    let (Some(filter), Some(first)) = (filter, args.first_mut()) else {
        return Ok(Expr::from(WindowFunction { fun, params }).alias(name));
    };
    *first = when(*filter, first.clone()).end()?;
    let params = WindowFunctionParams { args, filter: None, ..params };
    Ok(Expr::from(WindowFunction { fun, params }).alias(name))
}
