//! One pass over a relation's rows, on all cores, in bounded memory: the table behind `profile` and `correlations`.
//!
//! In: a plan. Out: the rows that a [`Pass`] makes of it. The plan's parts are shared out to as many tasks as the session has partitions;
//! each has a state of its own, and the states are merged in the end.

use crate::engine;
use futures::future::BoxFuture;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use futures::TryStreamExt;

use crate::functions::relation::{plan, texts};
use crate::functions::snapshot::session_state;
use crate::text::documentation::Documentation;

/// What is learned from a relation by reading its rows once.
pub trait Pass: Send + Sized + 'static {
    /// The function's documentation; its one argument is the relation.
    const DOCUMENTATION: &'static Documentation;

    /// Returns the columns of the result.
    fn schema() -> SchemaRef;

    /// Begins one of several parts of a relation with these columns.
    fn begin(relation: &SchemaRef, part: usize) -> Result<Self>;

    fn add(&mut self, batch: &RecordBatch) -> Result<()>;

    fn merge(&mut self, other: Self) -> Result<()>;

    fn finish(self) -> Result<RecordBatch>;
}

/// A table function whose one argument is a relation.
pub struct Measured<P>(PhantomData<fn() -> P>);

impl<P> Default for Measured<P> {
    fn default() -> Self {
        Measured(PhantomData)
    }
}

impl<P: Pass> fmt::Debug for Measured<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(P::DOCUMENTATION.name)
    }
}

impl<P: Pass> TableFunctionImpl for Measured<P> {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let relations = texts(P::DOCUMENTATION, args.exprs())?;
        // `texts` has checked that there is one.
        let rows = plan(session_state(args.session())?, &relations[0])?;
        Ok(Arc::new(Relation::<P> { rows, pass: PhantomData }))
    }
}

/// A relation that is measured whenever the table is read.
struct Relation<P> {
    rows: LogicalPlan,
    pass: PhantomData<fn() -> P>,
}

impl<P: Pass> fmt::Debug for Relation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", P::DOCUMENTATION.name, self.rows)
    }
}

impl<P: Pass> TableProvider for Relation<P> {
    fn schema(&self) -> SchemaRef {
        P::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl<P: Pass> Relation<P> {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let mut input = state.create_physical_plan(&self.rows).await?;
            let tasks = state.config().target_partitions();
            if input.output_partitioning().partition_count() < tasks {
                input = Arc::new(RepartitionExec::try_new(input, Partitioning::RoundRobinBatch(tasks))?);
            }
            let rows: Arc<dyn PartitionStream> =
                Arc::new(Reading::<P> { schema: P::schema(), input, pass: PhantomData });
            let stream = StreamingTableExec::try_new(P::schema(), vec![rows], projection, None, false, limit)?;
            Ok(Arc::new(stream) as Arc<dyn ExecutionPlan>)
        })
    }
}

/// The one pass.
struct Reading<P> {
    schema: SchemaRef,
    input: Arc<dyn ExecutionPlan>,
    pass: PhantomData<fn() -> P>,
}

impl<P: Pass> fmt::Debug for Reading<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(P::DOCUMENTATION.name).field("input", &self.input).finish()
    }
}

impl<P: Pass> PartitionStream for Reading<P> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let measured = measure::<P>(Arc::clone(&self.input), context);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(measured)))
    }
}

/// Reads the parts of the input, as many at a time as the session has partitions. A landed table has a part for each of its files, and a
/// state for each of them would hold more than what is bounded.
async fn measure<P: Pass>(input: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<RecordBatch> {
    let schema = input.schema();
    let parts = input.output_partitioning().partition_count();
    let tasks = context.session_config().target_partitions().clamp(1, parts.max(1));
    let running: Vec<_> = (0..tasks)
        .map(|first| {
            let (input, context) = (Arc::clone(&input), Arc::clone(&context));
            SpawnedTask::spawn(async move {
                let mut whole = P::begin(&input.schema(), first)?;
                for part in (first..parts).step_by(tasks) {
                    let mut batches = input.execute(part, Arc::clone(&context))?;
                    while let Some(batch) = batches.try_next().await? {
                        whole.add(&batch)?;
                    }
                }
                Ok::<P, DataFusionError>(whole)
            })
        })
        .collect();
    let mut whole: Option<P> = None;
    for task in running {
        let part = task.join_unwind().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        match &mut whole {
            Some(whole) => whole.merge(part)?,
            None => whole = Some(part),
        }
    }
    match whole {
        Some(whole) => whole.finish(),
        None => P::begin(&schema, 0)?.finish(),
    }
}
