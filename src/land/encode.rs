//! Landed files as Parquet: zstd, sorted by (product_id, ts), with the range's summary and its log in the footer.

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Field, Int64Type};
use datafusion::parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use datafusion::parquet::arrow::{ArrowWriter, ProjectionMask};
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::ColumnPath;

use super::damage::{self, Rows};
use super::files::LandedFile;
use super::folder::{Folder, LandedReader};
use super::origin::Origin;
use super::summary::Summary;
use super::{Error, origin, summary};
use crate::engine::parquet_properties;
use crate::tick;

/// The footer's key for the range that the file was written for, a JSON object. A file that was copied or renamed has another
/// name.
const RANGE: &str = "squall.range";

/// Rows per row group. A scan gives whole row groups to its threads, and skips those without the product or the time it
/// looks for.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Columns of rising counts. Their differences are small, so they take a fraction of the space and time.
const DELTA_ENCODED: [&str; 5] = ["ts", "event_time", "ingest_time", "sequence_num", "log_offset"];

/// Encodes one range's rows, which must come in the order of (product_id, ts). Every second column is encoded by a thread of its
/// own, because nothing else is left to do while the last file of a run is encoded.
pub struct Encoder {
    file: LandedFile,
    writer: SerializedFileWriter<Vec<u8>>,
    columns: ArrowRowGroupWriterFactory,
    /// The columns of the row group that is being filled; none between row groups.
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    rows: u64,
    expected: u64,
}

/// What a landed file's footer says.
#[derive(Debug, Clone)]
pub struct Footer {
    pub summary: Summary,
    /// `None` in files of earlier versions, which did not record it.
    pub origin: Option<Origin>,
}

impl Encoder {
    /// Starts a file for as many rows as the footer's summary counts.
    pub fn start(file: &LandedFile, footer: &Footer) -> Result<Encoder, Error> {
        let json = serde_json::to_string(&footer.summary).map_err(|source| Error::encode(file, source))?;
        let range = serde_json::to_string(file).map_err(|source| Error::encode(file, source))?;
        let mut entries = vec![KeyValue::new(summary::KEY.to_string(), json), KeyValue::new(RANGE.to_string(), range)];
        if let Some(origin) = &footer.origin {
            let json = serde_json::to_string(origin).map_err(|source| Error::encode(file, source))?;
            entries.push(KeyValue::new(origin::KEY.to_string(), json));
        }
        let writer = ArrowWriter::try_new(Vec::new(), tick::schema(), Some(properties(entries)))
            .and_then(ArrowWriter::into_serialized_writer);
        let (writer, columns) = writer.map_err(|source| Error::encode(file, source))?;
        let (file, expected) = (file.clone(), footer.summary.all_rows());
        Ok(Encoder { file, writer, columns, group: Vec::new(), group_rows: 0, rows: 0, expected })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.rows += batch.num_rows() as u64;
        let mut done = 0;
        while done < batch.num_rows() {
            let rows = (batch.num_rows() - done).min(ROW_GROUP_ROWS - self.group_rows);
            self.write_to_group(&batch.slice(done, rows)).map_err(|source| Error::encode(&self.file, source))?;
            done += rows;
        }
        Ok(())
    }

    /// Adds rows to the row group, which has room for them.
    fn write_to_group(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.group.is_empty() {
            self.group = self.columns.create_column_writers(self.writer.flushed_row_groups().len())?;
        }
        let schema = batch.schema();
        let columns = self.group.iter_mut().zip(schema.fields().iter().map(AsRef::as_ref)).zip(batch.columns());
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for (number, ((writer, field), column)) in columns.enumerate() {
            if number % 2 == 0 { &mut even } else { &mut odd }.push((writer, field, column));
        }
        std::thread::scope(|scope| {
            let odd = scope.spawn(move || write_columns(odd));
            let even = write_columns(even);
            let odd = odd.join().unwrap_or_else(|_| Err(ParquetError::General("a column's encoder panicked".into())));
            even.and(odd)
        })?;
        self.group_rows += batch.num_rows();
        if self.group_rows == ROW_GROUP_ROWS { self.close_group() } else { Ok(()) }
    }

    fn close_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in self.group.drain(..) {
            column.close()?.append_to_row_group(&mut group)?;
        }
        self.group_rows = 0;
        group.close().map(drop)
    }

    /// Returns the whole file.
    ///
    /// # Errors
    /// The file has more or fewer rows than the summary counts; such a file must not be committed.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        if self.rows != self.expected {
            let Encoder { file, rows, expected, .. } = self;
            return Err(Error::encode(&file, format!("it has {rows} rows and should have {expected}")));
        }
        let closed = if self.group.is_empty() { Ok(()) } else { self.close_group() };
        closed.and_then(|()| self.writer.into_inner()).map_err(|source| Error::encode(&self.file, source))
    }
}

/// Encodes values of some columns.
fn write_columns(columns: Vec<(&mut ArrowColumnWriter, &Field, &ArrayRef)>) -> Result<(), ParquetError> {
    for (writer, field, column) in columns {
        for leaf in compute_leaves(field, column)? {
            writer.write(&leaf)?;
        }
    }
    Ok(())
}

/// Reads a landed file's footer.
///
/// # Errors
/// It is not the footer of a landed file, or of a file with another name or another number of rows.
pub fn footer(file: &LandedFile, metadata: &ParquetMetaData) -> Result<Footer, Error> {
    check_name(file, metadata)?;
    let summary = value(metadata, summary::KEY);
    let summary = summary.ok_or_else(|| Error::unreadable(file, format!("its footer has no {}", summary::KEY)))?;
    let origin = value(metadata, origin::KEY).map(serde_json::from_str).transpose();
    let footer = Footer {
        summary: serde_json::from_str(summary).map_err(|error| Error::unreadable(file, error))?,
        origin: origin.map_err(|error| Error::unreadable(file, error))?,
    };
    let (rows, counted) = (metadata.file_metadata().num_rows(), footer.summary.all_rows());
    if u64::try_from(rows).ok() != Some(counted) {
        return Err(Error::differs(file, format!("it has {rows} rows, and its footer counts {counted}")));
    }
    Ok(footer)
}

/// Checks that a landed file has the name that it was written under.
///
/// # Errors
/// It has another name: it was copied or renamed.
pub fn check_name(file: &LandedFile, metadata: &ParquetMetaData) -> Result<(), Error> {
    let written: LandedFile = match value(metadata, RANGE) {
        Some(range) => serde_json::from_str(range).map_err(|error| Error::unreadable(file, error))?,
        // Earlier versions noted only the last message, which then was at the last offset.
        None => match value(metadata, origin::KEY).map(serde_json::from_str::<Origin>) {
            Some(Ok(Origin { last: Some(last), .. })) => LandedFile { last: last.offset, ..file.clone() },
            _ => return Ok(()),
        },
    };
    match written == *file {
        true => Ok(()),
        false => Err(Error::Misnamed { file: file.to_string(), written: written.to_string() }),
    }
}

/// Returns the value of a key in a file's footer.
fn value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == key)?.value.as_deref()
}

/// Opens a landed file's rows, in the order of (product_id, ts).
pub async fn open(folder: &Folder, file: &LandedFile) -> Result<Rows, Error> {
    rows(file, folder.open(file).await?)
}

/// Opens only the offsets of a landed file's rows.
pub async fn open_offsets(folder: &Folder, file: &LandedFile) -> Result<Rows, Error> {
    let reader = folder.open(file).await?;
    let offsets = ProjectionMask::columns(reader.parquet_schema(), [OFFSET]);
    rows(file, reader.with_projection(offsets))
}

fn rows(file: &LandedFile, reader: LandedReader) -> Result<Rows, Error> {
    let rows = reader.build().map_err(|source| Error::unreadable(file, source))?;
    Ok(damage::rows(file, rows))
}

/// Returns the offsets in a batch.
pub fn offsets(batch: &RecordBatch) -> Option<&[i64]> {
    Some(batch.column_by_name(OFFSET)?.as_primitive_opt::<Int64Type>()?.values())
}

/// The column of offsets.
const OFFSET: &str = "log_offset";

fn properties(entries: Vec<KeyValue>) -> WriterProperties {
    let schema = tick::schema();
    let order = ["product_id", "ts"].into_iter().filter_map(|name| {
        let column = i32::try_from(schema.index_of(name).ok()?).ok()?;
        Some(SortingColumn { column_idx: column, descending: false, nulls_first: false })
    });
    let mut properties = parquet_properties()
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(order.collect()))
        .set_key_value_metadata(Some(entries));
    for name in DELTA_ENCODED {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}
