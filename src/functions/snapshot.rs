//! A table that is made when it is read: its schema is fixed, and its rows or its SQL depend on the models at that time.
//!
//! So a view over such a table also sees models that were trained after the view was created.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, plan_datafusion_err};
use datafusion::datasource::MemTable;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, collect};
use futures::future::BoxFuture;

use super::narrowed::narrowed;
use crate::dialect;
use crate::durable;
use crate::engine;

type Rows = Box<dyn Fn() -> Result<RecordBatch> + Send + Sync>;
type Plan = Box<dyn Fn(SessionState) -> BoxFuture<'static, Result<LogicalPlan>> + Send + Sync>;
type Collected = Box<dyn Fn(SessionState) -> BoxFuture<'static, Result<(LogicalPlan, Compute)>> + Send + Sync>;
type Sql = Box<dyn Fn(SessionState) -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// Makes a table's rows from all rows of a plan.
pub type Compute = Arc<dyn Fn(Vec<RecordBatch>) -> Result<RecordBatch> + Send + Sync>;

/// A table with a fixed schema, whose rows are made at each reading.
pub struct Snapshot {
    schema: SchemaRef,
    content: Content,
}

enum Content {
    Rows(Rows),
    Plan {
        plan: Plan,
        /// The position of the column that is computed even if it is not read.
        always: usize,
    },
    Collected(Collected),
    Sql(Sql),
}

impl Snapshot {
    /// Makes a table of the rows that `rows` returns at each reading.
    pub fn of_rows(schema: SchemaRef, rows: impl Fn() -> Result<RecordBatch> + Send + Sync + 'static) -> Snapshot {
        Snapshot { schema, content: Content::Rows(Box::new(rows)) }
    }

    /// Makes a table of the rows of a plan; `plan` returns the plan at each reading. The rows stream. The column at the position `always`
    /// is computed even if it is not read: it refuses rows, and an error must not depend on the columns that a query reads.
    pub fn of_plan<F>(schema: SchemaRef, always: usize, plan: F) -> Snapshot
    where
        F: Fn(SessionState) -> BoxFuture<'static, Result<LogicalPlan>> + Send + Sync + 'static,
    {
        Snapshot { schema, content: Content::Plan { plan: Box::new(plan), always } }
    }

    /// Makes a table of what a function computes from all rows of a plan; `collected` returns both at each reading. The plan runs when the
    /// table's rows are asked for.
    pub fn of_collected<F>(schema: SchemaRef, collected: F) -> Snapshot
    where
        F: Fn(SessionState) -> BoxFuture<'static, Result<(LogicalPlan, Compute)>> + Send + Sync + 'static,
    {
        Snapshot { schema, content: Content::Collected(Box::new(collected)) }
    }

    /// Makes a table of the rows of a query; `sql` returns the query at each reading. The rows stream.
    pub fn of_sql<F>(schema: SchemaRef, sql: F) -> Snapshot
    where
        F: Fn(SessionState) -> BoxFuture<'static, Result<String>> + Send + Sync + 'static,
    {
        Snapshot { schema, content: Content::Sql(Box::new(sql)) }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl TableProvider for Snapshot {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushdown = match self.content {
            // Filters become part of the plan, where the optimizer pushes them further down.
            Content::Plan { .. } => TableProviderFilterPushDown::Exact,
            // The engine pushes a filter on a constant column, such as the name of a model, below an aggregate without
            // groups. The aggregate then has no rows, and still one row of output, which the filter should have removed.
            Content::Sql(_) | Content::Rows(_) | Content::Collected(_) => TableProviderFilterPushDown::Unsupported,
        };
        Ok(vec![pushdown; filters.len()])
    }

    engine::scan!();
}

impl Snapshot {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let plan = match &self.content {
                Content::Rows(rows) => {
                    let table = MemTable::try_new(self.schema(), vec![vec![rows()?]])?;
                    return table.scan(state, projection, filters, limit).await;
                }
                Content::Collected(collected) => {
                    let (plan, compute) = collected(session_state(state)?.clone()).await?;
                    let input = state.create_physical_plan(&plan).await?;
                    let rows: Arc<dyn PartitionStream> = Arc::new(Computed { schema: self.schema(), input, compute });
                    let whole = StreamingTableExec::try_new(self.schema(), vec![rows], projection, None, false, limit)?;
                    return Ok(Arc::new(whole));
                }
                Content::Plan { plan, always } => {
                    let plan = plan(session_state(state)?.clone()).await?;
                    let Some(read) = projection.filter(|read| !read.contains(always)) else {
                        return physical(state, plan, projection, filters, limit).await;
                    };
                    let wider: Vec<usize> = read.iter().copied().chain([*always]).collect();
                    let rows = physical(state, plan, Some(&wider), filters, limit).await?;
                    return narrowed(rows, read.len());
                }
                Content::Sql(sql) => {
                    let state = session_state(state)?;
                    dialect::plan_text(state, &sql(state.clone()).await?).await?
                }
            };
            physical(state, plan, projection, filters, limit).await
        })
    }
}

/// Plans the filtered rows of a plan, in some of its columns.
async fn physical(
    state: &dyn Session,
    plan: LogicalPlan,
    projection: Option<&Vec<usize>>,
    filters: &[Expr],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut builder = LogicalPlanBuilder::from(plan);
    for filter in filters {
        builder = builder.filter(filter.clone())?;
    }
    if let Some(projection) = projection {
        let columns: Vec<_> = projection
            .iter()
            .map(|&index| Expr::Column(Column::from(builder.schema().qualified_field(index))))
            .collect();
        builder = builder.project(columns)?;
    }
    state.create_physical_plan(&builder.limit(0, limit)?.build()?).await
}

/// The rows that a function computes from all rows of a plan.
struct Computed {
    schema: SchemaRef,
    input: Arc<dyn ExecutionPlan>,
    compute: Compute,
}

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("input", &self.input).finish_non_exhaustive()
    }
}

impl PartitionStream for Computed {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (input, compute) = (Arc::clone(&self.input), Arc::clone(&self.compute));
        let rows = async move {
            let batches = collect(input, context).await?;
            // The function may keep a thread busy for a long time, which must not be one that runs tasks.
            durable::blocking(move || compute(batches)).await
        };
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(rows)))
    }
}

/// Returns the session as the type that can plan SQL.
pub fn session_state(session: &dyn Session) -> Result<&SessionState> {
    let state = session.as_any().downcast_ref::<SessionState>();
    state.ok_or_else(|| plan_datafusion_err!("functions on models need a session that plans SQL"))
}
