//! JSON files: their endings, and arrays of objects.
//!
//! The engine reads one object a line. In: a file. Out: the same, and also the objects of a file that is one array.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::JsonOptions;
use datafusion::common::{GetExt, Result};
use datafusion::datasource::file_format::json::{JsonFormat, JsonFormatFactory};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::future::BoxFuture;

use super::{Files, Named};

/// How many bytes may stand before the first bracket of an array.
const FIRST_BYTES: u64 = 4_096;

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
        let engines = JsonFormatFactory::new().create(state, options)?;
        let options = engines.downcast_ref::<JsonFormat>().map(|format| format.options().clone());
        Ok(Arc::new(Named { ending: self.ending, files: Json::new(options.unwrap_or_default()) }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Named { ending: self.ending, files: Json::new(JsonOptions::default()) })
    }
}

/// The format of one table, which learns from the first file whether files are arrays.
#[derive(Debug)]
struct Json {
    is_array: AtomicBool,
    lines: JsonFormat,
    array: JsonFormat,
}

impl Json {
    fn new(options: JsonOptions) -> Json {
        Json {
            is_array: AtomicBool::new(!options.newline_delimited),
            array: JsonFormat::default().with_options(options.clone()).with_newline_delimited(false),
            lines: JsonFormat::default().with_options(options).with_newline_delimited(true),
        }
    }
}

impl Files for Json {
    fn reader(&self) -> &dyn FileFormat {
        if self.is_array.load(Ordering::Relaxed) { &self.array } else { &self.lines }
    }

    /// Arrays are read, and not written.
    fn writer(&self) -> &dyn FileFormat {
        &self.lines
    }

    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            if let Some(first) = objects.iter().find(|object| object.size > 0) {
                let head = store.get_range(&first.location, 0..FIRST_BYTES.min(first.size)).await?;
                if head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
                    self.is_array.store(true, Ordering::Relaxed);
                }
            }
            self.reader().infer_schema(state, store, objects).await
        })
    }
}
