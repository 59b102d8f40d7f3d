//! JSON files: their endings, and arrays of objects.
//!
//! The engine reads one object a line. In: a file. Out: the same, and also the objects of a file that is one array. The engine's reader of
//! arrays leaves out what follows the first one, and does not miss the end of one that was cut off; both are errors here.

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
use futures::TryStreamExt;
use futures::future::BoxFuture;

use super::{Files, Named};
use crate::catalog::answers::refuse;

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
            if self.is_array.load(Ordering::Relaxed) {
                for object in objects.iter().filter(|object| object.size > 0) {
                    check_array(store, object).await?;
                }
            }
            self.reader().infer_schema(state, store, objects).await
        })
    }
}

/// Checks that a file is one array and nothing else.
async fn check_array(store: &Arc<dyn ObjectStore>, object: &ObjectMeta) -> Result<()> {
    let mut outline = Outline::default();
    let mut pieces = store.get(&object.location).await?.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        outline.read(&piece);
    }
    outline
        .end()
        .map_err(|why| refuse(format!("/{} {why}", object.location), "a file is one array, or one object a line"))
}

/// How far the brackets of a text are closed.
#[derive(Debug, Default)]
struct Outline {
    depth: usize,
    in_text: bool,
    escaped: bool,
    closed: bool,
    /// The last byte outside of texts that is not a space.
    last: u8,
    fault: Option<&'static str>,
}

impl Outline {
    fn read(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.in_text {
                (self.in_text, self.escaped) = (*byte != b'"' || self.escaped, *byte == b'\\' && !self.escaped);
                continue;
            }
            if byte.is_ascii_whitespace() {
                continue;
            }
            if self.closed {
                self.fault = Some("goes on after its array");
                return;
            }
            match byte {
                b'"' => self.in_text = true,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => {
                    if self.last == b',' {
                        self.fault = Some("has a comma before a bracket that closes");
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.closed = self.depth == 0;
                }
                _ => {}
            }
            self.last = *byte;
        }
    }

    fn end(self) -> std::result::Result<(), &'static str> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.closed => Ok(()),
            None => Err("ends within its array"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;

    #[test]
    fn an_array_ends_where_its_file_does() {
        let end = |pieces: &[&str]| {
            let mut outline = Outline::default();
            pieces.iter().for_each(|piece| outline.read(piece.as_bytes()));
            outline.end()
        };
        assert!(end(&[r#"[{"a": "]}\"", "b": [1, 2]}"#, " ]\n "]).is_ok() && end(&["[", "]"]).is_ok());
        assert_eq!(end(&["[{}]", "\n[{}]"]), Err("goes on after its array"));
        assert_eq!(end(&[r#"[{"a": "x]"#]), Err("ends within its array"));
        assert_eq!(end(&["[{}, ", "]"]), Err("has a comma before a bracket that closes"));
    }
}
