//! `EncodedExec`: only that it is there. The session's settings say how files are encoded.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;

use super::{Operator, Pen, only_input};
use crate::catalog::EncodedExec;

pub const OPERATOR: Operator = Operator { name: "EncodedExec", write, read };

fn write(plan: &Arc<dyn ExecutionPlan>, _pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    plan.downcast_ref::<EncodedExec>().map(|_| Ok(Vec::new()))
}

fn read(
    _content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    _context: &TaskContext,
    _pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let rows = only_input(inputs, &OPERATOR)?;
    Ok(Arc::new(EncodedExec::new(Arc::clone(rows))))
}
