//! The ticks that the rows of each node of a plan need: filters, windows, groups and joins.
//!
//! In: what is known about the rows that a node reads. Out: the [`Need`] of its rows and of its columns. [`super::lookback`]
//! says what counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, Result};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, ExprSchemable, Join, Operator, Volatility, WindowFrameBound, WindowFrameUnits,
};

use super::aggregate::aggregate_of;
use super::expression::{Input, chain, constant, zone_of};
use super::need::{Basis, Hop, Local, Need, Path, Paths, either};
use super::numbers::{FLOORS, length_in, whole_number};
use super::plan::{Walk, position};
use super::relation::{Column, Relation};
use super::times::{Bound, Span, Var};
use super::window::WITHOUT_TIES;
use super::window_order::Order;
use crate::pipeline::LANDED;
use crate::rolling;

/// Window functions whose result the stock operator takes from the frame alone too: they add no floating-point numbers.
const WITHOUT_SUMS: [&str; 16] = [
    "count",
    "min",
    "max",
    "first_value",
    "last_value",
    "nth_value",
    "lag",
    "lead",
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "bool_and",
    "bool_or",
];

/// Window functions that count the rows of their partition up to the row.
const COUNTING: [&str; 3] = ["row_number", "rank", "dense_rank"];

/// Window functions that count all rows of their partition.
const COUNTING_ALL: [&str; 3] = ["ntile", "percent_rank", "cume_dist"];

/// Aggregates that have the same bits in whatever order the rows of a group come.
const WITHOUT_ORDER: [&str; 6] = ["count", "min", "max", "bool_and", "bool_or", "median"];

/// Aggregates that have the same bits if their ORDER BY leaves no ties.
const ORDERED: [&str; 5] = ["first_value", "last_value", "nth_value", "array_agg", "string_agg"];

impl Local {
    /// The landed messages, whose `ts` is the time `ts` and whose column `product` is the product.
    pub fn landed(ts: Var, product: usize) -> Local {
        let basis = Basis { table: LANDED.into(), time: "ts".into(), product: Some("product_id".into()) };
        Local {
            rows: Some(Need::at(ts)),
            basis: Some(Arc::new(basis)),
            product: BTreeSet::from([product]),
            across: false,
            ticks: true,
        }
    }

    /// Returns what is known after a filter. `whole` says whether it keeps or leaves out all rows of a product.
    pub fn filtered(&self, condition: Option<Need>, whole: bool) -> Local {
        let basis = self.basis.clone().filter(|_| whole);
        Local { rows: either(condition, &self.rows), basis, ..self.clone() }
    }

    /// Returns what is known about rows that come from one of several branches.
    pub fn of_branches(branches: &[Relation]) -> Local {
        let all = || branches.iter().map(|branch| &branch.local);
        let product = all().map(|local| local.product.clone()).reduce(|one, other| &one & &other);
        Local {
            rows: all().map(|local| &local.rows).fold(Some(Need::default()), either),
            basis: None,
            product: product.unwrap_or_default(),
            across: all().any(|local| local.across),
            ticks: all().any(|local| local.ticks),
        }
    }
}

impl Relation {
    /// Forgets which ticks the rows need.
    pub fn with_unknown_need(mut self) -> Relation {
        self.columns.iter_mut().for_each(|column| column.need = None);
        self.local = Local { rows: None, basis: None, ..self.local };
        self
    }

    /// Takes the rows of a query for those that windows count, if they are not all rows of a table that it reads.
    pub fn count_rows_of(&mut self, name: &str, schema: &Schema) {
        let field = |index: usize| schema.field(index).name().clone();
        let time = self.columns.iter().position(|column| column.time.is_some() && column.time == self.main);
        if let (None, Some(_), Some(time)) = (&self.local.basis, &self.local.rows, time) {
            let product = self.local.product.first().map(|product| field(*product));
            self.local.basis = Some(Arc::new(Basis { table: name.into(), time: field(time), product }));
        }
    }
}

impl Walk<'_> {
    /// Returns the ticks that an expression needs.
    pub fn need(&mut self, expression: &Expr, input: Input<'_>) -> Result<Option<Need>> {
        let mut need = Need::default();
        let mut waiting = vec![expression];
        while let Some(next) = waiting.pop() {
            match next {
                Expr::Column(name) => {
                    let index = input.schema.maybe_index_of_column(name);
                    let column = index.and_then(|index| input.relation.columns.get(index));
                    let Some(known) = column.and_then(|column| column.need.as_ref()) else { return Ok(None) };
                    need = need.or(known);
                    continue;
                }
                Expr::BinaryExpr(binary) if asks_for_data(binary, input) => {
                    let Some(asked) = self.asked(binary, input)? else { return Ok(None) };
                    need = need.or(&asked);
                    continue;
                }
                Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                    return Ok(None);
                }
                // A tick just before an interval can be rounded into it.
                Expr::ScalarFunction(call)
                    if FLOORS.contains(&call.func.name())
                        && self.value(next, input)?.number.is_some_and(|number| number.rough) =>
                {
                    return Ok(None);
                }
                Expr::OuterReferenceColumn(..)
                | Expr::ScalarVariable(..)
                | Expr::Placeholder(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::ScalarSubquery(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_) => return Ok(None),
                _ => {}
            }
            next.apply_children(|part| {
                waiting.push(part);
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(Some(need))
    }

    /// Returns the ticks that a comparison with the latest of all times needs: the first one that is late enough.
    fn asked(&mut self, binary: &BinaryExpr, input: Input<'_>) -> Result<Option<Need>> {
        let (left, right) = (self.value(&binary.left, input)?, self.value(&binary.right, input)?);
        for (latest, other, expression) in [(&left, &right, &binary.right), (&right, &left, &binary.left)] {
            let of = latest.latest.as_ref().and_then(|latest| latest.of.clone());
            let (Some(table), Some((from, Bound::Within { rows: 0, ns }))) = (of, self.reach_asked(latest, other))
            else {
                continue;
            };
            let ahead = Path::of(Hop::Time(ns)).then(Hop::Rows(table, 1));
            let asked = Need::at(from).moved(from, &Paths { back: Path::default(), ahead }, &self.times);
            return Ok(either(self.need(expression, input)?, &asked));
        }
        Ok(None)
    }

    /// Returns the table whose rows a window counts.
    pub fn counted_rows(&self, call: &WindowFunction, input: Input<'_>) -> Option<Arc<Basis>> {
        let relation = input.relation;
        let is_whole = |part: &Expr| {
            let column = position(part, input.schema);
            constant(part).is_some()
                || column.is_some_and(|column| {
                    relation.local.product.contains(&column) || relation.constants.contains(&column)
                })
        };
        let basis = relation.local.basis.clone();
        basis.filter(|_| call.params.partition_by.iter().all(is_whole))
    }

    /// Returns whether a window holds rows of several products.
    pub fn is_across(&self, call: &WindowFunction, input: Input<'_>) -> bool {
        let local = &input.relation.local;
        let of_product =
            |part: &Expr| position(part, input.schema).is_some_and(|column| local.product.contains(&column));
        let partitioned = call.params.partition_by.iter().any(of_product);
        local.ticks && !partitioned && local.product.is_disjoint(&input.relation.constants)
    }

    /// Returns the ticks that a window call needs.
    pub fn window_need(
        &mut self,
        call: &WindowFunction,
        function: &str,
        order: &Order,
        input: Input<'_>,
    ) -> Result<Option<Need>> {
        let params = &call.params;
        let mut inner = input.relation.local.rows.clone();
        let keys = params.order_by.iter().map(|key| &key.expr);
        for part in params.args.iter().chain(params.filter.as_deref()).chain(&params.partition_by).chain(keys) {
            inner = either(inner, &self.need(part, input)?);
        }
        let (Some(inner), Some(main)) = (inner, input.relation.main) else { return Ok(None) };
        let ties = params.order_by.is_empty() || (!order.certain && !WITHOUT_TIES.contains(&function));
        let without_order = params.order_by.is_empty() && WITHOUT_ORDER.contains(&function);
        if ties && !without_order {
            return Ok(None);
        }
        let inner = if depends_on_frame(call, function, order.unit, input) { inner } else { inner.with_sums() };
        let [back, ahead] = self.frame_paths(call, function, order, main, input);
        let within = self.partition_length(order, main).map(|ns| Path::of(Hop::Time(ns)));
        let (Some(back), Some(ahead)) = (back.or_else(|| within.clone()), ahead.or(within)) else { return Ok(None) };
        Ok(inner.moved(main, &Paths { back, ahead }, &self.times))
    }

    /// Returns how far a call's frame reaches before and after a row; `None` on a side where it does not end.
    fn frame_paths(
        &self,
        call: &WindowFunction,
        function: &str,
        order: &Order,
        main: Var,
        input: Input<'_>,
    ) -> [Option<Path>; 2] {
        let params = &call.params;
        let ordered = order.time.filter(|(time, _)| self.times.from(main, *time) == Span::OWN);
        let Some((_, descending)) = ordered else { return [None, None] };
        let rows = |count: i64| {
            let table = self.counted_rows(call, input)?;
            Some(Path::of(Hop::Rows(table, count.unsigned_abs())))
        };
        let own = || Some(Path::default());
        let [start, end] = if function == "lag" || function == "lead" {
            let offset = params.args.get(1).map_or(Some(1), |offset| constant(offset).and_then(whole_number));
            let Some(offset) = offset else { return [None, None] };
            let offset = if function == "lag" { offset.saturating_neg() } else { offset };
            let shift = if params.null_treatment == Some(NullTreatment::IgnoreNulls) { None } else { rows(offset) };
            match offset {
                0 => [own(), own()],
                1.. => [own(), shift],
                _ => [shift, own()],
            }
        } else if COUNTING.contains(&function) {
            [None, own()]
        } else if COUNTING_ALL.contains(&function) {
            [None, None]
        } else {
            let frame = &params.window_frame;
            let kind = params.order_by.first().and_then(|key| key.expr.get_type(input.schema).ok());
            let clocks_change = kind.as_ref().is_none_or(|kind| zone_of(kind).is_some());
            // Towards the start of the order, a frame's start counts; towards its end, its end does.
            let edge = |bound: &WindowFrameBound, is_start: bool| {
                let (value, outwards) = match bound {
                    WindowFrameBound::CurrentRow => return own(),
                    WindowFrameBound::Preceding(value) => (value, is_start),
                    WindowFrameBound::Following(value) => (value, !is_start),
                };
                if value.is_null() {
                    return None;
                }
                match frame.units {
                    WindowFrameUnits::Range => {
                        let (least, most) = length_in(value, order.unit).filter(|_| !clocks_change)?;
                        Some(Path::of(Hop::Time(if outwards { most } else { least.saturating_neg() })))
                    }
                    WindowFrameUnits::Groups if !order.distinct => None,
                    WindowFrameUnits::Rows | WindowFrameUnits::Groups => match whole_number(value)? {
                        count if outwards == (count > 0) && count != 0 => rows(count),
                        _ => own(),
                    },
                }
            };
            [edge(&frame.start_bound, true), edge(&frame.end_bound, false)]
        };
        if descending { [end, start] } else { [start, end] }
    }

    /// Returns how far apart two rows of a partition can be, if all of its rows share an interval of time.
    fn partition_length(&self, order: &Order, main: Var) -> Option<i64> {
        let lengths = order.shared.iter().filter_map(|shared| {
            let span = self.times.from(main, *shared);
            match span.before.plus(span.after) {
                Bound::Within { rows: 0, ns } => Some(ns.max(0)),
                _ => None,
            }
        });
        lengths.min()
    }

    /// Returns what is known about the rows of a join.
    pub fn joined_locally(
        &self,
        [left, right]: [&Relation; 2],
        join: &Join,
        pairs: &[(usize, usize)],
        condition: Option<Need>,
    ) -> Local {
        let width = left.columns.len();
        let shifted = |columns: &BTreeSet<usize>| columns.iter().map(|column| column + width).collect::<BTreeSet<_>>();
        let (one, other) = (&left.local, &right.local);
        let rows = either(either(condition, &one.rows), &other.rows).filter(|_| join.join_type != JoinType::Full);
        let is_pair = |pair: &(usize, usize), of_left: &dyn Fn(usize) -> bool, of_right: &dyn Fn(usize) -> bool| {
            let [first, second] = if pair.0 < pair.1 { [pair.0, pair.1] } else { [pair.1, pair.0] };
            first < width && second >= width && of_left(first) && of_right(second - width)
        };
        let by_product = |pair: &(usize, usize)| {
            is_pair(pair, &|column| one.product.contains(&column), &|column| other.product.contains(&column))
        };
        let has_time = |relation: &Relation, column: usize| {
            relation.main.is_some() && relation.columns[column].time == relation.main
        };
        let by_time =
            |pair: &(usize, usize)| is_pair(pair, &|column| has_time(left, column), &|column| has_time(right, column));
        let paired = pairs.iter().any(by_product);
        let product = match (join.join_type, paired) {
            (JoinType::Inner, true) => &one.product | &shifted(&other.product),
            (JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark, _) => {
                shifted(&other.product)
            }
            _ if !one.ticks && join.join_type == JoinType::Inner => shifted(&other.product),
            _ => one.product.clone(),
        };
        let parts = join.on.len() + join.filter.iter().flat_map(|filter| chain(filter, Operator::And)).count();
        let finds_itself = one.basis == other.basis
            && pairs.len() == parts
            && pairs.iter().all(|pair| by_product(pair) || by_time(pair))
            && paired
            && pairs.iter().any(by_time);
        let basis = match join.join_type {
            JoinType::Left | JoinType::LeftMark => one.basis.clone(),
            JoinType::Right | JoinType::RightMark => other.basis.clone(),
            JoinType::Inner if finds_itself => one.basis.clone(),
            _ => None,
        };
        let across = one.across || other.across || (one.ticks && other.ticks && !paired);
        Local { rows, basis, product, across, ticks: one.ticks || other.ticks }
    }

    /// Returns what is known about groups, and the ticks that each aggregate needs, both as seen from the rows of a group.
    pub fn grouped_locally(&mut self, aggregate: &Aggregate, input: Input<'_>) -> Result<(Local, Vec<Option<Need>>)> {
        let from = &input.relation.local;
        let mut rows = from.rows.clone();
        for group in &aggregate.group_expr {
            let known = if matches!(group, Expr::GroupingSet(_)) { None } else { self.need(group, input)? };
            rows = either(rows, &known);
        }
        let mut values = Vec::new();
        for expression in &aggregate.aggr_expr {
            let Some(call) = aggregate_of(expression) else {
                values.push(None);
                continue;
            };
            let exact = has_one_result(call, aggregate, input);
            let mut need = Some(if exact { Need::default() } else { Need::default().with_sums() });
            let keys = call.params.order_by.iter().map(|key| &key.expr);
            for part in call.params.args.iter().chain(call.params.filter.as_deref()).chain(keys) {
                need = either(need, &self.need(part, input)?);
            }
            values.push(need);
        }
        let groups = aggregate.group_expr.iter().enumerate();
        let of_product =
            |group: &Expr| position(group, input.schema).is_some_and(|column| from.product.contains(&column));
        let product: BTreeSet<usize> = groups.filter(|(_, group)| of_product(group)).map(|(index, _)| index).collect();
        let one_product = !from.product.is_disjoint(&input.relation.constants);
        let across = from.across || (from.ticks && product.is_empty() && !one_product);
        Ok((Local { rows, basis: None, product, across, ticks: from.ticks }, values))
    }

    /// Sees the needs of groups from the time of a group, and gives each column its own.
    pub fn seen_from_group(
        &self,
        (mut local, values): (Local, Vec<Option<Need>>),
        main: Option<Var>,
        columns: &mut [Column],
    ) -> Local {
        let seen = |need: Option<Need>| match main {
            Some(main) => need?.anchored(|_| Some(main), &self.times),
            None => need.filter(|_| !local.ticks),
        };
        let rows = seen(local.rows.take());
        let groups = columns.len().saturating_sub(values.len());
        for column in &mut columns[..groups] {
            column.need.clone_from(&rows);
        }
        for (column, value) in columns[groups..].iter_mut().zip(values) {
            column.need = either(seen(value), &rows);
        }
        local.rows = rows;
        local
    }
}

/// Returns whether a comparison may ask for the latest of all times.
fn asks_for_data(binary: &BinaryExpr, input: Input<'_>) -> bool {
    let compares = matches!(binary.op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    let is_latest = |expression: &Expr| {
        expression.column_refs().into_iter().any(|name| {
            let column = input.schema.maybe_index_of_column(name);
            column.is_some_and(|column| input.relation.columns[column].latest.is_some())
        })
    };
    compares && (is_latest(&binary.left) || is_latest(&binary.right))
}

/// Returns whether a call's result depends only on the rows of its frame, whichever operator computes it.
fn depends_on_frame(call: &WindowFunction, function: &str, unit: Option<i64>, input: Input<'_>) -> bool {
    let params = &call.params;
    if WITHOUT_SUMS.contains(&function) {
        return true;
    }
    let plain = !params.distinct && params.null_treatment != Some(NullTreatment::IgnoreNulls);
    let frame = &params.window_frame;
    // The operator counts with timestamps, and with intervals of one length.
    let key = params.order_by.first().and_then(|key| key.expr.get_type(input.schema).ok());
    let counts = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => {
            let exact = length_in(value, unit).is_some_and(|(least, most)| least == most && least >= 0);
            value.is_null() || exact
        }
    };
    let countable = matches!(key, Some(DataType::Timestamp(_, _) | DataType::Int64));
    let counted =
        frame.units != WindowFrameUnits::Range || (countable && counts(&frame.start_bound) && counts(&frame.end_bound));
    plain && counted && rolling::knows(&call.fun)
}

/// Returns whether an aggregate has the same bits in whatever order the rows of a group come.
fn has_one_result(call: &AggregateFunction, aggregate: &Aggregate, input: Input<'_>) -> bool {
    let params = &call.params;
    let name = call.func.name();
    let whole_numbers =
        || params.args.iter().all(|argument| argument.get_type(input.schema).is_ok_and(|kind| kind.is_integer()));
    if WITHOUT_ORDER.contains(&name) || (name == "sum" && whole_numbers()) {
        return true;
    }
    let keys = params.order_by.iter().map(|key| &key.expr);
    let known: BTreeSet<usize> =
        aggregate.group_expr.iter().chain(keys).filter_map(|part| position(part, input.schema)).collect();
    let relation = input.relation;
    let has = |column: &usize| known.contains(column) || relation.constants.contains(column);
    ORDERED.contains(&name) && !params.order_by.is_empty() && relation.keys.iter().any(|key| key.iter().all(has))
}

/// Returns whether an expression reads only these columns.
pub fn only_reads(expression: &Expr, columns: &BTreeSet<usize>, schema: &DFSchema) -> bool {
    let mut waiting = vec![expression];
    while let Some(next) = waiting.pop() {
        match next {
            Expr::Column(name)
                if schema.maybe_index_of_column(name).is_some_and(|column| columns.contains(&column)) => {}
            Expr::Literal(..) => {}
            Expr::BinaryExpr(binary) => waiting.extend([binary.left.as_ref(), binary.right.as_ref()]),
            Expr::InList(list) => waiting.extend(list.list.iter().chain([list.expr.as_ref()])),
            Expr::Cast(cast) => waiting.push(&cast.expr),
            Expr::Not(inner) => waiting.push(inner),
            _ => return false,
        }
    }
    true
}
