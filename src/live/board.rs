//! The board of `squall live --watch`: the last row of each product, and how fast rows come.
//!
//! In: rows on their way to a sink. Out: lines of text that fit a terminal. The board looks at the last row of each product in a poll
//! only, so it does not slow the rows.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};

use super::alert;
use super::error::Error;
use super::plan::{Emitted, LivePlan, OFFSET, PARTITION};
use super::sink::{Form, Sink};
use crate::log::Tell;
use crate::text::{grouped, printable};

/// The columns that are shown first, if a query has them.
const FIRST: [&str; 8] = ["price", "midprice", "mid", "rv_60s", "score", "calibrated_score", "threshold", "rv_10s"];
/// The width of a number, with the space before it.
const CELL: usize = 12;
/// The widths of what comes with every product: its name, alert, rows a second, age and delay.
const PRODUCT: usize = 12;
const EXTRAS: [(&str, usize); 4] = [("alert", 8), ("rows/s", 8), ("age", 8), ("delay", 8)];
/// The time over which the rate is counted.
const RATE: Duration = Duration::from_secs(5);
/// How long an alert is marked.
const ALERTED: Duration = Duration::from_secs(60);

/// What is known of a product's rows of a query.
struct Line {
    values: Vec<Option<f64>>,
    ts: i64,
    /// From the tick to its row, in nanoseconds by this machine's clock.
    delay_ns: i64,
    /// When how many rows came.
    came: VecDeque<(Instant, usize)>,
}

#[derive(Default)]
struct State {
    /// The columns that are shown of each query.
    columns: BTreeMap<String, Vec<String>>,
    lines: BTreeMap<(String, String), Line>,
    rows: u64,
    note: String,
    /// Says which products had an alert.
    alerts: Option<Arc<alert::Counts>>,
}

/// The board.
#[derive(Clone)]
pub struct Board {
    state: Arc<Mutex<State>>,
    started: Instant,
}

impl Default for Board {
    fn default() -> Board {
        Board { state: Arc::default(), started: Instant::now() }
    }
}

impl Board {
    /// Marks the products that have alerts.
    pub fn mark(&self, alerts: Arc<alert::Counts>) {
        self.state().alerts = Some(alerts);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what shows a sentence in the board's last line.
    pub fn tell(&self) -> Tell {
        let board = self.clone();
        Tell::new(move |sentence| board.state().note = sentence.into())
    }

    /// Puts the board in front of the sink of a query.
    pub fn before(&self, sink: Box<dyn Sink>, plan: &LivePlan) -> Box<dyn Sink> {
        let is_number = |name: &&str| {
            let field = plan.schema().field_with_name(name);
            field.is_ok_and(|field| field.data_type().is_numeric()) && ![PARTITION, OFFSET].contains(name)
        };
        let own = plan.schema().fields().iter().map(|field| field.name().as_str());
        let others = own.filter(|name| !FIRST.contains(name));
        let columns: Vec<String> = FIRST.into_iter().chain(others).filter(is_number).map(String::from).collect();
        self.state().columns.insert(plan.name().into(), columns.clone());
        Box::new(BoardSink { inner: sink, board: self.clone(), form: Form::of(plan), columns })
    }

    /// Returns the board as lines that fit a terminal.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let state = self.state();
        let seconds = self.started.elapsed().as_secs();
        let mut lines = vec![format!("squall live: {} rows in {seconds} s; Ctrl-C ends", grouped(state.rows))];
        let extras: usize = EXTRAS.iter().map(|(_, width)| width).sum();
        let room = width.saturating_sub(PRODUCT + extras) / CELL;
        for (query, columns) in &state.columns {
            lines.extend([String::new(), query.clone()]);
            let shown = &columns[..columns.len().min(room)];
            let mut head = fit("product", PRODUCT);
            head.extend(shown.iter().map(|name| right(name, CELL)));
            head.extend(EXTRAS.iter().map(|(name, width)| right(name, *width)));
            lines.push(head);
            for ((_, product), line) in state.lines.iter().filter(|((of, _), _)| of == query) {
                let mut text = fit(product, PRODUCT);
                let values = line.values.iter().take(shown.len());
                text.extend(values.map(|value| right(&value.map_or("-".into(), number), CELL)));
                let alert = if state.has_alert(product) { "ALERT" } else { "-" };
                let extras = [alert.into(), rate(line), age(now_ns() - line.ts), age(line.delay_ns)];
                text.extend(extras.iter().zip(EXTRAS).map(|(text, (_, width))| right(text, width)));
                lines.push(text);
            }
        }
        if state.lines.is_empty() {
            lines.extend([String::new(), "no rows yet".into()]);
        }
        if lines.len() + 1 > height {
            let left = lines.len() + 2 - height;
            lines.truncate(height.saturating_sub(2));
            lines.push(format!("and {left} more lines: a higher terminal shows them"));
        }
        lines.push(state.note.lines().next().unwrap_or_default().into());
        lines.into_iter().map(|line| cut(&printable(&line, usize::MAX), width)).collect()
    }
}

impl State {
    fn has_alert(&self, product: &str) -> bool {
        self.alerts.as_ref().and_then(|alerts| alerts.last(product)).is_some_and(|last| last.elapsed() < ALERTED)
    }
}

/// Looks at rows on their way.
struct BoardSink {
    inner: Box<dyn Sink>,
    board: Board,
    form: Form,
    columns: Vec<String>,
}

impl BoardSink {
    fn look(&self, rows: &RecordBatch) -> Result<(), Error> {
        let keys = self.form.keys(rows)?;
        let mut last: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (row, (product, _)) in keys.iter().enumerate() {
            let count = last.get(product.as_str()).map_or(0, |(_, count)| *count);
            last.insert(product, (row, count + 1));
        }
        let now = Instant::now();
        let mut state = self.board.state();
        state.rows += keys.len() as u64;
        for (product, (row, count)) in last {
            let values = self.columns.iter().map(|name| value(rows, name, row)).collect();
            let ts = keys[row].1;
            let key = (self.form.query().to_string(), product.to_string());
            let mut came = state.lines.remove(&key).map_or_else(VecDeque::new, |line| line.came);
            came.push_back((now, count));
            while came.front().is_some_and(|(at, _)| now.duration_since(*at) > RATE) {
                came.pop_front();
            }
            state.lines.insert(key, Line { values, ts, delay_ns: now_ns() - ts, came });
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for BoardSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        self.inner.begin(partition, at).await
    }

    fn looks_back(&self, partition: i32) -> Option<i64> {
        self.inner.looks_back(partition)
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        self.look(&rows.rows)?;
        self.inner.put(partition, offsets, rows).await
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        self.inner.flush(all).await
    }
}

fn value(rows: &RecordBatch, name: &str, row: usize) -> Option<f64> {
    let cell = cast(&rows.column_by_name(name)?.slice(row, 1), &DataType::Float64).ok()?;
    let cell = cell.as_primitive::<Float64Type>();
    cell.is_valid(0).then(|| cell.value(0))
}

fn now_ns() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or_default()
}

fn rate(line: &Line) -> String {
    let rows: usize = line.came.iter().filter(|(at, _)| at.elapsed() <= RATE).map(|(_, count)| count).sum();
    format!("{:.1}", rows as f64 / RATE.as_secs_f64())
}

/// Returns a time in a few characters.
fn age(ns: i64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        ..-1.0 => "ahead".into(),
        ..1.0 => format!("{:.0} ms", (seconds * 1e3).max(0.0)),
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

/// Returns a number in the width of a cell.
fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value == 0.0 || !value.is_finite() => format!("{value}"),
        ..0.0001 => format!("{value:.3e}"),
        ..1.0 => format!("{value:.6}"),
        ..100_000.0 => format!("{value:.4}"),
        ..1e8 => format!("{value:.1}"),
        _ => format!("{value:.3e}"),
    }
}

/// Returns the first characters of a text, as many as there is room for.
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.into(),
    }
}

fn fit(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

fn right(text: &str, width: usize) -> String {
    format!(" {:>1$}", cut(text, width - 1), width - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_fit_their_cells() {
        for value in [
            0.0,
            -0.0,
            1e-9,
            -1e-9,
            0.5,
            -0.123_456_789,
            1.0,
            -99_999.123_45,
            1e6,
            -999_999_999.9,
            1e12,
            f64::NAN,
            f64::MAX,
        ] {
            assert!(number(value).chars().count() < CELL, "{}", number(value));
        }
        for ns in [
            -5_000_000_000,
            0,
            5_000_000,
            999_000_000,
            1_500_000_000,
            119_000_000_000,
            10_000_000_000_000,
            i64::MAX / 10,
        ] {
            assert!(age(ns).chars().count() < 8, "{}", age(ns));
        }
    }
}
