//! Runs `tests/slt/**/*.slt` in squall's own sessions, each file with 1 and 4 partitions and batches of 2 and 8192 rows.
//!
//! In the folder `rolling`, a query with OVER must run only in `RollingWindowExec`, because an answer from the stock
//! operators would prove nothing.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::{collect, displayable};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use squall::catalog::{self, Options, Session};
use tempfile::TempDir;

struct Database {
    session: Session,
    /// Whether windows of the stock operators are refused.
    only_rolling: bool,
    /// Keeps the folder that contains the session's folders.
    _folder: TempDir,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}", causes(.0))]
    Session(#[from] catalog::Error),
    #[error("query failed: {0}")]
    Query(#[from] DataFusionError),
    #[error("a window is not squall's:\n{0}")]
    StockWindow(String),
}

/// Writes an error with all of its causes.
fn causes(error: &catalog::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

impl Database {
    async fn open(only_rolling: bool, partitions: usize, batch_size: usize) -> Result<Database, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let within = |name: &str| -> PathBuf { folder.path().join(name) };
        let options = Options {
            ticks_dir: within("ticks"),
            tables_dir: within("tables"),
            models_dir: within("models"),
            threads: partitions,
            batch_size,
            memory_limit_mb: 0,
            rolling: true,
        };
        Ok(Database { session: Session::open(options).await?, only_rolling, _folder: folder })
    }
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let frame = self.session.sql(sql).await?;
        let columns = frame.schema().fields().len();
        let task = frame.task_ctx().into();
        let plan = frame.create_physical_plan().await?;
        let rows = rows(&collect(Arc::clone(&plan), task).await?);
        if self.only_rolling && sql.contains(" OVER ") {
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            if !shown.contains("RollingWindowExec") || shown.contains("WindowAggExec") {
                return Err(Error::StockWindow(shown));
            }
        }
        if columns == 0 || (columns == 1 && rows.is_empty() && !sql.to_uppercase().starts_with("SELECT")) {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; columns], rows })
    }

    async fn shutdown(&mut self) {}
}

/// Formats rows as text, NULL as `NULL`.
pub fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}

/// Runs the files in a folder of `tests/slt`; returns the number of files.
async fn run_folder(name: &str) -> usize {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt").join(name);
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        for (partitions, batch_size) in [(1, 2), (1, 8192), (4, 2), (4, 8192)] {
            let mut runner = Runner::new(|| Database::open(name == "rolling", partitions, batch_size));
            if let Err(error) = runner.run_file_async(file).await {
                panic!("{partitions} partitions, batches of {batch_size}: {error}");
            }
        }
    }
    files.len()
}

#[tokio::test]
async fn functions_pass_with_any_partitioning() {
    assert!(run_folder("functions").await > 0);
}

#[tokio::test]
async fn answers_are_right_with_any_partitioning() {
    assert!(run_folder("answers").await > 0);
}

#[tokio::test]
async fn rolling_windows_pass_with_any_partitioning() {
    assert!(run_folder("rolling").await > 0);
}

#[tokio::test]
async fn an_answer_of_the_stock_operators_is_refused() {
    let mut database = Database::open(true, 1, 8192).await.expect("it opens");
    let refused = database.run("SELECT ntile(2) OVER (ORDER BY x) FROM (VALUES (1), (2)) AS t (x)").await;
    assert!(matches!(refused, Err(Error::StockWindow(_))));
}
