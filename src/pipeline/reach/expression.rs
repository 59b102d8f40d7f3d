//! Expressions: the columns and times of which a value is made.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column as Name, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

use super::asked::COMPARING;
use super::bucket::bucket;
use super::interval::{CLOCK_CHANGE, DAY, length};
use super::numbers::unit_ns;
use super::plan::Walk;
use super::relation::{Column, Deps, Fault, Latest, Relation, Spot};
use super::steps::Place;
use super::times::{Bound, Derivation, Span, Var};

/// Expressions that are nested deeper are not followed: each level takes room on the stack.
const MOST_DEPTH: usize = 200;

/// A chain such as `a + b + c` with more parts is read part by part.
const LONG_CHAIN: usize = 16;

/// The rows that an expression reads: their columns' names, and what is known about them.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub schema: &'a DFSchema,
    pub relation: &'a Relation,
}

impl Walk<'_> {
    /// Returns on what an expression depends.
    pub fn value(&mut self, expression: &Expr, input: Input<'_>) -> Result<Column> {
        if self.depth == MOST_DEPTH {
            let how = format!("an expression is nested more than {MOST_DEPTH} deep");
            let deps = Deps::fault(Fault::Unknown(self.cause(Spot::Start, how)));
            return Ok(Column { deps, ..Column::default() });
        }
        self.depth += 1;
        let value = self.value_of(expression, input);
        self.depth -= 1;
        value
    }

    fn value_of(&mut self, expression: &Expr, input: Input<'_>) -> Result<Column> {
        Ok(match expression {
            Expr::Column(name) => self.column(name, input),
            Expr::OuterReferenceColumn(_, name) => self.outer_column(name),
            Expr::Alias(alias) => self.value(&alias.expr, input)?,
            Expr::Literal(..) => Column::default(),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type(), input)?,
            Expr::TryCast(cast) => self.cast(&cast.expr, cast.field.data_type(), input)?,
            Expr::BinaryExpr(binary) => self.binary(binary, input)?,
            Expr::ScalarFunction(call) => self.scalar(call, input)?,
            Expr::Case(case) => {
                let mut column = Column::default();
                let conditions = case.when_then_expr.iter().map(|(when, _)| when);
                for condition in case.expr.iter().chain(conditions) {
                    column.take(&self.value(condition, input)?);
                }
                let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
                let mut choices = Vec::new();
                for branch in branches.chain(case.else_expr.as_deref()) {
                    let part = self.value(branch, input)?;
                    column.take(&part);
                    choices.push((branch, part.time));
                }
                column.time = self.one_time(&choices).map(|time| self.times.maybe(time));
                column.next = self.next_or_never(case, input)?;
                column
            }
            Expr::Exists(exists) => {
                Column { deps: self.subquery(&exists.subquery.subquery, input)?.rows, ..Column::default() }
            }
            Expr::ScalarSubquery(subquery) => {
                let rows = self.subquery(&subquery.subquery, input)?;
                let mut column = rows.columns.first().cloned().unwrap_or_default();
                column.deps.union(&rows.rows);
                column.place = None;
                column
            }
            Expr::InSubquery(test) => {
                let mut column = self.value(&test.expr, input)?;
                let rows = self.subquery(&test.subquery.subquery, input)?;
                let found = rows.columns.first().cloned().unwrap_or_default();
                if let (Some(own), Some(other)) = (column.time, found.time) {
                    // Rows with other times do not change the answer.
                    self.times.place(own, other, Span::OWN);
                }
                column.deps.union(&rows.rows);
                column.deps.union(&found.deps);
                Column { deps: column.deps, ..Column::default() }
            }
            Expr::SetComparison(test) => {
                let mut column = self.value(&test.expr, input)?;
                let rows = self.subquery(&test.subquery.subquery, input)?;
                column.deps.union(&rows.rows);
                rows.columns.iter().for_each(|found| column.deps.union(&found.deps));
                Column { deps: column.deps, ..Column::default() }
            }
            _ => self.parts(expression, input)?,
        })
    }

    /// Returns on what the parts of an expression depend.
    fn parts(&mut self, expression: &Expr, input: Input<'_>) -> Result<Column> {
        let mut whole = Column::default();
        let mut failed = None;
        expression.apply_children(|part| {
            match self.value(part, input) {
                Ok(column) => whole.take(&column),
                Err(error) => failed = Some(error),
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        failed.map_or(Ok(whole), Err)
    }

    fn column(&self, name: &Name, input: Input<'_>) -> Column {
        let index = input.schema.maybe_index_of_column(name);
        index.and_then(|index| input.relation.columns.get(index)).cloned().unwrap_or_default()
    }

    fn outer_column(&self, name: &Name) -> Column {
        let found = self.outer.iter().rev().find_map(|(schema, relation)| {
            schema.maybe_index_of_column(name).and_then(|index| relation.columns.get(index))
        });
        found.cloned().unwrap_or_default()
    }

    fn subquery(&mut self, plan: &LogicalPlan, input: Input<'_>) -> Result<Relation> {
        self.outer.push((input.schema.clone(), input.relation.clone()));
        let first = self.times.count();
        let rows = self.relation(plan);
        self.outer.pop();
        let rows = rows?;
        self.times.nest(rows.scope, input.relation.scope);
        self.times.join_since(first);
        Ok(rows)
    }

    fn cast(&mut self, inner: &Expr, to: &DataType, input: Input<'_>) -> Result<Column> {
        let mut column = self.value(inner, input)?;
        column.place = column.place.filter(|_| to.is_integer() || matches!(to, DataType::Decimal128(_, 0)));
        let number = column.number.take();
        if let Some(written) = number.filter(|number| number.unit < 0) {
            // A text of another kind is the same text.
            let same = inner.get_type(input.schema).is_ok_and(|from| from.is_string() && to.is_string());
            column.number = Some(written).filter(|_| same);
            column.made_of_time |= !same;
            return Ok(column);
        }
        let Some(time) = column.time.take() else {
            match (number, to) {
                (Some(number), DataType::Timestamp(to, zone))
                    if number.unit == unit_ns(to) && zone.as_deref().is_none_or(is_utc) =>
                {
                    column.time = Some(self.time_of(number));
                }
                (Some(number), _) => {
                    column.number = self.converted_number(number, to);
                    column.made_of_time = column.number.is_none();
                }
                (None, _) => {}
            }
            return Ok(column);
        };
        let from = inner.get_type(input.schema).unwrap_or(DataType::Null);
        let same_zone = |zone: &Option<std::sync::Arc<str>>| zone.as_deref().is_none_or(is_utc);
        column.time = match (&from, to) {
            (DataType::Timestamp(_, one), DataType::Timestamp(unit, other))
                if one.is_some() == other.is_some() || (same_zone(one) && same_zone(other)) =>
            {
                let step = unit_ns(unit);
                let finer = matches!(&from, DataType::Timestamp(known, _) if known <= unit) || step == 1;
                Some(if finer { time } else { self.times.derive(time, Derivation::Bucket(step, step, String::new())) })
            }
            (DataType::Timestamp(_, zone), DataType::Date32) if same_zone(zone) => {
                Some(self.times.derive(time, Derivation::Bucket(DAY, DAY, String::new())))
            }
            (DataType::Date32, DataType::Timestamp(_, zone)) if same_zone(zone) => Some(time),
            (same, other) if same == other => Some(time),
            _ => None,
        };
        if column.time != Some(time) {
            column.next = None;
        }
        if column.time.is_none() {
            column.latest = None;
            match (&from, to) {
                (DataType::Timestamp(unit, _), DataType::Int64) => {
                    column.number = Some(self.counted(time, unit_ns(unit)));
                }
                _ => column.made_of_time = true,
            }
        }
        Ok(column)
    }

    fn binary(&mut self, binary: &BinaryExpr, input: Input<'_>) -> Result<Column> {
        let logical = matches!(binary.op, Operator::And | Operator::Or);
        let parts: Vec<&Expr> =
            [&binary.left, &binary.right].into_iter().flat_map(|side| chain(side, binary.op)).collect();
        if binary.op == Operator::Or
            && let Some(deps) = self.no_next(&parts, input)?
        {
            return Ok(Column { deps, ..Column::default() });
        }
        // A long chain of the other operators is followed without what it says about times.
        if logical || parts.len() > LONG_CHAIN {
            let mut column = Column::default();
            for part in parts {
                column.take(&self.value(part, input)?);
            }
            return Ok(column);
        }
        let (left, right) = (self.value(&binary.left, input)?, self.value(&binary.right, input)?);
        let compares = COMPARING.contains(&binary.op);
        let asked = || {
            let later =
                |next: &Column, other: &Column| self.before_next(next.next.as_ref().filter(|next| next.open)?, other);
            let reach = self.data_reach(&left, &right).or_else(|| self.data_reach(&right, &left));
            reach.or_else(|| later(&left, &right)).or_else(|| later(&right, &left))
        };
        if let Some(deps) = compares.then(asked).flatten() {
            return Ok(Column { deps, ..Column::default() });
        }
        let mut column = Column { made_of_time: left.made_of_time || right.made_of_time, ..Column::default() };
        let plain = |side: &Column, expression: &Expr| side.instant().is_some() || constant(expression).is_some();
        let is_followed = (compares || matches!(binary.op, Operator::Eq | Operator::NotEq))
            && plain(&left, &binary.left)
            && plain(&right, &binary.right);
        column.number =
            self.shifted_number(binary, &left, &right).or_else(|| self.scaled_number(binary, &left, &right));
        column.place = Place::shifted(binary, &left, &right);
        column.made_of_time &= column.number.is_none();
        let made = left.instant().is_some() || right.instant().is_some();
        column.made_of_time |= !is_followed && made && column.number.is_none();
        column.deps.union(&left.deps);
        column.deps.union(&right.deps);
        if matches!(binary.op, Operator::Plus | Operator::Minus) {
            let minus = binary.op == Operator::Minus;
            let shifted = match (left.time, right.time) {
                (Some(time), None) => constant(&binary.right).map(|by| (time, by, &left.latest, &binary.left)),
                (None, Some(time)) if !minus => {
                    constant(&binary.left).map(|by| (time, by, &right.latest, &binary.right))
                }
                _ => None,
            };
            if let Some((time, by, latest, base)) = shifted {
                let is_date = base.get_type(input.schema).is_ok_and(|known| known == DataType::Date32);
                let length = length(by).or_else(|| days(by).filter(|_| is_date));
                if let Some((least, most)) = length {
                    let longer_or_shorter = base.get_type(input.schema).ok().and_then(|kind| zone_of(&kind)).is_some()
                        && most.saturating_abs().max(least.saturating_abs()) >= DAY;
                    let change = if longer_or_shorter { CLOCK_CHANGE } else { 0 };
                    let (least, most) = (least.saturating_sub(change), most.saturating_add(change));
                    let (least, most) =
                        if minus { (most.saturating_neg(), least.saturating_neg()) } else { (least, most) };
                    column.time = Some(self.times.derive(time, Derivation::Shifted(least, most)));
                    let latest = latest.clone().filter(|_| least == most);
                    column.latest = latest.map(|latest| Latest { shift: latest.shift.saturating_add(least), ..latest });
                }
            }
        }
        Ok(column)
    }

    fn scalar(&mut self, call: &ScalarFunction, input: Input<'_>) -> Result<Column> {
        let mut whole = Column::default();
        let mut parts = Vec::new();
        for argument in &call.args {
            let part = self.value(argument, input)?;
            whole.take(&part);
            parts.push(part);
        }
        let time = |index: usize| parts.get(index).and_then(|part| part.time);
        let counted = self.counted_time(call.func.name(), parts.first());
        whole.time = match call.func.name() {
            "date_bin" | "date_trunc" | "time_bucket" => {
                bucket(call, input.schema).zip(time(1)).map(|(bucket, time)| self.times.derive(time, bucket))
            }
            "nullif" => time(0).map(|time| self.times.maybe(time)),
            _ if counted.is_some() => counted,
            "to_timestamp" | "to_timestamp_nanos" | "to_local_time" => {
                let zone = call.args.first().and_then(|time| zone_of(&time.get_type(input.schema).ok()?));
                time(0).filter(|_| zone.is_none())
            }
            "coalesce" | "greatest" | "least" | "nvl" | "ifnull" => {
                let choices: Vec<(&Expr, Option<Var>)> =
                    call.args.iter().zip(parts.iter().map(|part| part.time)).collect();
                let made = self.one_time(&choices);
                if let Some(made) = made {
                    for part in parts.iter().filter_map(|part| part.time).filter(|time| *time != made) {
                        match call.func.name() {
                            "greatest" => self.times.limit(made, part, Bound::ZERO),
                            "least" => self.times.limit(part, made, Bound::ZERO),
                            _ => {}
                        }
                    }
                }
                made
            }
            _ => None,
        };
        // The engine's windows compare numbers with only one zero.
        let same = parts.first().and_then(|part| part.number).filter(|_| call.func.name() == "squall_one_zero");
        whole.number = self.number_of(call, time(0), time(1)).or(same).or_else(|| self.floored(call, parts.first()));
        if whole.number.is_none() {
            whole.number = self.written(call, time(0), input);
        }
        Ok(whole)
    }

    /// Returns the time that equals one of several expressions; `None` if one of them is something else.
    fn one_time(&mut self, choices: &[(&Expr, Option<Var>)]) -> Option<Var> {
        let is_null = |choice: &Expr| constant(choice).is_some_and(ScalarValue::is_null);
        let times = choices.iter().filter(|(choice, _)| !is_null(choice)).map(|(_, time)| *time);
        let times: Vec<Var> = times.collect::<Option<_>>()?;
        self.times.one_of(&times)
    }
}

/// Returns the zone of a time whose clocks are not those of UTC.
pub fn zone_of(kind: &DataType) -> Option<String> {
    match kind {
        DataType::Timestamp(_, Some(zone)) if !is_utc(zone) => Some(zone.to_string()),
        _ => None,
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Z" | "Etc/UTC")
}

/// Returns the value of a constant.
pub fn constant(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => constant(&alias.expr),
        _ => None,
    }
}

/// Returns the parts of a chain such as `a AND b AND c`, however long it is.
pub fn chain(expression: &Expr, op: Operator) -> Vec<&Expr> {
    let mut parts = Vec::new();
    let mut waiting = vec![expression];
    while let Some(next) = waiting.pop() {
        match next {
            Expr::BinaryExpr(binary) if binary.op == op => {
                waiting.extend([binary.right.as_ref(), binary.left.as_ref()])
            }
            part => parts.push(part),
        }
    }
    parts
}

/// Returns a whole number of days as nanoseconds.
fn days(value: &ScalarValue) -> Option<(i64, i64)> {
    let days = match value {
        ScalarValue::Int64(Some(days)) => *days,
        ScalarValue::Int32(Some(days)) => i64::from(*days),
        _ => return None,
    };
    let length = days.checked_mul(DAY)?;
    Some((length, length))
}

/// Returns the text of a constant, in lowercase.
pub fn text(expression: &Expr) -> Option<String> {
    constant(expression).and_then(|value| value.try_as_str().flatten().map(str::to_lowercase))
}

/// Returns the dependencies of several columns.
pub fn together<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Deps {
    let mut deps = Deps::default();
    columns.into_iter().for_each(|column| deps.union(&column.deps));
    deps
}
