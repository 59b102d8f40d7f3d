//! A table of days of which some are stale: the rows of fresh days are read, those of the others are computed.
//!
//! While ticks land, the last day is always stale. Without this, whoever reads the table then would compute all of its days. If the session
//! has other processes, these compute them, and all days of a query that has no table.

use crate::engine;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Weak};

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionContext;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, cast};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::{DataFrame, ident};
use futures::{StreamExt, future, stream};

use super::days::Day;
use super::error::Error;
use super::names::Shared;
use super::pieces::{Cutting, Others};
use super::slice::is_within;
use super::spans::Spans;
use super::table::Table;

/// A table of days of which some are stale.
#[derive(Debug)]
pub(super) struct PartlyFresh {
    /// The names of the session. They own this, so it does not own them.
    names: Weak<Shared>,
    index: usize,
    /// `None` if all days are stale.
    table: Option<Table>,
    schema: SchemaRef,
}

impl PartlyFresh {
    /// Makes the table of the columns of `schema`.
    pub fn new(names: Weak<Shared>, index: usize, table: Option<Table>, schema: &Schema) -> PartlyFresh {
        // A file may say that a column has no NULL; the rows that are computed do not.
        let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        PartlyFresh { names, index, schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), table }
    }

    /// Returns whether other runs have replaced one of its files since it was opened.
    pub fn is_gone(&self) -> bool {
        self.table.as_ref().is_some_and(Table::is_gone)
    }

    /// Returns rows as this table has them: its columns and their types.
    fn columns(&self, rows: DataFrame, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<DataFrame> {
        let rows = unnormalize_cols(filters.iter().cloned()).into_iter().try_fold(rows, DataFrame::filter)?;
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&all).iter().map(|column| {
            let field = self.schema.field(*column);
            cast(ident(field.name()), field.data_type().clone()).alias(field.name())
        });
        rows.select(columns.collect::<Vec<_>>())
    }
}

impl TableProvider for PartlyFresh {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    engine::scan!();
}

impl PartlyFresh {
    fn boxed_scan<'a>(
        &'a self,
        session: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let Some(names) = self.names.upgrade() else { return plan_err!("the session is closed") };
            let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
                return plan_err!("tables of days need a session that plans SQL");
            };
            let context = SessionContext::new_with_state(state.clone());
            let (project, query) = (&names.project, &names.project.queries[self.index]);
            let whole = async || {
                let plan = project.plan(query, &context).await.map_err(external)?;
                let rows = self.columns(DataFrame::new(context.state(), plan), projection, filters)?;
                rows.create_physical_plan().await
            };
            // The query would not be divided now.
            let Ok(local) = project.local(self.index, &context).await else { return whole().await };
            let spans = match &self.table {
                Some(_) => names.spans(&context).await.map_err(external)?,
                // Without a table, the query is what it is now.
                None => Spans::of(&context, &names.tables_dir).await?.map(Arc::new),
            };
            let Some(spans) = spans else { return whole().await };
            let days = local.days(&spans);
            let is_fresh = |day: &&Day| self.table.as_ref().is_some_and(|table| table.holds(&day.name, &day.ticks));
            let fresh: BTreeSet<&str> = days.iter().filter(is_fresh).map(|day| day.name.as_str()).collect();
            let stale: Vec<&Day> = days.iter().filter(|day| !is_fresh(day)).collect();
            let mut parts = Vec::new();
            if let Some(table) = self.table.as_ref().filter(|_| !fresh.is_empty()) {
                parts.push(table.of_days(|day| fresh.contains(day)).scan(session, projection, filters, limit).await?);
            }
            // Whoever reads the query expects the bits that it has as a view.
            let others = Others::of(&context, &local, spans, stale.len()).filter(|_| local.is_exact());
            let elsewhere = match &others {
                Some(others) => {
                    let cutting = Cutting { project, query, local: &local, others, context: &context, names: &names };
                    let shaped = |rows| self.columns(rows, projection, filters);
                    cutting.days(&stale, shaped).await.map_err(external)?
                }
                None => None,
            };
            let computed_here = elsewhere.is_none();
            parts.extend(elsewhere.into_iter().flatten());
            if parts.is_empty() {
                return whole().await;
            }
            for stretch in stretches(stale.into_iter().filter(|_| computed_here)) {
                let own = names.sliced(&context, stretch.spans).await?;
                let plan = project.plan(query, &own).await.map_err(external)?;
                let rows = DataFrame::new(own.state(), plan).filter(is_within(local.time(), stretch.times))?;
                let plan = self.columns(rows, projection, filters)?.create_physical_plan().await?;
                parts.push(computed(plan)?);
            }
            match <[_; 1]>::try_from(parts) {
                Ok([only]) => Ok(only),
                Err(parts) => UnionExec::try_new(parts),
            }
        })
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Days that follow each other.
struct Stretch {
    /// The spans whose ticks their rows can depend on.
    spans: Range<i64>,
    /// The times of their rows, in nanoseconds.
    times: Range<i64>,
}

fn stretches<'a>(days: impl Iterator<Item = &'a Day>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for day in days {
        match stretches.last_mut() {
            Some(last) if last.times.end == day.start => {
                last.times.end = day.range().end;
                last.spans = last.spans.start.min(day.spans.start)..last.spans.end.max(day.spans.end);
            }
            _ => stretches.push(Stretch { spans: day.spans.clone(), times: day.range() }),
        }
    }
    stretches
}

/// The rows of a plan that was made for one thread. The optimizer does not see into it, so that it stays on one thread and its
/// sums of floating-point numbers keep their order.
#[derive(Debug)]
struct Computed(Arc<dyn ExecutionPlan>, SchemaRef);

fn computed(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(plan));
    let schema = plan.schema();
    let part = Arc::new(Computed(plan, Arc::clone(&schema)));
    Ok(Arc::new(StreamingTableExec::try_new(schema, vec![part], None, [], false, None)?))
}

impl PartitionStream for Computed {
    fn schema(&self) -> &SchemaRef {
        &self.1
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        match self.0.execute(0, context) {
            Ok(rows) => rows,
            Err(error) => Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.1),
                stream::once(future::ready(Err(error))).boxed(),
            )),
        }
    }
}
