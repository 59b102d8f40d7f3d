//! Rows of text files: CSV and JSON.
//!
//! The engine's readers name neither the file nor the line of a value that they cannot read, and cut off decimals. In: a file, and what
//! differs between the kinds of text. Out: its rows, with decimals that are rounded as CAST rounds them; or which line cannot be read, and
//! why.

mod blame;
mod file;
mod rows;
mod sink;
mod source;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

pub use blame::{Record, blame};
pub use file::{Opened, TextFile};
pub use rows::{Typed, each};
pub use sink::TextSink;
pub use source::{TextSource, scan};

/// What differs between the kinds of text.
pub trait Text: fmt::Debug + Clone + Send + Sync + Unpin + 'static {
    /// The ending of its files, which is also a part of `read_csv` and `read_json`.
    const NAME: &'static str;

    /// The byte that ends a line.
    fn line_end(&self) -> u8 {
        b'\n'
    }

    /// How many lines of a file come before its first record.
    fn lines_before(&self) -> usize {
        0
    }

    /// Returns whether several threads may share a file, each from one line to another.
    fn has_parts(&self) -> bool;

    /// Begins to watch the bytes of a file of so many columns. `is_start` says whether they begin where the file does.
    fn watch(&self, columns: usize, is_start: bool) -> Box<dyn Watch>;

    /// Returns a reader of some columns of a file, which gives so many rows at once. `is_start` says whether the bytes begin where the
    /// file does.
    ///
    /// # Errors
    /// The columns have a type that text cannot have.
    fn decoder(&self, schema: &SchemaRef, columns: &[usize], rows: usize, is_start: bool) -> Result<Box<dyn Decode>>;

    /// Says what is wrong with a record that does not have the file's form. Returns it and a hint.
    fn wrong(&self, record: &Record<'_>) -> (String, String);
}

/// Makes rows of bytes.
pub trait Decode: Send {
    /// Takes bytes, and returns how many of them. Fewer than all say that there are enough for the next rows. No bytes end the file.
    fn decode(&mut self, bytes: &[u8]) -> Result<usize, ArrowError>;

    /// Returns the rows of the bytes that were taken.
    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError>;
}

/// Sees the bytes of a file before they are decoded.
pub trait Watch: Send {
    /// Sees the next bytes, and may change them.
    fn see(&mut self, piece: &mut Vec<u8>) -> Result<(), Fault>;

    /// Sees the end of the file.
    fn end(&mut self) -> Result<(), Fault>;
}

/// What is wrong with the form of a whole file.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the file {what}")]
pub struct Fault {
    /// The byte where it begins.
    pub at: u64,
    /// What the file does, such as "ends within its array".
    pub what: &'static str,
    pub hint: &'static str,
}

/// Why a file's rows end.
#[derive(Debug)]
pub enum Trouble {
    /// The form of the file.
    Fault(Fault),
    /// A record, or a value.
    Record(ArrowError),
    /// The bytes.
    Bytes(io::Error),
    Other(DataFusionError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl From<ArrowError> for Trouble {
    fn from(error: ArrowError) -> Trouble {
        Trouble::Record(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()) {
            Some(fault) => Trouble::Fault(fault.clone()),
            None => Trouble::Bytes(error),
        }
    }
}

/// How many bytes are read at once.
const PIECE: usize = 64 << 10;

/// A reader whose bytes are watched.
pub struct Watched<R> {
    reader: R,
    watch: Box<dyn Watch>,
    /// Bytes that were seen.
    piece: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
}

impl<R: Read> Watched<R> {
    pub fn new(reader: R, watch: Box<dyn Watch>) -> Watched<R> {
        Watched { reader, watch, piece: Vec::new(), taken: 0 }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The watch may leave out all bytes of a piece; the file goes on behind them.
        while self.taken == self.piece.len() {
            self.taken = 0;
            self.piece.resize(PIECE, 0);
            let read = self.reader.read(&mut self.piece);
            self.piece.truncate(*read.as_ref().unwrap_or(&0));
            if read? == 0 {
                self.watch.end().map_err(io::Error::other)?;
                return Ok(0);
            }
            self.watch.see(&mut self.piece).map_err(io::Error::other)?;
        }
        let read = (&self.piece[self.taken..]).read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

/// Returns the type as which values are read before they get their own.
///
/// The readers cut decimals off. With one more digit behind the point, CAST can round them.
fn read_as(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
            if *precision < 38 && (0..37).contains(scale) =>
        {
            DataType::Decimal128(38, scale + 1)
        }
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if (0..75).contains(scale) => {
            DataType::Decimal256(76, scale + 1)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| Arc::new(field_as(field))).collect()),
        DataType::List(field) => DataType::List(Arc::new(field_as(field))),
        other => other.clone(),
    }
}

fn field_as(field: &Field) -> Field {
    field.clone().with_data_type(read_as(field.data_type()))
}
