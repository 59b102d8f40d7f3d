//! Names that answer with a reason instead of a table: the queries of a project that cannot be used.
//!
//! In: a schema, and names with their reasons. Out: the same schema, in which looking up such a name is an error that says why,
//! whether a statement, a table function or a report asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};

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
}

/// The refused names; the session and its schema share them.
pub type Refusals = Arc<Mutex<BTreeMap<String, Refused>>>;

impl RefusingSchema {
    pub fn new(inner: Arc<dyn SchemaProvider>, refused: Refusals) -> RefusingSchema {
        RefusingSchema { inner, refused }
    }
}

#[async_trait]
impl SchemaProvider for RefusingSchema {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.inner.table(name).await? {
            return Ok(Some(table));
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        match refused {
            Some(refused) => Err(DataFusionError::External(Box::new(refused))),
            None => Ok(None),
        }
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.inner.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.inner.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}
