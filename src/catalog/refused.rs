//! Names that the session's schema does not hold itself: queries of a project that cannot be used, which answer with a reason
//! instead of a table, and tables that are kept on disk.
//!
//! In: a schema, names with their reasons, and a folder of tables. Out: the same schema, in which looking up such a name is an error
//! that says why, whether a statement, a table function or a report asks; a name that is only in the folder is opened there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::TableType;

use super::kept::Kept;
use crate::error::Hint;

/// Why a name has no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
}

impl Hint for Refused {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl Refused {
    /// Returns the refusal behind an error of the engine, if that is its cause.
    pub fn of(error: &DataFusionError) -> Option<&Refused> {
        match error.find_root() {
            DataFusionError::External(source) => source.downcast_ref(),
            _ => None,
        }
    }
}

/// A schema in which some names are refused.
#[derive(Debug)]
pub struct RefusingSchema {
    inner: Arc<dyn SchemaProvider>,
    refused: Refusals,
    kept: KeptTables,
}

/// The tables that are kept on disk, if the session has them; the session and its schema share them.
pub type KeptTables = Arc<OnceLock<Kept>>;

/// The refused names; the session and its schema share them.
pub type Refusals = Arc<Mutex<BTreeMap<String, Refused>>>;

impl RefusingSchema {
    pub fn new(inner: Arc<dyn SchemaProvider>, refused: Refusals, kept: KeptTables) -> RefusingSchema {
        RefusingSchema { inner, refused, kept }
    }
}

#[async_trait]
impl SchemaProvider for RefusingSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.inner.table_names();
        names.extend(self.kept.get().map(Kept::names).unwrap_or_default());
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.inner.table(name).await? {
            return Ok(Some(table));
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        match refused {
            Some(refused) => Err(DataFusionError::External(Box::new(refused))),
            None => match self.kept.get() {
                Some(kept) => kept.open(name).await,
                None => Ok(None),
            },
        }
    }

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
