//! Rows that are counted: numbers of rows in the order of time, and steps back that make up for steps ahead.
//!
//! `lag(lead(price, 3), 5)` reads the row two places back. That holds where both calls count the same rows, or the outer one counts
//! only some of them: a step among fewer rows is at least as long. And two rows whose `row_number()` in the same order differ by 10 are ten
//! rows apart.

use std::hash::{DefaultHasher, Hash, Hasher};

use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, NullTreatment, WindowFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, WindowFrameBound, WindowFrameUnits};

use super::condition::Limit;
use super::expression::{Input, constant};
use super::numbers::{integer, whole_number};
use super::plan::{Walk, position};
use super::relation::{Column, Relation, Source};
use super::times::{Bound, Span, Var};
use super::window_order::Order;
use crate::rolling;

/// The number of a row in a sequence of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The row's time, by which the rows are numbered.
    pub by: Var,
    /// Which rows are numbered, and how.
    pub sequence: u64,
    /// What is added to the number.
    pub offset: i64,
}

impl Place {
    /// Returns the number with something added to it.
    pub fn shifted(binary: &BinaryExpr, left: &Column, right: &Column) -> Option<Place> {
        let (place, by) = match (binary.op, left.place, right.place) {
            (Operator::Plus, Some(place), None) => (place, added(&binary.right)?),
            (Operator::Plus, None, Some(place)) => (place, added(&binary.left)?),
            (Operator::Minus, Some(place), None) => (place, added(&binary.right)?.checked_neg()?),
            _ => return None,
        };
        Some(Place { offset: place.offset.checked_add(by)?, ..place })
    }
}

/// Returns a whole number that is added to the number of a row. The engine adds numbers with and without a sign as decimals.
fn added(expression: &Expr) -> Option<i64> {
    match constant(expression)? {
        value @ ScalarValue::Decimal128(_, _, 0) => whole_number(value),
        _ => integer(expression),
    }
}

/// Returns what tells two sequences of row numbers apart: the rows, and how they are numbered.
pub fn sequence(rows: &LogicalPlan, call: &WindowFunction) -> u64 {
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    call.hash(&mut hasher);
    hasher.finish()
}

impl Walk<'_> {
    /// If the order of a call counts rows of one product, each later than the one before it: returns the time of a row.
    pub fn counted_by(&self, call: &WindowFunction, order: &Order, input: Input<'_>) -> Option<Var> {
        let rows = input.relation;
        let (time, _) = order.time.filter(|_| order.distinct && rows.unjoined)?;
        let columns = |part: &Expr| position(part, input.schema);
        let of_product = |part: &Expr| columns(part).is_some_and(|column| rows.local.product.contains(&column));
        let fixed = |part: &Expr| columns(part).is_some_and(|column| rows.constants.contains(&column));
        let parts = &call.params.partition_by;
        let one_product = parts.iter().any(of_product) || !rows.local.product.is_disjoint(&rows.constants);
        (one_product && parts.iter().all(|part| of_product(part) || fixed(part))).then_some(time)
    }

    /// Returns the number that a call gives to a row, but for the sequence.
    pub fn numbered(&self, call: &WindowFunction, function: &str, order: &Order, input: Input<'_>) -> Option<Place> {
        let ascending = order.time.is_some_and(|(_, descending)| !descending);
        let plain = function == "row_number" && ascending && call.params.filter.is_none();
        let by = self.counted_by(call, order, input).filter(|_| plain)?;
        Some(Place { by, sequence: 0, offset: 0 })
    }

    /// Returns where rows lie that a window reads, as one of its arguments sees them from its own row. `by` is the time by which the
    /// window counts rows, `behind` how many rows lie at least between the row itself and those that it reads.
    pub fn netted(&self, var: Var, source: &Source, rows: Span, by: Option<Var>, behind: u32) -> (Source, Span) {
        let same = by == Some(var) && source.counted == by;
        let (Bound::Within { rows: ahead, ns: 0 }, true) = (source.span.after, same && behind > 0) else {
            return (source.clone(), rows);
        };
        if ahead == 0 {
            return (source.clone(), rows);
        }
        let span = Span { after: Bound::ZERO, ..source.span };
        let after = match ahead.checked_sub(behind) {
            None => rows.after,
            Some(left) => Bound::rows(left),
        };
        (Source { span, ..source.clone() }, Span { after, ..rows })
    }

    /// Returns what the parts of a condition say that compare numbers of rows, where both rows are of one product.
    pub fn compared_places(&mut self, part: &Expr, input: Input<'_>) -> Result<Vec<Limit>> {
        match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.compared_place(left, *op, right, input),
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let mut limits = self.compared_place(expr, Operator::GtEq, low, input)?;
                limits.extend(self.compared_place(expr, Operator::LtEq, high, input)?);
                Ok(limits)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn compared_place(&mut self, left: &Expr, op: Operator, right: &Expr, input: Input<'_>) -> Result<Vec<Limit>> {
        let (Some(one), Some(two)) = (self.value(left, input)?.place, self.value(right, input)?.place) else {
            return Ok(Vec::new());
        };
        if one.sequence != two.sequence {
            return Ok(Vec::new());
        }
        // The row of `to` lies at most so many rows after that of `from`.
        let within = |from: Var, to: Var, most: Option<i64>| {
            let bound = match most? {
                0 => Bound::ZERO,
                most @ 1.. => Bound::rows(u32::try_from(most).unwrap_or(u32::MAX)),
                _ => Bound::ns(-1),
            };
            Some((from, to, bound))
        };
        // Where the second row lies after the first one, if the two sides are equal.
        let apart = one.offset.checked_sub(two.offset);
        let back = apart.and_then(i64::checked_neg);
        let less = |most: Option<i64>| most.and_then(|most| most.checked_sub(1));
        let limits = match op {
            Operator::Eq | Operator::IsNotDistinctFrom => [within(one.by, two.by, apart), within(two.by, one.by, back)],
            Operator::LtEq => [within(two.by, one.by, back), None],
            Operator::Lt => [within(two.by, one.by, less(back)), None],
            Operator::GtEq => [within(one.by, two.by, apart), None],
            Operator::Gt => [within(one.by, two.by, less(apart)), None],
            _ => [None, None],
        };
        Ok(limits.into_iter().flatten().collect())
    }
}

/// Returns how many rows lie at least between a row and those that a call reads, if all of these are earlier.
pub fn behind(call: &WindowFunction, function: &str, descending: bool) -> u32 {
    let params = &call.params;
    let rows = |count: Option<i64>| count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
    match function {
        "lag" | "lead" => {
            let offset = match params.args.get(1) {
                None => Some(1),
                Some(offset) => constant(offset).and_then(whole_number),
            };
            let is_lag = (function == "lag") != descending;
            let count = rows(if is_lag { offset } else { offset.and_then(i64::checked_neg) });
            // Which row it is depends on all rows from the next one on.
            if params.null_treatment == Some(NullTreatment::IgnoreNulls) { count.min(1) } else { count }
        }
        _ if rolling::WITHOUT_FRAMES.contains(&function) => 0,
        _ if params.window_frame.units != WindowFrameUnits::Rows => 0,
        _ => {
            let frame = &params.window_frame;
            match (descending, &frame.start_bound, &frame.end_bound) {
                (false, _, WindowFrameBound::Preceding(count)) | (true, WindowFrameBound::Following(count), _) => {
                    rows(whole_number(count))
                }
                _ => 0,
            }
        }
    }
}

/// Returns whether a join meets only rows of one product, and each side is the rows of one table.
pub fn meets_one_product<'a>(
    left: &Relation,
    right: &Relation,
    mut equal: impl Iterator<Item = (&'a Expr, &'a Expr)>,
    input: Input<'_>,
) -> bool {
    let width = left.columns.len();
    let of_left = |column: usize| left.local.product.contains(&column);
    let of_right =
        |column: usize| column.checked_sub(width).is_some_and(|column| right.local.product.contains(&column));
    let pair = |(one, other): (&Expr, &Expr)| {
        let pair = position(one, input.schema).zip(position(other, input.schema));
        pair.is_some_and(|(one, other)| (of_left(one) && of_right(other)) || (of_left(other) && of_right(one)))
    };
    left.unjoined && right.unjoined && equal.any(pair)
}
