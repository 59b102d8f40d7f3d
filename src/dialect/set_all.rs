//! `INTERSECT ALL` and `EXCEPT ALL`.
//!
//! The engine looks only whether the other side has a row, not how often. In: such a set operation. Out: the operation without ALL over
//! rows that are numbered among their equals, without the numbers.

use datafusion::sql::sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope};
use crate::error::Refused;
use crate::text::identifier;

/// The words' entry in the list.
pub const NEED: Need = Need { asks, write };

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Query(query) = part else { return None };
    let SetExpr::SetOperation { left, .. } = found(&query.body)? else { return None };
    // The query's own WITH is seen by its sides.
    let mut side = Query::clone(query);
    side.body = left.clone();
    side.order_by = None;
    side.limit_clause = None;
    Some(vec![Ask { query: scope.around(side), rows: false }])
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let (Part::Query(query), [answer]) = (part, answers) else { return Ok(()) };
    let Some(operation) = found_mut(&mut query.body) else { return Ok(()) };
    let SetExpr::SetOperation { op, left, right, .. } = operation else { return Ok(()) };
    let names: Vec<String> = (0..answer.columns.len()).map(|index| format!("squall_column_{index}")).collect();
    let columns = names.join(", ");
    let numbered = |side: &SetExpr| {
        format!(
            "SELECT {columns}, row_number() OVER (PARTITION BY {columns}) AS squall_number FROM ({side}) AS side ({columns})"
        )
    };
    let named =
        names.iter().zip(&answer.columns).map(|(column, (_, name))| format!("{column} AS {}", identifier(name)));
    let text = format!(
        "SELECT {} FROM ({} {op} {}) AS both",
        named.collect::<Vec<_>>().join(", "),
        numbered(left),
        numbered(right)
    );
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut parser| parser.parse_query());
    let written = parsed.map_err(|error| Refused { message: format!("{op} ALL: {error}"), hint: None })?;
    *operation = *written.body;
    Ok(())
}

fn is_all(body: &SetExpr) -> bool {
    matches!(
        body,
        SetExpr::SetOperation {
            op: SetOperator::Intersect | SetOperator::Except | SetOperator::Minus,
            set_quantifier: SetQuantifier::All,
            ..
        }
    )
}

/// Returns the innermost such operation on the left, then on the right. Subqueries are parts of their own.
fn found(body: &SetExpr) -> Option<&SetExpr> {
    let SetExpr::SetOperation { left, right, .. } = body else { return None };
    found(left).or_else(|| found(right)).or_else(|| is_all(body).then_some(body))
}

fn found_mut(body: &mut SetExpr) -> Option<&mut SetExpr> {
    let here = is_all(body);
    let (in_left, in_right) = match body {
        SetExpr::SetOperation { left, right, .. } => (found(left).is_some(), found(right).is_some()),
        _ => return None,
    };
    match (in_left, in_right, body) {
        (true, _, SetExpr::SetOperation { left, .. }) => found_mut(left),
        (_, true, SetExpr::SetOperation { right, .. }) => found_mut(right),
        (_, _, body) => here.then_some(body),
    }
}
