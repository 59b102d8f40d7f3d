//! Windows: which rows of its partition a call reads, before and after its own row.

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
use datafusion::logical_expr::{Expr, Window, WindowFrameBound, WindowFrameUnits};

use super::aggregate::is_correlated;
use super::expression::{Input, constant};
use super::looks::{Seen, looks, spot};
use super::numbers::{length_in, whole_number};
use super::plan::Walk;
use super::relation::{Cause, Column, Deps, Fault, Latest, Next, Number, Relation, Source};
use super::steps::{Place, behind, sequence};
use super::times::{Bound, Span, Var};
use super::window_order::Order;
use crate::rolling::{self, Exclusion};

/// Functions whose value does not depend on the order of rows that share a place in the order.
pub const WITHOUT_TIES: [&str; 4] = ["rank", "dense_rank", "percent_rank", "cume_dist"];

/// Functions whose value depends only on which rows their frame holds. A frame by times or by groups holds all rows that share
/// a place, or none of them.
const OF_SETS: [&str; 24] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "covar_samp",
    "covar_pop",
    "corr",
    "regr_slope",
    "regr_intercept",
    "regr_r2",
    "regr_count",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
    "median",
    "bool_and",
    "bool_or",
];

/// Functions that return one of their argument's values.
const CHOOSING: [&str; 7] = ["min", "max", "first_value", "last_value", "nth_value", "lag", "lead"];

impl Walk<'_> {
    pub fn windows(&mut self, window: &Window) -> Result<Relation> {
        let rows = self.relation(&window.input)?;
        let input = Input { schema: window.input.schema(), relation: &rows };
        let mut columns = rows.columns.clone();
        let mut across = rows.local.across;
        for expression in &window.window_expr {
            columns.push(match call(expression) {
                Some(call) => {
                    across |= self.is_across(call, input);
                    let mut column = self.window(call, input)?;
                    let place = column.place.filter(|_| !is_correlated(&window.input));
                    column.place = place.map(|place| Place { sequence: sequence(&window.input, call), ..place });
                    column
                }
                None => self.value(expression, input)?,
            });
        }
        let from: Vec<Option<usize>> =
            (0..columns.len()).map(|column| Some(column).filter(|column| *column < rows.columns.len())).collect();
        let mut rows = rows.remapped(columns, &from);
        rows.local.across = across;
        Ok(rows)
    }

    fn window(&mut self, call: &WindowFunction, input: Input<'_>) -> Result<Column> {
        let params = &call.params;
        let function = call.fun.name().to_lowercase();
        let mut values = Vec::new();
        for argument in params.args.iter().chain(params.filter.as_deref()) {
            values.push(self.value(argument, input)?);
        }
        let mut placing = Vec::new();
        for part in params.partition_by.iter().chain(params.order_by.iter().map(|key| &key.expr)) {
            placing.push(self.value(part, input)?);
        }
        let mut order = self.order(call, &placing, input);
        let argument_time = values.first().and_then(|value| value.time);
        let descending = order.time.is_some_and(|(_, descending)| descending);
        let frame = self.frame(call, &function, &order);
        let mut span = if descending { frame.reversed() } else { frame };
        if order.time.is_none() && !order.exists && ["min", "max"].contains(&function.as_str()) {
            order.time = argument_time.filter(|time| self.is_there(*time, input)).map(|time| (time, false));
        }
        let plain = params.filter.is_none() && params.null_treatment != Some(NullTreatment::IgnoreNulls);
        let of_time = order.time.is_some_and(|(time, _)| argument_time == Some(time) && self.is_there(time, input));
        let mut latest = None;
        let holds_itself = holds_itself(call) && frame.before >= Bound::ZERO && frame.after >= Bound::ZERO;
        if plain && (!order.exists || holds_itself) {
            // Of the rows on one side, the row itself is the one that decides.
            match (function.as_str(), descending) {
                ("max", _) if of_time => {
                    let all = argument_time.filter(|_| span.after == Bound::Unbounded);
                    let is_main =
                        |time| input.relation.main.is_some_and(|main| self.times.from(main, time) == Span::OWN);
                    latest = all.map(|from| {
                        let of = self.counted_rows(call, input).filter(|_| is_main(from));
                        Latest { from, shift: 0, of }
                    });
                    span.before = span.before.min(Bound::ZERO);
                }
                ("min", _) if of_time => span.after = span.after.min(Bound::ZERO),
                ("first_value", false) | ("last_value", true) if order.time.is_some() => {
                    span.after = span.after.min(Bound::ZERO);
                }
                ("first_value", true) | ("last_value", false) if order.time.is_some() => {
                    span.before = span.before.min(Bound::ZERO);
                }
                _ => {}
            }
        }

        let spot = spot(call, &function);
        let seen = Seen {
            ahead: self.cause(spot.clone(), looks(&function, &order, call, true)),
            back: self.cause(spot.clone(), looks(&function, &order, call, false)),
        };
        let units = params.window_frame.units;
        let apart = order.distinct || (units == WindowFrameUnits::Groups && order.alone);
        let next = if apart { Bound::ns(-1) } else { Bound::ZERO };
        let before = match order.time {
            Some((time, _)) if apart => self.times.strictly(time, time),
            _ => Bound::ZERO,
        };
        // Where rows are counted, those between the row itself and those that are read decide which rows these are.
        let counts = units != WindowFrameUnits::Range || rolling::WITHOUT_FRAMES.contains(&function.as_str());
        let between = match (span.before < Bound::ZERO, span.after < Bound::ZERO) {
            _ if !counts => span,
            (true, _) => Span { before: span.before.max(next), ..span },
            (_, true) => Span { after: span.after.max(before), ..span },
            _ => span,
        };
        let mut deps = Deps::default();
        let by = self.counted_by(call, &order, input);
        let behind = behind(call, &function, descending);
        let mut read: Vec<(Var, Source, Span)> = Vec::new();
        for value in &values {
            for (var, source) in &value.deps.sources {
                let (source, rows) = self.netted(*var, source, span, by, behind);
                read.push((*var, source, rows));
            }
            deps.faults.extend(value.deps.faults.iter().cloned());
        }
        for part in placing.iter().map(|part| &part.deps).chain([&input.relation.rows]) {
            read.extend(part.sources.iter().map(|(var, source)| (*var, source.clone(), between)));
            deps.faults.extend(part.faults.iter().cloned());
        }
        placing.iter().for_each(|part| deps.union(&part.deps));
        self.read(&mut deps, &read, &order, by, &seen, input);

        let holds_ties = units != WindowFrameUnits::Rows && OF_SETS.contains(&function.as_str());
        let has_ties = order.exists && !order.unique && !holds_ties && !WITHOUT_TIES.contains(&function.as_str());
        if has_ties && !self.picks_one_of_a_place(call, &function, &placing, input) {
            deps.faults.insert(Fault::Ties(self.cause(spot, self.ties(&function, input))));
        }
        let shifts_rows = ["lag", "lead"].contains(&function.as_str());
        let shifts = shifts_rows || latest.is_some();
        if order.exists && !shifts && holds_itself && span.before == Bound::ZERO && span.after.is_beyond() {
            self.holding.insert(Arc::clone(&seen.ahead));
        }
        let chooses = CHOOSING.contains(&function.as_str());
        let time = argument_time.filter(|_| chooses).map(|time| self.chosen(time, span, &order, input));
        let time = match (time, values.get(2).filter(|_| shifts_rows), params.args.get(2)) {
            (Some(time), Some(default), Some(value)) if !constant(value).is_some_and(ScalarValue::is_null) => {
                default.time.and_then(|default| self.times.one_of(&[time, default]))
            }
            (time, ..) => time,
        };
        let next = argument_time.filter(|_| shifts_rows && span.after.is_beyond());
        let next = next.and_then(|time| self.next_row(call, time, &order, &read)).map(|(from, own, open)| Next {
            from,
            own,
            open,
            faults: deps.faults.clone(),
            cause: Arc::clone(&seen.ahead),
        });
        let number = values.first().and_then(|value| value.number).filter(|_| chooses);
        let number = number
            .filter(|_| !shifts_rows || params.args.len() < 3)
            .map(|number| Number { time: self.chosen(number.time, span, &order, input), ..number });
        let made_of_time = ["row_number", "rank", "dense_rank"].contains(&function.as_str());
        let need = self.window_need(call, &function, &order, input)?;
        let place = self.numbered(call, &function, &order, input);
        Ok(Column { deps, time, number, latest, next, place, need, made_of_time })
    }

    /// Adds what the rows of a window depend on, as seen from the row itself. `read` holds a dependency of some rows, and where
    /// these rows lie.
    /// `by` is the time by which the window counts rows one by one.
    fn read(
        &mut self,
        deps: &mut Deps,
        read: &[(Var, Source, Span)],
        order: &Order,
        by: Option<Var>,
        seen: &Seen,
        input: Input<'_>,
    ) {
        let mut along = Deps::default();
        if let Some((anchor, _)) = order.time {
            for (var, source, rows) in read {
                let own = self.times.from(anchor, *var);
                let reason = |rows: Bound, own: Bound, inner: &Option<Arc<Cause>>, window: &Arc<Cause>| {
                    let table = self.times.cause(*var).filter(|_| own == Bound::Unbounded);
                    let table = table.filter(|_| !rows.is_beyond()).cloned();
                    let inner = inner.clone().filter(|_| !rows.is_beyond());
                    inner.or(table).or_else(|| (rows.is_beyond() || own.is_beyond()).then(|| Arc::clone(window)))
                };
                let ahead = reason(rows.after, own.after, &source.ahead, &seen.ahead);
                let back = reason(rows.before, own.before, &source.back, &seen.back);
                let span = own.plus(source.span).plus(*rows);
                let counts = source.counted == by || matches!(source.span.after, Bound::Within { rows: 0, .. });
                let counted = by.filter(|by| *by == *var && *by == anchor && counts);
                let span = Span { before: span.before.without_step(), ..span };
                along.add(anchor, Source { span, counted, ahead, back });
            }
            if order.shared.is_empty() {
                deps.union(&along);
                return;
            }
        }
        let scope = self.times.scope();
        self.times.nest(scope, input.relation.scope);
        let found = self.times.add(scope, Some(Arc::clone(&seen.ahead)));
        if let Some((anchor, source)) = along.sources.into_iter().next() {
            self.times.place(anchor, found, source.span);
        }
        for anchor in &order.shared {
            // All rows of the partition share this time, so it does not matter where the frame lies.
            let spans = read.iter().map(|(var, source, _)| self.times.from(*anchor, *var).plus(source.span));
            if let Some(span) = spans.reduce(Span::or) {
                self.times.place(*anchor, found, span);
            }
        }
        deps.add(
            found,
            Source {
                span: Span::OWN,
                counted: None,
                ahead: Some(Arc::clone(&seen.ahead)),
                back: Some(Arc::clone(&seen.back)),
            },
        );
    }

    /// Returns the time of a row that the call chooses from those that it reads.
    fn chosen(&mut self, time: Var, span: Span, order: &Order, input: Input<'_>) -> Var {
        let scope = self.times.scope();
        self.times.nest(scope, input.relation.scope);
        let made = self.times.add(scope, self.times.cause(time).cloned());
        if self.times.of_ticks(time) {
            self.times.is_tick(made);
        }
        if let Some((anchor, _)) = order.time {
            let place = self.times.from(anchor, time).plus(span);
            self.times.place(anchor, made, place);
        }
        for anchor in &order.shared {
            let place = self.times.from(*anchor, time);
            self.times.place(*anchor, made, place);
        }
        made
    }

    /// Returns the rows that a call reads, in the direction of its order.
    fn frame(&self, call: &WindowFunction, function: &str, order: &Order) -> Span {
        let params = &call.params;
        // Groups lie apart even where rows do not, if nothing else divides the rows of one time.
        let in_groups = order.alone
            && params.window_frame.units == WindowFrameUnits::Groups
            && !rolling::WITHOUT_FRAMES.contains(&function);
        let step = |bound: Bound| match order.time {
            Some((time, _)) if order.distinct || in_groups => bound.min(self.times.strictly(time, time)),
            _ => bound,
        };
        let rows = |count: i64| {
            let (far, near) = (Bound::rows(u32::try_from(count.unsigned_abs()).unwrap_or(u32::MAX)), step(Bound::ZERO));
            match count {
                0 => Span::OWN,
                1.. => Span { before: near, after: far },
                _ => Span { before: far, after: near },
            }
        };
        match function {
            "lag" | "lead" => {
                let offset = match params.args.get(1) {
                    None => Some(1),
                    Some(offset) => constant(offset).and_then(whole_number),
                };
                let Some(offset) = offset else { return Span::ALL };
                let offset = if function == "lag" { offset.saturating_neg() } else { offset };
                let mut span = rows(offset);
                if params.null_treatment == Some(NullTreatment::IgnoreNulls) && offset != 0 {
                    *(if offset > 0 { &mut span.after } else { &mut span.before }) = Bound::Unbounded;
                }
                if order.time.is_none() { Span::ALL } else { span }
            }
            "row_number" | "rank" | "dense_rank" if order.time.is_some() => {
                Span { before: Bound::Unbounded, after: Bound::ZERO }
            }
            "ntile" | "percent_rank" | "cume_dist" | "row_number" | "rank" | "dense_rank" => Span::ALL,
            _ if order.time.is_none() => Span::ALL,
            _ => {
                let frame = &params.window_frame;
                // Without the rows that share its place, those up to the row itself lie before it.
                let own = match (rolling::excluded(&call.fun), order.time) {
                    (Some(Exclusion::Group), Some((time, _))) if order.alone => self.times.strictly(time, time),
                    _ => Bound::ZERO,
                };
                let edge = |bound: &WindowFrameBound| match (bound, frame.units) {
                    (WindowFrameBound::CurrentRow, _) => Some(Span { before: own, after: own }),
                    (WindowFrameBound::Preceding(value), _) | (WindowFrameBound::Following(value), _)
                        if value.is_null() =>
                    {
                        None
                    }
                    (WindowFrameBound::Preceding(value), WindowFrameUnits::Range) => {
                        let (least, most) = length_in(value, order.unit)?;
                        Some(Span { before: Bound::ns(most), after: Bound::ns(least.saturating_neg()) })
                    }
                    (WindowFrameBound::Following(value), WindowFrameUnits::Range) => {
                        let (least, most) = length_in(value, order.unit)?;
                        Some(Span { before: Bound::ns(least.saturating_neg()), after: Bound::ns(most) })
                    }
                    (WindowFrameBound::Preceding(value), _) => whole_number(value).map(|count| rows(-count)),
                    (WindowFrameBound::Following(value), _) => whole_number(value).map(rows),
                };
                let before = edge(&frame.start_bound).map_or(Bound::Unbounded, |span| span.before);
                let after = edge(&frame.end_bound).map_or(Bound::Unbounded, |span| span.after);
                let span = Span { before, after };
                match order.time {
                    Some((time, _)) if frame.units == WindowFrameUnits::Range => self.times.stepped(time, span),
                    _ => span,
                }
            }
        }
    }
}

/// Returns whether a call's frame holds the row itself, if its lengths are not negative.
fn holds_itself(call: &WindowFunction) -> bool {
    let frame = &call.params.window_frame;
    matches!(frame.start_bound, WindowFrameBound::Preceding(_) | WindowFrameBound::CurrentRow)
        && matches!(frame.end_bound, WindowFrameBound::Following(_) | WindowFrameBound::CurrentRow)
        && rolling::excluded(&call.fun).is_none()
}

fn call(expression: &Expr) -> Option<&WindowFunction> {
    match expression {
        Expr::WindowFunction(function) => Some(function),
        Expr::Alias(alias) => call(&alias.expr),
        _ => None,
    }
}
