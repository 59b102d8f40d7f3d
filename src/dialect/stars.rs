//! `*` beside other columns of the same names.
//!
//! The engine refuses `SELECT *, a` and `SELECT *, a * 2 AS a`, and cannot read a table or a view made of `SELECT *` of two tables with a column
//! of one name. In: such a statement. Out: the same statement with columns in the place of `*`, so that names that come twice can be numbered.

use std::collections::HashSet;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Select, SelectItem, SelectItemQualifiedWildcardKind};

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use super::using::is_plain;
use crate::error::Refused;

/// What writes out the stars.
pub const NEED: Need = Need { asks, write };

/// Returns whether an error may be gone once stars are written out.
pub fn may_help(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => matches!(
            error.as_ref(),
            SchemaError::DuplicateQualifiedField { .. }
                | SchemaError::DuplicateUnqualifiedField { .. }
                | SchemaError::AmbiguousReference { .. }
        ),
        // The engine has no type for this error.
        DataFusionError::Plan(message) => message.contains("unique expression names"),
        _ => false,
    }
}

/// Returns whether a plan makes a table or a view in which two columns have one name.
pub fn must_help(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Ddl(statement) = plan else { return false };
    let input = match statement {
        DdlStatement::CreateMemoryTable(create) => &create.input,
        DdlStatement::CreateView(create) => &create.input,
        _ => return false,
    };
    let mut names = HashSet::new();
    !input.schema().fields().iter().all(|field| names.insert(field.name()))
}

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Select(select) = part else { return None };
    let joins = select.from.len() > 1 || select.from.iter().any(|from| !from.joins.is_empty());
    if select.projection.len() < 2 && !joins {
        return None;
    }
    let stars = select.projection.iter().filter(|item| is_star(item));
    let asks: Vec<Ask> = stars
        .map(|star| {
            let all = Select { projection: vec![star.clone()], ..everything(select.from.clone()) };
            Ask { query: scope.query(all), rows: false }
        })
        .collect();
    (!asks.is_empty()).then_some(asks)
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let Part::Select(select) = part else { return Ok(()) };
    let mut answers = answers.iter();
    for item in std::mem::take(&mut select.projection) {
        match answers.as_slice().first().filter(|_| is_star(&item)) {
            Some(answer) => {
                let columns = (0..answer.columns.len()).map(|index| SelectItem::UnnamedExpr(answer.column(index)));
                select.projection.extend(columns);
                answers.next();
            }
            None => select.projection.push(item),
        }
    }
    Ok(())
}

fn is_star(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) => is_plain(options),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), options) => is_plain(options),
        _ => false,
    }
}
