//! Conditions: what a filter or a join says about times.
//!
//! In: a condition, and what is known about the columns that it reads. Out: limits on the differences of times.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::Between;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::expression::{Input, chain, constant, text, zone_of};
use super::interval::calendar_unit;
use super::numbers::length_in;
use super::plan::Walk;
use super::relation::Column;
use super::times::{Bound, Derivation, Var};

/// What a condition says: the second time minus the first is at most the bound.
pub type Limit = (Var, Var, Bound);

impl Walk<'_> {
    /// Returns what a condition says about times.
    pub fn limits(&mut self, condition: &Expr, input: Input<'_>) -> Result<Vec<Limit>> {
        Ok(match condition {
            Expr::Alias(alias) => self.limits(&alias.expr, input)?,
            Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => {
                let mut limits = Vec::new();
                for part in chain(condition, Operator::And) {
                    limits.extend(self.limits(part, input)?);
                }
                limits
            }
            Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => {
                let mut branches = Vec::new();
                for part in chain(condition, Operator::Or) {
                    branches.push(self.limits(part, input)?);
                }
                self.either_holds(&branches)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.comparison(left, *op, right, input)?,
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let mut limits = self.comparison(expr, Operator::GtEq, low, input)?;
                limits.extend(self.comparison(expr, Operator::LtEq, high, input)?);
                limits
            }
            _ => Vec::new(),
        })
    }

    /// Returns what holds if one of several sets of limits does. Each set is read relative to the times of which its own are
    /// made, so that `b = a OR b = a - INTERVAL '1 second'` says something about `a` and `b`.
    fn either_holds(&self, branches: &[Vec<Limit>]) -> Vec<Limit> {
        let plain = |branch: &Vec<Limit>| -> Vec<Limit> {
            let moved = branch.iter().filter_map(|(from, to, bound)| {
                let ((from, from_by), (to, to_by)) = (self.times.unshifted(*from), self.times.unshifted(*to));
                let Bound::Within { .. } = bound else { return None };
                Some((from, to, bound.plus(Bound::ns(from_by.saturating_sub(to_by)))))
            });
            moved.collect()
        };
        let mut branches = branches.iter().map(plain);
        let first = branches.next().unwrap_or_default();
        branches.fold(first, |known, branch| {
            let both = known.iter().filter_map(|(from, to, bound)| {
                let same = branch.iter().filter(|(other_from, other_to, _)| (other_from, other_to) == (from, to));
                Some((*from, *to, bound.or(same.map(|(_, _, bound)| *bound).min()?)))
            });
            both.collect()
        })
    }

    fn comparison(&mut self, left: &Expr, op: Operator, right: &Expr, input: Input<'_>) -> Result<Vec<Limit>> {
        // `a - b < INTERVAL '1 minute'` says the same as `a < b + INTERVAL '1 minute'`, and `date_diff('day', b, a) = 1` the same as
        // `date_trunc('day', a) = date_trunc('day', b) + INTERVAL '1 day'`.
        for (difference, op, other) in [(left, Some(op), right), (right, op.swap(), left)] {
            let (Some(op), Some(by)) = (op, constant(other)) else { continue };
            let Some((one, two, unit)) = self.difference(uncast(difference), input)? else { continue };
            let Some((least, most)) = length_in(by, unit) else { continue };
            let moved = self.times.derive(two, Derivation::Shifted(least, most));
            return Ok(self.compared(one, op, moved));
        }
        for (time, op, other) in [(left, Some(op), right), (right, op.swap(), left)] {
            let (Some(op), Some(fixed)) = (op, constant(other).and_then(instant)) else { continue };
            let Some(time) = self.value(time, input)?.time else { continue };
            let fixed = self.times.constant(fixed);
            return Ok(self.compared(time, op, fixed));
        }
        let sides = same_kind(&self.value(left, input)?, &self.value(right, input)?);
        Ok(sides.map(|(one, two, _)| self.compared(one, op, two)).unwrap_or_default())
    }

    /// Reads a difference: returns the two times, and the unit in which it counts, if it is a number.
    fn difference(&mut self, expression: &Expr, input: Input<'_>) -> Result<Option<(Var, Var, Option<i64>)>> {
        match expression {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
                Ok(same_kind(&self.value(left, input)?, &self.value(right, input)?))
            }
            Expr::ScalarFunction(call) if call.func.name() == "date_diff" => {
                let [unit, start, end] = call.args.as_slice() else { return Ok(None) };
                let unit = text(unit).and_then(|unit| calendar_unit(&unit)).filter(|(.., origin)| origin.is_empty());
                let (start, end) = (self.value(start, input)?.time, self.value(end, input)?.time);
                let (Some((length, ..)), Some(start), Some(end)) = (unit, start, end) else { return Ok(None) };
                let bucket = Derivation::Bucket(length, length, String::new());
                let start = self.times.derive(start, bucket.clone());
                Ok(Some((self.times.derive(end, bucket), start, Some(length))))
            }
            _ => Ok(None),
        }
    }

    fn compared(&self, left: Var, op: Operator, right: Var) -> Vec<Limit> {
        let ended = |one: Var, other: Var, strict: bool| {
            self.times.ended_before(one, other, strict).map(|(start, time)| (start, time, Bound::ns(-1)))
        };
        let mut limits = match op {
            Operator::Eq | Operator::IsNotDistinctFrom => {
                vec![(left, right, Bound::ZERO), (right, left, Bound::ZERO)]
            }
            Operator::LtEq => vec![(right, left, Bound::ZERO)],
            Operator::GtEq => vec![(left, right, Bound::ZERO)],
            Operator::Lt => vec![(right, left, self.times.strictly(left, right))],
            Operator::Gt => vec![(left, right, self.times.strictly(left, right))],
            _ => Vec::new(),
        };
        if matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq) {
            limits.extend(ended(left, right, op == Operator::Lt));
        }
        if matches!(op, Operator::Eq | Operator::Gt | Operator::GtEq) {
            limits.extend(ended(right, left, op == Operator::Gt));
        }
        limits
    }
}

/// Returns two times that can be compared: both are times, or both are numbers that count the same unit.
fn same_kind(left: &Column, right: &Column) -> Option<(Var, Var, Option<i64>)> {
    match (left.time, right.time, left.number, right.number) {
        (Some(one), Some(two), ..) => Some((one, two, None)),
        (None, None, Some(one), Some(two))
            if one.whole && two.whole && one.unit == two.unit && one.rough == two.rough =>
        {
            Some((one.time, two.time, Some(one.unit)))
        }
        _ => None,
    }
}

/// Returns the nanoseconds since 1970 of a constant that is a time in UTC.
fn instant(value: &ScalarValue) -> Option<i64> {
    let is_utc = match value.data_type() {
        DataType::Date32 => true,
        DataType::Timestamp(_, _) => zone_of(&value.data_type()).is_none(),
        _ => false,
    };
    let time = value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)).ok().filter(|_| is_utc)?;
    match time {
        ScalarValue::TimestampNanosecond(time, _) => time,
        _ => None,
    }
}

fn uncast(expression: &Expr) -> &Expr {
    match expression {
        Expr::Cast(cast) => uncast(&cast.expr),
        Expr::Alias(alias) => uncast(&alias.expr),
        other => other,
    }
}
