//! The session's schema, with the tables that are kept on disk.
//!
//! In: a schema, and a folder of tables. Out: the same schema, in which a name that is only in the folder is opened there.

use crate::engine;
use futures::future::BoxFuture;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::TableType;

use super::Kept;

/// The tables that are kept on disk, if the session has them; the session and its schema share them.
pub type KeptTables = Arc<OnceLock<Kept>>;

/// A schema and the tables that are kept on disk.
#[derive(Debug)]
pub struct KeptSchema {
    inner: Arc<dyn SchemaProvider>,
    kept: KeptTables,
}

impl KeptSchema {
    pub fn new(inner: Arc<dyn SchemaProvider>, kept: KeptTables) -> KeptSchema {
        KeptSchema { inner, kept }
    }
}

#[async_trait]
impl SchemaProvider for KeptSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.inner.table_names();
        names.extend(self.kept.get().map(Kept::names).unwrap_or_default());
        names.sort();
        names.dedup();
        names
    }

    engine::table!();

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        match self.inner.table_type(name).await? {
            Some(table_type) => Ok(Some(table_type)),
            // A view that cannot be planned any more is a view all the same.
            None => Ok(self.kept.get().and_then(|kept| kept.table_type(name))),
        }
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.inner.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.inner.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name) || self.kept.get().is_some_and(|kept| kept.is(name).is_some())
    }
}

impl KeptSchema {
    fn boxed_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            match (self.inner.table(name).await?, self.kept.get()) {
                (None, Some(kept)) => kept.open(name).await,
                (table, _) => Ok(table),
            }
        })
    }
}
