//! `SortUnlessOrderedExec`: only that it is there. What it looks at is found anew below its sort.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;

use super::{Operator, Pen, only_input};
use crate::rolling::SortUnlessOrderedExec;

pub const OPERATOR: Operator = Operator { name: "SortUnlessOrderedExec", write, read };

fn write(plan: &Arc<dyn ExecutionPlan>, _pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    plan.downcast_ref::<SortUnlessOrderedExec>().map(|_| Ok(Vec::new()))
}

fn read(
    _content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    _context: &TaskContext,
    _pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let sort = only_input(inputs, &OPERATOR)?;
    match SortUnlessOrderedExec::over(sort) {
        Some(unless_ordered) => Ok(Arc::new(unless_ordered)),
        None => internal_err!("a sort over files is one no more"),
    }
}
