//! Arrow files: their columns.
//!
//! The engine looks for the schema of a file in an object store at a place where only some writers put it; arrow-rs, which writes for
//! squall, puts it elsewhere. Of two columns with one name, the engine reads the first. In: a file. Out: its columns, as its footer says;
//! two columns of one name are an error.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::ipc;
use datafusion::arrow::ipc::reader::read_footer_length;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Result};
use datafusion::datasource::file_format::arrow::ArrowFormatFactory;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::future::BoxFuture;

use super::{Files, Having, Named};

const ENDING: &str = "arrow";

/// The length of the footer and the magic bytes, with which a file ends.
const LAST_BYTES: u64 = 10;

/// Makes Arrow formats.
#[derive(Debug)]
pub struct ArrowFiles;

impl GetExt for ArrowFiles {
    fn get_ext(&self) -> String {
        ENDING.to_string()
    }
}

impl FileFormatFactory for ArrowFiles {
    fn create(&self, _state: &dyn Session, _options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        Ok(self.default())
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Named { ending: ENDING, files: Arrow(FileFormatFactory::default(&ArrowFormatFactory::new())) })
    }
}

#[derive(Debug)]
struct Arrow(Arc<dyn FileFormat>);

impl Files for Arrow {
    fn reader(&self) -> &dyn FileFormat {
        self.0.as_ref()
    }

    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            let mut having = Having::default();
            let mut schemas = Vec::with_capacity(objects.len());
            for object in objects {
                let schema = match by_footer(store.as_ref(), object).await? {
                    Some(schema) => schema,
                    // A stream has no footer.
                    None => {
                        let engines = self.0.infer_schema(state, store, std::slice::from_ref(object)).await?;
                        Arc::unwrap_or_clone(engines)
                    }
                };
                having.take(object, schema.fields().iter().map(|field| field.name().as_str()))?;
                schemas.push(schema);
            }
            let columns = Schema::try_merge(schemas)?;
            let fields: Vec<_> = columns.fields().iter().map(|field| having.with_absent(field)).collect();
            Ok(Arc::new(Schema::new_with_metadata(fields, columns.metadata)))
        })
    }
}

/// Reads the columns from a file's footer; `None` if it has none.
async fn by_footer(store: &dyn ObjectStore, object: &ObjectMeta) -> Result<Option<Schema>> {
    let Some(start) = object.size.checked_sub(LAST_BYTES) else { return Ok(None) };
    let last = store.get_range(&object.location, start..object.size).await?;
    let Some(length) = last.first_chunk().and_then(|last| read_footer_length(*last).ok()) else { return Ok(None) };
    let Some(begin) = start.checked_sub(length as u64) else { return Ok(None) };
    let footer = store.get_range(&object.location, begin..start).await?;
    let schema = ipc::root_as_footer(&footer).ok().and_then(|footer| footer.schema());
    Ok(schema.map(ipc::convert::fb_to_schema))
}
