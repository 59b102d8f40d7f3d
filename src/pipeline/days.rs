//! Which days a table consists of, and from which landed ticks each day is made.
//!
//! In: how far a query reaches, found in its plan, and the landed ticks by span. Out: the days that can have rows, each with the
//! ticks around it and a digest of them. A day has to be made again if that digest has changed: ticks of the day have landed, or
//! such that the frames of its rows reach into.

use std::ops::Range;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::context::SessionContext;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::sql::sqlparser::ast::{GroupByExpr, SetExpr};

use super::reach::{Lookback, RowTime, Step};
use super::spans::{OF_DAY, SPAN_NS, Spans};
use super::store::RunOptions;
use super::{LANDED, Project};

/// Aggregates of numbers that add up nothing.
const WITHOUT_SUMS: [&str; 3] = ["count", "min", "max"];

/// A century: lengths of time beyond it are not followed.
const MOST_NS: i64 = 100 * 365 * OF_DAY * SPAN_NS;

/// How far the rows of a query reach, if it is known that each depends only on ticks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Local(Lookback);

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
        if query.header.time_column.is_none() {
            return Err("its header names no time column".into());
        }
        let lookback = self.lookback(query, context).await.map_err(|error| error.to_string())?;
        let lookback = lookback.ok_or("a row can depend on ticks of any time, or it is not known on which")?;
        let counted = lookback.back.iter().chain(&lookback.ahead).filter_map(|step| match step {
            Step::Time(_) => None,
            Step::Rows { table, .. } => Some(table),
        });
        let mut counts_rows = false;
        for table in counted {
            counts_rows = true;
            if !self.holds_ok_ticks(table) {
                return Err(format!("its frames count rows of `{table}`, which are not all ticks of status `ok`"));
            }
        }
        if [&lookback.back, &lookback.ahead].into_iter().any(|steps| time_of(steps) > MOST_NS) {
            return Err("a row can depend on ticks of any time".into());
        }
        if counts_rows && lookback.row == RowTime::Other {
            return Err("its frames count rows, and its time is not that of a tick".into());
        }
        Ok(Local(lookback))
    }

    /// Returns whether a query's rows are all landed ticks of status `ok`, and no others.
    fn holds_ok_ticks(&self, name: &str) -> bool {
        let Some(query) = self.query(name).filter(|query| query.parsed.references.tables.contains(LANDED)) else {
            return false;
        };
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
    }
}

impl RunOptions {
    /// Returns the times of the days, in nanoseconds.
    pub(super) fn times(&self) -> Range<i64> {
        let start = |day: &Option<String>, after: u64| {
            let day = NaiveDate::parse_from_str(day.as_ref()?, "%Y%m%d").ok()?.checked_add_days(Days::new(after))?;
            day.and_time(NaiveTime::MIN).and_utc().timestamp_nanos_opt()
        };
        start(&self.from, 0).unwrap_or(i64::MIN)..start(&self.to, 1).unwrap_or(i64::MAX)
    }
}

impl Local {
    /// Returns the query's column that holds the time of a row.
    pub fn time(&self) -> &str {
        &self.0.time
    }

    /// Returns the days that can have rows, in order.
    pub fn days(&self, spans: &Spans) -> Vec<Day> {
        let Some((first, last)) = spans.ends() else { return Vec::new() };
        let [back, ahead] = [time_of(&self.0.back), time_of(&self.0.ahead)];
        let first_day = (first - spans_of(ahead) - 1).div_euclid(OF_DAY);
        let last_day = (last + spans_of(back) + 1).div_euclid(OF_DAY);
        (first_day..=last_day).filter_map(|day| self.day(day, spans)).collect()
    }

    /// Returns whether rows have the same bits from whichever ticks around them they are made.
    pub fn is_exact(&self) -> bool {
        self.0.exact
    }

    fn day(&self, day: i64, spans: &Spans) -> Option<Day> {
        let start = day * OF_DAY * SPAN_NS;
        let around = self.around(start..start + OF_DAY * SPAN_NS, spans)?;
        Some(Day { name: day_name(start), start, ticks: spans.digest(around.clone()), spans: around })
    }

    /// Returns the spans whose ticks the rows of a range of time can depend on; `None` if there can be no rows.
    pub fn around(&self, times: Range<i64>, spans: &Spans) -> Option<Range<i64>> {
        let Range { start, end } = times;
        let near = floor(start - time_of(&self.0.back))..ceiling(end + time_of(&self.0.ahead));
        if spans.rows(near.clone()) == 0 {
            return None;
        }
        // A row that needs only ticks of its own product has a tick of it nearby.
        let near = if self.0.product.is_some() { near } else { i64::MIN..i64::MAX };
        let step = |at: i64, step: &Step, ahead: bool| match step {
            Step::Time(ns) if ahead => at.saturating_add(*ns),
            Step::Time(ns) => at.saturating_sub(*ns),
            Step::Rows { count, .. } if ahead => spans.step(ceiling(at), *count, near.clone(), true) * SPAN_NS,
            Step::Rows { count, .. } => spans.step(floor(at), *count, near.clone(), false) * SPAN_NS,
        };
        let from = self.0.back.iter().fold(start, |at, one| step(at, one, false));
        let to = self.0.ahead.iter().fold(end, |at, one| step(at, one, true));
        Some(floor(from)..ceiling(to))
    }
}

/// Returns the sum of the lengths of time among some steps.
fn time_of(steps: &[Step]) -> i64 {
    let times = steps.iter().map(|step| if let Step::Time(ns) = step { *ns } else { 0 });
    times.fold(0, i64::saturating_add)
}

/// Returns the span in which a time lies.
fn floor(ns: i64) -> i64 {
    ns.div_euclid(SPAN_NS)
}

/// Returns the first span that begins at a time or later.
fn ceiling(ns: i64) -> i64 {
    -(-ns).div_euclid(SPAN_NS)
}

/// Returns the number of spans that a length of time touches at most, beyond the one in which it begins.
fn spans_of(ns: i64) -> i64 {
    ceiling(ns) + 1
}

/// Returns the window function whose result depends on where the input begins; `None` if there is none. The engine's own
/// operators add what enters a frame and subtract what leaves it, and floating-point numbers keep a trace of that.
pub(super) fn undetermined(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let mut found = None;
    let walked = plan.apply(|node| {
        let bounded = node.downcast_ref::<BoundedWindowAggExec>().map(BoundedWindowAggExec::window_expr);
        let windows = bounded.or_else(|| node.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr));
        for window in windows.unwrap_or_default() {
            let any = window.as_any();
            let plain =
                any.downcast_ref::<PlainAggregateWindowExpr>().map(PlainAggregateWindowExpr::get_aggregate_expr);
            let sliding = || any.downcast_ref::<SlidingAggregateWindowExpr>().map(|sum| sum.get_aggregate_expr());
            let Some(aggregate) = plain.or_else(sliding) else { continue };
            let is_float = window.field().is_ok_and(|field| {
                matches!(field.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64)
            });
            if is_float && !WITHOUT_SUMS.contains(&aggregate.fun().name()) {
                found = Some(window.name().to_string());
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // The walk itself cannot fail.
    walked.ok().and(found)
}
