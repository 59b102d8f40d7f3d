//! Landed files as Parquet: zstd, sorted by (product_id, ts), with the range's summary in the footer.

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;

use super::Error;
use super::files::LandedFile;
use super::summary::{KEY, Summary};
use crate::tick;

/// Rows a row group: a scan hands whole ones to its threads, and skips those without a product or a time it looks for.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Rising counts, of which the differences are small: written as such they take a fraction of the room and time.
const DELTA_ENCODED: [&str; 5] = ["ts", "event_time", "ingest_time", "sequence_num", "log_offset"];

/// Encodes one range's rows, which come in the order of (product_id, ts).
pub struct Encoder<'a> {
    file: &'a LandedFile,
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
    expected: u64,
}

impl<'a> Encoder<'a> {
    /// Starts a file of the rows that `summary` counts.
    pub fn start(file: &'a LandedFile, summary: &Summary) -> Result<Encoder<'a>, Error> {
        let json = serde_json::to_string(summary).map_err(|source| Error::encode(file, source))?;
        let writer = ArrowWriter::try_new(Vec::new(), tick::schema(), Some(properties(json)));
        let writer = writer.map_err(|source| Error::encode(file, source))?;
        Ok(Encoder { file, writer, rows: 0, expected: summary.all_rows() })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|source| Error::encode(self.file, source))
    }

    /// Returns the whole file.
    ///
    /// # Errors
    /// There are more rows, or fewer, than the summary counts: such a file must not be committed.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let Encoder { file, writer, rows, expected } = self;
        if rows != expected {
            return Err(Error::encode(file, format!("it has {rows} rows and should have {expected}")));
        }
        writer.into_inner().map_err(|source| Error::encode(file, source))
    }
}

/// Returns the summary that a landed file's footer carries.
pub fn summary(file: &LandedFile, footer: &ParquetMetaData) -> Result<Summary, Error> {
    let entries = footer.file_metadata().key_value_metadata();
    let entry = entries.into_iter().flatten().find(|entry| entry.key == KEY);
    let json = entry.and_then(|entry| entry.value.as_deref());
    let json = json.ok_or_else(|| Error::unreadable(file, format!("its footer has no {KEY}")))?;
    serde_json::from_str(json).map_err(|error| Error::unreadable(file, error))
}

fn properties(summary: String) -> WriterProperties {
    let schema = tick::schema();
    let order = ["product_id", "ts"].into_iter().filter_map(|name| {
        let column = i32::try_from(schema.index_of(name).ok()?).ok()?;
        Some(SortingColumn { column_idx: column, descending: false, nulls_first: false })
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(order.collect()))
        .set_key_value_metadata(Some(vec![KeyValue::new(KEY.to_string(), summary)]));
    for name in DELTA_ENCODED {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}
