//! The SQL function registry; one file per function or family.
//!
//! In: a `SessionContext` and the folder of models. Out: the same context, with functions registered. A family's file ends
//! with a `FUNCTIONS` list, and one line of a table names the family: [`FAMILIES`] here, `ml::FAMILIES` for functions on
//! models. A [`Library`] joins these tables and
//! the window functions of `rolling`, and only a library registers functions.

mod audits;
pub mod binary_metrics;
mod calibrated;
mod collected;
mod counted;
mod curves;
mod drift;
mod environment;
pub mod episodes;
mod files;
pub mod intervals;
mod json;
pub mod label_score;
mod narrowed;
mod one_zero;
mod picks;
mod probability;
mod profile;
mod ranking;
mod reference;
pub mod relation;
mod scalar;
mod snapshot;
mod squall_functions;
pub mod sweep;
mod threshold;
mod times;
mod values;
mod verdict;

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableFunctionImpl;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

pub use drift::OF_MODEL;
pub use environment::{GETENV, getenv};
pub use one_zero::{holds_floats, one_zero};
pub use picks::percentile_cont;
pub use reference::markdown;
pub use snapshot::{Compute, Snapshot, session_state};

use crate::model::Registry;
use crate::rolling;
use crate::text::documentation::Documentation;

/// A function: its documentation, and how to make it for one session.
pub struct Function {
    pub documentation: &'static Documentation,
    pub implementation: fn(&Host) -> Implementation,
}

/// The parts of a session that functions need.
pub struct Host {
    pub models: Arc<Registry>,
    pub library: Library,
}

/// A function in the form that DataFusion takes.
pub enum Implementation {
    Scalar(ScalarUDF),
    Aggregate(AggregateUDF),
    Window(WindowUDF),
    Table(Arc<dyn TableFunctionImpl>),
}

/// Functions that belong together.
pub type Family = &'static [Function];

/// Every family of functions that needs no model.
pub const FAMILIES: &[Family] = &[
    ranking::FUNCTIONS,
    probability::FUNCTIONS,
    threshold::FUNCTIONS,
    binary_metrics::FUNCTIONS,
    curves::FUNCTIONS,
    intervals::FUNCTIONS,
    calibrated::FUNCTIONS,
    episodes::FUNCTIONS,
    sweep::FUNCTIONS,
    verdict::FUNCTIONS,
    drift::FUNCTIONS,
    drift::two_sample::FUNCTIONS,
    audits::FUNCTIONS,
    profile::FUNCTIONS,
    files::FUNCTIONS,
    times::FUNCTIONS,
    picks::FUNCTIONS,
    values::FUNCTIONS,
    json::FUNCTIONS,
    squall_functions::FUNCTIONS,
];

/// The tables of families that one session offers.
#[derive(Debug, Clone, Copy)]
pub struct Library(pub &'static [&'static [Family]]);

impl Library {
    /// Registers every function with `context`; functions on models read `models_dir` only when they are used.
    pub fn register(self, context: &SessionContext, models_dir: &Path) {
        for function in rolling::own_functions() {
            context.register_udwf(function.for_engine());
        }
        let host = Host { models: Arc::new(Registry::new(models_dir)), library: self };
        for function in self.functions() {
            match (function.implementation)(&host) {
                Implementation::Scalar(scalar) => context.register_udf(scalar),
                Implementation::Aggregate(aggregate) => context.register_udaf(aggregate),
                Implementation::Window(window) => context.register_udwf(window),
                Implementation::Table(table) => context.register_udtf(function.documentation.name, table),
            }
        }
    }

    /// Returns the documentation of every function, ordered by section and name.
    pub fn documentation(self) -> impl Iterator<Item = &'static Documentation> {
        let windows = rolling::own_functions().map(|function| function.documentation);
        let mut all: Vec<_> = windows.chain(self.functions().map(|function| function.documentation)).collect();
        all.sort_by_key(|documentation| (documentation.section, documentation.name));
        all.into_iter()
    }

    fn functions(self) -> impl Iterator<Item = &'static Function> {
        self.0.iter().copied().flatten().copied().flatten()
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.documentation.name)
    }
}
