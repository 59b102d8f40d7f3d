//! JSON files: their endings, their rows, and the types of their columns.
//!
//! The engine reads one object a line, and refuses values of differing types. In: a file of objects, or one that is an array of them. Out:
//! its rows. A column has the type that has a place for all of its values: DECIMAL(38, 0) for long integers, DOUBLE for numbers, else VARCHAR.

mod kinds;
mod outline;
mod times;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::JsonOptions;
use datafusion::common::{GetExt, Result};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::{JsonFormat, JsonFormatFactory};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::sink::DataSink;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::text::{Decode, Opened, Record, Text, TextFile, TextSource, Trouble, Typed, Watch, Watched, blame, scan};
use super::{Files, Named, options};
use crate::catalog::answers::refuse;
use crate::dialect::lowercase;
use crate::durable;
use kinds::{Digits, Kind};
use outline::Outline;

/// How long the first line of a file may be that several threads share.
const FIRST_LINE: u64 = 64 << 10;

/// Makes JSON formats.
#[derive(Debug)]
pub struct JsonFiles {
    /// Without its dot.
    pub ending: &'static str,
}

impl GetExt for JsonFiles {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }
}

impl FileFormatFactory for JsonFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let engines = JsonFormatFactory::new().create(state, &options::of_text(options)?)?;
        let options = engines.downcast_ref::<JsonFormat>().map(|format| format.options().clone());
        Ok(Arc::new(Named { ending: self.ending, files: Json::new(options.unwrap_or_default()) }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Named { ending: self.ending, files: Json::new(JsonOptions::default()) })
    }
}

/// The format of one table.
#[derive(Debug)]
struct Json {
    /// Arrays are read, and not written.
    lines: JsonFormat,
}

impl Json {
    fn new(options: JsonOptions) -> Json {
        Json { lines: JsonFormat::default().with_options(options).with_newline_delimited(true) }
    }

    fn compression(&self) -> FileCompressionType {
        self.lines.options().compression.into()
    }

    /// Returns whether several threads may share the files of a scan: each object is a line.
    async fn has_parts(&self, state: &dyn Session, config: &FileScanConfig) -> Result<bool> {
        let files = || config.file_groups.iter().flat_map(|group| group.iter());
        let size: u64 = files().map(|file| file.object_meta.size).sum();
        let smallest = state.config_options().optimizer.repartition_file_min_size as u64;
        if self.compression().is_compressed() || size < smallest {
            return Ok(false);
        }
        let store = state.runtime_env().object_store(&config.object_store_url)?;
        for file in files() {
            let head = store.get_range(&file.object_meta.location, 0..FIRST_LINE.min(file.object_meta.size)).await?;
            let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            let first = lines.next().unwrap_or_default();
            if serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(first).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Takes the objects of a file that has each on a line, at most so many; `None` if another way has to read it.
fn take_lines(kind: Kind, opened: Opened, most: usize) -> Option<Kind> {
    kinds::take_lines(kind, Watched::new(opened.reader, Box::new(Outline::default())), most).ok().flatten()
}

/// Takes the objects of a file, at most so many.
fn take(
    mut kind: Kind,
    opened: Opened,
    most: usize,
    mut digits: Digits,
) -> std::result::Result<(Kind, Digits), Trouble> {
    let reader = Watched::new(opened.reader, Box::new(Outline::default()));
    let Err(error) = kinds::take(&mut kind, reader, most, &mut digits) else { return Ok((kind, digits)) };
    if error.is_io() {
        return Err(std::io::Error::from(error).into());
    }
    let (line, column, said) = (error.line(), error.column(), error.to_string());
    let said = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
    let name = opened.name;
    Err(Trouble::Other(refuse(format!("line {line} of {name} is not an object of JSON: {said}"), HINT)))
}

const HINT: &str = "a file has one object a line, or is one array of objects";

/// How JSON files are read.
#[derive(Debug, Clone, Default)]
struct JsonText {
    has_parts: bool,
}

impl Text for JsonText {
    const NAME: &'static str = "json";

    fn has_parts(&self) -> bool {
        self.has_parts
    }

    fn watch(&self, _columns: usize, _is_start: bool) -> Box<dyn Watch> {
        Box::new(Outline::default())
    }

    fn decoder(&self, schema: &SchemaRef, columns: &[usize], rows: usize, _is_start: bool) -> Result<Box<dyn Decode>> {
        Ok(times::decoder(Arc::new(schema.project(columns)?), rows)?)
    }

    fn wrong(&self, record: &Record<'_>) -> (String, String) {
        let said = lowercase(&record.error.to_string());
        let said = said.strip_prefix("json error: ").unwrap_or(&said);
        (format!("is not JSON: {said}"), HINT.into())
    }
}

impl Files for Json {
    fn reader(&self) -> &dyn FileFormat {
        &self.lines
    }

    fn columns<'a>(
        &'a self,
        _state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            let most = self.lines.options().schema_infer_max_rec.unwrap_or(usize::MAX);
            let mut kind = Kind::default();
            for object in objects.iter().filter(|object| object.size > 0) {
                let location = object.location.clone();
                let file = TextFile { store: Arc::clone(store), location, compression: self.compression() };
                let (opened, known) = (file.open().await?, kind.clone());
                if let Some(taken) = durable::blocking(move || take_lines(known, opened, most)).await {
                    kind = taken;
                    continue;
                }
                let mut digits = Digits::Skipped;
                loop {
                    let (opened, known) = (file.open().await?, kind.clone());
                    (kind, digits) = match durable::blocking(move || take(known, opened, most, digits)).await {
                        Ok(taken) => taken,
                        Err(trouble) => {
                            let opened = file.open().await?;
                            return Err(blame(&JsonText::default(), &Typed::none(), opened, trouble));
                        }
                    };
                    if digits != Digits::Wanted {
                        break;
                    }
                    digits = Digits::Read;
                }
            }
            Ok(Arc::new(kind.columns()))
        })
    }

    fn source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(TextSource::new(JsonText::default(), schema))
    }

    fn sink(&self, _state: &dyn Session, config: &FileSinkConfig) -> Result<Option<Arc<dyn DataSink>>> {
        writer::sink(self.lines.options(), config.clone()).map(Some)
    }

    fn scan<'a>(
        &'a self,
        state: &'a dyn Session,
        config: FileScanConfig,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let text = JsonText { has_parts: self.has_parts(state, &config).await? };
            Ok(scan(config, text, self.compression()))
        })
    }
}
