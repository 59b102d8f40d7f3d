//! Tells the functions on models which queries are behind a relation.
//!
//! In: a query. Out: the labels, the features and the fingerprints of every query of the project that it reads.

use datafusion::execution::context::SessionContext;
use futures::future::BoxFuture;

use super::reach::{Extent, Reach};
use super::{Kind, Project, Query};
use crate::ml::{LabelQuery, Lineage, Origin, tables};
use crate::text::fingerprint;

impl Lineage for Project {
    fn origin<'a>(&'a self, sql: &'a str, context: &'a SessionContext) -> BoxFuture<'a, Origin> {
        Box::pin(async move {
            let mut origin = Origin::default();
            let (mut lookbacks, mut horizons): (Vec<Option<i64>>, Vec<Option<i64>>) = Default::default();
            let named = tables(sql).into_iter().filter_map(|name| self.position(&name));
            let mut read: Vec<usize> =
                named.flat_map(|index| self.upstream(index).into_iter().chain([index])).collect();
            read.sort_unstable();
            read.dedup();
            for query in read.into_iter().map(|index| &self.queries[index]) {
                match query.kind {
                    Kind::Model => continue,
                    Kind::Label => {
                        let (label, horizon) = self.label(query, context).await;
                        origin.labels.push(label);
                        // How long a number of ticks takes is not known.
                        horizons
                            .push(horizon.time_ns().filter(|_| matches!(horizon, Extent::Within { rows: ..=1, .. })));
                    }
                    Kind::Feature => {
                        origin.features.push(query.name.clone());
                        lookbacks.push(
                            self.extent(query, query.header.lookback(), |reach| reach.before, context).await.time_ns(),
                        );
                    }
                    Kind::Plain | Kind::Audit => {}
                }
                origin.queries.insert(query.name.clone(), query.sql_fingerprint());
            }
            (origin.lookback_ns, origin.horizon_ns) = (longest(lookbacks), longest(horizons));
            origin
        })
    }
}

/// Returns the longest of several times; `None` if one of them is not known, because it may be longer.
fn longest(times: Vec<Option<i64>>) -> Option<i64> {
    let known: Option<Vec<i64>> = times.into_iter().collect();
    known.and_then(|known| known.into_iter().max())
}

impl Project {
    /// Returns what is known about a label, and its horizon: the one that was found, or else the one that its header says.
    async fn label(&self, query: &Query, context: &SessionContext) -> (LabelQuery, Extent) {
        let declared = query.header.horizon.as_deref().and_then(Extent::parse);
        let horizon = self.extent(query, declared, |reach| reach.after, context).await;
        let label = LabelQuery {
            name: query.name.clone(),
            horizon: horizon.to_string(),
            horizon_ns: horizon.time_ns(),
            fingerprint: query.sql_fingerprint(),
        };
        (label, horizon)
    }

    /// Returns how far a query reaches: as found, or else as its header says.
    async fn extent(
        &self,
        query: &Query,
        declared: Option<Extent>,
        side: fn(Reach) -> Extent,
        context: &SessionContext,
    ) -> Extent {
        match self.reach(query, context).await.ok().map(|reaches| side(reaches.total())) {
            Some(Extent::Unknown(reason)) => declared.unwrap_or(Extent::Unknown(reason)),
            // A header is shorter: it need not name the first tick after the horizon.
            Some(found) => declared.filter(|declared| declared.agrees(&found)).unwrap_or(found),
            None => declared.unwrap_or_else(|| Extent::Unknown("it cannot be planned".into())),
        }
    }
}

impl Query {
    /// Returns the fingerprint of the query's SQL, in which comments and blanks do not count.
    fn sql_fingerprint(&self) -> String {
        fingerprint(&self.parsed.query.to_string())
    }
}
