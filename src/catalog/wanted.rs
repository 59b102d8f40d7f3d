//! Ends joins that nobody waits for any more.
//!
//! A join that compares all pairs of two batches answers its reader only when pairs match. If hardly any do, that can take hours, in
//! which the task that computes it cannot be ended from outside. But the join evaluates its condition again and again. In: a plan. Out:
//! the same plan, in which the conditions of joins fail as soon as nobody wants their rows.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder};

/// Says to a plan that its rows are wanted, until it is dropped.
#[derive(Debug, Default)]
pub struct Wanted {
    gone: Arc<AtomicBool>,
}

impl Wanted {
    /// Returns a plan that ends with what is wanted.
    ///
    /// # Errors
    /// The engine does not take a join with the same condition again.
    pub fn plan(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>()
                && let Some(filter) = join.filter()
            {
                let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(self.condition(filter))).build()?;
                return Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>));
            }
            if let Some(join) = plan.downcast_ref::<HashJoinExec>()
                && let Some(filter) = join.filter()
            {
                let join = join.builder().with_filter(Some(self.condition(filter))).build_exec()?;
                return Ok(Transformed::yes(join));
            }
            Ok(Transformed::no(plan))
        })
        .data()
    }

    fn condition(&self, filter: &JoinFilter) -> JoinFilter {
        let condition = WhileWanted { condition: Arc::clone(filter.expression()), gone: Arc::clone(&self.gone) };
        JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// A condition that fails when nobody wants to know.
#[derive(Debug)]
struct WhileWanted {
    condition: Arc<dyn PhysicalExpr>,
    gone: Arc<AtomicBool>,
}

impl PartialEq for WhileWanted {
    fn eq(&self, other: &WhileWanted) -> bool {
        self.condition.eq(&other.condition) && Arc::ptr_eq(&self.gone, &other.gone)
    }
}

impl Eq for WhileWanted {}

impl Hash for WhileWanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for WhileWanted {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for WhileWanted {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.gone.load(Ordering::Relaxed) {
            return exec_err!("nobody waits for the join any more");
        }
        self.condition.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.as_slice() {
            [condition] => Ok(Arc::new(WhileWanted { condition: Arc::clone(condition), gone: Arc::clone(&self.gone) })),
            _ => internal_err!("a condition that is wanted is one condition"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
