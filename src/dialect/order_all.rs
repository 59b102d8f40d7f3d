//! `ORDER BY ALL`: by every column of the result, from left to right.

use datafusion::sql::sqlparser::ast::{Expr, OrderByExpr, OrderByKind, Query, Value};

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope};
use crate::error::Refused;

/// The word's entry in the list.
pub const NEED: Need = Need { asks, write };

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Query(query) = part else { return None };
    all(query)?;
    let mut whole = Query::clone(query);
    whole.order_by = None;
    whole.limit_clause = None;
    Some(vec![Ask { query: scope.around(whole), rows: false }])
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let (Part::Query(query), [answer]) = (part, answers) else { return Ok(()) };
    let Some(all) = all(query).cloned() else { return Ok(()) };
    if let Some(order) = &mut query.order_by {
        let numbers = (1..=answer.columns.len()).map(|number| OrderByExpr {
            expr: Expr::Value(Value::Number(number.to_string(), false).into()),
            ..all.clone()
        });
        order.kind = OrderByKind::Expressions(numbers.collect());
    }
    Ok(())
}

/// Returns the word ALL of an ORDER BY, which the parser reads as a column's name.
fn all(query: &Query) -> Option<&OrderByExpr> {
    let OrderByKind::Expressions(expressions) = &query.order_by.as_ref()?.kind else { return None };
    let [only] = expressions.as_slice() else { return None };
    let Expr::Identifier(name) = &only.expr else { return None };
    (name.quote_style.is_none() && name.value.eq_ignore_ascii_case("ALL")).then_some(only)
}
