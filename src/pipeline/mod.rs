//! The `sql/` project: files → graph → run, audits, lint.
//!
//! In: a folder of `.sql` files and the parameters that their placeholders stand for. Out: views registered with a
//! `SessionContext` under the files' stems, and materialised tables `<tables_dir>/<name>/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datafusion::prelude::SessionContext;

use crate::error::Hint;

/// Values of the project's placeholders, by name.
pub type Parameters = BTreeMap<String, serde_json::Value>;

/// A SQL project: its queries, in dependency order.
#[derive(Debug)]
pub struct Project {}

/// A query that was written to Parquet.
#[derive(Debug)]
pub struct Materialised {
    pub name: String,
    pub path: PathBuf,
    pub rows: u64,
}

impl Project {
    /// Reads and checks the project: placeholders filled, SQL parsed, references resolved.
    pub fn load(_dir: &Path, _parameters: &Parameters) -> Result<Project, Error> {
        Ok(Project {})
    }

    /// Registers every query under its name: a fresh materialised table where there is one, else a view.
    pub async fn register(&self, _context: &SessionContext, _tables_dir: &Path) -> Result<(), Error> {
        Ok(())
    }

    /// Materialises the queries that `selector` names: `NAME`, `+NAME` (and what it needs), `NAME+` (and what needs it).
    pub async fn run(
        &self,
        _context: &SessionContext,
        _selector: &str,
        _tables_dir: &Path,
        _done: &mut (dyn FnMut(&Materialised) + Send),
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the `CREATE MODEL` statement of `sql/models/<name>.sql`, placeholders filled.
    pub fn model_statement(&self, _name: &str) -> Option<&str> {
        None
    }

    /// Returns the names of `sql/models/*.sql`, ascending.
    pub fn model_names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// What can be wrong with a project.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("query failed")]
    Query(#[from] datafusion::error::DataFusionError),
}

impl Hint for Error {}
