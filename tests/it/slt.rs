//! Runs `tests/slt/functions/*.slt`, each with 1 and 4 partitions and batches of 2 and 8192 rows.

use std::path::Path;

use async_trait::async_trait;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use squall::functions;

struct Database(SessionContext);

#[async_trait]
impl AsyncDB for Database {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DataFusionError> {
        let frame = self.0.sql(sql).await?;
        let columns = frame.schema().fields().len();
        let rows = rows(&frame.collect().await?);
        if columns == 0 || (columns == 1 && rows.is_empty() && !sql.to_uppercase().starts_with("SELECT")) {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; columns], rows })
    }

    async fn shutdown(&mut self) {}
}

/// Formats rows as text, NULL as `NULL`.
pub fn rows(batches: &[datafusion::arrow::array::RecordBatch]) -> Vec<Vec<String>> {
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

#[tokio::test]
async fn every_file_passes_with_any_partitioning() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt/functions");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        for (partitions, batch_size) in [(1, 2), (1, 8192), (4, 2), (4, 8192)] {
            let mut runner = Runner::new(|| async {
                let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch_size);
                let context = SessionContext::new_with_config(config);
                functions::register(&context, "no/models/here".as_ref());
                Ok(Database(context))
            });
            if let Err(error) = runner.run_file_async(&file).await {
                panic!("{partitions} partitions, batches of {batch_size}: {error}");
            }
        }
    }
}
