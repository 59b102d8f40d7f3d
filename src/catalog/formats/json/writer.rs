//! Writes JSON files with NULL.
//!
//! The engine leaves out keys whose value is NULL, so a column that is NULL in every row is lost. In: rows. Out: lines in which each object
//! has all keys, as DuckDB writes them.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::common::Result;
use datafusion::common::config::JsonOptions;
use datafusion::common::file_options::json_writer::JsonWriterOptions;
use datafusion::datasource::file_format::json::JsonSink;
use datafusion::datasource::file_format::write::BatchSerializer;
use datafusion::datasource::physical_plan::FileSinkConfig;
use datafusion::datasource::sink::DataSink;

use crate::catalog::formats::text::TextSink;
use crate::engine::with_text_keys;

/// Returns what writes JSON files.
pub fn sink(options: &JsonOptions, config: FileSinkConfig) -> Result<Arc<dyn DataSink>> {
    Ok(Arc::new(TextSink {
        engines: JsonSink::new(config, JsonWriterOptions::try_from(options)?),
        style: Arc::new(Style),
        compression: options.compression.into(),
        level: options.compression_level,
    }))
}

/// How rows are written.
#[derive(Debug)]
struct Style;

impl BatchSerializer for Style {
    fn serialize(&self, rows: RecordBatch, _initial: bool) -> Result<Bytes> {
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        let rows = with_text_keys(&rows)?;
        writer.write(&rows)?;
        writer.finish()?;
        Ok(writer.into_inner().into())
    }
}
