//! Groups: a group may hold later rows, unless its rows lie close together in time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::expression::{Input, together};
use super::plan::{Walk, position};
use super::relation::{Call, Column, Deps, Fault, Relation, Source, Spot};
use super::times::{Bound, Span, Var};

/// Aggregates that depend on the order of their rows.
const ORDERED: [&str; 6] = ["first_value", "last_value", "nth_value", "array_agg", "string_agg", "any_value"];

impl Walk<'_> {
    pub fn groups(&mut self, aggregate: &Aggregate) -> Result<Relation> {
        let rows = self.relation(&aggregate.input)?;
        let input = Input { schema: aggregate.input.schema(), relation: &rows };
        let several_sets = aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_)));
        let mut columns = Vec::new();
        for group in &aggregate.group_expr {
            match group {
                Expr::GroupingSet(_) => {
                    for part in group_columns(group) {
                        columns.push(Column { time: None, ..self.value(part, input)? });
                    }
                }
                _ => columns.push(self.value(group, input)?),
            }
        }
        let groups = columns.len();
        let local = self.grouped_locally(aggregate, input)?;
        let main = columns.iter().find_map(Column::instant).filter(|_| !several_sets);

        let mut membership = rows.rows.clone();
        membership.union(&together(&columns));
        let cause = match aggregate.aggr_expr.iter().find_map(call_of) {
            Some(call) => {
                let how = format!("`{}` is taken over a group that may hold later rows", call.function);
                self.cause(Spot::Call(call), how)
            }
            None => self.cause(Spot::Keyword("GROUP"), "a group may hold later rows: use a window instead"),
        };
        if main.is_none() || several_sets {
            columns.iter_mut().for_each(|column| column.deps.because(&cause));
        }
        let shared: Vec<Var> = columns.iter().filter_map(Column::instant).filter(|_| !several_sets).collect();
        let mut latest = Vec::new();
        let mut firsts = BTreeMap::new();
        for expression in &aggregate.aggr_expr {
            let first = match aggregate_of(expression).filter(|_| !several_sets) {
                Some(call) => self.first_time(call, &aggregate.group_expr, input, &shared)?,
                None => None,
            };
            let first =
                first.map(|time| (time, *firsts.entry(time).or_insert_with(|| self.first_of(time, input, &shared))));
            let mut column = self.aggregate(expression, input, &shared, first)?;
            column.deps.union(&membership);
            if let Some((time, made)) = first {
                // It is the first because the group has no earlier row, so it depends on those times too.
                let before = shared.iter().map(|shared| self.times.from(made, *shared).before).min();
                let earlier = Span { before: before.unwrap_or(Bound::Unbounded), after: Bound::ZERO };
                column.deps = self.seen_from(made, &column.deps, time, earlier);
            }
            if let Some(call) = call_of(expression) {
                let how = format!("`{}` is taken over a group that may hold later rows", call.function);
                column.deps.because(&self.cause(Spot::Call(call), how));
            }
            if column.time.is_some() {
                latest.push(columns.len());
            }
            columns.push(column);
        }
        // GROUPING SETS add a column that numbers the sets.
        while columns.len() < aggregate.schema.fields().len() {
            columns.push(Column { deps: membership.clone(), ..Column::default() });
        }

        let mut existence = membership;
        existence.because(&cause);
        // A group is there from its first row on.
        let first = firsts.into_iter().next();
        if let Some((time, made)) = first {
            existence = self.seen_from(made, &existence, time, Span::OWN);
        }
        let mut members = BTreeSet::new();
        let grouped = rows.table.clone().filter(|(_, all)| *all && main.is_some()).map(|(name, _)| name);
        if main.is_some() {
            // A row of the group only shows that the group exists: its key is the same for all of them.
            let only_row = |source: &Source| source.span == Span::OWN;
            if grouped.is_some() {
                members.extend(existence.sources.iter().filter(|(_, source)| only_row(source)).map(|(var, _)| *var));
            }
            for key in &mut columns[..groups] {
                key.deps.sources.retain(|_, source| !only_row(source));
            }
        }
        // A later row can join the group, or change its time. In a correlated subquery the group is only what the condition
        // finds for one row.
        let made_up = rows.rows.sources.is_empty() && together(&rows.columns).sources.is_empty();
        if main.is_none() && first.is_none() && !made_up && !is_correlated(&aggregate.input) {
            let any = self.everything(rows.scope, &cause);
            // Rows of a fixed period join the group as long as the period lasts.
            if let (Some(origin), Some(main)) = (self.times.known_origin(), rows.main) {
                let end = self.times.upper(origin, main);
                any.sources.keys().for_each(|var| self.times.limit(origin, *var, end));
            }
            existence.union(&any);
        }
        let scope = self.times.scope();
        match aggregate.group_expr.is_empty() {
            true => self.times.nest(rows.scope, scope),
            false => self.times.merge(scope, rows.scope),
        }
        let mut keys = Vec::new();
        if !several_sets {
            let key: BTreeSet<usize> = (0..groups).collect();
            let bucket = columns[..groups].iter().position(|column| column.instant().is_some());
            for alternative in latest.into_iter().filter(|_| bucket.is_some()) {
                let named = key.iter().copied().filter(|column| Some(*column) != bucket).chain([alternative]);
                keys.push(named.collect());
            }
            keys.push(key);
        }
        let constant = |column: &usize| {
            let old = aggregate.group_expr.get(*column).and_then(|group| position(group, input.schema));
            old.is_some_and(|old| rows.constants.contains(&old))
        };
        let constants = (0..groups).filter(constant).collect();
        let local = self.seen_from_group(local, main.filter(|_| !several_sets), &mut columns);
        let of_group = Relation::constant(columns, scope);
        Ok(Relation { local, rows: existence, main, keys, constants, grouped, members, ..of_group })
    }

    /// If a call takes its value from the first row of a group: returns the time by which that row is the first.
    fn first_time(
        &mut self,
        call: &AggregateFunction,
        groups: &[Expr],
        input: Input<'_>,
        shared: &[Var],
    ) -> Result<Option<Var>> {
        let params = &call.params;
        if params.filter.is_some() || params.null_treatment == Some(NullTreatment::IgnoreNulls) {
            return Ok(None);
        }
        let ascending = match call.func.name() {
            "min" => {
                let Some(argument) = params.args.first() else { return Ok(None) };
                let time = self.value(argument, input)?.time;
                return Ok(time.filter(|time| self.is_there(*time, input)));
            }
            "first_value" => true,
            "last_value" => false,
            _ => return Ok(None),
        };
        for key in &params.order_by {
            // All rows of a group agree on what it is grouped by.
            let column = position(&key.expr, input.schema).filter(|column| input.relation.constants.contains(column));
            if groups.contains(&key.expr) || column.is_some() {
                continue;
            }
            let time = self.value(&key.expr, input)?.instant();
            if time.is_some_and(|time| shared.contains(&time)) {
                continue;
            }
            return Ok(time.filter(|time| key.asc == ascending && self.is_there(*time, input)));
        }
        Ok(None)
    }

    /// Returns the time of the first row of a group.
    fn first_of(&mut self, time: Var, input: Input<'_>, shared: &[Var]) -> Var {
        let made = self.times.add(self.times.scope_of(time), self.times.cause(time).cloned());
        let outside: Vec<Var> = (0..made).filter(|var| !self.times.belongs(*var, input.relation.scope)).collect();
        for var in outside.into_iter().chain(shared.iter().copied()) {
            let span = self.times.from(var, time);
            self.times.place(var, made, span);
        }
        self.times.limit(time, made, Bound::ZERO);
        if self.times.of_ticks(time) {
            self.times.is_tick(made);
        }
        made
    }

    /// Returns dependencies on the row at `time` as dependencies on one that was chosen, and on those around it that decided.
    fn seen_from(&self, made: Var, deps: &Deps, time: Var, around: Span) -> Deps {
        let mut seen = Deps { faults: deps.faults.clone(), ..Deps::default() };
        for (var, source) in &deps.sources {
            if self.times.from(time, *var) == Span::OWN {
                let span = source.span.plus(around);
                seen.add(made, Source { span, counted: None, ..source.clone() });
            } else {
                seen.add(*var, source.clone());
            }
        }
        seen
    }

    /// Returns on what an aggregate's arguments depend, and the time that it is. `first` is the time of the first row of a group,
    /// and the time of that row, if the call takes its value from there.
    fn aggregate(
        &mut self,
        expression: &Expr,
        input: Input<'_>,
        shared: &[Var],
        first: Option<(Var, Var)>,
    ) -> Result<Column> {
        let Some(call) = aggregate_of(expression) else { return self.value(expression, input) };
        let params = &call.params;
        let mut column = Column::default();
        let mut time = None;
        for (index, argument) in params.args.iter().enumerate() {
            let part = self.value(argument, input)?;
            column.deps.union(&part.deps);
            if index == 0 {
                time = part.time;
            }
        }
        for other in
            params.filter.iter().map(|filter| filter.as_ref()).chain(params.order_by.iter().map(|key| &key.expr))
        {
            column.deps.union(&self.value(other, input)?.deps);
        }
        let name = call.func.name();
        if ORDERED.contains(&name) {
            let spot = Spot::Call(Call { columns: columns_of(&params.args), ..Call::named(name) });
            if params.order_by.is_empty() {
                let how =
                    format!("`{name}` depends on the order of the rows: give it an ORDER BY, or use `min` or `max`");
                column.deps.faults.insert(Fault::Ties(self.cause(spot, how)));
            } else if self.ties_in_time(call, input, shared)? {
                let how =
                    format!("the order of the rows of `{name}` can have ties: end its ORDER BY with the time of a row");
                column.deps.faults.insert(Fault::Ties(self.cause(spot, how)));
            }
        }
        let Some(time) = time.filter(|_| ["min", "max", "first_value", "last_value", "nth_value"].contains(&name))
        else {
            return Ok(column);
        };
        if let Some((_, made)) = first.filter(|(first, _)| *first == time) {
            column.time = Some(made);
            return Ok(column);
        }
        let end = self.end(call, time, input)?;
        // It is the time of one of the group's rows, so it keeps its distance from what all of them share.
        let scope = self.times.scope_of(time);
        let made = self.times.add(scope, self.times.cause(time).cloned());
        let outside = (0..made).filter(|var| !self.times.belongs(*var, input.relation.scope));
        let fixed: Vec<Var> = outside.chain(shared.iter().copied()).collect();
        // A row that is not there could lie between it and that end of the group.
        let missing = self.times.add(scope, None);
        for var in fixed {
            let span = self.times.from(var, time);
            self.times.place(var, made, span);
            self.times.place(var, missing, span);
        }
        let whole = params.filter.is_none();
        match end {
            Some(End::Last) => {
                self.times.limit(missing, made, Bound::ZERO);
                if whole {
                    self.times.limit(made, time, Bound::ZERO);
                }
            }
            Some(End::First) => {
                self.times.limit(made, missing, Bound::ZERO);
                if whole {
                    self.times.limit(time, made, Bound::ZERO);
                }
            }
            None => {}
        }
        let spot = Spot::Call(Call { columns: columns_of(&params.args), ..Call::named(name) });
        let how =
            format!("`{name}` takes the time of one of a group's rows, and which one that is may be known only later");
        let cause = self.cause(spot, how);
        let (ahead, back) = (Some(Arc::clone(&cause)), Some(cause));
        column.deps.add(missing, Source { span: Span::OWN, counted: None, ahead, back });
        if self.times.of_ticks(time) {
            self.times.is_tick(made);
        }
        column.time = Some(made);
        Ok(column)
    }

    /// Returns which end of a group a call's time is, if it is one.
    fn end(&mut self, call: &AggregateFunction, time: Var, input: Input<'_>) -> Result<Option<End>> {
        let key = call.params.order_by.first();
        let by_time = match key {
            Some(key) => self.value(&key.expr, input)?.time == Some(time),
            None => false,
        };
        let ascending = key.is_some_and(|key| key.asc);
        Ok(match (call.func.name(), by_time, ascending) {
            ("min", ..) | ("first_value", true, true) | ("last_value", true, false) => Some(End::First),
            ("max", ..) | ("last_value", true, true) | ("first_value", true, false) => Some(End::Last),
            _ => None,
        })
    }

    /// Returns whether rows of a group that have different times can share a place in a call's order.
    fn ties_in_time(&mut self, call: &AggregateFunction, input: Input<'_>, shared: &[Var]) -> Result<bool> {
        let mut known = shared.to_vec();
        for key in &call.params.order_by {
            known.extend(self.value(&key.expr, input)?.time);
        }
        let told = |time: Var| known.iter().any(|known| self.times.is_fixed(time, *known));
        let times = |key: &BTreeSet<usize>| -> Vec<Var> {
            key.iter().filter_map(|column| input.relation.columns[*column].time).collect()
        };
        let keys = &input.relation.keys;
        Ok(!keys.is_empty() && keys.iter().all(|key| !times(key).into_iter().all(told)))
    }
}

/// An end of a group in time.
enum End {
    First,
    Last,
}

/// Returns whether a node or one below it reads the columns of a query around it.
pub fn is_correlated(plan: &LogicalPlan) -> bool {
    plan.contains_outer_reference() || plan.inputs().into_iter().any(is_correlated)
}

fn group_columns(group: &Expr) -> Vec<&Expr> {
    match group {
        Expr::GroupingSet(set) => set.distinct_expr(),
        other => vec![other],
    }
}

pub fn aggregate_of(expression: &Expr) -> Option<&AggregateFunction> {
    match expression {
        Expr::AggregateFunction(call) => Some(call),
        Expr::Alias(alias) => aggregate_of(&alias.expr),
        _ => None,
    }
}

fn call_of(expression: &Expr) -> Option<Call> {
    let call = aggregate_of(expression)?;
    Some(Call { columns: columns_of(&call.params.args), ..Call::named(call.func.name()) })
}

/// Returns the names of the columns in some expressions.
pub fn columns_of(expressions: &[Expr]) -> Vec<String> {
    let mut names = Vec::new();
    for expression in expressions {
        // The closure does not fail.
        let _ = expression.apply(|part| {
            if let Expr::Column(column) = part {
                names.push(column.name.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    names
}
