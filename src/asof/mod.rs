//! ASOF JOIN: joins each row with the newest earlier row of another table, or with the nearest later one.
//!
//! In: a statement as text, with DuckDB's words or Snowflake's. Out: its syntax tree, a node of the logical plan, and an operator
//! that reads both inputs once, in the order of time, and holds one row for each key.
//!
//! The modules are listed in the order in which a query passes through them.

/// The words.
mod syntax;

/// From the syntax tree to the logical plan.
mod relation;

/// The node of the logical plan.
mod node;

/// Conditions above the join.
mod filters;

/// From the logical plan to the operator.
mod planner;

/// The operator.
mod exec;

/// The order of its inputs.
mod inputs;

/// The walk over both inputs.
mod stream;

/// The values that are compared.
mod keys;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;

pub use exec::{AsofJoinExec, Condition};
pub use inputs::looking_first;
pub use node::{AsofJoin, Kind};
pub use relation::nest;
pub use syntax::rewritten;

/// Teaches a session to plan and run ASOF JOIN.
pub fn install(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_relation_planners(vec![Arc::new(relation::AsofRelations)])
        .with_optimizer_rule(Arc::new(filters::FilterInputs))
        .with_query_planner(Arc::new(planner::AsofQueries))
        .with_physical_optimizer_rule(Arc::new(inputs::LookBeforeSorting))
}
