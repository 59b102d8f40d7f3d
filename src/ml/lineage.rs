//! What is known about the queries behind a relation.
//!
//! The SQL project knows its queries, and a session knows the project if it was told of it ([`remember`]). Without a project,
//! nothing is known.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;

use crate::model::LabelQuery;

/// The queries of a project that a relation reads, directly or through other queries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    pub labels: Vec<LabelQuery>,
    /// The fingerprint of the SQL of every query, by name.
    pub queries: BTreeMap<String, String>,
    /// The names of the queries that are features.
    pub features: Vec<String>,
    /// How far ahead the labels look, in nanoseconds; `None` if there is no label, or if it is not bounded by time or not known.
    pub horizon_ns: Option<i64>,
    /// How far back the features look, in nanoseconds; `None` if it is not bounded or not known.
    pub lookback_ns: Option<i64>,
}

/// Knows the queries of a project.
pub trait Lineage: Debug + Send + Sync {
    /// Returns what a query reads; nothing if it does not parse or reads nothing of the project.
    fn origin<'a>(&'a self, sql: &'a str, context: &'a SessionContext) -> BoxFuture<'a, Origin>;
}

/// The session's project, as an extension of its configuration.
#[derive(Debug)]
struct Known(Arc<dyn Lineage>);

/// Tells a session which project its queries belong to.
pub fn remember(context: &SessionContext, lineage: Arc<dyn Lineage>) {
    context.state_ref().write().config_mut().set_extension(Arc::new(Known(lineage)));
}

/// Returns what a query reads of the session's project; nothing if the session has none.
pub async fn origin(state: &SessionState, sql: &str) -> Origin {
    let Some(known) = state.config().get_extension::<Known>() else { return Origin::default() };
    known.0.origin(sql, &SessionContext::new_with_state(state.clone())).await
}
