//! `RollingWindowExec`: the engine's operator that it replaces, and the mark that it does.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion_proto::physical_plan::PhysicalPlanDecodeContext;
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;

use super::{Operator, Pen, message, only_input};
use crate::rolling::RollingWindowExec;

pub const OPERATOR: Operator = Operator { name: "RollingWindowExec", write, read };

#[derive(Clone, PartialEq, Message)]
struct Windows {
    /// The engine's operator over an input without rows.
    #[prost(message, optional, tag = "1")]
    stock: Option<PhysicalPlanNode>,
    #[prost(bool, tag = "2")]
    is_written: bool,
}

fn write(plan: &Arc<dyn ExecutionPlan>, pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    let windows = plan.downcast_ref::<RollingWindowExec>()?;
    let written = || {
        let no_rows = Arc::new(EmptyExec::new(windows.input().schema()));
        let stock = over(windows.stock(), no_rows)?;
        let stock = Some(pen.converter.execution_plan_to_proto(&stock, pen.codec)?);
        Ok(Windows { stock, is_written: windows.is_written() }.encode_to_vec())
    };
    Some(written())
}

fn read(
    content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    context: &TaskContext,
    pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let written: Windows = message(content)?;
    let input = only_input(inputs, &OPERATOR)?;
    let Some(stock) = written.stock else { return internal_err!("windows without the engine's operator") };
    let decoding = PhysicalPlanDecodeContext::new(context, pen.codec);
    let stock = over(&pen.converter.proto_to_execution_plan(&stock, &decoding)?, Arc::clone(input))?;
    match RollingWindowExec::replacing(&stock, written.is_written) {
        Some(windows) => Ok(Arc::new(windows)),
        None => internal_err!("windows that were rolling are not any more"),
    }
}

fn over(windows: &Arc<dyn ExecutionPlan>, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(windows).replace_children(vec![input], options)
}
