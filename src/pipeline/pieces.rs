//! Rows that other processes compute: each piece is a range of time, made from the ticks around it.
//!
//! In: days of a query whose rows have the same bits from whichever ticks around them they are made, and the processes. Out: a plan for each
//! piece, which one of them computes on one thread. Short of days, a day is cut into pieces of about equally many ticks, so that one product
//! keeps all processes busy.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::{DataFrame, ident};
use futures::future::BoxFuture;

use super::days::{Day, Local, undetermined};
use super::error::Error;
use super::names::Shared;
use super::slice::is_within;
use super::spans::{SPAN_NS, Spans};
use super::{Project, Query};
use crate::catalog::{EncodedExec, OneStream};
use crate::engine;
use crate::engine::elsewhere::{Elsewhere, elsewhere};

/// How many pieces there should be for each plan that is computed at a time, so that all end at about the same time.
const PIECES_EACH: usize = 2;

/// Processes that compute pieces of a query.
pub(super) struct Others {
    elsewhere: Arc<dyn Elsewhere>,
    spans: Arc<Spans>,
    /// The most pieces of a day.
    of_day: usize,
}

/// A range of time whose rows are computed by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The times of its rows, in nanoseconds.
    times: Range<i64>,
    /// The spans whose ticks its rows can depend on.
    spans: Range<i64>,
}

impl Others {
    /// Returns the session's other processes, to compute so many days of a query; `None` if there are none.
    pub fn of(context: &SessionContext, local: &Local, spans: Arc<Spans>, days: usize) -> Option<Others> {
        let elsewhere = elsewhere(&context.copied_config())?;
        // Only exact rows are the same from a part of a day's ticks.
        let of_day = match local.is_exact() && days < elsewhere.width() {
            true => (elsewhere.width() * PIECES_EACH).div_ceil(days.max(1)),
            false => 1,
        };
        Some(Others { elsewhere, spans, of_day })
    }

    /// Returns how many plans are computed at a time.
    pub fn width(&self) -> usize {
        self.elsewhere.width()
    }

    /// Cuts a day into pieces.
    pub fn pieces(&self, day: &Day, local: &Local) -> Vec<Piece> {
        let times = day.range();
        let (first, last) = (times.start.div_euclid(SPAN_NS), times.end.div_euclid(SPAN_NS));
        let ticks = self.spans.rows(first..last);
        let count = (ticks / self.elsewhere.least_ticks().max(1)).clamp(1, self.of_day as u64);
        let mut pieces = Vec::new();
        let (mut start, mut seen) = (first, 0);
        for span in first..last {
            seen += self.spans.rows(span..span + 1);
            // A piece ends where its share of the ticks is reached; the last one takes the rest.
            let is_end = span + 1 == last || seen * count >= ticks * (pieces.len() as u64 + 1);
            if is_end && (span + 1 == last || pieces.len() as u64 + 1 < count) {
                let times = start * SPAN_NS..(span + 1) * SPAN_NS;
                pieces.push(times);
                start = span + 1;
            }
        }
        let around = |times: Range<i64>| Some(Piece { spans: local.around(times.clone(), &self.spans)?, times });
        pieces.into_iter().filter_map(around).collect()
    }
}

/// Returns whether a plan does more than choose rows and columns. Rows that only are read cost more to send than to read.
pub(super) fn computes(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply(|plan| {
        found = matches!(
            plan,
            LogicalPlan::Window(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::Extension(_)
        );
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    // The walk itself cannot fail.
    walked.is_ok() && found
}

/// What other processes make of a day.
pub(super) enum DayRows {
    /// The day's file, as [`EncodedExec`] gives it.
    File(Arc<dyn ExecutionPlan>),
    /// The day's rows, of several pieces.
    Rows(DataFrame),
}

/// A query that other processes compute.
pub(super) struct Cutting<'a> {
    pub project: &'a Project,
    pub query: &'a Query,
    pub local: &'a Local,
    pub others: &'a Others,
    pub context: &'a SessionContext,
    pub names: &'a Arc<Shared>,
}

impl Cutting<'_> {
    /// Returns a day's rows in the order of the grain; `None` if this process has to compute them.
    pub async fn day(&self, day: &Day) -> Result<Option<DayRows>, Error> {
        let failed = |source: DataFusionError| self.query.failed(source);
        let grain = || self.query.header.grain.iter().map(|column| ident(column).sort(true, false)).collect();
        let in_order = |rows: DataFrame| rows.sort(grain());
        let pieces = self.others.pieces(day, self.local);
        if let [piece] = pieces.as_slice() {
            let file = self.piece(piece, in_order, |plan| Arc::new(EncodedExec::new(plan))).await?;
            return Ok(file.map(DayRows::File));
        }
        let Some(plans) = self.plans(&pieces, in_order).await?.filter(|plans| !plans.is_empty()) else {
            return Ok(None);
        };
        let rows = merged(plans).map_err(failed)?;
        let state = self.context.state();
        let config = state.config().clone().with_target_partitions(1);
        let one_thread = SessionStateBuilder::new_from_existing(state).with_config(config).build();
        let rows = SessionContext::new_with_state(one_thread).read_table(Arc::new(Planned(rows)));
        rows.map(|rows| Some(DayRows::Rows(rows))).map_err(failed)
    }

    /// Returns plans of the rows of days; `None` if this process has to compute them.
    pub async fn days(
        &self,
        days: &[&Day],
        shaped: impl Fn(DataFrame) -> Result<DataFrame>,
    ) -> Result<Option<Vec<Arc<dyn ExecutionPlan>>>, Error> {
        let pieces: Vec<Piece> = days.iter().flat_map(|day| self.others.pieces(day, self.local)).collect();
        self.plans(&pieces, shaped).await
    }

    async fn plans(
        &self,
        pieces: &[Piece],
        shaped: impl Fn(DataFrame) -> Result<DataFrame>,
    ) -> Result<Option<Vec<Arc<dyn ExecutionPlan>>>, Error> {
        let mut plans = Vec::new();
        for piece in pieces {
            match self.piece(piece, &shaped, |plan| plan).await? {
                Some(plan) => plans.push(plan),
                None => return Ok(None),
            }
        }
        Ok(Some(plans))
    }

    async fn piece(
        &self,
        piece: &Piece,
        shaped: impl FnOnce(DataFrame) -> Result<DataFrame>,
        ended: impl FnOnce(Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>, Error> {
        let failed = |source: DataFusionError| self.query.failed(source);
        let own = self.names.sliced(self.context, piece.spans.clone()).await.map_err(failed)?;
        let rows = DataFrame::new(own.state(), self.project.plan(self.query, &own).await?);
        let rows = rows.filter(is_within(self.local.time(), piece.times.clone())).and_then(shaped).map_err(failed)?;
        let mut plan = rows.create_physical_plan().await.map_err(failed)?;
        if undetermined(&plan).is_some() {
            return Ok(None);
        }
        if plan.output_partitioning().partition_count() > 1 {
            plan = Arc::new(CoalescePartitionsExec::new(plan));
        }
        // What cannot be sent is computed here.
        Ok(self.others.elsewhere.moved(&ended(plan), &own.copied_config()).ok())
    }
}

/// Merges sorted streams.
fn merged(plans: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
    let union = UnionExec::try_new(plans)?;
    Ok(match union.output_ordering().cloned() {
        Some(order) => Arc::new(OneStream::new(order, union)),
        None => union,
    })
}

/// A plan as a table.
#[derive(Debug)]
struct Planned(Arc<dyn ExecutionPlan>);

impl TableProvider for Planned {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl Planned {
    fn boxed_scan<'a>(
        &'a self,
        _state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let Some(projection) = projection else { return Ok(Arc::clone(&self.0)) };
            let schema = self.schema();
            let columns = projection.iter().map(|index| {
                let name = schema.field(*index).name();
                (Arc::new(Column::new(name, *index)) as Arc<dyn PhysicalExpr>, name.clone())
            });
            let projected = ProjectionExec::try_new(columns.collect::<Vec<_>>(), Arc::clone(&self.0))?;
            Ok(Arc::new(projected) as Arc<dyn ExecutionPlan>)
        })
    }
}
