//! The rows of CSV files.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::reader::{Decoder, Format, ReaderBuilder};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::common::config::CsvOptions;
use regex::Regex;

use super::quotes::{Marks, Quotes};
use crate::catalog::formats::text::{Decode, Record, Text, Watch};
use crate::dialect::lowercase;

/// How CSV files are read.
#[derive(Debug, Clone)]
pub struct CsvText {
    pub options: CsvOptions,
    /// What is NULL, if not the empty text.
    pub null: Option<Regex>,
    /// How many lines at the start of a file are left out.
    pub skip: usize,
}

impl CsvText {
    pub fn format(&self) -> Format {
        let options = &self.options;
        let mut format = Format::default()
            .with_header(options.has_header.unwrap_or(true))
            .with_delimiter(options.delimiter)
            .with_quote(options.quote)
            .with_truncated_rows(options.truncated_rows.unwrap_or(false));
        if let Some(escape) = options.escape {
            format = format.with_escape(escape);
        }
        if let Some(comment) = options.comment {
            format = format.with_comment(comment);
        }
        if let Some(terminator) = options.terminator {
            format = format.with_terminator(terminator);
        }
        if let Some(null) = &self.null {
            format = format.with_null_regex(null.clone());
        }
        format
    }
}

impl Text for CsvText {
    const NAME: &'static str = "csv";

    fn line_end(&self) -> u8 {
        self.options.terminator.unwrap_or(b'\n')
    }

    fn lines_before(&self) -> usize {
        self.skip
    }

    fn has_parts(&self) -> bool {
        // A line break may be in a value, and a part does not know which of its lines are left out.
        self.skip == 0 && !self.options.newlines_in_values.unwrap_or(true)
    }

    fn watch(&self, columns: usize, is_start: bool) -> Box<dyn Watch> {
        let marks = Marks {
            delimiter: self.options.delimiter,
            quote: self.options.quote,
            escape: self.options.escape,
            comment: self.options.comment,
            line_end: self.options.terminator,
        };
        Box::new(Quotes::new(marks, columns, is_start).without(if is_start { self.skip } else { 0 }))
    }

    fn decoder(&self, schema: &SchemaRef, columns: &[usize], rows: usize, is_start: bool) -> Result<Box<dyn Decode>> {
        let header = is_start && self.options.has_header.unwrap_or(true);
        let decoder = ReaderBuilder::new(Arc::clone(schema))
            .with_format(self.format().with_header(header))
            .with_batch_size(rows)
            .with_projection(columns.to_vec())
            .build_decoder();
        Ok(Box::new(decoder))
    }

    fn wrong(&self, record: &Record<'_>) -> (String, String) {
        let end = record.bytes.iter().skip_while(|byte| byte.is_ascii_whitespace()).position(|byte| *byte == b'\n');
        let line = &record.bytes[..end.unwrap_or(record.bytes.len())];
        // Without its end, a line may be cut off within a character.
        if std::str::from_utf8(line).is_err_and(|error| end.is_some() || error.error_len().is_some()) {
            return ("is not UTF-8".into(), "iconv -f latin1 -t utf8 old.csv > new.csv writes it as UTF-8".into());
        }
        let alone = self.format().with_header(false).with_truncated_rows(true).infer_schema(record.bytes, Some(0));
        let Ok((values, _)) = alone else {
            return (format!("cannot be read: {}", lowercase(&record.error.to_string())), "see the line".into());
        };
        let values = values.fields().len();
        let are = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        let what = format!("has {}, and the file has {}", are(values, "value"), are(record.columns, "column"));
        let hint = if values < record.columns {
            "read_csv('…', null_padding => true) fills short rows with NULL"
        } else {
            "is the delimiter right? read_csv('…', delim => ';') sets it; a value with a delimiter in it needs quotes"
        };
        (what, hint.into())
    }
}

impl Decode for Decoder {
    fn decode(&mut self, bytes: &[u8]) -> std::result::Result<usize, ArrowError> {
        Decoder::decode(self, bytes)
    }

    fn flush(&mut self) -> std::result::Result<Option<RecordBatch>, ArrowError> {
        Decoder::flush(self)
    }
}
