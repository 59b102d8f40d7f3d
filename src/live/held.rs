//! The leaves of a live plan: rows that are put there before each execution.
//!
//! In: rows. Out: an operator that returns them, and a table in place of `landed_ticks` whose scans return the rows of the present
//! poll.

use crate::engine;
use futures::future::BoxFuture;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, project_schema};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::stream;

use crate::tick;

/// The columns by which the rows of a poll are sorted.
const ORDER: [&str; 2] = ["product_id", "ts"];

/// The rows that leaves return at the next execution, by partition.
#[derive(Debug, Default)]
pub struct Slot(Mutex<Vec<Vec<RecordBatch>>>);

impl Slot {
    /// Replaces the rows.
    pub fn put(&self, partitions: Vec<Vec<RecordBatch>>) {
        *self.locked() = partitions;
    }

    fn of(&self, partition: usize) -> Vec<RecordBatch> {
        self.locked().get(partition).cloned().unwrap_or_default()
    }

    fn all(&self) -> Vec<RecordBatch> {
        self.locked().concat()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Vec<RecordBatch>>> {
        // The rows are replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Columns of the rows of a slot.
#[derive(Debug, Clone)]
pub struct Source {
    slot: Arc<Slot>,
    /// `None` means all.
    columns: Option<Vec<usize>>,
}

impl Source {
    /// Returns the rows of all partitions.
    pub fn all(&self) -> Result<Vec<RecordBatch>> {
        self.chosen(self.slot.all())
    }

    fn of(&self, partition: usize) -> Result<Vec<RecordBatch>> {
        self.chosen(self.slot.of(partition))
    }

    fn chosen(&self, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        match &self.columns {
            Some(columns) => rows.iter().map(|rows| Ok(rows.project(columns)?)).collect(),
            None => Ok(rows),
        }
    }
}

/// Returns the rows of a slot.
#[derive(Debug)]
pub struct HeldExec {
    /// What the rows are, for `squall plan --live`.
    what: String,
    source: Source,
    properties: Arc<PlanProperties>,
}

impl HeldExec {
    /// Makes a leaf that stands for a part of a plan, with the properties of that part.
    pub fn instead_of(part: &Arc<dyn ExecutionPlan>, what: String, slot: Arc<Slot>) -> HeldExec {
        HeldExec { what, source: Source { slot, columns: None }, properties: Arc::clone(part.properties()) }
    }

    /// Returns the same leaf over another slot.
    pub fn reading(&self, what: String, slot: Arc<Slot>) -> HeldExec {
        let source = Source { slot, columns: self.source.columns.clone() };
        HeldExec { what, source, properties: Arc::clone(&self.properties) }
    }

    /// Returns where the rows are.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the positions of a table's columns that the leaf returns, if it returns the rows of this slot.
    pub fn columns_of(&self, slot: &Arc<Slot>, columns: usize) -> Option<Vec<usize>> {
        let Source { slot: own, columns: chosen } = &self.source;
        Arc::ptr_eq(own, slot).then(|| chosen.clone().unwrap_or_else(|| (0..columns).collect()))
    }
}

impl DisplayAs for HeldExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "HeldExec: {}", self.what)
    }
}

impl ExecutionPlan for HeldExec {
    fn name(&self) -> &str {
        "HeldExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.source.of(partition)?.into_iter().map(Ok);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream::iter(rows))))
    }
}

/// The table `landed_ticks` of a live plan: it holds the rows of the present poll, sorted by product and time.
#[derive(Debug)]
pub struct PollTable {
    schema: SchemaRef,
    slot: Arc<Slot>,
    scans: AtomicUsize,
}

impl PollTable {
    /// Makes the table over a slot.
    pub fn new(slot: Arc<Slot>) -> PollTable {
        PollTable { schema: tick::schema(), slot, scans: AtomicUsize::new(0) }
    }

    /// Returns how many scans were planned.
    pub fn scans(&self) -> usize {
        self.scans.load(Ordering::Relaxed)
    }
}

impl TableProvider for PollTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    engine::scan!();
}

impl PollTable {
    fn boxed_scan<'a>(
        &'a self,
        _state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            self.scans.fetch_add(1, Ordering::Relaxed);
            let schema = project_schema(&self.schema, projection)?;
            let ascending = SortOptions { descending: false, nulls_first: false };
            // The order ends at the first column that is not read.
            let sorted =
                ORDER.iter().map_while(|name| Some(PhysicalSortExpr::new(col(name, &schema).ok()?, ascending)));
            let order = LexOrdering::new(sorted.collect::<Vec<_>>());
            let properties = PlanProperties::new(
                EquivalenceProperties::new_with_orderings(schema, order),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            );
            let held = HeldExec {
                what: "the ticks of the poll".into(),
                source: Source { slot: Arc::clone(&self.slot), columns: projection.cloned() },
                properties: Arc::new(properties),
            };
            Ok(Arc::new(held) as Arc<dyn ExecutionPlan>)
        })
    }
}
