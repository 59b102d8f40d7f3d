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
use datafusion::arrow::array::{Array, AsArray, Float64Array, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
    /// What is said of outcomes, a line for each version of a model.
    outcomes: Vec<String>,
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

    /// Shows what became of scores, in a line for each sentence.
    pub fn outcomes(&self, sentences: Vec<String>) {
        self.state().outcomes = sentences;
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
                let mut text = fit(&printable(product, PRODUCT), PRODUCT);
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
        if !state.outcomes.is_empty() {
            lines.push(String::new());
            lines.extend(state.outcomes.iter().cloned());
        }
        if lines.len() + 1 > height {
            let kept = height.saturating_sub(2);
            let left = lines.len().saturating_sub(kept);
            lines.truncate(kept.max(1));
            if height > 1 {
                lines.truncate(kept);
                lines.push(format!("and {left} more lines: a higher terminal shows them"));
            }
        }
        let note = state.note.lines().next().unwrap_or_default();
        if height > 1 {
            lines.push(note.into());
        } else if !note.is_empty() {
            // There is one line.
            lines = vec![note.into()];
        }
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
        let shown = last.values().map(|(row, _)| u32::try_from(*row).unwrap_or_default());
        let shown = UInt32Array::from_iter_values(shown);
        let columns: Vec<_> = self.columns.iter().map(|name| values(rows, name, &shown)).collect();
        let now = Instant::now();
        let mut state = self.board.state();
        state.rows += keys.len() as u64;
        for (number, (product, (row, count))) in last.into_iter().enumerate() {
            let value = |column: &Float64Array| column.is_valid(number).then(|| column.value(number));
            let values = columns.iter().map(|column| column.as_ref().and_then(value)).collect();
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

/// Returns the values of a column in these rows; `None` if they are not numbers.
fn values(rows: &RecordBatch, name: &str, shown: &UInt32Array) -> Option<Float64Array> {
    let cells = take(rows.column_by_name(name)?, shown, None).ok()?;
    cast(&cells, &DataType::Float64).ok().map(|cells| cells.as_primitive::<Float64Type>().clone())
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

/// Returns the beginning of a text, as much as there is room for on a terminal, where some characters are twice as wide as others.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut left = width.saturating_sub(1);
    let fits = |char: &char| {
        let wide = char.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

fn fit(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let spaces = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(spaces))
}

fn right(text: &str, width: usize) -> String {
    let text = cut(text, width.saturating_sub(1));
    let spaces = width.saturating_sub(text.width());
    format!("{}{text}", " ".repeat(spaces))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(products: &[&str]) -> Board {
        let board = Board::default();
        let mut state = board.state();
        state.columns.insert("q".into(), vec!["mid".into()]);
        for product in products {
            let line = Line { values: vec![Some(1.5)], ts: now_ns(), delay_ns: 0, came: VecDeque::new() };
            state.lines.insert(("q".into(), (*product).into()), line);
        }
        drop(state);
        board
    }

    #[test]
    fn columns_stand_under_each_other_whatever_the_names() {
        let products = ["BTC-USD", "比特币-USD", "比特币比特币比特币比特币", "a\u{1b}[2Jb", "é-USD"];
        let lines = board(&products).lines(80, 24);
        let lines: Vec<&String> = lines.iter().filter(|line| line.contains("1.5000")).collect();
        assert_eq!(lines.len(), products.len());
        for line in lines {
            let before = line.split("1.5000").next().unwrap();
            assert_eq!(before.width(), PRODUCT + CELL - "1.5000".len(), "{line}");
            assert!(!line.contains('\u{1b}'));
        }
    }

    #[test]
    fn the_board_fits_any_terminal() {
        for note in ["", "Warning: a note that is longer than the terminal is wide"] {
            let board = board(&["BTC-USD", "比特币-USD", "ETH-USD"]);
            board.state().note = note.into();
            for height in 0..12 {
                for width in [0, 1, 2, 13, 30, 80] {
                    let lines = board.lines(width, height);
                    assert!(lines.len() <= height.max(1), "{height} lines have {lines:?}");
                    assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:?}");
                }
            }
            assert!(board.lines(80, 1)[0].starts_with(if note.is_empty() { "squall live" } else { "Warning" }));
        }
    }

    #[test]
    fn what_became_of_scores_stands_below_the_products() {
        let board = board(&["BTC-USD"]);
        board.outcomes(vec!["guess: AP 0.500 (expected 0.400)".into()]);
        let lines = board.lines(40, 24);
        let at = |text: &str| lines.iter().position(|line| line.contains(text));
        assert!(at("guess: AP 0.500") > at("BTC-USD") && at("BTC-USD").is_some(), "{lines:?}");
    }

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
