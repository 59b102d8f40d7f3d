//! Exact rolling-window execution.
//!
//! In: a physical plan with DataFusion's window operators. Out: the same plan with [`exec::RollingWindowExec`] for every
//! expression that the kernels know. The SQL does not change, `EXPLAIN` shows the operator, and
//! `squall.rolling.enabled` turns the rule off. A result depends on the rows of its frame and on nothing else, and lies
//! within 2 units in the last place of the exact one.

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

/// The settings `squall.rolling.*` of a session.
pub mod settings;

/// The optimizer rule that puts the operator in place of DataFusion's.
pub mod rule;

/// Window operators that are covered in part.
pub mod partial;

/// FILTER clauses, folded into the aggregates' arguments.
pub mod filter;

/// Which window expressions the kernels know, and what they need for them.
pub mod coverage;

/// Frames as SQL has them, into frames as the kernels have them.
pub mod frame;

/// Whether an input declares its order keys distinct.
pub mod distinct;

/// Order keys, partition boundaries and peers of a batch.
pub mod keys;

/// The operator.
pub mod exec;

/// Its stream: reads input, drives the engine, accounts for memory.
pub mod stream;

/// Windows over rows in the order that they need.
pub mod engine;

/// The same by several threads at once, whatever the partitions.
pub mod sections;

/// Windows over rows whose partitions are interleaved.
pub mod interleaved;

/// A sort that is left out where the rows turn out to lie in order already.
pub mod presorted;

/// Whether rows lie in a given order.
pub mod order;

/// Where each row stands, and what its frames read.
pub mod placement;

/// What is computed of frames.
pub mod computation;
/// squall's own window functions, as DataFusion takes them.
pub mod function;

/// What is kept of each argument.
pub mod column;

/// Values as integers in the same order, and back.
pub mod ordered;

/// The results of each call, computed from what is kept.
pub mod evaluator;

/// The arithmetic, on slices.
pub mod kernel;

pub use settings::Settings;

/// Returns the optimizer rule, to be registered after DataFusion's own.
pub fn rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(rule::ReplaceWindows)
}

/// Returns the rule that prepares logical plans, to be registered after DataFusion's own; without it a FILTER clause leaves
/// its window to the stock operator.
pub fn logical_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(filter::FoldFilters)
}
