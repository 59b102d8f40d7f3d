//! Joins: the times of the two sides, and which of their rows meet.

use std::collections::BTreeSet;

use datafusion::common::{JoinType, NullEquality, Result};
use datafusion::logical_expr::{BinaryExpr, Expr, Join, Operator};

use super::condition::Limit;
use super::expression::{Input, chain};
use super::need::{Need, either};
use super::plan::{Walk, fixed, position};
use super::relation::{Column, Deps, Fault, Relation, Spot};
use super::steps::meets_one_product;
use super::times::{Bound, Span};
use crate::asof::AsofJoin;
use crate::pipeline::Kind;

impl Walk<'_> {
    pub fn join(&mut self, join: &Join) -> Result<Relation> {
        let first = self.times.count();
        let mut left = self.relation(&join.left)?;
        let set = set_operation(join).map(|word| {
            let how = format!("{word} compares with rows that may be later than the row itself");
            self.cause(Spot::Keyword(word), how)
        });
        if let Some(cause) = &set {
            self.times.name_since(first, cause);
        }
        let second = self.times.count();
        // A lateral join reads the left side's columns.
        self.outer.push((join.left.schema().as_ref().clone(), left.clone()));
        let right = self.relation(&join.right);
        self.outer.pop();
        let mut right = right?;
        if let Some(cause) = &set {
            self.times.name_since(second, cause);
        }
        self.times.join_since(first);

        let scope = match join.join_type {
            JoinType::Inner => {
                self.times.merge(left.scope, right.scope);
                left.scope
            }
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                self.times.nest(right.scope, left.scope);
                left.scope
            }
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                self.times.nest(left.scope, right.scope);
                right.scope
            }
            JoinType::Full => {
                let either = self.times.scope();
                self.times.nest(left.scope, either);
                self.times.nest(right.scope, either);
                either
            }
        };
        // The condition of an outer join says nothing about rows that find no match.
        let conditional: Vec<usize> = match join.join_type {
            JoinType::Inner => vec![left.scope],
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => vec![right.scope],
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => vec![left.scope],
            JoinType::Full => vec![left.scope, right.scope],
        };

        let schema = join.left.schema().join(join.right.schema())?;
        let width = left.columns.len();
        let parts = join.filter.iter().filter(|_| join.join_type == JoinType::Inner);
        for column in parts.flat_map(|filter| fixed(filter, &schema)) {
            match column.checked_sub(width) {
                None => left.constants.insert(column),
                Some(column) => right.constants.insert(column),
            };
        }
        let mut both = Relation::constant([left.columns.clone(), right.columns.clone()].concat(), scope);
        let input = Input { schema: &schema, relation: &both };
        let mut condition = Deps::default();
        let mut limits: Vec<Limit> = Vec::new();
        let mut pairs = Vec::new();
        let mut follows = true;
        let filters = || join.filter.iter().flat_map(|filter| chain(filter, Operator::And));
        let equal = filters().filter_map(|part| match part {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
            _ => None,
        });
        let equal = equal.chain(join.on.iter().map(|(one, other)| (one, other)));
        let one_product = meets_one_product(&left, &right, equal, input);
        let on = join.on.iter().map(|(one, other)| {
            Expr::BinaryExpr(BinaryExpr::new(one.clone().into(), Operator::Eq, other.clone().into()))
        });
        for part in on.collect::<Vec<_>>().iter().chain(filters()) {
            let places = if one_product { self.compared_places(part, input)? } else { Vec::new() };
            let is_followed = self.conjunct(part, input, &mut condition, &mut limits, &mut pairs)?;
            follows &= is_followed || !places.is_empty();
            limits.extend(places);
        }
        let parts = join.filter.iter().flat_map(|filter| chain(filter, Operator::And));
        let equal = join.on.iter().flat_map(|(one, other)| [one, other]);
        let mut condition_need = Some(Need::default());
        for part in parts.chain(equal) {
            condition_need = either(condition_need, &self.need(part, input)?);
        }
        let local = self.joined_locally([&left, &right], join, &pairs, condition_need);
        for limit in limits {
            for scope in &conditional {
                self.keep(vec![limit], *scope);
            }
        }
        let known = self.relates(&left, &right);
        if !follows && !known.contains(&true) {
            // The condition may say anything. What the header allows then counts as the row's own time.
            let how = "the condition of a join compares values made of times in a way that squall does not follow";
            let fault = Fault::Unknown(self.cause(Spot::Keyword("JOIN"), how));
            for column in &mut both.columns {
                column.deps.faults.insert(fault.clone());
            }
            condition.faults.insert(fault);
            if let Some((one, other)) = left.main.zip(right.main) {
                self.times.place(one, other, Span::OWN);
            }
        } else if !follows && known.contains(&false) && self.project.queries[self.query].kind == Kind::Label {
            let how = "the condition of a join compares values made of times in a way that squall does not follow";
            condition.faults.insert(Fault::Unknown(self.cause(Spot::Keyword("JOIN"), how)));
        }

        both.local = local;

        let left_rows = self.known_rows(&left, &right, &pairs, 0);
        let right_rows = self.known_rows(&right, &left, &pairs, width);
        // Whether there is a match decides which columns are NULL.
        let (left_optional, right_optional) = match join.join_type {
            JoinType::Left => (false, true),
            JoinType::Right => (true, false),
            JoinType::Full => (true, true),
            _ => (false, false),
        };
        for (index, column) in both.columns.iter_mut().enumerate() {
            let (optional, side) =
                if index < width { (left_optional, &left_rows) } else { (right_optional, &right_rows) };
            if optional {
                column.deps.union(side);
                column.deps.union(&condition);
                column.need = either(column.need.take(), &both.local.rows);
            }
        }
        both.rows = left_rows;
        both.rows.union(&right_rows);
        both.rows.union(&condition);
        both.main = match join.join_type {
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                right.main.or(left.main)
            }
            _ => left.main.or(right.main),
        };
        both.keys = keys(&left, &right, width, &pairs);
        // Where a side has no match, its columns are NULL.
        if !matches!(join.join_type, JoinType::Right | JoinType::Full) {
            both.constants.clone_from(&left.constants);
        }
        if !matches!(join.join_type, JoinType::Left | JoinType::Full) {
            both.constants.extend(right.constants.iter().map(|column| column + width));
        }

        if let (JoinType::Inner | JoinType::Left, Some((name, all))) = (join.join_type, &left.table) {
            both.table = Some((name.clone(), *all && join.join_type == JoinType::Left));
        }

        let kept: Vec<usize> = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => return Ok(both),
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (0..width).collect(),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (width..both.columns.len()).collect(),
        };
        let mut columns: Vec<Column> = kept.iter().map(|column| both.columns[*column].clone()).collect();
        let mut from: Vec<Option<usize>> = kept.into_iter().map(Some).collect();
        if columns.len() < join.schema.fields().len() {
            let (deps, need) = (both.rows.clone(), both.local.rows.clone());
            columns.push(Column { deps, need, ..Column::default() });
            from.push(None);
        }
        both.keys = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left.keys.clone(),
            _ => right.keys.iter().map(|key| key.iter().map(|column| column + width).collect()).collect(),
        };
        Ok(both.remapped(columns, &from))
    }

    /// An ASOF JOIN chooses one of the right rows that a join with the same condition meets. Which one it is depends on the others.
    pub fn newest(&mut self, join: &AsofJoin) -> Result<Relation> {
        let width = join.left.schema().fields().len();
        let mut rows = self.join(&join.as_join())?;
        for key in &mut rows.keys {
            // No left row comes twice.
            key.retain(|column| *column < width);
        }
        rows.keys.retain(|key| !key.is_empty());
        Ok(rows)
    }

    /// Reads one part of a join's condition; returns whether it is followed, if it compares times.
    fn conjunct(
        &mut self,
        part: &Expr,
        input: Input<'_>,
        condition: &mut Deps,
        limits: &mut Vec<Limit>,
        pairs: &mut Vec<(usize, usize)>,
    ) -> Result<bool> {
        let value = self.value(part, input)?;
        condition.union(&value.deps);
        let found = self.limits(part, input)?;
        if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = part {
            pairs.extend(position(left, input.schema).zip(position(right, input.schema)));
        }
        let follows = !found.is_empty() || !value.made_of_time;
        limits.extend(found);
        Ok(follows)
    }

    /// Returns on what it depends which rows of a side there are. If they are groups by an interval of time, and the other side's
    /// row has the same key and lies in the same interval, that row shows that the group exists.
    fn known_rows(&self, own: &Relation, other: &Relation, pairs: &[(usize, usize)], offset: usize) -> Deps {
        let (Some(start), Some(time)) = (own.main, other.main) else { return own.rows.clone() };
        let paired = |column: &usize| pairs.iter().any(|(one, two)| [*one, *two].contains(&(column + offset)));
        let has_time = |column: &usize| own.columns[*column].instant().is_some();
        let same_table = own.grouped.is_some() && own.grouped.as_ref() == other.table.as_ref().map(|(name, _)| name);
        let same_key = own.keys.iter().any(|key| key.iter().all(|column| has_time(column) || paired(column)));
        let mut rows = own.rows.clone();
        if same_table && same_key && self.times.starts_interval_of(start, time) {
            rows.sources.retain(|var, _| !own.members.contains(var));
        }
        rows
    }

    /// Returns whether it is known how much later the right side's rows can be than the left side's, and the other way round. That both
    /// lie in a fixed period says nothing about their join.
    fn relates(&self, left: &Relation, right: &Relation) -> [bool; 2] {
        match (left.main, right.main) {
            (Some(one), Some(other)) => [(one, other), (other, one)].map(|(from, to)| {
                let through = |fixed| self.times.upper(from, fixed).plus(self.times.upper(fixed, to));
                let bound = self.times.upper(from, to);
                bound != Bound::Unbounded && self.times.known_origin().map(through) != Some(bound)
            }),
            _ => [false, false],
        }
    }
}

/// Returns the keyword if the join stands for EXCEPT or INTERSECT: only these take two NULLs for equal.
fn set_operation(join: &Join) -> Option<&'static str> {
    match (join.null_equality, join.join_type) {
        (NullEquality::NullEqualsNull, JoinType::LeftSemi) => Some("INTERSECT"),
        (NullEquality::NullEqualsNull, JoinType::LeftAnti) => Some("EXCEPT"),
        _ => None,
    }
}

/// Returns what identifies a row of the join: one side's key if each of its rows meets at most one row of the other.
fn keys(left: &Relation, right: &Relation, width: usize, pairs: &[(usize, usize)]) -> Vec<BTreeSet<usize>> {
    let paired: BTreeSet<usize> = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
    let shifted = |key: &BTreeSet<usize>| key.iter().map(|column| column + width).collect::<BTreeSet<usize>>();
    let meets_one = |key: &BTreeSet<usize>, constants: &BTreeSet<usize>, offset: usize| {
        key.iter().all(|column| paired.contains(&(column + offset)) || constants.contains(column))
    };
    let mut keys = Vec::new();
    if right.keys.iter().any(|key| meets_one(key, &right.constants, width)) {
        keys.extend(left.keys.iter().cloned());
    }
    if left.keys.iter().any(|key| meets_one(key, &left.constants, 0)) {
        keys.extend(right.keys.iter().map(shifted));
    }
    if keys.is_empty() {
        for key in &left.keys {
            keys.extend(right.keys.iter().map(|other| key.union(&shifted(other)).copied().collect()));
        }
    }
    keys
}
