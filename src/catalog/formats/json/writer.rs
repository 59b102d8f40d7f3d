//! Writes JSON files with NULL.
//!
//! The engine leaves out keys whose value is NULL, so that a column of NULL is lost, and with it the place of a field. In: rows. Out: lines
//! in which each object has all keys, as DuckDB writes them.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::common::config::JsonOptions;
use datafusion::common::file_options::json_writer::JsonWriterOptions;
use datafusion::common::{Result, not_impl_err};
use datafusion::datasource::file_format::json::JsonSink;
use datafusion::datasource::file_format::write::BatchSerializer;
use datafusion::datasource::physical_plan::FileSinkConfig;
use datafusion::datasource::sink::DataSinkExec;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::physical_expr_common::sort_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;

use crate::catalog::formats::text::TextSink;

/// Returns the operator that writes JSON files.
pub fn sink(
    input: Arc<dyn ExecutionPlan>,
    options: &JsonOptions,
    config: FileSinkConfig,
    order: Option<LexRequirement>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if config.insert_op != InsertOp::Append {
        return not_impl_err!("JSON files are not replaced by INSERT");
    }
    let sink = TextSink {
        engines: JsonSink::new(config, JsonWriterOptions::try_from(options)?),
        style: Arc::new(Style),
        compression: options.compression.into(),
        level: options.compression_level,
    };
    Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), order)))
}

/// How rows are written.
#[derive(Debug)]
struct Style;

impl BatchSerializer for Style {
    fn serialize(&self, rows: RecordBatch, _initial: bool) -> Result<Bytes> {
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&rows)?;
        writer.finish()?;
        Ok(writer.into_inner().into())
    }
}
