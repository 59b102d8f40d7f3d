//! `SmallBatches`: how many rows a batch has.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use prost::Message;

use super::{Operator, Pen, message, only_input};
use crate::catalog::SmallBatches;

pub const OPERATOR: Operator = Operator { name: "SmallBatches", write, read };

#[derive(Clone, PartialEq, Message)]
struct Size {
    #[prost(uint64, tag = "1")]
    rows: u64,
}

fn write(plan: &Arc<dyn ExecutionPlan>, _pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    let rows = plan.downcast_ref::<SmallBatches>()?.rows() as u64;
    Some(Ok(Size { rows }.encode_to_vec()))
}

fn read(
    content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    _context: &TaskContext,
    _pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let written: Size = message(content)?;
    let input = only_input(inputs, &OPERATOR)?;
    Ok(Arc::new(SmallBatches::new(Arc::clone(input), written.rows as usize)))
}
