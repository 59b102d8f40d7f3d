//! The columns of USING.
//!
//! For a column that USING names, `*` takes the table whose name comes first in the alphabet, in that table's place. In an outer join,
//! that table's row may be missing. In: a parsed statement. Out: the same statement, in which `*` names the tables and takes such a column
//! from the left one, and in which such a column in WHERE, where the engine does not know it, is the left table's. A right or full join
//! that `using_outer` could not write, and a natural outer one, which would need the tables' columns, are refused.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Statement, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};

use super::identifiers::{folded, replace_names};
use crate::error::Refused;

/// Writes out the star where outer joins have USING.
///
/// # Errors
/// A right, full or natural outer join, or a star over a table without a name.
pub fn write_out(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Writer))
}

struct Writer;

impl VisitorMut for Writer {
    type Break = Refused;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Refused> {
        if select.from.iter().flat_map(|from| &from.joins).any(has_using) {
            name_subqueries(&mut select.from);
        }
        let mut tables = Tables::default();
        for from in &select.from {
            match tables.read(from) {
                Ok(()) => {}
                Err(refused) => return ControlFlow::Break(refused),
            }
        }
        if let Some(condition) = &mut select.selection {
            replace_names(condition, &|name| tables.column(name));
        }
        let can_stay = !tables.has_outer;
        if !tables.has_using || (can_stay && tables.tables.iter().any(|(name, _)| name.is_none())) {
            return ControlFlow::Continue(());
        }
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) if is_plain(&options) => match tables.stars(&options) {
                    Ok(stars) => items.extend(stars),
                    Err(refused) => return ControlFlow::Break(refused),
                },
                SelectItem::Wildcard(_) if !can_stay => {
                    return ControlFlow::Break(refuse(
                        "`*` with REPLACE, RENAME or EXCLUDE is not supported over a left join with USING",
                        "write ON, or name the tables: SELECT a.*, b.x",
                    ));
                }
                other => items.push(other),
            }
        }
        select.projection = items;
        ControlFlow::Continue(())
    }
}

fn has_using(join: &Join) -> bool {
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint) => matches!(constraint, JoinConstraint::Using(_)),
        _ => false,
    }
}

/// Gives the subqueries of a join names, so that `*` can name them.
pub(super) fn name_subqueries(from: &mut [TableWithJoins]) {
    let mut number = 0;
    for from in from.iter_mut().filter(|from| !from.joins.is_empty()) {
        let relations = std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation));
        for relation in relations {
            if let TableFactor::Derived { alias: alias @ None, .. } = relation {
                number += 1;
                let name = Ident::with_quote('"', format!("subquery {number}"));
                *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
            }
        }
    }
}

pub(super) fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_ilike.is_none()
}

/// The tables of a FROM, in order: each with its name, and the columns that it shares with tables before it.
#[derive(Default)]
struct Tables {
    tables: Vec<(Option<ObjectName>, Vec<ObjectName>)>,
    has_using: bool,
    has_outer: bool,
}

impl Tables {
    fn read(&mut self, from: &TableWithJoins) -> Result<(), Refused> {
        self.add(&from.relation, Vec::new())?;
        for join in &from.joins {
            let (constraint, is_left) = match &join.join_operator {
                JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (constraint, false),
                JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                    self.has_outer |= matches!(constraint, JoinConstraint::Using(_));
                    (constraint, true)
                }
                JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint) => {
                    if matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural) {
                        return Err(refuse(
                            "a right or full join with USING is not supported here",
                            "write ON a.k = b.k, and coalesce(a.k, b.k) AS k in SELECT",
                        ));
                    }
                    (constraint, false)
                }
                // A semi or anti join adds no columns.
                JoinOperator::LeftSemi(_)
                | JoinOperator::LeftAnti(_)
                | JoinOperator::Semi(_)
                | JoinOperator::Anti(_) => continue,
                _ => (&JoinConstraint::None, false),
            };
            if is_left && *constraint == JoinConstraint::Natural {
                return Err(refuse("a natural left join is not supported", "write LEFT JOIN … USING (k)"));
            }
            let shared = match constraint {
                JoinConstraint::Using(columns) => {
                    self.has_using = true;
                    columns.clone()
                }
                _ => Vec::new(),
            };
            self.add(&join.relation, shared)?;
        }
        Ok(())
    }

    fn add(&mut self, table: &TableFactor, shared: Vec<ObjectName>) -> Result<(), Refused> {
        let named = |alias: &Ident| ObjectName(vec![ObjectNamePart::Identifier(alias.clone())]);
        let name = match table {
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let first = self.tables.len();
                self.read(table_with_joins)?;
                // The shared columns are in one of the nested tables, and it is not known in which.
                if !shared.is_empty() && self.tables.len() > first + 1 {
                    self.tables.push((None, shared));
                } else if let Some((_, columns)) = self.tables.get_mut(first) {
                    columns.extend(shared);
                }
                return Ok(());
            }
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. } => Some(named(&alias.name)),
            TableFactor::Table { name, .. } => Some(name.clone()),
            _ => None,
        };
        self.tables.push((name, shared));
        Ok(())
    }

    /// Returns a column that USING names as a column of the first table that has it; `None` if it is another one, or if that table cannot
    /// be told.
    fn column(&self, name: &Ident) -> Option<Expr> {
        let has = |columns: &[ObjectName]| {
            columns.iter().filter_map(|column| column.0.last()?.as_ident()).any(|column| folded(column) == folded(name))
        };
        let joined = self.tables.iter().position(|(_, columns)| has(columns))?;
        // With several tables on the left, the right one has the same value, unless its row may be missing.
        let table = match joined {
            1 => &self.tables[0],
            _ if !self.has_outer => &self.tables[joined],
            _ => return None,
        };
        let table = table.0.as_ref()?.0.iter().filter_map(ObjectNamePart::as_ident).cloned();
        Some(Expr::CompoundIdentifier(table.chain([name.clone()]).collect()))
    }

    fn stars(&self, options: &WildcardAdditionalOptions) -> Result<Vec<SelectItem>, Refused> {
        let star = |(name, shared): &(Option<ObjectName>, Vec<ObjectName>)| {
            let Some(name) = name.clone() else {
                return Err(refuse(
                    "`*` over a left join with USING needs a name for each table",
                    "name it: FROM (SELECT …) AS t LEFT JOIN …",
                ));
            };
            let exclude = (!shared.is_empty()).then(|| ExcludeSelectItem::Multiple(shared.clone()));
            let options = WildcardAdditionalOptions { opt_exclude: exclude, ..options.clone() };
            Ok(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options))
        };
        self.tables.iter().map(star).collect()
    }
}

fn refuse(message: &str, hint: &str) -> Refused {
    Refused { message: message.into(), hint: Some(hint.into()) }
}
