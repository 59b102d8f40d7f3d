//! CSV files: their endings, their rows, and the types of their columns.
//!
//! The engine looks at the first 1,000 rows. It then cuts off what it does not expect: fractions of seconds, the time after a date,
//! fractions of JSON numbers, keys of JSON objects that come later. It also takes the columns of several CSV files by their places,
//! whatever their headers say, and leaves the text of NULL in the rows. In: the engine's options. Out: all rows decide, except in large CSV
//! files; times have nanoseconds; the headers of several CSV files have to agree; and a quote that does not end is an error.
//!
//! Upstream: apache/datafusion#17553 (in its discussion).

mod header;
mod kinds;
mod quotes;
mod text;
mod writer;

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::config::{CsvOptions, TableOptions};
use datafusion::common::{GetExt, Result};
use datafusion::datasource::file_format::csv::{CsvFormat, CsvFormatFactory};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::sink::DataSink;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use regex::Regex;

use super::text::{Fault, Text, TextFile, TextSource, Trouble, Typed, Watched, blame, each, scan};
use super::{Files, Named, options};
use crate::catalog::answers::refuse;
use crate::durable;
use kinds::Kinds;
use text::CsvText;

/// How many rows decide in large CSV files.
const ROWS_OF_LARGE: usize = 100_000;

/// CSV files with more bytes are large.
const LARGE: u64 = 256 << 20;

/// How many times longer a text is than its compressed form, about.
const COMPRESSION: u64 = 8;

/// How many rows are looked at together.
const ROWS_TOGETHER: usize = 1_024;

/// Sets how many rows decide.
pub fn read_more(options: &mut TableOptions) {
    options.csv.schema_infer_max_rec = Some(ROWS_OF_LARGE);
    options.json.schema_infer_max_rec = Some(usize::MAX);
}

/// Makes CSV formats.
#[derive(Debug)]
pub struct CsvFiles {
    /// Without its dot.
    pub ending: &'static str,
    pub delimiter: &'static str,
}

/// The option of the delimiter.
const DELIMITER: &str = "format.delimiter";

/// The option of how many lines at the start of a file are left out, which the engine does not have.
const SKIP: &str = "format.skip";

impl GetExt for CsvFiles {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }
}

impl FileFormatFactory for CsvFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let mut options = options::of_text(options)?;
        let knows_delimiter = options.contains_key(DELIMITER);
        let skip: usize = match options.remove(SKIP) {
            Some(lines) => {
                lines.parse().map_err(|_| refuse(format!("skip is {lines}, and not a number of lines"), "such as 1"))?
            }
            None => 0,
        };
        options.entry(DELIMITER.into()).or_insert_with(|| self.delimiter.into());
        let engines = CsvFormatFactory::new().create(state, &options)?;
        let options = engines.downcast_ref::<CsvFormat>().map(|format| format.options().clone());
        Ok(Arc::new(Named {
            ending: self.ending,
            files: Csv::new(options.unwrap_or_default(), knows_delimiter, skip)?,
        }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        let options = CsvOptions { delimiter: self.delimiter.as_bytes()[0], ..CsvOptions::default() };
        Arc::new(Named {
            ending: self.ending,
            files: Csv {
                format: CsvFormat::default().with_options(options),
                null: None,
                knows_delimiter: false,
                skip: 0,
            },
        })
    }
}

/// The format of one table.
#[derive(Debug)]
struct Csv {
    format: CsvFormat,
    /// What is NULL, if not the empty text.
    null: Option<Regex>,
    /// Whether an option says which delimiter the files have.
    knows_delimiter: bool,
    /// How many lines at the start of a file are left out.
    skip: usize,
}

impl Csv {
    fn new(options: CsvOptions, knows_delimiter: bool, skip: usize) -> Result<Csv> {
        let null =
            match (&options.null_regex, &options.null_value) {
                (Some(pattern), _) => {
                    let parsed = Regex::new(pattern);
                    Some(parsed.map_err(|error| {
                        refuse(format!("`{pattern}` is not a pattern: {error}"), "such as '^(NA|-)$'")
                    })?)
                }
                (None, Some(value)) if !value.is_empty() => Some(
                    Regex::new(&format!("^(?:{})$", regex::escape(value)))
                        .map_err(|error| DataFusionError::External(error.into()))?,
                ),
                _ => None,
            };
        Ok(Csv { format: CsvFormat::default().with_options(options), null, knows_delimiter, skip })
    }

    /// Returns how files are read in a session.
    fn text(&self, state: &dyn Session) -> CsvText {
        let settings = &state.config_options().catalog;
        let mut text = self.plain_text();
        let options = &mut text.options;
        options.has_header.get_or_insert(settings.has_header);
        options.newlines_in_values.get_or_insert(settings.newlines_in_values);
        text
    }

    fn plain_text(&self) -> CsvText {
        CsvText { options: self.format.options().clone(), null: self.null.clone(), skip: self.skip }
    }

    fn compression(&self) -> FileCompressionType {
        self.format.options().compression.into()
    }

    /// Returns how many rows of a file decide.
    fn rows_that_decide(&self, object: &ObjectMeta) -> usize {
        let options = self.format.options();
        let large = if self.compression().is_compressed() { LARGE / COMPRESSION } else { LARGE };
        match options.schema_infer_max_rec {
            Some(ROWS_OF_LARGE) if object.size <= large => usize::MAX,
            rows => rows.unwrap_or(ROWS_OF_LARGE),
        }
    }

    /// Checks what the options leave open: that a file begins with names, and has this delimiter.
    fn check(&self, text: &CsvText, columns: &[(String, Kinds)]) -> std::result::Result<(), Fault> {
        if !self.knows_delimiter {
            header::check_delimiter(columns, text.options.delimiter)?;
        }
        let is_said = self.format.options().has_header.is_some();
        if is_said || text.options.has_header == Some(false) { Ok(()) } else { header::check_names(columns) }
    }

    /// Returns the columns of one file.
    async fn of_file(
        &self,
        text: &CsvText,
        store: &Arc<dyn ObjectStore>,
        object: &ObjectMeta,
    ) -> Result<Vec<(String, Kinds)>> {
        let compression = self.compression();
        let file = TextFile { store: Arc::clone(store), location: object.location.clone(), compression };
        let rows = self.rows_that_decide(object);
        let opened = file.open().await?;
        let reading = text.clone();
        let found = durable::blocking(move || columns_of(&reading, opened.reader, rows)).await;
        let (typed, trouble) = match found {
            Ok(columns) => match self.check(text, &columns) {
                Ok(()) => return Ok(columns),
                Err(fault) => (Typed::none(), fault.into()),
            },
            Err(stopped) => stopped,
        };
        let (reading, opened) = (text.clone(), file.open().await?);
        Err(durable::blocking(move || blame(&reading, &typed, opened, trouble)).await)
    }
}

/// What a file's columns were taken for when it could not be read.
type Stopped = (Typed, Trouble);

/// Returns the names of a file's columns and the kinds of the values of so many rows.
fn columns_of(text: &CsvText, reader: impl Read, rows: usize) -> std::result::Result<Vec<(String, Kinds)>, Stopped> {
    let mut kept = Kept { reader, bytes: Vec::new() };
    let header = Watched::new(&mut kept, text.watch(0, true));
    let header = match text.format().infer_schema(header, Some(0)) {
        Ok((header, _)) => header,
        Err(_) if std::str::from_utf8(&kept.bytes).is_err_and(|error| error.error_len().is_some()) => {
            return Err((Typed::none(), header::not_text(&kept.bytes).into()));
        }
        Err(error) => return Err((Typed::none(), error.into())),
    };
    let names = header.fields().iter().map(|field| field.name().as_str());
    let names = header::names(names, text.options.has_header.unwrap_or(true));
    let fields = names.iter().map(|name| Field::new(name, DataType::Utf8, true));
    let header = Schema::new(fields.collect::<Vec<_>>());
    let kinds = if rows == 0 { Kinds::ALL_TEXT } else { Kinds::default() };
    let mut found: Vec<(String, Kinds)> = names.into_iter().map(|name| (name, kinds)).collect();
    if rows == 0 || found.is_empty() {
        return Ok(found);
    }
    let columns = (0..found.len()).collect();
    let typed = Typed::new(&header, columns).map_err(|error| (Typed::none(), Trouble::Other(error)))?;
    let mut left = rows;
    let reader = Cursor::new(kept.bytes).chain(kept.reader);
    let read = each(text, &typed, reader, ROWS_TOGETHER.min(rows), |batch| {
        for (column, (_, kinds)) in batch.columns().iter().zip(&mut found) {
            column.as_string::<i32>().iter().flatten().for_each(|value| kinds.see(value));
        }
        left = left.saturating_sub(batch.num_rows());
        left > 0
    });
    match read {
        Ok(()) => Ok(found),
        Err(trouble) => Err((typed, trouble)),
    }
}

/// A reader that keeps what it has read.
struct Kept<R> {
    reader: R,
    bytes: Vec<u8>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

/// Returns the error for files with different columns.
fn disagree(
    one: &ObjectMeta,
    columns: &[(String, Kinds)],
    other: &ObjectMeta,
    known: &[(String, Kinds)],
) -> DataFusionError {
    let names =
        |columns: &[(String, Kinds)]| columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    refuse(
        format!("/{} has the columns {}, but /{} has {}", one.location, names(columns), other.location, names(known)),
        "read the files one by one: SELECT a, b FROM 'one.csv' UNION ALL SELECT a, b FROM 'two.csv'",
    )
}

impl Files for Csv {
    fn reader(&self) -> &dyn FileFormat {
        &self.format
    }

    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            let text = self.text(state);
            let mut found: Option<(&ObjectMeta, Vec<(String, Kinds)>)> = None;
            for object in objects.iter().filter(|object| object.size > 0) {
                let columns = self.of_file(&text, store, object).await?;
                let Some((first, known)) = &mut found else {
                    found = Some((object, columns));
                    continue;
                };
                if !known.iter().map(|(name, _)| name).eq(columns.iter().map(|(name, _)| name)) {
                    return Err(disagree(object, &columns, first, known));
                }
                known.iter_mut().zip(columns).for_each(|((_, known), (_, kinds))| *known = *known | kinds);
            }
            let columns = found.map(|(_, columns)| columns).unwrap_or_default();
            let fields = columns.into_iter().map(|(name, kinds)| Field::new(name, kinds.data_type(), true));
            Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
        })
    }

    fn source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(TextSource::new(self.plain_text(), schema))
    }

    fn scan<'a>(
        &'a self,
        state: &'a dyn Session,
        config: FileScanConfig,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move { Ok(scan(config, self.text(state), self.compression())) })
    }

    fn sink(&self, state: &dyn Session, config: &FileSinkConfig) -> Result<Option<Arc<dyn DataSink>>> {
        writer::sink(&self.text(state).options, config.clone()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_columns_are_found_and_its_rows_read() {
        let options = CsvOptions { has_header: Some(true), null_value: Some("-".into()), ..CsvOptions::default() };
        let text = Csv::new(options, true, 0).unwrap().plain_text();
        let found = columns_of(&text, &b"a,b\n1,x\n-,-\n3,\n"[..], usize::MAX).unwrap();
        let found: Vec<_> = found.into_iter().map(|(name, kinds)| (name, kinds.data_type())).collect();
        assert_eq!(found, [("a".to_string(), DataType::Int64), ("b".to_string(), DataType::Utf8)]);
        let watched = Watched::new(&b"a,b\n1,\"x\n"[..], text.watch(2, true));
        assert!(std::io::read_to_string(watched).is_err());
    }
}
