//! Parquet files: what their footers say of the values.
//!
//! The engine takes the order of each group of rows for that of the whole file, and the extremes of some groups for those of all. It takes
//! a count of NULLs that is missing for 0. Of two columns with one name, it reads the first, and it leaves out the months of an INTERVAL. In:
//! a file. Out: the same rows, without what its footer does not say; two columns of one name, and an INTERVAL, are errors.
//!
//! Upstream: apache/datafusion#25226 for extremes, #25239 for counts of NULLs.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{GetExt, Result, Statistics};
use datafusion::datasource::file_format::parquet::{ParquetFormat, ParquetFormatFactory};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::parquet::arrow::ARROW_SCHEMA_META_KEY;
use datafusion::parquet::basic::ConvertedType;
use datafusion::parquet::file::metadata::{FileMetaData, ParquetMetaData, RowGroupMetaData};
use futures::future::BoxFuture;

use super::{Files, Having, Named, options};
use crate::catalog::answers::refuse;
use crate::dialect::lowercase;
use crate::engine::sql_type;

const ENDING: &str = "parquet";

/// Makes Parquet formats.
#[derive(Debug)]
pub struct ParquetFiles;

impl GetExt for ParquetFiles {
    fn get_ext(&self) -> String {
        ENDING.to_string()
    }
}

impl FileFormatFactory for ParquetFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        options::are_numbers(options)?;
        let engines = ParquetFormatFactory::new().create(state, options)?;
        let options = engines.downcast_ref::<ParquetFormat>().map(|format| format.options().clone());
        let options = options.unwrap_or_default();
        options::of_parquet(&options.global)?;
        let format = ParquetFormat::default().with_options(options);
        Ok(Arc::new(Named { ending: ENDING, files: Parquet(format) }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Named { ending: ENDING, files: Parquet(ParquetFormat::default()) })
    }
}

#[derive(Debug)]
struct Parquet(ParquetFormat);

impl Files for Parquet {
    fn reader(&self) -> &dyn FileFormat {
        &self.0
    }

    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            let columns = match self.0.infer_schema(state, store, objects).await {
                Ok(columns) => columns,
                Err(error) if objects.len() > 1 => return Err(self.blame(state, store, objects, error).await),
                Err(error) => return Err(error),
            };
            let mut having = Having::default();
            for object in objects {
                let footer = footer(state, store, object).await?;
                let descriptor = footer.file_metadata().schema_descr();
                let fields = descriptor.root_schema().get_fields();
                if fields.is_empty() {
                    return Err(refuse(format!("/{} has no columns", object.location), "write it again with some"));
                }
                if let Some(interval) = interval(footer.file_metadata()) {
                    return Err(refuse(
                        format!("/{} has INTERVAL in `{interval}`, whose months cannot be read", object.location),
                        "write the file again with the interval as text or as a number of seconds",
                    ));
                }
                having.take(object, fields.iter().map(|field| field.name()))?;
            }
            let fields = columns.fields().iter().map(|field| having.with_absent(&with_fine_time(field)));
            Ok(Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), columns.metadata().clone())))
        })
    }

    fn statistics<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &'a ObjectMeta,
    ) -> BoxFuture<'a, Result<Statistics>> {
        Box::pin(async move {
            let mut statistics = self.0.infer_stats(state, store, Arc::clone(&schema), object).await?;
            let footer = footer(state, store, object).await?;
            for (column, field) in statistics.column_statistics.iter_mut().zip(schema.fields()) {
                let said = Said::of(&footer, field.name());
                if !said.extremes {
                    (column.min_value, column.max_value) = (Precision::Absent, Precision::Absent);
                }
                if !said.nulls {
                    column.null_count = Precision::Absent;
                }
            }
            Ok(statistics)
        })
    }
}

impl Parquet {
    /// Says which of several files cannot be read, or has other columns than those before it.
    async fn blame(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
        error: DataFusionError,
    ) -> DataFusionError {
        let mut known: HashMap<String, (&ObjectMeta, DataType)> = HashMap::new();
        for object in objects {
            let columns = match self.0.infer_schema(state, store, std::slice::from_ref(object)).await {
                Ok(columns) => columns,
                Err(error) => {
                    return refuse(
                        format!("cannot read /{}: {}", object.location, lowercase(&error.message())),
                        "the file is damaged or was not written to its end; write it again",
                    );
                }
            };
            for field in columns.fields() {
                let (first, kind) =
                    known.entry(field.name().clone()).or_insert_with(|| (object, field.data_type().clone()));
                if kind != field.data_type() {
                    let (name, of_first, of_this) = (field.name(), sql_type(kind), sql_type(field.data_type()));
                    return refuse(
                        format!("{name} is {of_first} in /{}, and {of_this} in /{}", first.location, object.location),
                        format!(
                            "read them one by one: SELECT {name} FROM 'one.parquet' UNION ALL SELECT {name} FROM 'two.parquet'"
                        ),
                    );
                }
            }
        }
        error
    }
}

/// Reads a file's footer, or finds it where the engine keeps those that it has read.
async fn footer(
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    object: &ObjectMeta,
) -> Result<Arc<ParquetMetaData>> {
    let kept = state.runtime_env().cache_manager.get_file_metadata_cache();
    DFParquetMetadata::new(store, object).with_file_metadata_cache(Some(kept)).fetch_metadata().await
}

/// Returns a column with its times of the day in nanoseconds, as the session has them: the engine does not compare times of two units.
fn with_fine_time(field: &Field) -> Field {
    match field.data_type() {
        DataType::Time32(_) | DataType::Time64(_) => {
            field.clone().with_data_type(DataType::Time64(TimeUnit::Nanosecond))
        }
        _ => field.clone(),
    }
}

/// Returns a column of intervals that may have months, which the reader leaves out. A file that has an Arrow schema says what they have.
fn interval(file: &FileMetaData) -> Option<String> {
    let is_said =
        file.key_value_metadata().is_some_and(|pairs| pairs.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
    let mut columns = file.schema_descr().columns().iter();
    let found = columns.find(|column| column.converted_type() == ConvertedType::INTERVAL);
    found.filter(|_| !is_said).map(|column| column.path().string())
}

/// What a footer says of a column, in every group of rows that has some.
struct Said {
    extremes: bool,
    nulls: bool,
}

impl Said {
    fn of(footer: &ParquetMetaData, name: &str) -> Said {
        let mut said = Said { extremes: true, nulls: true };
        for group in footer.row_groups().iter().filter(|group| group.num_rows() > 0) {
            let of_group = Said::of_group(group, name);
            said.extremes &= of_group.extremes;
            said.nulls &= of_group.nulls;
        }
        said
    }

    fn of_group(group: &RowGroupMetaData, name: &str) -> Said {
        let column = group.columns().iter().find(|column| column.column_path().parts() == [name]);
        // The engine knows nothing of nested columns, and a column that is not in the file has one value.
        let Some(column) = column else { return Said { extremes: true, nulls: true } };
        let Some(statistics) = column.statistics() else { return Said { extremes: false, nulls: false } };
        let nulls = statistics.null_count_opt();
        let has_values = nulls.is_none_or(|nulls| i64::try_from(nulls).is_ok_and(|nulls| nulls < group.num_rows()));
        let extremes = statistics.min_bytes_opt().is_some() && statistics.max_bytes_opt().is_some();
        Said { extremes: extremes || !has_values, nulls: nulls.is_some() }
    }
}
