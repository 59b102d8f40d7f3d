//! Prepares window calls in the logical plan, so that the operator can take them.
//!
//! In: a logical plan. Out: the same plan with the same column names, in which every call that the engine may compute has a
//! marked function ([`super::mark`]). The decision is made here, because only the logical plan shows publicly whether a call
//! has FILTER or IGNORE NULLS.
//!
//! A FILTER is folded into the argument: `sum(x) FILTER (WHERE p) OVER w` becomes `sum(CASE WHEN p THEN x END) OVER w`. This
//! works because the aggregates of the table, and those of [`SKIPS_NULLS`], ignore rows whose argument is NULL.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::expr::{Alias, NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, LogicalPlan, Window, WindowFunctionDefinition, when};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::exclusion::Exclusion;
use super::functions;
use super::mark::{MarkedAggregate, MarkedWindow};
use super::settings::Settings;

/// Aggregates of which only the engine has an accumulator, that ignore rows in which an argument is NULL, and which argument that is.
const SKIPS_NULLS: [(&str, usize); 12] = [
    ("arg_max", 1),
    ("arg_min", 1),
    ("bit_and", 0),
    ("bit_or", 0),
    ("bit_xor", 0),
    ("bool_and", 0),
    ("bool_or", 0),
    ("median", 0),
    ("mode", 0),
    ("approx_distinct", 0),
    ("quantile_disc", 0),
    ("string_agg", 0),
];

/// Marks window calls that the engine may compute, and folds their FILTER clauses.
#[derive(Debug)]
pub struct MarkWindows;

impl OptimizerRule for MarkWindows {
    fn name(&self) -> &str {
        "squall_mark_windows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = config.options();
        let enabled = options.extensions.get::<Settings>().is_none_or(|settings| settings.rolling.enabled);
        let LogicalPlan::Window(window) = plan else { return Ok(Transformed::no(plan)) };
        if !enabled {
            return Ok(Transformed::no(LogicalPlan::Window(window)));
        }
        let prepared = window.window_expr.iter().map(prepared).collect::<Result<Vec<_>>>()?;
        if prepared.iter().all(Option::is_none) {
            return Ok(Transformed::no(LogicalPlan::Window(window)));
        }
        let expressions = prepared
            .into_iter()
            .zip(&window.window_expr)
            .map(|(prepared, given)| prepared.unwrap_or_else(|| given.clone()))
            .collect();
        Ok(Transformed::yes(LogicalPlan::Window(Window::try_new(expressions, window.input)?)))
    }
}

/// Returns the call with its function marked and its FILTER folded; `None` if the call stays as it is.
fn prepared(expr: &Expr) -> Result<Option<Expr>> {
    if let Expr::Alias(alias) = expr {
        let call = prepared(&alias.expr)?;
        return Ok(call.map(|call| Expr::Alias(Alias { expr: Box::new(call.unalias()), ..alias.clone() })));
    }
    let Expr::WindowFunction(call) = expr else { return Ok(None) };
    let Some(call) = marked(call, None)? else { return Ok(None) };
    let (name, prepared) = (expr.schema_name().to_string(), Expr::from(call));
    Ok(Some(if prepared.schema_name().to_string() == name { prepared } else { prepared.alias(name) }))
}

/// Returns a call that leaves out rows of its frames, marked.
///
/// # Errors
/// The engine cannot compute the call.
pub fn excluding(call: WindowFunction, exclusion: Exclusion) -> Result<WindowFunction> {
    let name = call.fun.name();
    if functions::WITHOUT_FRAMES.contains(&name) {
        return Ok(call);
    }
    match marked(&call, Some(exclusion))? {
        Some(call) => Ok(call),
        None => plan_err!("EXCLUDE {} is not there for {name} as it is called here", exclusion.words()),
    }
}

/// Returns the call with its function marked and its FILTER folded; `None` if the engine does not compute it, or it is marked already.
fn marked(call: &WindowFunction, exclusion: Option<Exclusion>) -> Result<Option<WindowFunction>> {
    let WindowFunctionParams { args, filter, null_treatment, .. } = &call.params;
    let ignores_nulls = *null_treatment == Some(NullTreatment::IgnoreNulls);
    let skipping = SKIPS_NULLS.iter().find(|(name, _)| *name == call.fun.name());
    let marked = match &call.fun {
        WindowFunctionDefinition::AggregateUDF(function) => {
            let foldable = filter.is_none() || skipping.is_some() || functions::of_aggregate(function).is_some();
            (foldable && !ignores_nulls && MarkedAggregate::on(function).is_none())
                .then(|| WindowFunctionDefinition::AggregateUDF(Arc::new(MarkedAggregate::of(function, exclusion))))
        }
        WindowFunctionDefinition::WindowUDF(_) if filter.is_some() => None,
        // A function that already has a mark is not in the table.
        WindowFunctionDefinition::WindowUDF(function) => functions::of_window(function)
            .filter(|known| !ignores_nulls || known.can_ignore_nulls())
            .map(|_| MarkedWindow::of(function, ignores_nulls, exclusion))
            .map(|marked| WindowFunctionDefinition::WindowUDF(Arc::new(marked))),
    };
    let Some(fun) = marked else { return Ok(None) };
    let mut args = args.clone();
    if let Some(filter) = filter {
        let Some(argument) = args.get_mut(skipping.map_or(0, |(_, place)| *place)) else { return Ok(None) };
        *argument = when(filter.as_ref().clone(), argument.clone()).end()?;
    }
    let params = WindowFunctionParams { args, filter: None, ..call.params.clone() };
    Ok(Some(WindowFunction { fun, params }))
}

#[cfg(test)]
mod tests {

    use datafusion::functions_aggregate::sum::sum_udaf;
    use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
    use datafusion::logical_expr::{Expr, WindowFunctionDefinition, col, lit};

    use super::prepared;
    use crate::rolling::mark::MarkedAggregate;

    fn sum() -> WindowFunction {
        WindowFunction::new(sum_udaf(), vec![col("x")])
    }

    fn function(call: WindowFunction) -> Option<WindowFunction> {
        match prepared(&Expr::from(call)).expect("it has a type")?.unalias() {
            Expr::WindowFunction(call) => Some(*call),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_plain_call_is_marked_once() {
        let call = function(sum()).expect("the table has sum");
        let WindowFunctionDefinition::AggregateUDF(marked) = &call.fun else { panic!("{call:?}") };
        assert!(MarkedAggregate::on(marked).is_some() && MarkedAggregate::on(&sum_udaf()).is_none());
        assert!(function(call).is_none(), "there is nothing left to do");
    }

    #[test]
    fn a_filter_becomes_part_of_the_argument() {
        let mut call = sum();
        call.params.filter = Some(Box::new(col("p").gt(lit(1))));
        let call = function(call).expect("the table has sum");
        assert!(call.params.filter.is_none());
        assert_eq!(call.params.args[0].to_string(), "CASE WHEN p > Int32(1) THEN x END");

        // A value counts once if one of its rows passes the filter, and a row that does not pass has no value.
        let mut distinct = sum();
        (distinct.params.distinct, distinct.params.filter) = (true, Some(Box::new(col("p").gt(lit(1)))));
        assert_eq!(function(distinct).expect("it is folded").params.filter, None);
    }

    #[test]
    fn what_the_engine_cannot_know_stays_as_it_is() {
        let (mut distinct, mut ignore, mut respect) = (sum(), sum(), sum());
        distinct.params.distinct = true;
        ignore.params.null_treatment = Some(NullTreatment::IgnoreNulls);
        respect.params.null_treatment = Some(NullTreatment::RespectNulls);
        assert!(function(distinct).is_some() && function(ignore).is_none() && function(respect).is_some());
    }
}
