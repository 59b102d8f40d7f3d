//! Tells the functions on models which queries are behind a relation.
//!
//! In: a query. Out: the labels, the features and the fingerprints of every query of the project that it reads.

use async_trait::async_trait;
use datafusion::execution::context::SessionContext;

use super::reach::Extent;
use super::{Kind, Project, Query};
use crate::ml::{LabelQuery, Lineage, Origin, tables};
use crate::text::fingerprint;

#[async_trait]
impl Lineage for Project {
    async fn origin(&self, sql: &str, context: &SessionContext) -> Origin {
        let mut origin = Origin::default();
        let named = tables(sql).into_iter().filter_map(|name| self.position(&name));
        let mut read: Vec<usize> = named.flat_map(|index| self.upstream(index).into_iter().chain([index])).collect();
        read.sort_unstable();
        read.dedup();
        for query in read.into_iter().map(|index| &self.queries[index]) {
            match query.kind {
                Kind::Model => continue,
                Kind::Label => origin.labels.push(self.label(query, context).await),
                Kind::Feature => origin.features.push(query.name.clone()),
                Kind::Plain | Kind::Audit => {}
            }
            origin.queries.insert(query.name.clone(), query.sql_fingerprint());
        }
        origin
    }
}

impl Project {
    /// Returns what is known about a label. Its horizon is the one that was found, or else the one that its header says.
    async fn label(&self, query: &Query, context: &SessionContext) -> LabelQuery {
        let declared = query.header.horizon.as_deref().and_then(Extent::parse);
        let horizon = match self.reach(query, context).await.ok().map(|reaches| reaches.total().after) {
            Some(Extent::Unknown(reason)) => declared.unwrap_or(Extent::Unknown(reason)),
            // A header is shorter: it need not name the first tick after the horizon.
            Some(found) => declared.filter(|declared| declared.agrees(&found)).unwrap_or(found),
            None => declared.unwrap_or_else(|| Extent::Unknown("it cannot be planned".into())),
        };
        let horizon_ns = match horizon {
            Extent::Within { time_ns, .. } => Some(time_ns),
            Extent::Unbounded | Extent::Unknown(_) => None,
        };
        LabelQuery {
            name: query.name.clone(),
            horizon: horizon.to_string(),
            horizon_ns,
            fingerprint: query.sql_fingerprint(),
        }
    }
}

impl Query {
    /// Returns the fingerprint of the query's SQL, in which comments and blanks do not count.
    fn sql_fingerprint(&self) -> String {
        fingerprint(&self.parsed.query.to_string())
    }
}
