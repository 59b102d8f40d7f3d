//! Rows of the bytes of a text file.

use std::io::Read;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use futures::TryStreamExt;

use super::file::Pieces;
use super::{Decode, PIECE, Text, Trouble, Watch, Watched, field_as};

/// Columns of a file, as they are read and with their own types.
#[derive(Debug, Clone)]
pub struct Typed {
    /// All columns, as they are read.
    pub read: SchemaRef,
    /// Which columns are wanted.
    pub columns: Vec<usize>,
    /// The wanted columns, with their types.
    pub wanted: SchemaRef,
}

impl Typed {
    pub fn new(schema: &Schema, columns: Vec<usize>) -> Result<Typed> {
        let read = Arc::new(Schema::new(schema.fields().iter().map(|field| field_as(field)).collect::<Vec<_>>()));
        let wanted = Arc::new(schema.project(&columns)?);
        Ok(Typed { read, columns, wanted })
    }

    /// Returns the columns of a file of which none is known.
    pub fn none() -> Typed {
        Typed { read: Arc::new(Schema::empty()), columns: Vec::new(), wanted: Arc::new(Schema::empty()) }
    }

    pub fn decoder<T: Text>(&self, text: &T, rows: usize, is_start: bool) -> Result<Box<dyn Decode>> {
        text.decoder(&self.read, &self.columns, rows, is_start)
    }

    /// Gives the columns their types.
    pub fn converted(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let converted = batch.columns().iter().zip(self.wanted.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            cast_with_options(column, field.data_type(), &options)
        });
        let columns = converted.collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.wanted), columns, &rows)
    }
}

/// The rows that are still to come.
pub struct Rows {
    typed: Typed,
    pieces: Pieces,
    watch: Box<dyn Watch>,
    decoder: Box<dyn Decode>,
    piece: Vec<u8>,
    /// How much of the piece is decoded.
    at: usize,
    ended: bool,
}

impl Rows {
    pub fn new(typed: Typed, pieces: Pieces, watch: Box<dyn Watch>, decoder: Box<dyn Decode>) -> Rows {
        Rows { typed, pieces, watch, decoder, piece: Vec::new(), at: 0, ended: false }
    }

    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Trouble> {
        loop {
            if self.at < self.piece.len() || self.ended {
                self.at += self.decoder.decode(&self.piece[self.at..])?;
                if self.at < self.piece.len() || self.ended {
                    let batch = self.decoder.flush()?;
                    if batch.is_some() || self.ended {
                        return Ok(batch.map(|batch| self.typed.converted(batch)).transpose()?);
                    }
                }
                continue;
            }
            match self.pieces.try_next().await? {
                Some(piece) => (self.piece, self.at) = (piece, 0),
                None => {
                    self.watch.end()?;
                    (self.piece, self.at, self.ended) = (Vec::new(), 0, true);
                    continue;
                }
            }
            self.watch.see(&mut self.piece)?;
        }
    }
}

/// Gives the rows of a file to a function until it returns false.
///
/// # Errors
/// The file cannot be read, or its rows have not these columns.
pub fn each<T: Text>(
    text: &T,
    typed: &Typed,
    reader: impl Read,
    rows: usize,
    mut take: impl FnMut(&RecordBatch) -> bool,
) -> Result<(), Trouble> {
    let mut reader = Watched::new(reader, text.watch(typed.read.fields().len(), true));
    let mut decoder = typed.decoder(text, rows, true).map_err(Trouble::Other)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = reader.read(&mut buffer)?;
        let mut at = 0;
        loop {
            at += decoder.decode(&buffer[at..read])?;
            if at == read && read > 0 {
                break;
            }
            match decoder.flush()? {
                Some(batch) if !take(&batch) => return Ok(()),
                None if read == 0 => return Ok(()),
                _ => {}
            }
        }
    }
}
