//! A line on standard error that says how far a long statement is: seconds, rows, bytes.
//!
//! It appears after half a second, only on a terminal, and leaves before the first row of a result appears there.

use std::future::pending;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::stats::Precision;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::grouped;

/// Shorter statements show no progress.
const PATIENCE: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(100);

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showing {
    Never,
    /// Until the first output, because it goes to the same terminal.
    UntilOutput,
    /// To the statement's end.
    Always,
}

/// The progress of one statement.
#[derive(Debug)]
pub struct Progress {
    showing: Showing,
    started: Instant,
    bar: Option<ProgressBar>,
    plan: Option<Arc<dyn ExecutionPlan>>,
}

/// What the leaves of a plan have read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    rows: usize,
    bytes: usize,
    /// The rows that there are, if all leaves know.
    total: Option<usize>,
}

impl Progress {
    /// Begins a statement. If standard error is not a terminal, nothing is shown.
    pub fn begin(showing: Showing) -> Progress {
        let showing = if std::io::stderr().is_terminal() { showing } else { Showing::Never };
        Progress { showing, started: Instant::now(), bar: None, plan: None }
    }

    /// Counts what this plan reads from now on.
    pub(super) fn watch(&mut self, plan: &Arc<dyn ExecutionPlan>) {
        if self.showing != Showing::Never {
            self.plan = Some(Arc::clone(plan));
        }
    }

    /// Waits until it is time to show something, and shows it.
    pub(super) async fn tick(&mut self) {
        if self.showing == Showing::Never {
            return pending().await;
        }
        let wait = if self.bar.is_some() { INTERVAL } else { PATIENCE.saturating_sub(self.started.elapsed()) };
        tokio::time::sleep(wait).await;
        let read = self.plan.as_ref().map(|plan| read(plan.as_ref())).unwrap_or_default();
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(told(&read, self.started.elapsed()));
        bar.tick();
    }

    /// Makes room for output.
    pub(super) fn before_output(&mut self) {
        if self.showing == Showing::UntilOutput {
            self.end();
        }
    }

    /// Removes the line.
    pub(super) fn end(&mut self) {
        self.showing = Showing::Never;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns what the leaves of a plan have read so far.
fn read(plan: &dyn ExecutionPlan) -> Read {
    let children = plan.children();
    if children.is_empty() {
        let metrics = plan.metrics();
        let bytes = metrics.as_ref().and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
        let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new());
        let total = statistics.ok().and_then(|statistics| match statistics.num_rows {
            Precision::Exact(rows) => Some(rows),
            _ => None,
        });
        return Read {
            rows: metrics.and_then(|metrics| metrics.output_rows()).unwrap_or_default(),
            bytes: bytes.map_or(0, |bytes| bytes.as_usize()),
            total,
        };
    }
    let mut sum = Read { total: Some(0), ..Read::default() };
    for child in children {
        let one = read(child.as_ref());
        sum.rows += one.rows;
        sum.bytes += one.bytes;
        sum.total = sum.total.zip(one.total).map(|(sum, one)| sum + one);
    }
    sum
}

fn told(read: &Read, elapsed: Duration) -> String {
    let mut text = format!("{:.1} s", elapsed.as_secs_f64());
    match read.total.filter(|total| *total >= read.rows && *total > 0) {
        Some(total) => {
            let filled = read.rows * 20 / total;
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(20 - filled));
            text.push_str(&format!("  {bar}  {} of {} rows", grouped(read.rows as u64), grouped(total as u64)));
        }
        None if read.rows > 0 => text.push_str(&format!("  {} rows", grouped(read.rows as u64))),
        None => {}
    }
    if read.bytes > 0 {
        text.push_str(&format!("  {} read", HumanBytes(read.bytes as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        let second = Duration::from_secs(1);
        for (rows, bytes, total, expected) in [
            (0, 0, None, "1.0 s"),
            (1200, 0, None, "1.0 s  1,200 rows"),
            (1200, 2048, Some(2400), "1.0 s  ██████████░░░░░░░░░░  1,200 of 2,400 rows  2.00 KiB read"),
            (1200, 0, Some(10), "1.0 s  1,200 rows"),
        ] {
            assert_eq!(told(&Read { rows, bytes, total }, second), expected);
        }
    }
}
