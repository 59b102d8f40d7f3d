//! A view whose rows are computed once, however often a statement reads it.
//!
//! A view is part of the plan of whoever reads it. If each query of a chain reads the two before it, the plan of the last one
//! would hold the first one as often as a Fibonacci number says.

use crate::engine;
use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use tokio::sync::OnceCell;

/// The rows of a plan.
#[derive(Debug)]
pub(super) struct ComputedOnce {
    plan: LogicalPlan,
    schema: SchemaRef,
    rows: OnceCell<MemTable>,
}

impl ComputedOnce {
    pub fn new(plan: LogicalPlan) -> ComputedOnce {
        let schema = Arc::clone(plan.schema().inner());
        ComputedOnce { plan, schema, rows: OnceCell::new() }
    }
}

impl TableProvider for ComputedOnce {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl ComputedOnce {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let rows = self.rows.get_or_try_init(|| async {
                let plan = state.create_physical_plan(&self.plan).await?;
                let schema = plan.schema();
                MemTable::try_new(schema, collect_partitioned(plan, state.task_ctx()).await?)
            });
            rows.await?.scan(state, projection, filters, limit).await
        })
    }
}
