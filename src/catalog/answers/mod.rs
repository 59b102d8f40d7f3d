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
mod exact_integers;
mod frames;
mod guarded;
mod intervals;
mod left_over;
mod limits;
mod listed_files;
mod nan_statistics;
mod null_folders;
mod percentiles;
mod shifts;
mod zeros;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{Analyzer, AnalyzerRule, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::error::Refused;
pub use arithmetic::plain_arithmetic;

/// Returns the engine's rules for new logical plans, with ours among them.
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    // Frames are checked while their offsets are still text, before the engine coerces them.
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(frames::CheckFrames), Arc::new(dates::DatesWithHours)];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(correlated::WindowsBelowCorrelation));
    rules.push(Arc::new(limits::LimitsBelowCorrelation));
    rules.push(Arc::new(zeros::OneZero));
    rules.push(Arc::new(arithmetic::CheckOverflow));
    rules.push(Arc::new(shifts::CheckShifts));
    rules.push(Arc::new(intervals::LengthsOfIntervals));
    rules.push(Arc::new(exact_integers::ExactIntegers));
    rules.push(Arc::new(percentiles::ExactPercentiles));
    rules.push(Arc::new(null_folders::NullFolders));
    rules.push(Arc::new(listed_files::ListedFiles));
    rules
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

/// Rewrites the expressions of a plan, bottom up, and keeps the names of its columns.
fn rewritten(
    plan: LogicalPlan,
    mut rewrite: impl FnMut(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
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
    })
    .data()
}

/// Returns the error that says a sentence of ours.
pub(super) fn refuse(message: impl Into<String>, hint: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(Refused { message: message.into(), hint: Some(hint.into()) }))
}
