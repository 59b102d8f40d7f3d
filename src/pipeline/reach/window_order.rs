//! The order of a window: by which time its rows come, and which of them share a place.

use std::collections::BTreeSet;

use datafusion::logical_expr::expr::{NullTreatment, Sort, WindowFunction};
use datafusion::logical_expr::{Expr, WindowFrameUnits};

use super::expression::{Input, constant};
use super::plan::{Walk, fixed, position};
use super::relation::Column;
use super::times::Var;

/// What a call's window says, apart from its function.
pub struct Order {
    /// The time by which the rows are ordered first, and whether it descends. `None` if something else orders them first.
    pub time: Option<(Var, bool)>,
    /// Whether the rows are ordered first by a time that some of them lack.
    pub gaps: bool,
    /// Whether there is an ORDER BY at all.
    pub exists: bool,
    /// Times that all rows of the partition share.
    pub shared: Vec<Var>,
    /// Whether two rows of the partition have two times.
    pub distinct: bool,
    /// Whether no two rows share a place in the order.
    pub unique: bool,
    /// Whether that is known, and not only assumed for rows without a grain.
    pub certain: bool,
    /// Whether nothing else orders rows that share that time.
    pub alone: bool,
    /// If that time is a number: the length of one in nanoseconds.
    pub unit: Option<i64>,
}

impl Walk<'_> {
    /// Returns whether every row has a time.
    pub fn is_there(&self, time: Var, input: Input<'_>) -> bool {
        self.times.scope_of(time) == self.times.root(input.relation.scope)
    }

    /// Returns whether two rows with different times `time` have different times `known` too.
    fn tells_apart(&self, known: Var, time: Var, input: Input<'_>) -> bool {
        self.times.is_fixed(time, known) && self.is_there(known, input)
    }

    pub fn order(&mut self, call: &WindowFunction, placing: &[Column], input: Input<'_>) -> Order {
        let params = &call.params;
        let parts = params.partition_by.len();
        let (partition, keys) = placing.split_at(parts);
        let is_fixed = |expression: &Expr| {
            let column = position(expression, input.schema);
            constant(expression).is_some()
                || column.is_some_and(|column| input.relation.constants.contains(&column))
                || params.partition_by.contains(expression)
        };
        // Where all rows agree, the next key decides.
        let free: Vec<_> = params.order_by.iter().zip(keys).filter(|(key, _)| !is_fixed(&key.expr)).collect();
        // The start of an interval says nothing beside a time in it that orders the rows next.
        let starts = |(key, column): &(&Sort, &Column), (next, time): &(&Sort, &Column)| {
            let times = column.instant().zip(time.instant());
            key.asc == next.asc && times.is_some_and(|(start, time)| self.times.starts_interval_of(start, time))
        };
        let mut first = 0;
        while let Some(next) =
            (first + 1..free.len()).find(|next| (first..*next).all(|key| starts(&free[key], &free[*next])))
        {
            first = next;
        }
        let leading = free.get(first).copied();
        let alone = first + 1 == free.len();
        let led = leading.and_then(|(key, column)| column.instant().map(|time| (time, !key.asc)));
        let unit =
            leading.and_then(|(_, column)| column.number.filter(|_| column.time.is_none())).map(|number| number.unit);
        // Rows without a time come together at one end, so the order of the others says nothing about them.
        let time = led.filter(|(time, _)| self.is_there(*time, input));

        let mut columns: BTreeSet<usize> = input.relation.constants.clone();
        columns.extend(params.partition_by.iter().filter_map(|part| position(part, input.schema)));
        // Rows without a time share a partition, wherever they lie.
        let shared = partition.iter().filter_map(Column::instant).filter(|time| self.is_there(*time, input));
        let shared: Vec<Var> = shared.collect();
        let with_time = |known: &BTreeSet<usize>, times: &[Var]| self.tell_rows(known, times, input);
        let distinct = time.is_some_and(|(time, _)| with_time(&columns, &[shared.as_slice(), &[time]].concat()));
        columns.extend(params.order_by.iter().filter_map(|key| position(with_both_zeros(&key.expr), input.schema)));
        let times: Vec<Var> = placing.iter().filter_map(Column::instant).collect();
        let certain = with_time(&columns, &times);
        let unique = certain || (input.relation.keys.is_empty() && self.grain().is_empty());
        let gaps = led.is_some() && time.is_none();
        Order { time, gaps, exists: !params.order_by.is_empty(), shared, distinct, unique, certain, alone, unit }
    }

    /// Returns whether no two rows agree on some columns and times.
    fn tell_rows(&self, known: &BTreeSet<usize>, times: &[Var], input: Input<'_>) -> bool {
        let has = |column: &usize| {
            known.contains(column)
                || input.relation.columns[*column]
                    .distinct_time()
                    .is_some_and(|time| times.iter().any(|known| self.tells_apart(*known, time, input)))
        };
        input.relation.keys.iter().any(|key| key.iter().all(has)) || self.has_grain(known, times, input)
    }

    /// Returns whether a call takes its value only from rows of which no two share a place in the order: `last_value` of
    /// `CASE WHEN product_id = 'BTC-USD' THEN price END` without NULLs. The frame holds all rows that share a place, or none of them.
    pub fn picks_one_of_a_place(
        &self,
        call: &WindowFunction,
        function: &str,
        placing: &[Column],
        input: Input<'_>,
    ) -> bool {
        let params = &call.params;
        if !["first_value", "last_value"].contains(&function) || params.window_frame.units == WindowFrameUnits::Rows {
            return false;
        }
        let mut known: BTreeSet<usize> = input.relation.constants.clone();
        if params.null_treatment == Some(NullTreatment::IgnoreNulls)
            && let Some(Expr::Case(case)) = params.args.first()
            && let (None, [(when, _)], None) = (&case.expr, case.when_then_expr.as_slice(), &case.else_expr)
        {
            known.extend(fixed(when, input.schema));
        }
        let parts = params.partition_by.iter();
        let parts = parts.chain(params.order_by.iter().map(|key| with_both_zeros(&key.expr)));
        known.extend(parts.filter_map(|part| position(part, input.schema)));
        let times: Vec<Var> = placing.iter().filter_map(Column::instant).collect();
        self.tell_rows(&known, &times, input)
    }

    /// Returns whether columns include the query's grain, by name.
    fn has_grain(&self, columns: &BTreeSet<usize>, times: &[Var], input: Input<'_>) -> bool {
        let has = |name: &String| {
            (0..input.relation.columns.len()).any(|column| {
                let same_time = input.relation.columns[column]
                    .distinct_time()
                    .is_some_and(|time| times.iter().any(|known| self.tells_apart(*known, time, input)));
                input.schema.field(column).name() == name && (columns.contains(&column) || same_time)
            })
        };
        !self.grain().is_empty() && self.grain().iter().all(has)
    }

    pub fn grain(&self) -> &[String] {
        &self.project.queries[self.query].header.grain
    }
}

/// Returns the number that the engine's windows order by with only one zero.
fn with_both_zeros(expression: &Expr) -> &Expr {
    match expression {
        Expr::ScalarFunction(call) if call.func.name() == "squall_one_zero" && call.args.len() == 1 => &call.args[0],
        other => other,
    }
}
