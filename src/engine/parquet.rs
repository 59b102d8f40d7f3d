//! How Parquet files are written.
//!
//! A dictionary pays where values repeat. The writer tries one for each column and gives it up once it is larger than the limit here.
//! Parquet's own limit, 1 MB, is 131,072 doubles, which are looked up one by one, and then written by numbers that are hardly shorter than
//! they are. docs/performance.md has the measurements.

use datafusion::config::ParquetOptions;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

/// The bytes that a column's dictionary may take.
const DICTIONARY_BYTES: usize = 1 << 16;
/// How many values of a column are encoded at a time.
const BATCH_VALUES: usize = 8192;

/// Returns how a file is written.
pub fn parquet_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_write_batch_size(BATCH_VALUES)
}

/// Makes the engine write its files so.
pub fn write_parquet_so(options: &mut ParquetOptions) {
    options.compression = Some(format!("zstd({})", ZstdLevel::default().compression_level()));
    options.dictionary_page_size_limit = DICTIONARY_BYTES;
    options.write_batch_size = BATCH_VALUES;
}
