//! From the syntax tree of an ASOF JOIN to the logical plan.
//!
//! The engine's planner asks for help only with what stands in FROM by itself. So [`nest`] puts each ASOF JOIN, with everything
//! to its left, in parentheses, and [`AsofRelations`] plans what stands in them.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr_rewriter::normalize_col_with_schemas_and_ambiguity_check;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};
use datafusion::sql::sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint, JoinOperator, Select, Statement,
    TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::node::{AsofJoin, Kind, Match, Sides};
use super::syntax::CALL;
use crate::error::Refused;

/// Puts each ASOF JOIN of a statement in parentheses, together with what stands to its left.
pub fn nest(statement: &mut Statement) {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Nester);
}

struct Nester;

impl VisitorMut for Nester {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.from.iter_mut().for_each(|from| nest_joins(from, 0));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = table {
            // The last join of what stands in parentheses is where it should be.
            nest_joins(table_with_joins, 1);
        }
        ControlFlow::Continue(())
    }
}

fn nest_joins(from: &mut TableWithJoins, kept: usize) {
    let end = from.joins.len().saturating_sub(kept);
    let Some(last) = from.joins[..end].iter().rposition(is_asof) else { return };
    let rest = from.joins.split_off(last + 1);
    let nested = std::mem::replace(
        from,
        TableWithJoins {
            relation: TableFactor::UNNEST {
                alias: None,
                array_exprs: Vec::new(),
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: false,
            },
            joins: rest,
        },
    );
    from.relation = TableFactor::NestedJoin { table_with_joins: Box::new(nested), alias: None };
}

fn is_asof(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::AsOf { .. })
}

/// Plans the joins in parentheses that end with an ASOF JOIN.
#[derive(Debug)]
pub struct AsofRelations;

impl RelationPlanner for AsofRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::NestedJoin { mut table_with_joins, alias } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let Some(join) = table_with_joins.joins.pop_if(|join| is_asof(join)) else {
            return Ok(RelationPlanning::Original(Box::new(TableFactor::NestedJoin { table_with_joins, alias })));
        };
        let JoinOperator::AsOf { match_condition, constraint } = join.join_operator else {
            return Err(refuse("an ASOF JOIN has no condition", "write ASOF JOIN t ON a.k = t.k AND a.ts >= t.ts"));
        };
        let left = match table_with_joins.joins.is_empty() {
            true => context.plan(table_with_joins.relation)?,
            false => context.plan(TableFactor::NestedJoin { table_with_joins, alias: None })?,
        };
        let right = context.plan(join.relation)?;
        let plan = planned(left, right, match_condition, constraint, context)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn planned(
    left: LogicalPlan,
    right: LogicalPlan,
    matching: ast::Expr,
    constraint: JoinConstraint,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let (kind, tolerance, condition) = of_call(matching)?;
    let schema = left.schema().join(right.schema())?;
    let sides = Sides { left: Arc::clone(left.schema()), right: Arc::clone(right.schema()) };
    let expression = |expression: ast::Expr, context: &mut dyn RelationPlannerContext| -> Result<Expr> {
        let planned = context.sql_to_expr(expression, &schema)?;
        normalize_col_with_schemas_and_ambiguity_check(planned, &[&[&sides.left, &sides.right]], &[])
    };
    let mut parts = Parts::default();
    if let Some(condition) = condition {
        let condition = expression(condition, context)?;
        if !parts.take(condition.clone(), &sides)? || parts.time.is_none() {
            return Err(refuse(
                format!("MATCH_CONDITION ({condition}) is not one comparison"),
                "write MATCH_CONDITION (a.ts >= b.ts), or with >, <= or <",
            ));
        }
    }
    let mut merged = Vec::new();
    match constraint {
        JoinConstraint::On(condition) => {
            for part in split_conjunction_owned(expression(condition, context)?) {
                if !parts.take(part.clone(), &sides)? {
                    return Err(refuse(
                        format!("an ASOF JOIN cannot have the condition {part}"),
                        "write equalities and one of >=, >, <=, < between the two tables; other conditions go to a subquery or to WHERE",
                    ));
                }
            }
        }
        JoinConstraint::Using(columns) => {
            for name in columns {
                let name = name.0.last().and_then(|part| part.as_ident()).cloned();
                merged.extend(name.map(|name| context.normalize_ident(name)));
            }
            let last = if parts.time.is_none() { merged.len().checked_sub(1) } else { None };
            for (index, name) in merged.iter().enumerate() {
                let both = [&left, &right].map(|side| side.schema().qualified_field_with_unqualified_name(name));
                let [one, other] = both.map(|found| found.map(|(table, field)| Expr::Column((table, field).into())));
                let operator = if Some(index) == last { Operator::GtEq } else { Operator::Eq };
                parts.take(binary_expr(one?, operator, other?), &sides)?;
            }
        }
        JoinConstraint::None => {}
        JoinConstraint::Natural => {
            return Err(refuse("an ASOF JOIN cannot be NATURAL", "write USING (k, ts); the last column is the time"));
        }
    }
    let Some(time) = parts.time else {
        return Err(refuse("an ASOF JOIN needs one comparison of times", "add it to ON, such as a.ts >= b.ts"));
    };
    let within = match tolerance {
        Some(tolerance) => Some(time.within(expression(tolerance, context)?)),
        None => None,
    };
    let plan = AsofJoin::new(left, right, parts.on, time, within, kind)?.into_plan();
    if merged.is_empty() {
        return Ok(plan);
    }
    // Columns of USING are there once, with the left row's value.
    let width = plan.schema().fields().len();
    let is_merged =
        |index: usize, name: &str| index >= sides.left.fields().len() && merged.iter().any(|one| one == name);
    let kept = (0..width).map(|index| plan.schema().qualified_field(index)).enumerate();
    let kept = kept.filter(|(index, (_, field))| !is_merged(*index, field.name()));
    let kept: Vec<Expr> = kept.map(|(_, (table, field))| Expr::Column((table, field).into())).collect();
    LogicalPlanBuilder::from(plan).project(kept)?.build()
}

/// Takes apart the call that stands for the words of the join.
fn of_call(matching: ast::Expr) -> Result<(Kind, Option<ast::Expr>, Option<ast::Expr>)> {
    let ast::Expr::Function(call) = matching else { return Ok((Kind::Left, None, Some(matching))) };
    let FunctionArguments::List(list) = &call.args else {
        return Ok((Kind::Left, None, Some(ast::Expr::Function(call))));
    };
    if !call.name.to_string().eq_ignore_ascii_case(CALL) {
        return Ok((Kind::Left, None, Some(ast::Expr::Function(call))));
    }
    let mut values = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    let kind = match values.next() {
        Some(ast::Expr::Value(value)) if value.value.clone().into_string().as_deref() == Some("inner") => Kind::Inner,
        _ => Kind::Left,
    };
    let tolerance = values.next().filter(|value| !is_null(value));
    Ok((kind, tolerance, values.next()))
}

fn is_null(value: &ast::Expr) -> bool {
    matches!(value, ast::Expr::Value(value) if value.value == ast::Value::Null)
}

/// The parts of a join's condition.
#[derive(Default)]
struct Parts {
    on: Vec<(Expr, Expr)>,
    time: Option<Match>,
}

impl Parts {
    /// Takes one comparison between the two sides; returns whether it is one that the join has a place for.
    fn take(&mut self, part: Expr, sides: &Sides) -> Result<bool> {
        let Some(Match { left, operator, right }) = sides.compared(part) else { return Ok(false) };
        match operator {
            Operator::Eq => self.on.push((left, right)),
            Operator::GtEq | Operator::Gt | Operator::LtEq | Operator::Lt => {
                if let Some(known) = &self.time {
                    return Err(refuse(
                        format!(
                            "an ASOF JOIN has one comparison of times, and this one has two: {known} and {left} {operator} {right}"
                        ),
                        "write one, and the other condition in WHERE",
                    ));
                }
                for (side, schema) in [(&left, &sides.left), (&right, &sides.right)] {
                    let kind = side.get_type(schema.as_ref())?;
                    if !super::keys::is_time(&kind) {
                        return Err(refuse(
                            format!("an ASOF JOIN cannot compare {side}, which is {kind}"),
                            "compare times, dates or numbers; a DECIMAL needs a cast to DOUBLE or BIGINT",
                        ));
                    }
                }
                self.time = Some(Match { left, operator, right });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn refuse(message: impl Into<String>, hint: &str) -> DataFusionError {
    DataFusionError::External(Box::new(Refused { message: message.into(), hint: Some(hint.into()) }))
}
