//! The rows of a Parquet file, one batch in memory at a time.
//!
//! Every cell becomes a text: of a number, the shortest one that gives the same double again. A column of timestamps counts
//! nanoseconds, whatever its unit.

use std::fs::File;
use std::io;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::errors::ParquetError;

use super::Rows;
use super::layout::{Key, Layout, Unit};

const BATCH_ROWS: usize = 8192;

/// A Parquet file whose schema was read.
pub struct Table(ParquetRecordBatchReaderBuilder<File>);

impl Table {
    /// Reads a file's schema.
    ///
    /// # Errors
    /// It is not a Parquet file, or it is cut off.
    pub fn open(file: File) -> Result<Table, ParquetError> {
        Ok(Table(ParquetRecordBatchReaderBuilder::try_new(file)?))
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.0.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Returns the name and the type of a column that is to be read, and whose values are not one text or number a row.
    pub fn unreadable(&self, layout: &Layout) -> Option<(String, String)> {
        let fields = self.0.schema().fields();
        let read = layout.cells.iter().map(|(_, at)| &fields[*at]);
        let mut unreadable =
            read.filter(|field| field.data_type().is_nested() || !can_cast_types(field.data_type(), &DataType::Utf8));
        unreadable.next().map(|field| (field.name().clone(), field.data_type().to_string()))
    }

    /// Starts to read the rows.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn rows(self, mut layout: Layout, file: String) -> Result<ParquetRows, ParquetError> {
        let Table(builder) = self;
        let schema = Arc::clone(builder.schema());
        // The file's own unit is exact, so it comes before what a map says.
        let is_time = |&(key, at): &(Key, usize)| {
            key == Key::Time && matches!(schema.field(at).data_type(), DataType::Timestamp(..))
        };
        if layout.cells.iter().any(is_time) {
            layout.time_unit = Some(Unit::Nanoseconds);
        }
        // Only the columns that are read are decompressed; they come in the file's order.
        let mut roots: Vec<usize> = layout.cells.iter().map(|(_, at)| *at).collect();
        roots.sort_unstable();
        roots.dedup();
        for (_, at) in &mut layout.cells {
            *at = roots.iter().position(|root| root == at).unwrap_or_default();
        }
        layout.width = Some(roots.len());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
        Ok(ParquetRows { batches, layout, file, columns: Vec::new(), row: 0, rows: 0, number: 0 })
    }
}

/// The rows of a Parquet file.
pub struct ParquetRows {
    batches: ParquetRecordBatchReader,
    layout: Layout,
    /// The file's name, for rows that cannot be read.
    file: String,
    /// The columns of the batch, as texts.
    columns: Vec<StringArray>,
    row: usize,
    rows: usize,
    /// The number of the row that was read last, from 1.
    number: u64,
}

impl ParquetRows {
    /// Reads the next batch; returns false after the last one.
    fn advance(&mut self) -> Result<bool, ArrowError> {
        let Some(batch) = self.batches.next().transpose()? else { return Ok(false) };
        self.columns = batch.columns().iter().map(texts).collect::<Result<_, _>>()?;
        (self.row, self.rows) = (0, batch.num_rows());
        Ok(true)
    }
}

/// Returns a column's cells as texts.
fn texts(column: &Arc<dyn Array>) -> Result<StringArray, ArrowError> {
    let column = match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let nanoseconds = cast(column, &DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
            cast(&nanoseconds, &DataType::Int64)?
        }
        _ => Arc::clone(column),
    };
    Ok(cast(&column, &DataType::Utf8)?.as_string::<i32>().clone())
}

impl Rows for ParquetRows {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        while self.row == self.rows {
            if !self.advance().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                return Ok(false);
            }
        }
        let (row, columns) = (self.row, &self.columns);
        let cell = |at: usize| columns[at].is_valid(row).then(|| columns[at].value(row));
        self.row += 1;
        self.number += 1;
        if let Err(reason) = self.layout.write(columns.len(), cell, out) {
            let row = (0..columns.len()).map(|at| cell(at).unwrap_or_default()).collect::<Vec<_>>().join(",");
            self.layout.refuse(&self.file, self.number, &reason, row.as_bytes(), out);
        }
        Ok(true)
    }
}
