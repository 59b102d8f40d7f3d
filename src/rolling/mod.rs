//! Exact rolling-window execution.
//!
//! In: a plan with DataFusion's window operators. Out: the same plan with [`exec::RollingWindowExec`] for every expression
//! whose function [`functions::FUNCTIONS`] lists. The SQL does not change, `EXPLAIN` shows the operator, and
//! `squall.rolling.enabled` turns the rules off. A result depends on the rows of its frame and on nothing else, and lies
//! within 2 units in the last place of the exact one.
//!
//! The modules are listed in the order in which a query meets them: the plan, then the rows.

// Planning.

/// The settings `squall.rolling.*` of a session.
mod settings;

/// Window calls, prepared in the logical plan for the operator to take.
mod prepare;

/// Functions that carry the decision of the logical plan to the physical plan.
mod mark;

/// The optimizer rule that puts the operator in place of DataFusion's.
mod rule;

/// Window operators that are covered in part.
mod partial;

/// Everything that a window operator computes.
mod program;

/// Frames as SQL has them, into frames as the kernels have them.
mod frame;

/// A call as it is planned.
mod plan;

/// Whether an input declares its order keys distinct.
mod distinct;

// Functions.

/// The functions that the engine computes: one file a family, and the table of them all.
mod functions;

/// squall's own window functions, as DataFusion takes them.
mod own;

// Execution.

/// The operator.
mod exec;

/// Its stream: reads input, drives the engine, accounts for memory.
mod stream;

/// Windows over rows in the order that they need.
mod engine;

/// The same by several threads at once, whatever the partitions.
mod sections;

/// Windows over rows whose partitions are interleaved.
mod interleaved;

/// A sort that is left out where the rows turn out to lie in order already.
mod presorted;

/// Whether rows lie in a given order.
mod order;

/// A queue that knows the memory of its items.
mod weighed;

/// Order keys, partition boundaries and peers of a batch.
mod keys;

/// Where each row stands, and what its frames read.
mod placement;

/// What is computed of frames.
mod computation;

/// Columns, and the kernels that read them.
mod reading;

/// Columns that several functions read.
mod columns;

/// Values as integers in the same order, and back.
mod ordered;

/// The arithmetic, on slices.
mod kernel;

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

pub use distinct::STRICTLY_INCREASING;
pub use functions::{list, own as own_functions};
pub use own::OwnFunction;
pub use settings::Settings;

/// What benchmarks measure by itself: the kernels, without a query engine. Nothing else should use it.
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

/// Returns the rule that puts the operator in place of DataFusion's, to be registered after DataFusion's own.
pub fn rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(rule::ReplaceWindows)
}

/// Returns the rule that prepares logical plans, to be registered after DataFusion's own; without it every window stays with
/// the stock operator.
pub fn logical_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(prepare::MarkWindows)
}
