//! Exact rolling-window execution.
//!
//! In: a plan with DataFusion's window operators. Out: the same plan with [`exec::RollingWindowExec`] for every expression
//! whose function is listed in [`functions::FUNCTIONS`]. The SQL does not change, `EXPLAIN` shows the operator, and
//! `squall.rolling.enabled` turns the rules off. A result depends only on the rows of its frame, and lies within 2 units in
//! the last place of the exact result.
//!
//! The modules are listed in the order in which a query reaches them: first the plan, then the rows.

// Planning.

/// The settings `squall.rolling.*` of a session.
mod settings;

/// EXCLUDE: which rows of a frame a call leaves out.
mod exclusion;

/// Prepares window calls in the logical plan, so that the operator can take them.
mod prepare;

/// Functions that carry the decision of the logical plan to the physical plan.
mod mark;

/// The optimizer rule that replaces DataFusion's operator with ours.
mod rule;

/// Window operators of which only some expressions are covered.
mod partial;

/// Everything that a window operator computes.
mod program;

/// Translates SQL frames into the kernels' frames.
mod frame;

/// A call during planning.
mod plan;

/// Finds out whether an input declares its order keys distinct.
mod distinct;

// Functions.

/// The functions that the engine computes: one file per family, and the table of all of them.
mod functions;

/// squall's own window functions, in the form that DataFusion takes.
mod own;

/// Aggregates of integers with exact totals, in the form that DataFusion takes.
mod exact_aggregates;
/// Totals of groups of integers.
mod exact_totals;

/// Quotients of decimals, rounded.
mod rounded;

// Execution.

/// The operator.
mod exec;

/// Its stream: reads input, drives the engine, accounts for memory.
mod stream;

/// Windows over rows that arrive in the required order.
mod engine;

/// The same, computed by several threads at once, whatever the partitions are.
mod sections;

/// Windows over rows whose partitions are interleaved.
mod interleaved;

/// The state of a window operator between executions.
mod carried;

/// A sort that is skipped if the rows turn out to be in order already.
mod presorted;

/// Checks whether rows are in a given order.
mod order;

/// A queue that knows how much memory its items take.
mod weighed;

/// Order keys, partition boundaries and peers of a batch.
mod keys;

/// The position of each row, and the rows that its frames read.
mod placement;

/// What is computed for frames.
mod computation;

/// Columns, and the kernels that read them.
mod reading;

/// Calls that leave out rows of their frames.
mod excluding;

/// Columns that several functions read.
mod columns;

/// Values as integers in the same order, and back.
mod ordered;

/// The arithmetic, on slices.
mod kernel;

use std::sync::Arc;

use datafusion::logical_expr::WindowFunctionDefinition;
use datafusion::optimizer::OptimizerRule;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

pub use carried::Carried;
pub use distinct::STRICTLY_INCREASING;
pub use exact_aggregates::ExactForm;
pub use exclusion::{Exclusion, excluded, excluding};
pub use exec::RollingWindowExec;
pub use functions::{WITHOUT_FRAMES, list, own as own_functions};
pub use kernel::quantile::of_values;
pub use mark::{MarkedAggregate, MarkedWindow};
pub use presorted::{SortUnlessOrderedExec, Undeclared};
pub use rounded::rounded_quotient;
pub use settings::Settings;

/// The kernels, without a query engine, so that benchmarks can measure them alone. No other code should use this module.
pub mod measured {
    pub use super::kernel::bounds::{Edge, FramePointers, FrameSpec, Frames, Rows, Units};
    pub use super::kernel::decay::{Decay, DecayScan, HalfLife};
    pub use super::kernel::extremum::{Extremum, Ordered, Which};
    pub use super::kernel::moments::{Moments, Powers};
    pub use super::kernel::pairs::{Pairs, Statistic};
    pub use super::kernel::pointer::Pointer;
    pub use super::kernel::quantile::{Quantile, Rank};
    pub use super::kernel::returns::{Returns, Variation};
}

/// Returns whether the operator knows a function: then its result depends on the rows of the frame alone, while the stock
/// operator's sums also depend on the rows that left it.
pub fn knows(function: &WindowFunctionDefinition) -> bool {
    match function {
        WindowFunctionDefinition::AggregateUDF(function) => {
            let function = mark::MarkedAggregate::on(function).map_or(function.as_ref(), |marked| &marked.function);
            functions::of_aggregate(function).is_some()
        }
        WindowFunctionDefinition::WindowUDF(function) => {
            let function = mark::MarkedWindow::on(function).map_or(function.as_ref(), |marked| &marked.function);
            functions::of_window(function).is_some()
        }
    }
}

/// Returns the rule that replaces DataFusion's operator; register it after DataFusion's own rules.
pub fn rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(rule::ReplaceWindows)
}

/// Returns the rule that prepares logical plans; register it after DataFusion's own rules. Without it, every window stays
/// with the stock operator.
pub fn logical_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(prepare::MarkWindows)
}
