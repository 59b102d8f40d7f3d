//! Which days a table consists of, and from which landed ticks each day is made.
//!
//! In: how far a query reaches, found in its plan, and the landed ticks by span. Out: the days that can have rows, each with the
//! ticks around it and a digest of them. A day has to be made again if that digest has changed: ticks of the day have landed, or
//! such that the frames of its rows reach into.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::context::SessionContext;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::sql::sqlparser::ast::{GroupByExpr, SetExpr};

use super::reach::Step;
use super::spans::{OF_DAY, SPAN_NS, Spans};
use super::{LANDED, Project, Query};

/// Lengths of time are found to the microsecond.
const SLACK_NS: i64 = 1_000;

/// More steps from tick to tick than this, with lengths of time between them, are not followed.
const MOST_STEPS: u64 = 64;

/// A century: lengths beyond it are not followed.
const MOST_NS: i64 = 100 * 365 * OF_DAY * SPAN_NS;

/// How far the rows of a query reach, if it is known that each depends only on ticks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Local {
    /// The query's time column.
    pub time: String,
    before: Side,
    after: Side,
}

/// How far rows reach to one side: a length of time, and ticks of one product, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Side {
    ns: i64,
    rows: u64,
}

/// One UTC day of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    /// `YYYYMMDD`
    pub name: String,
    /// When the day begins, in nanoseconds since 1970.
    pub start: i64,
    /// The spans whose ticks its rows can depend on.
    pub spans: Range<i64>,
    /// A digest of these ticks.
    pub ticks: String,
}

impl Day {
    /// The times of the day's rows, in nanoseconds.
    pub fn range(&self) -> Range<i64> {
        self.start..self.start + OF_DAY * SPAN_NS
    }
}

/// Returns the name of the UTC day in which a time lies.
pub(super) fn day_name(ns: i64) -> String {
    let time = chrono::DateTime::from_timestamp_nanos(ns);
    time.format("%Y%m%d").to_string()
}

impl Project {
    /// Returns how far a query's rows reach, if its table can be divided by days.
    ///
    /// # Errors
    /// Why it cannot, as a clause.
    pub(super) async fn local(&self, index: usize, context: &SessionContext) -> Result<Local, String> {
        let query = &self.queries[index];
        let time = query.header.time_column.clone().ok_or("its header names no time column")?;
        let measured = self.measured(query, context).await.map_err(|error| error.to_string())?;
        if !measured.dated {
            return Err(format!("`{time}` is not the time of a tick"));
        }
        let found = measured.lookback().ok_or("its rows are not known to depend only on ticks around them")?;
        let mut sides = [Side { ns: 0, rows: 0 }; 2];
        for (side, steps) in sides.iter_mut().zip([&found.back, &found.ahead]) {
            for step in steps {
                match step {
                    Step::Time(ns) => side.ns = side.ns.saturating_add(*ns),
                    Step::Rows { table, count, .. } if self.is_of_ticks(table) => {
                        side.rows = side.rows.saturating_add(*count);
                    }
                    Step::Rows { table, .. } => {
                        return Err(format!("it counts rows of `{table}`, which are not ticks"));
                    }
                }
            }
        }
        if sides.iter().any(|side| side.ns > MOST_NS) {
            return Err("its rows depend on ticks of any time".into());
        }
        if sides.iter().any(|side| side.ns > 0 && side.rows > MOST_STEPS) {
            return Err("its rows reach over lengths of time and many ticks".into());
        }
        if sides.iter().any(|side| side.rows > 0) && !self.counts_ok_ticks(index) {
            return Err("it counts ticks of other statuses than `ok`, or not all of them".into());
        }
        let [before, after] = sides;
        Ok(Local { time, before, after })
    }

    /// Returns whether the rows of a table are landed ticks.
    fn is_of_ticks(&self, table: &str) -> bool {
        table == LANDED || self.query(table).is_some_and(|query| query.parsed.references.tables.contains(LANDED))
    }

    /// Returns whether the ticks that a query counts are those of status `ok`: whatever it reads reads landed ticks only so.
    fn counts_ok_ticks(&self, index: usize) -> bool {
        let mut needed = self.upstream(index);
        needed.insert(index);
        let reads_landed = |query: &&Query| query.parsed.references.tables.contains(LANDED);
        needed.into_iter().map(|index| &self.queries[index]).filter(reads_landed).all(|query| {
            let parsed = &query.parsed.query;
            let SetExpr::Select(select) = parsed.body.as_ref() else { return false };
            let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
            let filter = select.selection.as_ref().map(ToString::to_string);
            let is_whole = parsed.with.is_none() && parsed.limit_clause.is_none() && parsed.fetch.is_none();
            let is_one = matches!(select.from.as_slice(), [table] if table.joins.is_empty());
            is_whole
                && is_one
                && !is_grouped
                && select.distinct.is_none()
                && select.having.is_none()
                && select.qualify.is_none()
                && filter.as_deref() == Some("status = 'ok'")
        })
    }
}

impl Local {
    /// Returns the days that can have rows, in order.
    pub fn days(&self, spans: &Spans) -> Vec<Day> {
        let Some((first, last)) = spans.ends() else { return Vec::new() };
        let first_day = (first - spans_of(self.after.ns) - 1).div_euclid(OF_DAY);
        let last_day = (last + spans_of(self.before.ns) + 1).div_euclid(OF_DAY);
        (first_day..=last_day).filter_map(|day| self.day(day, spans)).collect()
    }

    fn day(&self, day: i64, spans: &Spans) -> Option<Day> {
        let start = day * OF_DAY * SPAN_NS;
        let end = start + OF_DAY * SPAN_NS;
        let [from, to] = [self.before.ns, self.after.ns].map(|ns| if ns > 0 { ns + SLACK_NS } else { 0 });
        let near = (start - from).div_euclid(SPAN_NS)..(end + to + SPAN_NS - 1).div_euclid(SPAN_NS);
        if spans.rows(near.clone()) == 0 {
            return None;
        }
        let first = self.before.walk(near.start, near.clone(), spans, false);
        let last = self.after.walk(near.end, near, spans, true);
        let around = first..last;
        Some(Day { name: day_name(start), start, ticks: spans.digest(around.clone()), spans: around })
    }
}

impl Side {
    /// Returns the span at which the ticks end that a row can depend on, from where its length of time ends.
    fn walk(self, from: i64, near: Range<i64>, spans: &Spans, ahead: bool) -> i64 {
        if self.ns == 0 {
            return if self.rows > 0 { spans.step(from, self.rows, near, ahead) } else { from };
        }
        // Times and ticks can alternate in any order, so a length of time follows each tick.
        let length = spans_of(self.ns + SLACK_NS);
        (0..self.rows).fold(from, |at, _| {
            let at = spans.step(at, 1, near.clone(), ahead);
            if ahead { at + length } else { at - length }
        })
    }
}

/// Returns the number of spans that a length of time touches at most, beyond the one in which it begins.
fn spans_of(ns: i64) -> i64 {
    (ns + SPAN_NS - 1).div_euclid(SPAN_NS)
}

/// Returns the window function whose result depends on where the input begins; `None` if there is none. The engine's own
/// operators add what enters a frame and subtract what leaves it, and floating-point numbers keep a trace of that.
pub(super) fn undetermined(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let mut found = None;
    let walked = plan.apply(|node| {
        let bounded = node.downcast_ref::<BoundedWindowAggExec>().map(BoundedWindowAggExec::window_expr);
        let windows = bounded.or_else(|| node.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr));
        for window in windows.unwrap_or_default() {
            let any: &dyn std::any::Any = window.as_any();
            let is_sum = any.is::<PlainAggregateWindowExpr>() || any.is::<SlidingAggregateWindowExpr>();
            let is_float = window.field().is_ok_and(|field| {
                matches!(field.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64)
            });
            let name = window.name();
            let is_exact = ["min(", "max(", "count("].iter().any(|exact| name.starts_with(exact));
            if is_sum && is_float && !is_exact {
                found = Some(name.to_string());
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // The walk itself cannot fail.
    walked.ok().and(found)
}
