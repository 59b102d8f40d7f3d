//! Plans of filters and expressions, without the engine's streams: for the few rows of a poll, these cost more than the values.
//!
//! In: a plan. Out: its rows, from what its leaves hold at the moment, as an execution would give them.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::common::Result;
use datafusion::common::cast::as_boolean_array;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::Projector;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use super::held::{HeldExec, Source};

/// A plan of operators that only compute rows from rows.
#[derive(Debug)]
pub enum Direct {
    /// What is held.
    Held(Source),
    /// Expressions.
    Projected(Box<Direct>, Projector),
    /// The rows for which a condition is true, and these of their columns.
    Filtered { input: Box<Direct>, condition: Arc<dyn PhysicalExpr>, columns: Option<Vec<usize>> },
    /// The rows of one after those of another.
    United(Vec<Direct>),
}

impl Direct {
    /// Returns the plan without streams; `None` if it has other operators.
    ///
    /// # Errors
    /// An expression cannot be computed over its input.
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Direct>> {
        if let Some(leaf) = plan.downcast_ref::<HeldExec>() {
            return Ok(Some(Direct::Held(leaf.source().clone())));
        }
        let mut inputs = Vec::new();
        for input in plan.children() {
            let Some(input) = Direct::of(input)? else { return Ok(None) };
            inputs.push(input);
        }
        if plan.fetch().is_some() {
            return Ok(None);
        }
        if plan.is::<UnionExec>() {
            return Ok(Some(Direct::United(inputs)));
        }
        let (Some(input), 0) = (inputs.pop(), inputs.len()) else { return Ok(None) };
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            let given = projection.input().schema();
            let projector =
                projection.projection_expr().make_projector_with_schema_metadata(&given, &projection.schema())?;
            return Ok(Some(Direct::Projected(Box::new(input), projector)));
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            let columns = filter.projection().as_ref().map(|columns| columns.to_vec());
            let condition = Arc::clone(filter.predicate());
            return Ok(Some(Direct::Filtered { input: Box::new(input), condition, columns }));
        }
        let is_passed_on = plan.is::<CoalescePartitionsExec>() || plan.is::<CooperativeExec>();
        Ok(is_passed_on.then_some(input))
    }

    /// Returns the rows of all partitions.
    ///
    /// # Errors
    /// An expression fails.
    pub fn rows(&self) -> Result<Vec<RecordBatch>> {
        match self {
            Direct::Held(source) => source.all(),
            Direct::Projected(input, projector) => {
                input.rows()?.iter().map(|rows| projector.project_batch(rows)).collect()
            }
            Direct::Filtered { input, condition, columns } => {
                let mut kept = Vec::new();
                for rows in input.rows()? {
                    let is_true = condition.evaluate(&rows)?.into_array(rows.num_rows())?;
                    let rows = match columns {
                        Some(columns) => rows.project(columns)?,
                        None => rows,
                    };
                    kept.push(filter_record_batch(&rows, as_boolean_array(&is_true)?)?);
                }
                kept.retain(|rows| rows.num_rows() > 0);
                Ok(kept)
            }
            Direct::United(inputs) => {
                let mut rows = Vec::new();
                for input in inputs {
                    rows.extend(input.rows()?);
                }
                Ok(rows)
            }
        }
    }
}
