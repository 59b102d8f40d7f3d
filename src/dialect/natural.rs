//! NATURAL JOIN.
//!
//! The engine does not know the shared columns of a natural join in WHERE, and takes those of an outer one from the wrong table. In: a
//! SELECT. Out: the same SELECT with USING, which names the columns.

use datafusion::sql::sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Select, TableFactor, TableWithJoins,
};

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use crate::error::Refused;

/// The word's entry in the list.
pub const NEED: Need = Need { asks, write };

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Select(select) = part else { return None };
    let from = select.from.iter().find(|from| natural(from).is_some())?;
    let columns_of = |relation: &TableFactor| {
        let from = TableWithJoins { relation: relation.clone(), joins: Vec::new() };
        Ask { query: scope.query(everything(vec![from])), rows: false }
    };
    let end = natural(from)?;
    let left = from.joins[..end].iter().map(|join| &join.relation);
    let relations = std::iter::once(&from.relation).chain(left).chain([&from.joins[end].relation]);
    Some(relations.map(columns_of).collect())
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let (Part::Select(Select { from, .. }), [left @ .., right]) = (part, answers) else { return Ok(()) };
    let Some(from) = from.iter_mut().find(|from| natural(from).is_some()) else { return Ok(()) };
    let mut shared: Vec<&str> = Vec::new();
    for (_, name) in left.iter().flat_map(|answer| &answer.columns) {
        if right.columns.iter().any(|(_, other)| other == name) && !shared.contains(&name.as_str()) {
            shared.push(name);
        }
    }
    let Some(join) = natural(from).map(|at| &mut from.joins[at]) else { return Ok(()) };
    if shared.is_empty() {
        return Err(Refused {
            message: format!("NATURAL JOIN: `{}` has no column that the tables before it have", join.relation),
            hint: Some("write CROSS JOIN, or JOIN … ON …".into()),
        });
    }
    let named = |name: &&str| ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', *name))]);
    if let Some(constraint) = constraint(join) {
        *constraint = JoinConstraint::Using(shared.iter().map(named).collect());
    }
    Ok(())
}

/// Returns the place of the first natural join.
fn natural(from: &TableWithJoins) -> Option<usize> {
    from.joins
        .iter()
        .position(|join| constraint(&mut join.clone()).is_some_and(|found| *found == JoinConstraint::Natural))
}

fn constraint(join: &mut Join) -> Option<&mut JoinConstraint> {
    match &mut join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}
