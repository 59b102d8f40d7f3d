//! A plan's rows as the bytes of a Parquet file.
//!
//! In: a plan of one stream. Out: the pieces of the file that the engine would write of it with the session's settings, one in each row, and
//! the number of rows in the last one. So a process that has the rows can encode them, and another one, which has the disk, writes the file.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{BinaryArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::metadata::SortingColumn;
use datafusion::parquet::file::properties::WriterPropertiesBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    PlanProperties,
};
use futures::{TryStreamExt, stream};

/// How long a piece is at least, but for the last one.
const PIECE: usize = 1 << 20;

/// Encodes the rows of its input.
#[derive(Debug)]
pub struct EncodedExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl EncodedExec {
    pub fn new(input: Arc<dyn ExecutionPlan>) -> EncodedExec {
        let fields = [Field::new("file", DataType::Binary, false), Field::new("rows", DataType::UInt64, true)];
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        EncodedExec { input, properties: Arc::new(properties) }
    }

    fn writer(&self, context: &TaskContext) -> Result<ArrowWriter<Vec<u8>>> {
        let schema = self.input.schema();
        let mut options = TableParquetOptions {
            global: context.session_config().options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        if !options.global.skip_arrow_metadata {
            options.arrow_schema(&schema);
        }
        let mut properties = WriterPropertiesBuilder::try_from(&options)?;
        if let Some(order) = self.input.output_ordering() {
            properties = properties.set_sorting_columns(Some(sorting_columns(order)));
        }
        Ok(ArrowWriter::try_new(Vec::new(), schema, Some(properties.build()))?)
    }
}

/// Returns an order as a footer says it, as far as it is one of columns.
fn sorting_columns(order: &LexOrdering) -> Vec<SortingColumn> {
    let column = |sort: &PhysicalSortExpr| {
        let column_idx = i32::try_from(sort.expr.downcast_ref::<Column>()?.index()).ok()?;
        let SortOptions { descending, nulls_first } = sort.options;
        Some(SortingColumn { column_idx, descending, nulls_first })
    };
    order.iter().map_while(column).collect()
}

/// A file that is being encoded.
struct Encoding {
    rows: SendableRecordBatchStream,
    writer: ArrowWriter<Vec<u8>>,
    count: u64,
}

impl Encoding {
    /// Encodes rows until there is a piece; returns it, and what is left to do.
    async fn next(mut self, schema: SchemaRef) -> Result<(RecordBatch, Option<Encoding>)> {
        while let Some(batch) = self.rows.try_next().await? {
            self.count += batch.num_rows() as u64;
            self.writer.write(&batch)?;
            if self.writer.inner().len() >= PIECE {
                let bytes = std::mem::take(self.writer.inner_mut());
                return Ok((piece(&bytes, None, schema)?, Some(self)));
            }
        }
        let count = self.count;
        let bytes = self.writer.into_inner()?;
        Ok((piece(&bytes, Some(count), schema)?, None))
    }
}

fn piece(bytes: &[u8], rows: Option<u64>, schema: SchemaRef) -> Result<RecordBatch> {
    let columns = (BinaryArray::from_vec(vec![bytes]), UInt64Array::from(vec![rows]));
    Ok(RecordBatch::try_new(schema, vec![Arc::new(columns.0), Arc::new(columns.1)])?)
}

impl DisplayAs for EncodedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("EncodedExec: parquet")
    }
}

impl ExecutionPlan for EncodedExec {
    fn name(&self) -> &str {
        "EncodedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [input] => Ok(Arc::new(EncodedExec::new(Arc::clone(input)))),
            _ => internal_err!("EncodedExec has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let writer = self.writer(&context)?;
        let encoding = Encoding { rows: self.input.execute(partition, context)?, writer, count: 0 };
        let schema = self.schema();
        let pieces = stream::try_unfold(Some(encoding), move |encoding| {
            let schema = Arc::clone(&schema);
            async move {
                let Some(encoding) = encoding else { return Ok(None) };
                encoding.next(schema).await.map(Some)
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), pieces)))
    }
}
