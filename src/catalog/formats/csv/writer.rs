//! Writes CSV files in which NULL differs from text.
//!
//! The engine writes the text of NULL, and a value with the same text, in the same way. In: rows. Out: a file in which such a value is in
//! quotes, and NULL is not, as DuckDB writes them.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::common::config::CsvOptions;
use datafusion::common::file_options::csv_writer::CsvWriterOptions;
use datafusion::common::parsers::CsvQuoteStyle;
use datafusion::datasource::file_format::csv::CsvSink;
use datafusion::datasource::file_format::write::BatchSerializer;
use datafusion::datasource::physical_plan::FileSinkConfig;
use datafusion::datasource::sink::DataSink;

use crate::catalog::formats::text::TextSink;

/// Returns what writes CSV files.
pub fn sink(options: &CsvOptions, config: FileSinkConfig) -> Result<Arc<dyn DataSink>> {
    let engines = CsvSink::new(config, CsvWriterOptions::try_from(options)?);
    let trims = options.ignore_leading_whitespace.or(options.ignore_trailing_whitespace).unwrap_or(false);
    // Where the options say which values have quotes, they say it of NULL too.
    if options.quote_style != CsvQuoteStyle::Necessary || trims {
        return Ok(Arc::new(engines));
    }
    Ok(Arc::new(TextSink {
        engines,
        style: Arc::new(Style(options.clone())),
        compression: options.compression.into(),
        level: options.compression_level,
    }))
}

/// How rows are written.
#[derive(Debug, Clone)]
struct Style(CsvOptions);

impl BatchSerializer for Style {
    fn serialize(&self, rows: RecordBatch, initial: bool) -> Result<Bytes> {
        let mut written = Vec::with_capacity(4096);
        if initial && self.0.has_header.unwrap_or(true) {
            let names = rows.schema();
            self.record(names.fields().iter().map(|field| Some(field.name().as_str())), &mut written);
        }
        self.rows(&rows, &mut written)?;
        Ok(written.into())
    }
}

impl Style {
    fn rows(&self, rows: &RecordBatch, written: &mut Vec<u8>) -> Result<(), ArrowError> {
        let options = FormatOptions::default()
            .with_date_format(self.0.date_format.as_deref())
            .with_datetime_format(self.0.datetime_format.as_deref())
            .with_timestamp_format(self.0.timestamp_format.as_deref())
            .with_timestamp_tz_format(self.0.timestamp_tz_format.as_deref())
            .with_time_format(self.0.time_format.as_deref());
        let columns = rows.columns().iter().map(|column| match column.data_type() {
            nested if nested.is_nested() => {
                Err(ArrowError::CsvError(format!("Nested type {nested} is not supported in CSV")))
            }
            // A column of the type NULL is NULL in every row, and a dictionary may have NULL among its values: `nulls` says neither.
            _ => Ok((column.logical_nulls(), ArrayFormatter::try_new(column.as_ref(), &options)?)),
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let mut values = vec![String::new(); columns.len()];
        for row in 0..rows.num_rows() {
            for (value, (_, formatter)) in values.iter_mut().zip(&columns) {
                value.clear();
                formatter.value(row).write(value)?;
            }
            let record = values.iter().zip(&columns).map(|(value, (nulls, _))| {
                nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then_some(value.as_str())
            });
            self.record(record, written);
        }
        Ok(())
    }

    fn record<'a>(&self, values: impl ExactSizeIterator<Item = Option<&'a str>>, written: &mut Vec<u8>) {
        let null = self.0.null_value.as_deref().unwrap_or_default();
        // An empty line is not a row.
        let is_alone = values.len() == 1;
        for (place, value) in values.enumerate() {
            if place > 0 {
                written.push(self.0.delimiter);
            }
            match value {
                None if is_alone && null.is_empty() => self.quoted("", written),
                Some("") if is_alone => self.quoted("", written),
                None => written.extend_from_slice(null.as_bytes()),
                Some(value) if value == null || self.needs_quotes(value) => self.quoted(value, written),
                Some(value) => written.extend_from_slice(value.as_bytes()),
            }
        }
        written.push(b'\n');
    }

    fn needs_quotes(&self, value: &str) -> bool {
        let is_special = |byte: u8| byte == self.0.delimiter || byte == self.0.quote || matches!(byte, b'\n' | b'\r');
        value.bytes().any(is_special)
    }

    fn quoted(&self, value: &str, written: &mut Vec<u8>) {
        let quote = self.0.quote;
        let (before_quote, escape) = match self.0.double_quote {
            Some(false) => (self.0.escape.unwrap_or(b'\\'), self.0.escape.or(Some(b'\\'))),
            _ => (quote, None),
        };
        written.push(quote);
        for byte in value.bytes() {
            if byte == quote {
                written.push(before_quote);
            } else if Some(byte) == escape {
                written.push(byte);
            }
            written.push(byte);
        }
        written.push(quote);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, DictionaryArray, Int32Array, NullArray, StringArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn null_is_not_text_whatever_the_column() {
        let texts = StringArray::from(vec![Some("x"), None, Some("")]);
        let keys = Int32Array::from(vec![Some(0), Some(1), Some(2), None]);
        let dictionary: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(texts)).unwrap());
        let nothing: ArrayRef = Arc::new(NullArray::new(4));
        let rows = RecordBatch::try_from_iter([("a", dictionary), ("b", nothing)]).unwrap();
        let written = Style(CsvOptions::default()).serialize(rows, true).unwrap();
        assert_eq!(written, "a,b\nx,\n,\n\"\",\n,\n");
    }
}
