//! USING in right and full joins, and beside further joins.
//!
//! A column that USING names is that of whichever table has a row. The engine takes it from one table, where it may be NULL, and does not
//! know whose it is where several joins name it. In: a parsed statement. Out: the same statement with ON, in which the column is `coalesce(a.k, b.k)`. Joins for which the tables that have
//! the column cannot be told from the statement stay, and are refused.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, ExcludeSelectItem, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator,
    NamedWindowExpr, ObjectName, ObjectNamePart, OrderByKind, Query, ReplaceSelectElement, ReplaceSelectItem, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};

use super::calls::call;
use super::identifiers::{folded, replace_names};
use super::using::{is_plain, name_subqueries};
use crate::error::Refused;

/// Writes right and full joins with USING as joins with ON.
pub fn write_on(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(shared) = in_body(&mut query.body) else { return ControlFlow::Continue(()) };
        let SetExpr::Select(select) = query.body.as_ref() else { return ControlFlow::Continue(()) };
        // A column of the result comes before one of a table.
        let hidden =
            shared.into_iter().filter(|column| !select.projection.iter().any(|item| gives(item, &column.name)));
        let hidden: Vec<Shared> = hidden.collect();
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            keys.iter_mut().for_each(|key| replace(&mut key.expr, &hidden));
        }
        ControlFlow::Continue(())
    }
}

/// A column that USING names.
struct Shared {
    name: Ident,
    /// The tables of which one has a value, in order.
    tables: Vec<ObjectName>,
}

impl Shared {
    /// Returns the value of the column.
    fn value(&self) -> Expr {
        let columns: Vec<Expr> = self.tables.iter().map(|table| column(table, &self.name)).collect();
        match <[Expr; 1]>::try_from(columns) {
            Ok([only]) => only,
            Err(columns) => call("coalesce", columns),
        }
    }

    fn is(&self, name: &Ident) -> bool {
        folded(&self.name) == folded(name)
    }
}

/// Rewrites the queries of a body; returns the shared columns if it is one SELECT with such a join.
fn in_body(body: &mut SetExpr) -> Option<Vec<Shared>> {
    match body {
        SetExpr::Select(select) => in_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            in_body(left);
            in_body(right);
            None
        }
        _ => None,
    }
}

fn in_select(select: &mut Select) -> Option<Vec<Shared>> {
    let [from] = select.from.as_slice() else { return None };
    let mut using = from.joins.iter().filter_map(|join| match kind(&join.join_operator) {
        Some((is_outer, JoinConstraint::Using(_))) => Some(is_outer),
        _ => None,
    });
    let is_needed = using.next().is_some_and(|is_outer| is_outer || from.joins.len() > 1 || using.any(|outer| outer));
    if !is_needed {
        return None;
    }
    let stars = select.projection.iter().filter_map(|item| match item {
        SelectItem::Wildcard(options) => Some(options),
        _ => None,
    });
    if !stars.into_iter().all(is_plain) {
        return None;
    }
    let mut from = select.from.clone();
    name_subqueries(&mut from);
    let joined = Joined::read(&mut from[0])?;
    select.from = from;
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(_) => select.projection.extend(joined.stars()),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                let value = joined.shared.iter().find(|shared| shared.is(&name)).map(Shared::value);
                select.projection.push(match value {
                    Some(expr) => SelectItem::ExprWithAlias { expr, alias: name },
                    None => SelectItem::UnnamedExpr(Expr::Identifier(name)),
                });
            }
            mut other => {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = &mut other {
                    replace(expr, &joined.shared);
                }
                select.projection.push(other);
            }
        }
    }
    let conditions = [&mut select.selection, &mut select.having, &mut select.qualify];
    conditions.into_iter().flatten().for_each(|condition| replace(condition, &joined.shared));
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        keys.iter_mut().for_each(|key| replace(key, &joined.shared));
    }
    for window in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
            spec.partition_by.iter_mut().for_each(|key| replace(key, &joined.shared));
            spec.order_by.iter_mut().for_each(|key| replace(&mut key.expr, &joined.shared));
        }
    }
    if let Some(Distinct::On(keys)) = &mut select.distinct {
        keys.iter_mut().for_each(|key| replace(key, &joined.shared));
    }
    Some(joined.shared)
}

/// The tables of a FROM, each with the columns that it shares with tables before it.
struct Joined {
    tables: Vec<(ObjectName, Vec<Ident>)>,
    shared: Vec<Shared>,
}

impl Joined {
    /// Writes the joins with ON; `None` if the tables that have a shared column cannot be told.
    fn read(from: &mut TableWithJoins) -> Option<Joined> {
        let mut joined = Joined { tables: vec![(name(&from.relation)?, Vec::new())], shared: Vec::new() };
        for join in &mut from.joins {
            let table = name(&join.relation)?;
            if let JoinOperator::CrossJoin(JoinConstraint::None) = join.join_operator {
                joined.tables.push((table, Vec::new()));
                continue;
            }
            let (is_outer, constraint) = kind(&join.join_operator)?;
            let columns = match constraint.clone() {
                JoinConstraint::Using(columns) => columns,
                JoinConstraint::On(mut condition) => {
                    replace(&mut condition, &joined.shared);
                    constrain(&mut join.join_operator, JoinConstraint::On(condition));
                    joined.tables.push((table, Vec::new()));
                    continue;
                }
                _ => {
                    joined.tables.push((table, Vec::new()));
                    continue;
                }
            };
            let columns: Vec<Ident> =
                columns.iter().map(|column| column.0.last()?.as_ident().cloned()).collect::<Option<_>>()?;
            let mut condition = None;
            for name in &columns {
                if !joined.shared.iter().any(|shared| shared.is(name)) {
                    let [(first, _)] = joined.tables.as_slice() else { return None };
                    joined.shared.push(Shared { name: name.clone(), tables: vec![first.clone()] });
                }
                let shared = joined.shared.iter_mut().find(|shared| shared.is(name))?;
                let equal = binary(shared.value(), BinaryOperator::Eq, column(&table, name));
                condition = Some(match condition {
                    Some(before) => binary(before, BinaryOperator::And, equal),
                    None => equal,
                });
                if is_outer {
                    shared.tables.push(table.clone());
                }
            }
            constrain(&mut join.join_operator, JoinConstraint::On(condition?));
            joined.tables.push((table, columns));
        }
        Some(joined)
    }

    /// Returns the stars of the tables: the first table's with the values of shared columns, the others without these columns.
    fn stars(&self) -> impl Iterator<Item = SelectItem> {
        self.tables.iter().enumerate().map(|(place, (table, columns))| {
            let mut options = WildcardAdditionalOptions::default();
            let replaced = self.shared.iter().filter(|shared| place == 0 && shared.tables.len() > 1);
            let items: Vec<_> = replaced
                .map(|shared| {
                    Box::new(ReplaceSelectElement {
                        expr: shared.value(),
                        column_name: shared.name.clone(),
                        as_keyword: true,
                    })
                })
                .collect();
            if !items.is_empty() {
                options.opt_replace = Some(ReplaceSelectItem { items });
            }
            if !columns.is_empty() {
                let named = |column: &Ident| ObjectName(vec![ObjectNamePart::Identifier(column.clone())]);
                options.opt_exclude = Some(ExcludeSelectItem::Multiple(columns.iter().map(named).collect()));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table.clone()), options)
        })
    }
}

/// Returns whether a join keeps right rows without a match, and its constraint; `None` for joins that are not written here.
fn kind(operator: &JoinOperator) -> Option<(bool, &JoinConstraint)> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint) => Some((false, constraint)),
        JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some((true, constraint)),
        _ => None,
    }
}

fn constrain(operator: &mut JoinOperator, on: JoinConstraint) {
    if let JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)
    | JoinOperator::Right(constraint)
    | JoinOperator::RightOuter(constraint)
    | JoinOperator::FullOuter(constraint) = operator
    {
        *constraint = on;
    }
}

/// Returns the name by which a query calls a table.
fn name(table: &TableFactor) -> Option<ObjectName> {
    let alias = match table {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. } => alias,
        _ => return None,
    };
    match (alias, table) {
        (Some(alias), _) => Some(ObjectName(vec![ObjectNamePart::Identifier(alias.name.clone())])),
        (None, TableFactor::Table { name, args: None, .. }) => Some(name.clone()),
        _ => None,
    }
}

/// Returns whether an item of SELECT has a column of this name.
fn gives(item: &SelectItem, name: &Ident) -> bool {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => folded(alias) == folded(name),
        SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => true,
        _ => false,
    }
}

/// Puts the values of shared columns in the place of their names.
fn replace(expression: &mut Expr, shared: &[Shared]) {
    replace_names(expression, &|name| shared.iter().find(|shared| shared.is(name)).map(Shared::value));
}

fn column(table: &ObjectName, name: &Ident) -> Expr {
    let table = table.0.iter().filter_map(ObjectNamePart::as_ident).cloned();
    Expr::CompoundIdentifier(table.chain([name.clone()]).collect())
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}
