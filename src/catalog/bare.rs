//! Footers without the Arrow schema that writers put beside the Parquet schema.
//!
//! Its decoder panics on damaged bytes, and it says nothing that squall's columns need. In: a landed file. Out: its footer,
//! through the session's cache of footers, where it replaces the one that the decoder would see.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::parquet::CachedParquetMetaData;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::cache::cache_manager::CachedFileMetadataEntry;
use datafusion::parquet::arrow::{ARROW_SCHEMA_META_KEY, parquet_to_arrow_schema};
use datafusion::parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder};
use object_store::{ObjectMeta, ObjectStore};

/// Reads a file's footer, unless the session has it.
///
/// # Errors
/// It is not the footer of a Parquet file.
pub async fn footer(state: &dyn Session, store: &dyn ObjectStore, object: &ObjectMeta) -> Result<Arc<ParquetMetaData>> {
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let reader = DFParquetMetadata::new(store, object).with_file_metadata_cache(Some(Arc::clone(&cache)));
    let metadata = reader.fetch_metadata().await?;
    let entries = metadata.file_metadata().key_value_metadata();
    if !entries.is_some_and(|entries| entries.iter().any(is_arrow_schema)) {
        return Ok(metadata);
    }
    let bare = Arc::new(bare(&metadata));
    let cached = Arc::new(CachedParquetMetaData::new(Arc::clone(&bare)));
    cache.put(&object.location, CachedFileMetadataEntry::new(object.clone(), cached));
    Ok(bare)
}

/// Returns the columns by the Parquet schema alone.
///
/// # Errors
/// The Parquet schema has a column that Arrow does not have.
pub fn schema(metadata: &ParquetMetaData) -> Result<SchemaRef> {
    Ok(Arc::new(parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None)?))
}

fn is_arrow_schema(entry: &KeyValue) -> bool {
    entry.key == ARROW_SCHEMA_META_KEY
}

fn bare(metadata: &ParquetMetaData) -> ParquetMetaData {
    let file = metadata.file_metadata();
    let others = |entries: &Vec<KeyValue>| entries.iter().filter(|entry| !is_arrow_schema(entry)).cloned().collect();
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_string),
        file.key_value_metadata().map(others),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    ParquetMetaDataBuilder::new(file)
        .set_row_groups(metadata.row_groups().to_vec())
        .set_column_index(metadata.column_index().cloned())
        .set_offset_index(metadata.offset_index().cloned())
        .build()
}
