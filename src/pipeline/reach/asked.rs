//! Comparisons that only ask whether there are rows up to a time: with the latest of all times, and with the time of the next row.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, NullTreatment, WindowFunction};
use datafusion::logical_expr::{Expr, Operator};

use super::expression::{Input, constant};
use super::plan::Walk;
use super::relation::{Column, Deps, Next, Source};
use super::times::{Bound, Span, Var};
use super::window_order::Order;
use crate::pipeline::Kind;

/// Comparisons that say which of two times is later.
pub const COMPARING: [Operator; 4] = [Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq];

/// The start of 2100: no tick is so late.
const LAST_TICK: i64 = 4_102_444_800_000_000_000;

impl Walk<'_> {
    /// Reads `CASE WHEN next IS NOT NULL THEN next ELSE '2200-01-01' END`, which `coalesce` is too.
    pub fn next_or_never(&mut self, case: &Case, input: Input<'_>) -> Result<Option<Next>> {
        let (None, [(when, then)], Some(otherwise)) = (&case.expr, case.when_then_expr.as_slice(), &case.else_expr)
        else {
            return Ok(None);
        };
        let asks = matches!(when.as_ref(), Expr::IsNotNull(inner) if inner == then);
        if !asks || !constant(otherwise).is_some_and(is_never) {
            return Ok(None);
        }
        Ok(self.value(then, input)?.next.map(|next| Next { open: true, ..next }))
    }

    /// Reads `time < next OR next IS NULL`.
    pub fn no_next(&mut self, parts: &[&Expr], input: Input<'_>) -> Result<Option<Deps>> {
        let (Expr::BinaryExpr(compared), Expr::IsNull(missing)) = (match parts {
            [compared, missing @ Expr::IsNull(_)] | [missing @ Expr::IsNull(_), compared] => (*compared, *missing),
            _ => return Ok(None),
        }) else {
            return Ok(None);
        };
        if !COMPARING.contains(&compared.op) {
            return Ok(None);
        }
        for (next, other) in [(&compared.right, &compared.left), (&compared.left, &compared.right)] {
            if next == missing
                && let Some(next) = self.value(next, input)?.next
            {
                let other = self.value(other, input)?;
                return Ok(self.before_next(&next, &other));
            }
        }
        Ok(None)
    }

    /// Returns on what the comparison of a time with the time of the next row depends: on the rows up to that time.
    pub fn before_next(&self, next: &Next, other: &Column) -> Option<Deps> {
        let time = other.time?;
        let mut deps = other.deps.clone();
        deps.faults.extend(next.faults.iter().cloned());
        let distance = self.times.upper(next.from, time).max(Bound::ZERO);
        // A label is read from the row before, and its rows lie after that.
        let (anchor, rows) = match self.project.queries[self.query].kind {
            Kind::Label => (next.from, Span { before: Bound::ZERO, after: distance }),
            _ => (time, Span { before: distance, after: Bound::ZERO }),
        };
        let (ahead, back) = (Some(next.cause.clone()), Some(next.cause.clone()));
        deps.add(anchor, Source { span: next.own.plus(rows), counted: None, ahead, back });
        Some(deps)
    }

    /// Returns on what the comparison of the latest time with another time depends: on whether there are rows up to there.
    pub fn data_reach(&self, latest: &Column, other: &Column) -> Option<Deps> {
        let (from, until) = self.reach_asked(latest, other)?;
        let mut deps = other.deps.clone();
        deps.faults.extend(latest.deps.faults.iter().cloned());
        let span = Span { before: Bound::ZERO, after: until.plus(Bound::rows(1)) };
        let ahead = latest.deps.sources.values().find_map(|source| source.ahead.clone());
        deps.add(from, Source { span, counted: None, ahead, back: None });
        Some(deps)
    }

    /// Where the latest time is compared with another: returns a time, and how long after it the comparison asks for rows.
    pub fn reach_asked(&self, latest: &Column, other: &Column) -> Option<(Var, Bound)> {
        let (latest, time) = (latest.latest.as_ref()?, other.time?);
        let until = self.times.upper(latest.from, time).plus(Bound::ns(latest.shift.saturating_neg()));
        (until != Bound::Unbounded).then_some((latest.from, until))
    }

    /// If a call takes a time in an order by that time: returns it, where the rows lie on which it depends whether a row counts, and
    /// whether a time later than all ticks stands for a row that is not there.
    pub fn next_row(
        &self,
        call: &WindowFunction,
        time: Var,
        order: &Order,
        read: &[(Var, Source, Span)],
    ) -> Option<(Var, Span, bool)> {
        if order.time.is_none_or(|(first, _)| first != time)
            || call.params.null_treatment == Some(NullTreatment::IgnoreNulls)
        {
            return None;
        }
        let open = match call.params.args.get(2).map(constant) {
            None => false,
            Some(Some(default)) if default.is_null() => false,
            Some(Some(default)) if is_never(default) => true,
            Some(_) => return None,
        };
        let own = read.iter().map(|(var, source, _)| self.times.from(time, *var).plus(source.span));
        Some((time, own.reduce(Span::or).unwrap_or(Span::OWN), open))
    }
}

/// Returns whether a time is later than all ticks.
pub fn is_never(value: &ScalarValue) -> bool {
    let nanosecond = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let time = value.cast_to(&nanosecond).ok();
    matches!(time, Some(ScalarValue::TimestampNanosecond(Some(time), _)) if time >= LAST_TICK)
}
