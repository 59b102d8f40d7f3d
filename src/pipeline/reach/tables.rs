//! The tables that a query is planned against: the project's queries without their plans, and the session's other tables.
//!
//! A query that is read is a table with columns and what is known about them. So each query is planned once, however many
//! queries read it.

use crate::engine;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::relation::Summary;

/// A query of the project, as a table without rows.
pub struct QueryTable {
    pub schema: SchemaRef,
    pub summary: Arc<Summary>,
}

impl fmt::Debug for QueryTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryTable").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl TableProvider for QueryTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl QueryTable {
    fn boxed_scan<'a>(
        &'a self,
        _state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            Ok(Arc::new(EmptyExec::new(schema)) as Arc<dyn ExecutionPlan>)
        })
    }
}

/// What plans queries against these tables. The state is made once, because a copy of it is costly.
#[derive(Clone)]
pub struct Planner {
    pub tables: Tables,
    pub state: Arc<SessionState>,
    pub context: SessionContext,
}

/// The session's catalogs, with the project's queries in front of the tables of the default schema.
#[derive(Debug, Clone)]
pub struct Tables {
    session: Arc<dyn CatalogProviderList>,
    catalog: String,
    schema: String,
    queries: Arc<Mutex<BTreeMap<String, Arc<QueryTable>>>>,
}

impl Planner {
    /// Returns what plans queries with the functions and the settings of a session.
    pub fn over(context: &SessionContext) -> Planner {
        let mut state = context.state();
        let options = state.config_mut().options_mut();
        // The rules that are used reach their result at once.
        options.optimizer.max_passes = 1;
        // With spans, an error knows its line and column.
        options.sql_parser.collect_spans = true;
        let names = &state.config_options().catalog;
        let tables = Tables {
            session: Arc::clone(state.catalog_list()),
            catalog: names.default_catalog.clone(),
            schema: names.default_schema.clone(),
            queries: Arc::default(),
        };
        let builder = SessionStateBuilder::new_from_existing(state).with_catalog_list(Arc::new(tables.clone()));
        let state = builder.build();
        Planner { tables, context: SessionContext::new_with_state(state.clone()), state: Arc::new(state) }
    }
}

impl Tables {
    /// Adds a query of the project.
    pub fn add(&self, name: &str, table: QueryTable) {
        self.lock().insert(name.into(), Arc::new(table));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<QueryTable>>> {
        // The map is never left half changed.
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn default_schema(&self) -> Option<Arc<dyn SchemaProvider>> {
        self.session.catalog(&self.catalog)?.schema(&self.schema)
    }
}

impl CatalogProviderList for Tables {
    fn register_catalog(&self, _name: String, _catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        self.session.catalog_names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        if name == self.catalog { Some(Arc::new(self.clone())) } else { self.session.catalog(name) }
    }
}

impl CatalogProvider for Tables {
    fn schema_names(&self) -> Vec<String> {
        self.session.catalog(&self.catalog).map(|catalog| catalog.schema_names()).unwrap_or_default()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == self.schema {
            Some(Arc::new(self.clone()))
        } else {
            self.session.catalog(&self.catalog)?.schema(name)
        }
    }
}

impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.default_schema().map(|schema| schema.table_names()).unwrap_or_default()
    }

    engine::table!();

    fn table_exist(&self, name: &str) -> bool {
        self.lock().contains_key(name) || self.default_schema().is_some_and(|schema| schema.table_exist(name))
    }
}

impl Tables {
    fn boxed_table<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>, DataFusionError>> {
        Box::pin(async move {
            let query = self.lock().get(name).cloned();
            if let Some(query) = query {
                return Ok(Some(query as Arc<dyn TableProvider>));
            }
            match self.default_schema() {
                Some(schema) => schema.table(name).await,
                None => Ok(None),
            }
        })
    }
}
