//! The SQL function registry; one function or family a file.
//!
//! In: a `SessionContext` and the folder of models. Out: the same context, with every function of squall's registered.
//! A family's file ends in a `FUNCTIONS` list; [`FAMILIES`] names them all, and nothing else registers a function.

mod collected;
mod counted;
mod curves;
pub mod documentation;
mod drift;
mod label_score;
mod ml_evaluate;
mod ml_models;
mod ml_predict;
mod ml_score;
mod model_arguments;
mod probability;
mod ranking;
pub mod reference;
mod rolling_windows;
mod snapshot;
mod squall_functions;
mod threshold;

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableFunctionImpl;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

pub use documentation::Documentation;
pub use ml_evaluate::{metrics_rows, metrics_schema};
pub use model_arguments::query as relation_query;
pub use snapshot::Snapshot;

use crate::model::Registry;

/// A function: its documentation, and what makes it for one session's models.
pub struct Function {
    pub documentation: &'static Documentation,
    pub implementation: fn(&Arc<Registry>) -> Implementation,
}

/// A function as DataFusion takes it.
pub enum Implementation {
    Scalar(ScalarUDF),
    Aggregate(AggregateUDF),
    Window(WindowUDF),
    Table(Arc<dyn TableFunctionImpl>),
}

/// Every family of functions.
const FAMILIES: &[&[Function]] = &[
    rolling_windows::FUNCTIONS,
    ranking::FUNCTIONS,
    probability::FUNCTIONS,
    threshold::FUNCTIONS,
    curves::FUNCTIONS,
    ml_predict::FUNCTIONS,
    ml_score::FUNCTIONS,
    ml_evaluate::FUNCTIONS,
    ml_models::FUNCTIONS,
    drift::FUNCTIONS,
    squall_functions::FUNCTIONS,
];

/// Registers every function with `context`; those on models read `models_dir` when they are used, not before.
pub fn register(context: &SessionContext, models_dir: &Path) {
    let models = Arc::new(Registry::new(models_dir));
    for function in FAMILIES.iter().copied().flatten() {
        match (function.implementation)(&models) {
            Implementation::Scalar(scalar) => context.register_udf(scalar),
            Implementation::Aggregate(aggregate) => context.register_udaf(aggregate),
            Implementation::Window(window) => context.register_udwf(window),
            Implementation::Table(table) => context.register_udtf(function.documentation.name, table),
        }
    }
}

/// Returns the documentation of every function, ordered by section and name.
pub fn documentation() -> impl Iterator<Item = &'static Documentation> {
    let mut all: Vec<_> = FAMILIES.iter().copied().flatten().map(|function| function.documentation).collect();
    all.sort_by_key(|documentation| (documentation.section, documentation.name));
    all.into_iter()
}
