//! `list[i]` where `i` has no sign, as the values of `row_number()` have none, or is a sum of such a number.
//!
//! The engine's lists take 64-bit numbers with a sign only. In: an access to a list. Out: the same access by a signed number.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, cast};

/// Takes numbers without a sign; the engine's own planner comes after it.
#[derive(Debug)]
pub struct SignedIndexes;

impl ExprPlanner for SignedIndexes {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let RawFieldAccessExpr { field_access, expr } = access;
        let signed = |index: Box<Expr>| match index.get_type(schema) {
            Ok(DataType::UInt64 | DataType::Decimal128(_, 0)) => Box::new(cast(*index, DataType::Int64)),
            _ => index,
        };
        // The keys of a map have types of their own.
        let is_map = expr.get_type(schema).is_ok_and(|of| matches!(of, DataType::Map(..)));
        let field_access = match field_access {
            GetFieldAccess::ListIndex { key } if !is_map => GetFieldAccess::ListIndex { key: signed(key) },
            GetFieldAccess::ListRange { start, stop, stride } => {
                GetFieldAccess::ListRange { start: signed(start), stop: signed(stop), stride: signed(stride) }
            }
            other => other,
        };
        Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, expr }))
    }
}
