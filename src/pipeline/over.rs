//! A query, planned over another table in place of the landed ticks, with everything that it reads.
//!
//! In: a query, and the table that stands for `landed_ticks`. Out: a session of its own, in which each query that it reads is a view,
//! and the query's rows. Materialised tables are not used: they hold other ticks.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::DataFrame;

use super::case::own_catalog;
use super::error::Error;
use super::place::Place;
use super::recipe::changes_by_itself;
use super::{Kind, LANDED, Project, Query};
use crate::catalog::addresses;

/// How the plans of a query over another table are made.
pub struct Over<'a> {
    /// The session in which the project is registered.
    pub context: &'a SessionContext,
    /// The table that stands for the landed ticks.
    pub landed: Arc<dyn TableProvider>,
    /// Changes the settings of the query's own session.
    pub configure: fn(&mut ConfigOptions),
}

impl Project {
    /// Plans a query over another table in place of the landed ticks.
    ///
    /// # Errors
    /// The query, or one that it reads, cannot be planned.
    pub async fn plan_over(&self, query: &Query, over: &Over<'_>) -> Result<DataFrame, Error> {
        let unknown = || Error::UnknownQuery { name: query.name.clone(), suggestion: None };
        let index = self.position(&query.name).ok_or_else(unknown)?;
        let own = addresses::enable(own_catalog(over.context));
        (over.configure)(own.state_ref().write().config_mut().options_mut());
        let failed = |source: DataFusionError| query.failed(source);
        own.register_table(LANDED, Arc::clone(&over.landed)).map_err(failed)?;
        let mut needed = self.upstream(index);
        needed.insert(index);
        for needed in needed {
            let read = &self.queries[needed];
            if read.kind == Kind::Model {
                continue;
            }
            self.register_beside(read, over.context, &own).await.map_err(|source| read.failed(source))?;
            let plan = self.plan(read, &own).await?;
            let frame = DataFrame::new(own.state(), plan);
            if needed == index {
                return Ok(frame);
            }
            own.register_table(read.name.as_str(), frame.into_view()).map_err(failed)?;
        }
        // The query itself is the last of those that it needs.
        Err(unknown())
    }

    /// Registers the session's other tables that a query reads.
    async fn register_beside(
        &self,
        query: &Query,
        context: &SessionContext,
        own: &SessionContext,
    ) -> Result<(), DataFusionError> {
        for name in self.beside(query) {
            let known = |context: &SessionContext| context.table_exist(name).unwrap_or(false);
            if !known(own) && known(context) {
                own.register_table(name, context.table_provider(name).await?)?;
            }
        }
        Ok(())
    }

    /// Returns the names in a query that are not those of the project's queries: the session's other tables are among them.
    pub fn beside<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a str> {
        query.parsed.references.names().into_iter().filter(|name| self.query(name).is_none())
    }

    /// Returns the queries that a query reads, directly or not, and then the query itself; each comes after what it reads.
    pub fn with_upstream<'a>(&'a self, query: &Query) -> Vec<&'a Query> {
        let Some(index) = self.position(&query.name) else { return Vec::new() };
        let mut needed = self.upstream(index);
        needed.insert(index);
        needed.into_iter().map(|index| &self.queries[index]).filter(|query| query.kind != Kind::Model).collect()
    }

    /// Returns the texts that a query, and the queries that it reads, give to table functions, such as `spike_logistic@champion`.
    pub fn texts_for_functions(&self, query: &Query) -> BTreeSet<String> {
        let queries = self.with_upstream(query).into_iter();
        queries.flat_map(|query| query.parsed.references.texts.iter().cloned()).collect()
    }

    /// Returns the first function of a query that can give different values for the same arguments, and where it stands.
    pub fn changing_function(&self, query: &Query, context: &SessionContext) -> Option<(String, Place)> {
        let functions = &query.parsed.references.functions;
        let function = functions.iter().find(|name| changes_by_itself(name, context))?;
        Some((function.clone(), query.place_of_word(function).unwrap_or_else(|| query.start())))
    }
}

impl Query {
    /// Returns where one of these words stands in the statement, the first that does; else the start of the statement.
    pub fn place_of(&self, words: &[&str]) -> Place {
        words.iter().find_map(|word| self.place_of_word(word)).unwrap_or_else(|| self.start())
    }
}
