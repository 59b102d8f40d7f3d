//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, also of an aggregate, where a further key orders the rows that are equal in the
//! first; for IN, which looks long lists up by bits; for count(DISTINCT …); and for numbers in lists and structs that are compared, joined
//! or grouped.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, JoinConstraint, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{GroupingSet, ScalarFunction};
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Distinct, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::{Keyed, rewritten, with_keys};
use crate::functions::{holds_floats, one_zero};

/// Makes windows take both zeros as one value.
#[derive(Debug)]
pub struct OneZero;

impl AnalyzerRule for OneZero {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_keys(plan, |key, schema, keyed| {
            let done = matches!(key, Expr::ScalarFunction(call) if call.func.name() == ONE_ZERO.name());
            let matters = matches!(keyed, Keyed::Window | Keyed::Result);
            Ok((matters && holds_floats(&key.get_type(schema)?) && !done).then(|| ONE_ZERO.call(vec![key.clone()])))
        })?;
        let plan = rewritten(plan, compared)?;
        plan.transform_up_with_subqueries(matched).data()
    }

    fn name(&self) -> &str {
        "squall_one_zero"
    }
}

/// The engine's functions that compare elements of lists.
const OF_LISTS: [&str; 9] = [
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_position",
    "array_positions",
    "array_distinct",
    "array_union",
    "array_intersect",
    "array_except",
];

/// The operators that compare lists and structs.
const COMPARISONS: [Operator; 8] = [
    Operator::Eq,
    Operator::NotEq,
    Operator::Lt,
    Operator::LtEq,
    Operator::Gt,
    Operator::GtEq,
    Operator::IsDistinctFrom,
    Operator::IsNotDistinctFrom,
];

/// Writes what compares by bits so that both zeros are one.
fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_floating = |expr: &Expr| Ok::<_, DataFusionError>(expr.get_type(schema)?.is_floating());
    let holds = |expr: &Expr| expr.get_type(schema).is_ok_and(|found| holds_floats(&found));
    let one = |expr: &mut Expr| *expr = ONE_ZERO.call(vec![std::mem::take(expr)]);
    Ok(match expr {
        Expr::Case(mut case) if case.expr.as_deref().is_some_and(|value| is_floating(value).unwrap_or(false)) => {
            case.expr.iter_mut().for_each(|value| one(value));
            case.when_then_expr.iter_mut().for_each(|(when, _)| one(when));
            Transformed::yes(Expr::Case(case))
        }
        Expr::InList(mut list) if holds(&list.expr) && list.list.iter().any(may_be_zero) => {
            one(&mut list.expr);
            list.list.iter_mut().for_each(one);
            Transformed::yes(Expr::InList(list))
        }
        Expr::BinaryExpr(mut binary)
            if COMPARISONS.contains(&binary.op) && holds(&binary.left) && !is_floating(&binary.left)? =>
        {
            one(&mut binary.left);
            one(&mut binary.right);
            Transformed::yes(Expr::BinaryExpr(binary))
        }
        Expr::AggregateFunction(mut call) => {
            let is_distinct = call.params.distinct && call.params.args.first().is_some_and(holds);
            if is_distinct {
                one(&mut call.params.args[0]);
            }
            // The last key decides between no others.
            let last = call.params.order_by.len().saturating_sub(1);
            let mut keys = call.params.order_by.iter_mut().enumerate();
            let keys = keys.by_ref().filter(|(place, key)| (is_distinct || *place < last) && holds(&key.expr));
            let changed = keys.map(|(_, key)| one(&mut key.expr)).count() > 0;
            Transformed::new_transformed(Expr::AggregateFunction(call), is_distinct || changed)
        }
        Expr::InSubquery(mut member) if holds_nested(&member.expr, schema) => {
            one(&mut member.expr);
            let inner = Arc::unwrap_or_clone(member.subquery.subquery);
            let columns = inner.schema().columns().into_iter().map(|column| named(Expr::Column(column)));
            let columns: Vec<Expr> = columns.collect();
            member.subquery.subquery = LogicalPlanBuilder::from(inner).project(columns)?.build()?.into();
            Transformed::yes(Expr::InSubquery(member))
        }
        Expr::ScalarFunction(mut call) if OF_LISTS.contains(&call.func.name()) && call.args.iter().any(holds) => {
            call.args.iter_mut().filter(|argument| holds(argument)).for_each(one);
            Transformed::yes(Expr::ScalarFunction(call))
        }
        Expr::ScalarFunction(call) if call.func.name() == "nullif" => match <[Expr; 2]>::try_from(call.args) {
            Ok([value, other]) if is_floating(&value)? && is_floating(&other)? => {
                let null = lit(ScalarValue::try_from(&value.get_type(schema)?)?);
                Transformed::yes(when(value.clone().eq(other), null).otherwise(value)?)
            }
            Ok(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func: call.func, args: args.into() })),
            Err(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func: call.func, args })),
        },
        expr => Transformed::no(expr),
    })
}

/// Writes what takes rows with equal lists or structs as one, or joins them.
fn matched(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            if !aggregate
                .group_expr
                .iter()
                .any(|key| key.exists(|part| Ok(holds_nested(part, schema))).unwrap_or(false))
            {
                return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
            }
            let key = |key: Expr| if holds_nested(&key, schema) { named(key) } else { key };
            let keys = aggregate.group_expr.into_iter().map(|group| match group {
                Expr::GroupingSet(sets) => Expr::GroupingSet(match sets {
                    GroupingSet::Rollup(keys) => GroupingSet::Rollup(keys.into_iter().map(key).collect()),
                    GroupingSet::Cube(keys) => GroupingSet::Cube(keys.into_iter().map(key).collect()),
                    GroupingSet::GroupingSets(sets) => GroupingSet::GroupingSets(
                        sets.into_iter().map(|keys| keys.into_iter().map(key).collect()).collect(),
                    ),
                }),
                group => key(group),
            });
            let keys = keys.collect();
            Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(
                Arc::clone(&aggregate.input),
                keys,
                aggregate.aggr_expr,
            )?))
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let schema = input.schema();
            if !schema.fields().iter().any(|field| is_nested(field.data_type())) {
                return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::All(input))));
            }
            let column = |column| {
                let column = Expr::Column(column);
                if holds_nested(&column, schema) { named(column) } else { column }
            };
            let columns: Vec<Expr> = schema.columns().into_iter().map(column).collect();
            let input = LogicalPlanBuilder::new_from_arc(input).project(columns)?.build()?;
            Transformed::yes(LogicalPlan::Distinct(Distinct::All(input.into())))
        }
        LogicalPlan::Distinct(Distinct::On(mut on)) => {
            let schema = Arc::clone(on.input.schema());
            let mut changed = false;
            let keys = on.sort_expr.iter_mut().flatten().map(|sort| &mut sort.expr);
            for key in on.on_expr.iter_mut().chain(keys) {
                if holds_floats(&key.get_type(&schema)?) {
                    *key = ONE_ZERO.call(vec![std::mem::take(key)]);
                    changed = true;
                }
            }
            Transformed::new_transformed(LogicalPlan::Distinct(Distinct::On(on)), changed)
        }
        LogicalPlan::Join(mut join) => {
            let mut changed = false;
            for (left, right) in &mut join.on {
                if holds_nested(left, join.left.schema()) {
                    *left = ONE_ZERO.call(vec![std::mem::take(left)]);
                    *right = ONE_ZERO.call(vec![std::mem::take(right)]);
                    // USING wants columns; what it says of names has been done.
                    join.join_constraint = JoinConstraint::On;
                    changed = true;
                }
            }
            Transformed::new_transformed(LogicalPlan::Join(join), changed)
        }
        plan => Transformed::no(plan),
    })
}

fn holds_nested(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|found| is_nested(&found))
}

/// Returns whether a type is a list or a struct that holds floating-point numbers; the engine groups and joins plain ones rightly.
fn is_nested(data_type: &DataType) -> bool {
    holds_floats(data_type) && !data_type.is_floating()
}

/// Returns an expression with one zero, under its own name.
fn named(expr: Expr) -> Expr {
    let (table, name) = expr.qualified_name();
    ONE_ZERO.call(vec![expr.unalias()]).alias_qualified(table, name)
}

/// Returns whether an element of an IN list may have equals with other bits.
fn may_be_zero(element: &Expr) -> bool {
    match element {
        Expr::Literal(ScalarValue::Float64(value), _) => value.is_some_and(|value| value == 0.0 || value.is_nan()),
        Expr::Literal(ScalarValue::Float32(value), _) => value.is_some_and(|value| value == 0.0 || value.is_nan()),
        _ => true,
    }
}

static ONE_ZERO: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Function { signature: Signature::any(1, Volatility::Immutable) }))
});

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![ONE_ZERO.as_ref().clone()]
}

/// Returns the same number, with one zero and one NaN.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        "squall_one_zero"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values = args.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(one_zero(&values[0])))
    }
}
