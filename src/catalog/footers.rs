//! The tables `landed_files` and `landed_gaps`: what the footers of landed files say.
//!
//! In: a folder's visible files. Out: one row per file, and one row per gap in a connection's sequence numbers.

use crate::engine;
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::land::summary::Gap;
use crate::land::{self, Folder, Footer, LandedFile};
use crate::tick::Status;

/// A visible file and its footer.
type Landed = (LandedFile, Footer);

/// A table that is built from footers when a query is planned.
pub struct Footers {
    folder: Folder,
    schema: SchemaRef,
    columns: fn(&[Landed]) -> Vec<ArrayRef>,
}

impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Footers").field("folder", &self.folder).field("schema", &self.schema).finish()
    }
}

/// Returns the table `landed_files`: one row per file. It says how many messages and rows of each kind the file holds, and
/// the id of its log, which is NULL in files of earlier versions.
pub fn files(folder: Folder) -> Footers {
    let number = |name| Field::new(name, DataType::Int64, false);
    let schema = Schema::new(vec![
        Field::new("file", DataType::Utf8, false),
        Field::new("topic", DataType::Utf8, false),
        Field::new("log_partition", DataType::Int32, false),
        number("first_offset"),
        number("last_offset"),
        number("messages"),
        number("ok"),
        number("duplicate"),
        number("late"),
        number("ahead"),
        number("control"),
        number("dead"),
        number("absent"),
        Field::new("log_id", DataType::Utf8, true),
    ]);
    Footers { folder, schema: Arc::new(schema), columns: file_columns }
}

/// Returns the table `landed_gaps`: one row for each run of messages that a connection numbered but that were never
/// received.
pub fn gaps(folder: Folder) -> Footers {
    let schema = Schema::new(vec![
        Field::new("topic", DataType::Utf8, false),
        Field::new("log_partition", DataType::Int32, false),
        Field::new("connection", DataType::Utf8, true),
        Field::new("after_sequence_num", DataType::Int64, true),
        Field::new("next_sequence_num", DataType::Int64, false),
        Field::new("missing", DataType::Int64, false),
        Field::new("log_offset", DataType::Int64, false),
        Field::new("ingest_time", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
    ]);
    Footers { folder, schema: Arc::new(schema), columns: gap_columns }
}

fn file_columns(landed: &[Landed]) -> Vec<ArrayRef> {
    let count = |of: fn(&Landed) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(landed.iter().map(|file| of(file) as i64)))
    };
    let log_ids = landed.iter().map(|(_, footer)| footer.origin.as_ref().map(|origin| origin.log.as_str()));
    vec![
        Arc::new(StringArray::from_iter_values(landed.iter().map(|(file, _)| file.to_string()))),
        Arc::new(StringArray::from_iter_values(landed.iter().map(|(file, _)| &file.topic))),
        Arc::new(Int32Array::from_iter_values(landed.iter().map(|(file, _)| file.partition))),
        Arc::new(Int64Array::from_iter_values(landed.iter().map(|(file, _)| file.first))),
        Arc::new(Int64Array::from_iter_values(landed.iter().map(|(file, _)| file.last))),
        count(|(_, footer)| footer.summary.messages),
        count(|(_, footer)| footer.summary.rows(Status::Ok)),
        count(|(_, footer)| footer.summary.rows(Status::Duplicate)),
        count(|(_, footer)| footer.summary.rows(Status::Late)),
        count(|(_, footer)| footer.summary.rows(Status::Ahead)),
        count(|(_, footer)| footer.summary.control.values().sum()),
        count(|(_, footer)| footer.summary.dead.values().sum()),
        count(|(_, footer)| footer.summary.absent),
        Arc::new(StringArray::from_iter(log_ids)),
    ]
}

fn gap_columns(landed: &[Landed]) -> Vec<ArrayRef> {
    let gaps: Vec<(&LandedFile, &Gap)> =
        landed.iter().flat_map(|(file, footer)| footer.summary.gaps.iter().map(move |gap| (file, gap))).collect();
    let ingest_time = TimestampNanosecondArray::from_iter_values(gaps.iter().map(|(_, gap)| gap.ingest_time));
    vec![
        Arc::new(StringArray::from_iter_values(gaps.iter().map(|(file, _)| &file.topic))),
        Arc::new(Int32Array::from_iter_values(gaps.iter().map(|(file, _)| file.partition))),
        Arc::new(StringArray::from_iter(gaps.iter().map(|(_, gap)| gap.connection.as_deref()))),
        Arc::new(Int64Array::from_iter(gaps.iter().map(|(_, gap)| gap.after_sequence_num))),
        Arc::new(Int64Array::from_iter_values(gaps.iter().map(|(_, gap)| gap.next_sequence_num))),
        Arc::new(Int64Array::from_iter_values(gaps.iter().map(|(_, gap)| gap.missing()))),
        Arc::new(Int64Array::from_iter_values(gaps.iter().map(|(_, gap)| gap.log_offset))),
        Arc::new(ingest_time.with_timezone("UTC")),
    ]
}

impl TableProvider for Footers {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    engine::scan!();
}

impl Footers {
    fn boxed_scan<'a>(
        &'a self,
        _state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let failed = |error: land::Error| DataFusionError::External(Box::new(error));
            let mut landed = Vec::new();
            for file in self.folder.list().await.map_err(failed)?.landed.visible() {
                landed.push((file.clone(), land::read_footer(&self.folder, file).await.map_err(failed)?));
            }
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), (self.columns)(&landed))?;
            let rows = MemorySourceConfig::try_new_exec(&[vec![batch]], Arc::clone(&self.schema), projection.cloned())?;
            Ok(rows as Arc<dyn ExecutionPlan>)
        })
    }
}
