//! `OneStream`: the order in which it merges.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::PhysicalPlanDecodeContext;
use datafusion_proto::physical_plan::from_proto::parse_physical_sort_exprs;
use datafusion_proto::physical_plan::to_proto::serialize_physical_sort_exprs;
use datafusion_proto::protobuf::PhysicalSortExprNode;
use prost::Message;

use super::{Operator, Pen, message, only_input};
use crate::catalog::OneStream;

pub const OPERATOR: Operator = Operator { name: "OneStream", write, read };

#[derive(Clone, PartialEq, Message)]
struct Merge {
    #[prost(message, repeated, tag = "1")]
    order: Vec<PhysicalSortExprNode>,
}

fn write(plan: &Arc<dyn ExecutionPlan>, pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    let order = plan.downcast_ref::<OneStream>()?.order();
    let order = serialize_physical_sort_exprs(order.iter().cloned(), pen.codec, pen.converter);
    Some(order.map(|order| Merge { order }.encode_to_vec()))
}

fn read(
    content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    context: &TaskContext,
    pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let written: Merge = message(content)?;
    let streams = only_input(inputs, &OPERATOR)?;
    let decoding = PhysicalPlanDecodeContext::new(context, pen.codec);
    let order = parse_physical_sort_exprs(&written.order, &decoding, &streams.schema(), pen.converter)?;
    match LexOrdering::new(order) {
        Some(order) => Ok(Arc::new(OneStream::new(order, Arc::clone(streams)))),
        None => internal_err!("OneStream has an order"),
    }
}
