//! `AsofJoinExec`: its conditions and columns. In which order it reads its inputs is found anew.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Operator as Comparison;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion_proto::physical_plan::PhysicalPlanDecodeContext;
use datafusion_proto::protobuf::{self, PhysicalExprNode};
use prost::Message;

use super::{Operator, Pen, message};
use crate::asof::{AsofJoinExec, Condition, Kind, looking_first};

pub const OPERATOR: Operator = Operator { name: "AsofJoinExec", write, read };

/// The comparisons of times.
const COMPARISONS: [Comparison; 4] = [Comparison::GtEq, Comparison::Gt, Comparison::LtEq, Comparison::Lt];

#[derive(Clone, PartialEq, Message)]
struct Join {
    #[prost(message, repeated, tag = "1")]
    left_keys: Vec<PhysicalExprNode>,
    #[prost(message, repeated, tag = "2")]
    right_keys: Vec<PhysicalExprNode>,
    #[prost(message, optional, tag = "3")]
    left_time: Option<PhysicalExprNode>,
    #[prost(message, optional, tag = "4")]
    right_time: Option<PhysicalExprNode>,
    /// `left_time comparison right_time`
    #[prost(string, tag = "5")]
    comparison: String,
    #[prost(message, optional, tag = "6")]
    within: Option<PhysicalExprNode>,
    #[prost(bool, tag = "7")]
    keeps_left: bool,
    /// All columns of both sides.
    #[prost(message, optional, tag = "8")]
    both: Option<protobuf::Schema>,
    #[prost(uint64, repeated, tag = "9")]
    wanted: Vec<u64>,
    #[prost(bool, tag = "10")]
    looks_first: bool,
}

fn write(plan: &Arc<dyn ExecutionPlan>, pen: &Pen<'_>) -> Option<Result<Vec<u8>>> {
    Some(written(plan.downcast_ref::<AsofJoinExec>()?, pen))
}

fn written(join: &AsofJoinExec, pen: &Pen<'_>) -> Result<Vec<u8>> {
    let expression = |expression: &Arc<dyn PhysicalExpr>| pen.converter.physical_expr_to_proto(expression, pen.codec);
    let Condition { keys, times, operator, within, kind } = join.condition();
    let written = Join {
        left_keys: keys.iter().map(|(left, _)| expression(left)).collect::<Result<_>>()?,
        right_keys: keys.iter().map(|(_, right)| expression(right)).collect::<Result<_>>()?,
        left_time: Some(expression(&times.0)?),
        right_time: Some(expression(&times.1)?),
        comparison: operator.to_string(),
        within: within.as_ref().map(expression).transpose()?,
        keeps_left: *kind == Kind::Left,
        both: Some(join.both().as_ref().try_into()?),
        wanted: join.wanted().iter().map(|column| *column as u64).collect(),
        looks_first: join.looks_first(),
    };
    Ok(written.encode_to_vec())
}

fn read(
    content: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    context: &TaskContext,
    pen: &Pen<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let join: Join = message(content)?;
    let [left, right] = inputs else { return internal_err!("an ASOF JOIN has two inputs") };
    let decoding = PhysicalPlanDecodeContext::new(context, pen.codec);
    let expression =
        |node: &PhysicalExprNode, schema: &Schema| pen.converter.proto_to_physical_expr(node, schema, &decoding);
    let operator = COMPARISONS.into_iter().find(|comparison| comparison.to_string() == join.comparison);
    let (Some(left_time), Some(right_time), Some(both), Some(operator)) =
        (&join.left_time, &join.right_time, &join.both, operator)
    else {
        return internal_err!("an ASOF JOIN without its condition");
    };
    let both = Arc::new(Schema::try_from(both)?);
    let (of_left, of_right) = (left.schema(), right.schema());
    let keys = join.left_keys.iter().zip(&join.right_keys);
    let condition = Condition {
        keys: keys
            .map(|(one, other)| Ok((expression(one, &of_left)?, expression(other, &of_right)?)))
            .collect::<Result<_>>()?,
        times: (expression(left_time, &of_left)?, expression(right_time, &of_right)?),
        operator,
        within: join.within.as_ref().map(|within| expression(within, &both)).transpose()?,
        kind: if join.keeps_left { Kind::Left } else { Kind::Inner },
    };
    let exec = AsofJoinExec::new(Arc::clone(left), Arc::clone(right), Arc::new(condition), both)?;
    let exec = exec.of_columns(join.wanted.iter().map(|column| *column as usize).collect())?;
    let first = join.looks_first.then(|| looking_first(&exec)).flatten();
    Ok(Arc::new(first.unwrap_or(exec)))
}
