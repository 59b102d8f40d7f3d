//! Which line of a text file cannot be read, and why.
//!
//! In: a file whose rows ended with an error. Out: the error that names file, line and value, after reading the file again, one record at
//! a time.

use std::io::Read;
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::file::unreadable;
use super::{Opened, PIECE, Text, Trouble, Typed, Watched};
use crate::catalog::answers::refuse;
use crate::dialect::lowercase;
use crate::engine::sql_type;
use crate::text::printable;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// A record that cannot be read.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its bytes, and some of those behind it.
    pub bytes: &'a [u8],
    /// How many columns the file has.
    pub columns: usize,
    pub error: &'a ArrowError,
}

/// Returns the error that says where in a file its trouble is.
pub fn blame<T: Text>(text: &T, typed: &Typed, opened: Opened, trouble: Trouble) -> DataFusionError {
    let Opened { name, reader } = opened;
    match trouble {
        Trouble::Other(error) => error,
        Trouble::Bytes(error) => unreadable(&name, &error),
        Trouble::Fault(fault) => {
            let line = line_of(reader, fault.at);
            refuse(format!("{name} {}, line {line}", fault.what), fault.hint)
        }
        Trouble::Record(error) => {
            let found = (!typed.read.fields().is_empty()).then(|| search(text, typed, reader)).flatten();
            let Some(Found { line, bytes, error, form }) = found else {
                return refuse(format!("cannot read {name}: {}", lowercase(&error.to_string())), CHECK);
            };
            let record = Record { bytes: &bytes, columns: typed.read.fields().len(), error: &error };
            let (what, hint) = match form {
                Form::Wrong => text.wrong(&record),
                Form::Right => wrong_value(text, typed, &record),
            };
            refuse(format!("line {line} of {name} {what}"), hint)
        }
    }
}

const CHECK: &str = "its form is not that of its first rows";

/// Returns the line of a byte, counted from 1.
fn line_of(mut reader: impl Read, at: u64) -> usize {
    let mut line = 1;
    let mut left = usize::try_from(at).unwrap_or(usize::MAX);
    let mut buffer = vec![0; PIECE];
    while left > 0 {
        // What cannot be read again was read before; the line is then the last that can be.
        let Ok(read @ 1..) = reader.read(&mut buffer) else { break };
        line += lines(&buffer[..read.min(left)]);
        left = left.saturating_sub(read);
    }
    line
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Whether a record has the form of the file, so that a value is what cannot be read.
enum Form {
    Right,
    Wrong,
}

struct Found {
    line: usize,
    bytes: Vec<u8>,
    error: ArrowError,
    form: Form,
}

/// Finds the first record that cannot be read.
fn search<T: Text>(text: &T, typed: &Typed, reader: impl Read) -> Option<Found> {
    let mut reader = Watched::new(reader, text.watch(typed.read.fields().len(), true));
    let mut decoder = typed.decoder(text, 1, true).ok()?;
    let mut buffer = vec![0; PIECE];
    let mut line = 1 + text.lines_before();
    // The bytes of the record so far.
    let mut record: Vec<u8> = Vec::new();
    loop {
        let read = reader.read(&mut buffer).ok()?;
        let mut at = 0;
        loop {
            let rest = &buffer[at..read];
            let taken = match decoder.decode(rest) {
                Ok(taken) => taken,
                Err(error) => {
                    let bytes = [&record, rest].concat();
                    return Some(Found { line: line + blanks(&bytes), bytes, error, form: Form::Wrong });
                }
            };
            record.extend_from_slice(&rest[..taken]);
            at += taken;
            if at == read && read > 0 {
                break;
            }
            match decoder.flush() {
                Ok(Some(batch)) => {
                    if let Err(error) = typed.converted(batch) {
                        return Some(Found { line: line + blanks(&record), bytes: record, error, form: Form::Right });
                    }
                }
                Ok(None) if read == 0 => return None,
                Ok(None) => {}
                Err(error) => {
                    let form = if std::str::from_utf8(&record).is_ok() { Form::Right } else { Form::Wrong };
                    return Some(Found { line: line + blanks(&record), bytes: record, error, form });
                }
            }
            line += lines(&record);
            record.clear();
        }
    }
}

/// Returns how many lines end before a record begins.
fn blanks(record: &[u8]) -> usize {
    let blank = record.iter().take_while(|byte| byte.is_ascii_whitespace());
    blank.filter(|byte| **byte == b'\n').count()
}

/// Says which value of a record does not have the type of its column.
fn wrong_value<T: Text>(text: &T, typed: &Typed, record: &Record<'_>) -> (String, String) {
    for (place, column) in typed.columns.iter().enumerate() {
        let field = typed.wanted.field(place);
        let alone = Typed {
            read: Arc::clone(&typed.read),
            columns: vec![*column],
            wanted: Arc::new(Schema::new(vec![field.clone()])),
        };
        if one(text, &alone, record.bytes).is_ok() {
            continue;
        }
        let as_text = Field::new(field.name(), DataType::Utf8, true);
        let mut fields: Vec<Field> = typed.read.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields[*column] = as_text.clone();
        let as_text = Typed {
            read: Arc::new(Schema::new(fields)),
            columns: vec![*column],
            wanted: Arc::new(Schema::new(vec![as_text])),
        };
        let value = one(text, &as_text, record.bytes).ok().flatten();
        if field.data_type() == &DataType::Utf8 {
            let what = format!("has an array or an object in column {}, which is a VARCHAR", field.name());
            return (
                what,
                "other lines have text or numbers there; a query that does not read the column works".into(),
            );
        }
        let value = value.filter(|rows| rows.num_rows() == 1 && rows.column(0).is_valid(0));
        let value = value.and_then(|rows| array_value_to_string(rows.column(0), 0).ok());
        let name = field.name();
        let kind = sql_type(field.data_type());
        let what = match value {
            Some(value) => format!("has `{}` in column {name}, which is not a {kind}", printable(&value, SHOWN)),
            None => format!("has something else than a {kind} in column {name}"),
        };
        let call = T::NAME;
        let hint = format!("read_{call}('…', types => {{'{name}': 'VARCHAR'}}) reads the column as text");
        return (what, hint);
    }
    (format!("cannot be read: {}", lowercase(&record.error.to_string())), CHECK.into())
}

/// Reads one record.
fn one<T: Text>(text: &T, typed: &Typed, record: &[u8]) -> Result<Option<RecordBatch>> {
    let mut decoder = typed.decoder(text, 1, false)?;
    let taken = decoder.decode(record)?;
    if taken == record.len() {
        decoder.decode(&[])?;
    }
    Ok(decoder.flush()?.map(|rows| typed.converted(rows)).transpose()?)
}
