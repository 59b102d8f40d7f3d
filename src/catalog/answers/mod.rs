//! Rules that keep the engine from answering wrongly.
//!
//! Each file mends one kind of fault of the engine, says which, and can be deleted when the engine mends it: remove the file and
//! its lines here. docs/sql.md lists what differs from the engine as shipped.
//!
//! In: a statement's logical plan, its physical plan. Out: the same with the right answer, or an error. What can be seen in the syntax
//! tree alone is in `dialect`.

mod arithmetic;
mod correlated;
mod dates;
mod decimals;
mod durations;
mod early_times;
mod elements;
mod empty_subqueries;
mod exact_integers;
mod exclusions;
mod frames;
mod guarded;
mod held;
mod intervals;
mod left_over;
mod limits;
mod listed_files;
mod local_times;
mod memberships;
mod nan_statistics;
mod null_folders;
mod own_order;
mod passed;
mod percentiles;
mod rounded_times;
mod series;
mod shift_defaults;
mod shifts;
mod signs_of_nan;
mod sort_orders;
mod text_slices;
mod two_numbers;
mod unbounded_keys;
mod unnested;
mod written_times;
mod zeros;

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, ScalarUDF};
use datafusion::optimizer::{Analyzer, AnalyzerRule, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::error::Refused;
pub use arithmetic::plain_arithmetic;
pub use early_times::functions as times;
pub use elements::functions as of_elements;
pub use own_order::aggregates;
pub use series::table_functions;
pub use text_slices::function as slices;

/// Returns the engine's rules for new logical plans, with ours among them.
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    // Frames are checked while their offsets are still text, before the engine coerces them.
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(frames::CheckFrames),
        Arc::new(sort_orders::CheckOrders),
        Arc::new(dates::DatesWithHours),
        Arc::new(two_numbers::DoublesDecide),
    ];
    rules.push(Arc::new(unnested::UnnestBeside));
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(shift_defaults::DefaultsOfShifts));
    rules.push(Arc::new(empty_subqueries::EmptySubqueries));
    rules.push(Arc::new(correlated::WindowsBelowCorrelation));
    // A LIMIT that does nothing must not hide an aggregate, which has a row for every outer row.
    rules.push(Arc::new(limits::LimitsBelowCorrelation));
    rules.push(Arc::new(memberships::Memberships));
    rules.push(Arc::new(zeros::OneZero));
    rules.push(Arc::new(arithmetic::CheckOverflow));
    rules.push(Arc::new(decimals::CheckDigits));
    rules.push(Arc::new(signs_of_nan::OneNan));
    rules.push(Arc::new(durations::PartsOfDurations));
    rules.push(Arc::new(intervals::LengthsOfIntervals));
    rules.push(Arc::new(exact_integers::ExactIntegers));
    rules.push(Arc::new(percentiles::ExactPercentiles));
    rules.push(Arc::new(exclusions::Exclusions));
    rules.push(Arc::new(written_times::WrittenTimes));
    rules.push(Arc::new(rounded_times::RoundTimes));
    rules.push(Arc::new(local_times::LocalTimes));
    rules.push(Arc::new(held::HoldExpressions));
    rules.push(Arc::new(guarded::GuardArguments));
    rules.push(Arc::new(null_folders::NullFolders));
    rules.push(Arc::new(listed_files::ListedFiles));
    rules
}

/// Returns the rule for the keys of optimized plans, in which casts are where the engine will ask for bounds.
pub fn keys_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(unbounded_keys::UnboundedKeys)
}

/// Returns the rule that runs after the engine's rules for logical plans.
pub fn last_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(left_over::RefuseCorrelated)
}

/// Returns the engine's rules for physical plans, with ours among them.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    // Statistics are removed before a rule can read them; predicates, after the last one was added.
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![Arc::new(nan_statistics::NoExtremes)];
    rules.extend(PhysicalOptimizer::new().rules);
    rules.push(Arc::new(nan_statistics::NoPruning));
    rules.push(Arc::new(guarded::GuardConditions));
    rules
}

/// Functions that rules put into plans, and that have no name in SQL; one line for each file that has some.
const UNNAMED: [fn() -> Vec<ScalarUDF>; 10] = [
    arithmetic::functions,
    decimals::functions,
    empty_subqueries::functions,
    held::functions,
    intervals::functions,
    local_times::functions,
    rounded_times::functions,
    signs_of_nan::functions,
    written_times::functions,
    zeros::functions,
];

/// Returns the function with this name that rules put into plans.
pub fn unnamed(name: &str) -> Option<Arc<ScalarUDF>> {
    static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> =
        LazyLock::new(|| UNNAMED.iter().flat_map(|functions| functions()).map(Arc::new).collect());
    FUNCTIONS.iter().find(|function| function.name() == name).cloned()
}

/// Rewrites the expressions of a plan, bottom up, and keeps the names of its columns.
fn rewritten(
    plan: LogicalPlan,
    mut rewrite: impl FnMut(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| rewritten_node(plan, &mut rewrite)).data()
}

/// Rewrites the expressions of one node of a plan, and keeps the names of its columns.
fn rewritten_node(
    plan: LogicalPlan,
    mut rewrite: impl FnMut(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    let changed = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_up(|expr| rewrite(expr, &schema))?.update_data(|expr| name.restore(expr)))
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// Returns the type of an expression. The engine computes the name of each argument of each function for it; so a sum of many terms
/// would be walked through again for each of them.
fn type_of(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    let mut inner = expr;
    loop {
        inner = match inner {
            Expr::ScalarFunction(call) => match passed::argument(call).or_else(|| arithmetic::last_operand(call)) {
                Some(argument) => argument,
                None => break,
            },
            Expr::BinaryExpr(binary) if binary.op.is_numerical_operators() => &binary.right,
            Expr::Negative(argument) => argument,
            _ => break,
        }
    }
    let found = inner.get_type(schema)?;
    // Both sides of an operator have one of these types, and so has its result.
    if found.is_integer() || found.is_floating() { Ok(found) } else { expr.get_type(schema) }
}

/// What a key orders or divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyed {
    /// The rows of a window: its PARTITION BY or its ORDER BY.
    Window,
    /// The rows that an aggregate takes.
    Aggregate,
    /// The result, and further keys order the rows that are equal in this one.
    Result,
    /// The result, as its last key.
    ResultAtLast,
}

/// Replaces the keys by which rows are ordered or divided.
fn with_keys(
    plan: LogicalPlan,
    replace: impl Fn(&Expr, &DFSchema, Keyed) -> Result<Option<Expr>>,
) -> Result<LogicalPlan> {
    let replaced = |key: &mut Expr, schema: &DFSchema, keyed| {
        let other = replace(key, schema, keyed)?;
        let changed = other.is_some();
        *key = other.unwrap_or_else(|| std::mem::take(key));
        Ok::<_, DataFusionError>(changed)
    };
    let sorted = plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Sort(mut sort) = plan else { return Ok(Transformed::no(plan)) };
        let schema = Arc::clone(sort.input.schema());
        let last = sort.expr.len().saturating_sub(1);
        let mut changed = false;
        for (place, key) in sort.expr.iter_mut().enumerate() {
            let keyed = if place < last { Keyed::Result } else { Keyed::ResultAtLast };
            changed |= replaced(&mut key.expr, &schema, keyed)?;
        }
        Ok(Transformed::new_transformed(LogicalPlan::Sort(sort), changed))
    });
    rewritten(sorted.data()?, |mut expr, schema| {
        let mut changed = false;
        match &mut expr {
            Expr::WindowFunction(call) => {
                let keys = call.params.partition_by.iter_mut();
                for key in keys.chain(call.params.order_by.iter_mut().map(|sort| &mut sort.expr)) {
                    changed |= replaced(key, schema, Keyed::Window)?;
                }
            }
            Expr::AggregateFunction(call) => {
                for key in &mut call.params.order_by {
                    changed |= replaced(&mut key.expr, schema, Keyed::Aggregate)?;
                }
            }
            _ => {}
        }
        Ok(Transformed::new_transformed(expr, changed))
    })
}

/// Returns the error that says a sentence of ours.
pub(in crate::catalog) fn refuse(message: impl Into<String>, hint: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(Refused { message: message.into(), hint: Some(hint.into()) }))
}
