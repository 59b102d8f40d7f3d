//! What is known about the rows of a node of a plan: on which rows of the sources each column depends.
//!
//! A dependency is a time and a [`Span`]: the rows whose times lie within that span of that time. Which rows the times belong
//! to does not matter, so that the answer is an upper limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::need::{Basis, Local, Need};
use super::steps::Place;
use super::times::{Bound, Scope, Span, Times, Var};

/// Where in a query something is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// The call of a function.
    Call(Call),
    /// A table, by its alias or its name.
    Table(String),
    /// A keyword.
    Keyword(&'static str),
    /// A column.
    Name(String),
    /// An entry of the header.
    Header(String),
    /// The beginning of the statement.
    Start,
}

/// A call, as far as it helps to find it in the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub function: String,
    /// The columns in its arguments.
    pub columns: Vec<String>,
    /// Whether its window starts and ends at a number of rows or a time after the row; `None` if it has no window.
    pub frame: Option<(Edge, Edge)>,
    /// Whether its window orders by a descending column.
    pub descending: bool,
}

impl Call {
    /// A call without a window, of which only the name is known.
    pub fn named(function: &str) -> Call {
        Call { function: function.into(), columns: Vec::new(), frame: None, descending: false }
    }
}

/// Where a frame starts or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    Start,
    Preceding,
    Current,
    Following,
    End,
}

/// Why a column reaches as far as it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The query in which it is written, as an index into the project's queries.
    pub query: usize,
    pub spot: Spot,
    /// A clause such as "`lead` takes a later row's value".
    pub how: String,
}

/// What is wrong with a value, wherever its rows lie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It depends on the order of rows that have no order.
    Ties(Arc<Cause>),
    /// It cannot be found out what it depends on.
    Unknown(Arc<Cause>),
    /// It comes from a label, a model or a score.
    Reads(Arc<Cause>),
}

/// The rows around a time on which something depends, and why they reach so far.
#[derive(Debug, Clone)]
pub struct Source {
    pub span: Span,
    /// If rows ahead are counted one by one among those of one product, in the order of their times: the time of the row.
    pub counted: Option<Var>,
    pub ahead: Option<Arc<Cause>>,
    pub back: Option<Arc<Cause>>,
}

/// Everything on which a value, or the existence of a row, depends.
#[derive(Debug, Clone, Default)]
pub struct Deps {
    pub sources: BTreeMap<Var, Source>,
    pub faults: BTreeSet<Fault>,
}

impl Deps {
    /// The row at a time.
    pub fn row(var: Var) -> Deps {
        let mut deps = Deps::default();
        deps.add(var, Source { span: Span::OWN, counted: None, ahead: None, back: None });
        deps
    }

    pub fn fault(fault: Fault) -> Deps {
        Deps { sources: BTreeMap::new(), faults: BTreeSet::from([fault]) }
    }

    pub fn add(&mut self, var: Var, source: Source) {
        let Some(known) = self.sources.get_mut(&var) else {
            self.sources.insert(var, source);
            return;
        };
        let span = known.span.or(source.span);
        known.counted = match (known.span.after, source.span.after) {
            (Bound::Within { rows: 0, .. }, _) => source.counted,
            (_, Bound::Within { rows: 0, .. }) => known.counted,
            _ => known.counted.filter(|by| Some(*by) == source.counted),
        };
        if span.after != known.span.after || known.ahead.is_none() {
            known.ahead = source.ahead.or_else(|| known.ahead.take());
        }
        if span.before != known.span.before || known.back.is_none() {
            known.back = source.back.or_else(|| known.back.take());
        }
        known.span = span;
    }

    pub fn union(&mut self, other: &Deps) {
        for (var, source) in &other.sources {
            self.add(*var, source.clone());
        }
        self.faults.extend(other.faults.iter().cloned());
    }

    /// Gives a reason to every dependency that has none.
    pub fn because(&mut self, cause: &Arc<Cause>) {
        for source in self.sources.values_mut() {
            source.ahead.get_or_insert_with(|| Arc::clone(cause));
            source.back.get_or_insert_with(|| Arc::clone(cause));
        }
    }
}

/// The latest of all times from one on.
#[derive(Debug, Clone)]
pub struct Latest {
    pub from: Var,
    /// The length that is added to it.
    pub shift: i64,
    /// The table whose rows have these times, if they are all rows of a product.
    pub of: Option<Arc<Basis>>,
}

/// A time as a number.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub time: Var,
    /// The length of one, in nanoseconds.
    pub unit: i64,
    /// Whether it is a whole number; otherwise it is rounded.
    pub whole: bool,
    /// Whether it is an integer of at least 0, so that a division of integers rounds it down.
    pub rounds_down: bool,
    /// Whether it is a number in floating point.
    pub floating: bool,
    /// Whether the intervals that it numbers can start a little early.
    pub rough: bool,
}

/// The time of the row after another in an order of time.
#[derive(Debug, Clone)]
pub struct Next {
    /// The time of the row before it.
    pub from: Var,
    /// Where the rows lie, from its own time, on which it depends whether a row is one of these.
    pub own: Span,
    /// Whether a row without a next one has a time later than all others in its place (true), or NULL (false).
    pub open: bool,
    pub faults: BTreeSet<Fault>,
    pub cause: Arc<Cause>,
}

/// One column.
#[derive(Debug, Clone, Default)]
pub struct Column {
    pub deps: Deps,
    /// The time that its values are, if they are one.
    pub time: Option<Var>,
    /// If its values are times as numbers.
    pub number: Option<Number>,
    /// If its values are the latest of all times: a comparison with them only asks whether the data reach that far.
    pub latest: Option<Latest>,
    /// If its values are the times of the next rows: a comparison with an earlier time only asks for rows up to that time.
    pub next: Option<Next>,
    /// The ticks that a value needs; `None` if they are not known.
    pub need: Option<Need>,
    /// If its values are numbers of rows.
    pub place: Option<Place>,
    /// Whether its values are made of times or of positions in the order of time in a way that is not followed.
    pub made_of_time: bool,
}

impl Column {
    /// Takes over what a part of an expression depends on.
    pub fn take(&mut self, part: &Column) {
        self.made_of_time |= part.made_of_time || part.instant().is_some();
        self.deps.union(&part.deps);
    }

    /// Returns the time that its values are, as times or as numbers.
    pub fn instant(&self) -> Option<Var> {
        self.time.or(self.number.map(|number| number.time))
    }

    /// Returns the time that its values are, where two different values are two different times and the other way round.
    pub fn distinct_time(&self) -> Option<Var> {
        self.time.or(self.number.filter(|number| number.whole).map(|number| number.time))
    }
}

/// The rows of a node.
#[derive(Debug, Clone)]
pub struct Relation {
    pub columns: Vec<Column>,
    /// On what it depends whether a row exists.
    pub rows: Deps,
    /// The time of a row.
    pub main: Option<Var>,
    /// Sets of columns that identify a row.
    pub keys: Vec<BTreeSet<usize>>,
    /// Columns that have the same value in all rows.
    pub constants: BTreeSet<usize>,
    /// The table of which each row is one, and whether all of its rows are here.
    pub table: Option<(String, bool)>,
    /// If the rows are groups of all rows of a table: that table.
    pub grouped: Option<String>,
    /// If so, the sources of `rows` that only say whether a group has any row.
    pub members: BTreeSet<Var>,
    /// Whether each row is one row of one table, and no row of that table comes twice.
    pub unjoined: bool,
    pub scope: Scope,
    /// The ticks that the rows need.
    pub local: Local,
}

impl Relation {
    /// Rows that depend on nothing.
    pub fn constant(columns: Vec<Column>, scope: Scope) -> Relation {
        let (rows, keys, constants) = (Deps::default(), Vec::new(), BTreeSet::new());
        let (table, grouped, members) = (None, None, BTreeSet::new());
        let (local, unjoined) = (Local::default(), false);
        Relation { columns, rows, main: None, keys, constants, table, grouped, members, unjoined, scope, local }
    }

    /// Keeps some columns; `from` says for each new column which old column it is, if it is one.
    pub fn remapped(&self, columns: Vec<Column>, from: &[Option<usize>]) -> Relation {
        let find = |old: &usize| from.iter().position(|column| *column == Some(*old));
        let keys = self.keys.iter().filter_map(|key| key.iter().map(find).collect()).collect();
        let constants = self.constants.iter();
        let constants = constants.flat_map(|old| {
            from.iter().enumerate().filter(move |(_, column)| **column == Some(*old)).map(|(new, _)| new)
        });
        let constants = constants.collect();
        let product =
            from.iter().enumerate().filter(|(_, old)| old.is_some_and(|old| self.local.product.contains(&old)));
        let local = Local { product: product.map(|(new, _)| new).collect(), ..self.local.clone() };
        Relation { columns, keys, constants, local, ..self.clone() }
    }
}

/// A query's rows, and what is known about their times.
#[derive(Debug, Clone)]
pub struct Summary {
    pub relation: Relation,
    pub times: Times,
}

impl Summary {
    /// Keeps what readers of a query can see: the times that are its columns, and everything else relative to them.
    pub fn of(mut relation: Relation, mut times: Times, time_column: Option<usize>) -> Summary {
        let declared = time_column.and_then(|index| relation.columns[index].time);
        let main = declared.or(relation.main).unwrap_or_else(|| times.add(relation.scope, None));
        relation.main = Some(main);
        let mut visible: Vec<Var> = vec![main];
        visible.extend(relation.columns.iter().filter_map(Column::instant));
        visible.extend(relation.columns.iter().filter_map(|column| Some(column.latest.as_ref()?.from)));
        visible.extend(relation.columns.iter().filter_map(|column| Some(column.next.as_ref()?.from)));
        visible.sort_unstable();
        visible.dedup();
        // Times of a fixed period are known by that period if nothing else is known of them.
        let fixed = times.known_origin();
        visible.retain(|var| Some(*var) != fixed);
        let known = |span: Span| span.before != Bound::Unbounded && span.after != Bound::Unbounded;
        let anchor = |var: Var| {
            let best = visible.iter().copied().find(|anchor| known(times.from(*anchor, var)));
            if visible.contains(&var) { var } else { best.unwrap_or(main) }
        };
        let anchor_or_fixed = |var: Var| {
            let anchor = anchor(var);
            let is_known = |from: Var| times.upper(from, var) != Bound::Unbounded;
            fixed.filter(|fixed| var == *fixed || (is_known(*fixed) && !is_known(anchor))).unwrap_or(anchor)
        };
        let sources: BTreeSet<Var> = relation.rows.sources.keys().copied().collect();
        for deps in relation.columns.iter_mut().map(|column| &mut column.deps).chain([&mut relation.rows]) {
            let mut seen = Deps { sources: BTreeMap::new(), faults: std::mem::take(&mut deps.faults) };
            for (var, source) in &deps.sources {
                let anchor = anchor_or_fixed(*var);
                seen.add(anchor, relative(&times, anchor, *var, source));
            }
            *deps = seen;
        }
        for need in relation.columns.iter_mut().map(|column| &mut column.need).chain([&mut relation.local.rows]) {
            *need = need.take().and_then(|need| need.anchored(|var| Some(anchor(var)), &times));
        }
        let others: BTreeSet<Var> = sources.difference(&relation.members).map(|var| anchor_or_fixed(*var)).collect();
        relation.members =
            relation.members.iter().map(|var| anchor_or_fixed(*var)).filter(|var| !others.contains(var)).collect();
        visible.extend(fixed);
        let mut kept = Times::default();
        let (scope, vars) = kept.import(&times, relation.scope, &visible, None);
        let names: BTreeMap<Var, Var> = visible.into_iter().zip(vars).collect();
        Summary { relation: renamed(relation, &names, scope), times: kept }
    }

    /// Adds the rows to what is known elsewhere, as the rows of a table that is read there.
    pub fn import(&self, times: &mut Times, cause: &Arc<Cause>) -> Relation {
        let vars: Vec<Var> = (0..self.times.count()).collect();
        let (scope, new) = times.import(&self.times, self.relation.scope, &vars, Some(cause));
        renamed(self.relation.clone(), &vars.into_iter().zip(new).collect(), scope)
    }
}

/// Returns a dependency on rows around `var` as one on rows around `anchor`.
pub fn relative(times: &Times, anchor: Var, var: Var, source: &Source) -> Source {
    let own = times.from(anchor, var);
    let cause = times.cause(var);
    let reason = |bound: Bound, inner: &Option<Arc<Cause>>| match bound.is_beyond() {
        true => inner.clone().or_else(|| cause.cloned()),
        false => inner.clone(),
    };
    let span = own.plus(source.span);
    Source {
        span: Span { before: span.before.without_step(), ..span },
        counted: source.counted.filter(|_| anchor == var),
        ahead: reason(own.after, &source.ahead),
        back: reason(own.before, &source.back),
    }
}

fn renamed(mut relation: Relation, names: &BTreeMap<Var, Var>, scope: Scope) -> Relation {
    let name = |var: &Var| names.get(var).copied();
    for column in &mut relation.columns {
        column.time = column.time.as_ref().and_then(name);
        column.number = column.number.and_then(|number| Some(Number { time: name(&number.time)?, ..number }));
        column.latest = column.latest.take().and_then(|latest| Some(Latest { from: name(&latest.from)?, ..latest }));
        column.next = column.next.take().and_then(|next| Some(Next { from: name(&next.from)?, ..next }));
        column.place = column.place.and_then(|place| Some(Place { by: name(&place.by)?, ..place }));
    }
    for need in relation.columns.iter_mut().map(|column| &mut column.need).chain([&mut relation.local.rows]) {
        *need = need.take().and_then(|need| need.renamed(name));
    }
    for deps in relation.columns.iter_mut().map(|column| &mut column.deps).chain([&mut relation.rows]) {
        let sources = std::mem::take(&mut deps.sources).into_iter();
        let counted = |by: Option<Var>| by.as_ref().and_then(name);
        let renamed = sources.filter_map(|(var, source)| {
            let counted = counted(source.counted);
            Some((name(&var)?, Source { counted, ..source }))
        });
        deps.sources = renamed.collect();
    }
    relation.main = relation.main.as_ref().and_then(name);
    relation.members = relation.members.iter().filter_map(name).collect();
    relation.scope = scope;
    relation
}
