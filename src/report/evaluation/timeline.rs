//! Columns of the rows, the score, and true, false and missed alerts over time; pauses in the recording are cut out.

use super::named;
use super::subject::Subject;
use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit, round_step, time_label, with_day};
use crate::report::query::{Row, Rows};

const WIDTH: f64 = 1080.0;
/// The number of steps into which the query divides the period.
const STEPS: f64 = 900.0;
/// Steps between two stretches of recorded time; all cuts together take at most a fifth of the chart.
const CUT: f64 = 10.0;
const MOST_CUT: f64 = STEPS / 5.0;
/// The width, in steps, of a label such as `25 Nov 20:17`.
const LABEL: f64 = 80.0;
/// Draws the timeline; `None` if there are no rows.
pub fn timeline(rows: &Rows, subject: &Subject, scores: (f64, f64)) -> Option<Figure> {
    let layout = Layout::new(rows)?;
    let model = named(&subject.scores[0].name);
    let threshold = subject.scores[0].threshold;
    let level = |at: Option<f64>, label: String| at.map(|at| Mark::Level { at, label, tone: Tone::Muted });
    let cuts = || layout.cuts().into_iter().map(|at| Mark::Moment { at, label: String::new(), tone: Tone::Muted });
    let panel = |height: f64, y: Axis, name: String, marks: Vec<Mark>| Panel {
        height,
        y: Some(y),
        name,
        marks: cuts().chain(marks).collect(),
    };
    let strip = |name: &str, marks: Vec<Mark>| Panel { height: 16.0, y: None, name: name.into(), marks };
    let spans = |column: &str, tone: Tone| Mark::Spans { spans: layout.spans(column), tone };

    let mut panels = Vec::new();
    for (place, value) in subject.values.iter().enumerate() {
        let drawn = layout.range(&format!("lowest_{}", place + 1), &format!("highest_{}", place + 1));
        let tau = subject.tau.filter(|_| value.is_target);
        let ends = drawn.iter().flat_map(|(_, low, high)| [*low, *high]).chain(tau);
        let y = Axis::fitted("", Unit::Number, ends, false);
        let name = match &value.unit {
            Some(unit) => format!("{}, {}", named(&value.name), named(unit)),
            None => named(&value.name),
        };
        let tone = if place == 0 { Tone::Muted } else { Tone::Third };
        let mut marks = vec![Mark::Range { spans: drawn, tone }];
        marks.extend(level(tau, format!("tau: from here on a row is {}", subject.classes().0)));
        panels.push(panel(if place == 0 { 150.0 } else { 100.0 }, y, name, marks));
    }
    let score = layout.range("lowest_score", "highest_score");
    let mut score_marks = vec![Mark::Range { spans: score, tone: Tone::First }];
    score_marks.extend(level(threshold, "threshold".into()));
    panels.push(panel(90.0, Axis::new("", Unit::Number, scores.0, scores.1), format!("Score of {model}"), score_marks));
    panels.push(strip("Positive", vec![spans("positives", Tone::Muted)]));
    let mut keys = vec![Key::block(subject.classes().0, Tone::Muted)];
    if threshold.is_some() {
        panels.push(strip("True alert", vec![spans("hits", Tone::Good)]));
        panels.push(strip("False alert", vec![spans("false_alarms", Tone::Bad)]));
        panels.push(strip("Missed", vec![spans("missed", Tone::Missed)]));
        keys.extend([
            Key::block("alert on a positive row", Tone::Good),
            Key::block("false alert", Tone::Bad),
            Key::block("positive row without an alert", Tone::Missed),
        ]);
    }
    let chart = Chart {
        id: "timeline".into(),
        title: "The judged rows over time".into(),
        description: format!(
            "The score of {model}, the positive rows, and its true, false and missed alerts over the judged rows."
        ),
        width: WIDTH,
        x: Axis::new("Time, UTC", Unit::Places(layout.places()), 0.0, layout.end()),
        panels,
        keys,
    };
    Some(chart.draw())
}

/// Where recorded time is on the chart: its step, moved right by one cut for each pause before it.
struct Layout<'a> {
    rows: &'a Rows,
    cut: f64,
    stretches: f64,
}

impl<'a> Layout<'a> {
    fn new(rows: &'a Rows) -> Option<Layout<'a>> {
        let last = rows.iter().filter_map(|row| row.number("stretch")).reduce(f64::max)?;
        Some(Layout { rows, cut: CUT.min(MOST_CUT / last.max(1.0)), stretches: last + 1.0 })
    }

    fn end(&self) -> f64 {
        STEPS + (self.stretches - 1.0) * self.cut
    }

    /// Returns where a row's step begins on the chart.
    fn start(&self, row: &Row<'_>) -> Option<f64> {
        Some(row.number("step")? + row.number("stretch")? * self.cut)
    }

    /// Returns the range of a value in every step; it breaks at every cut and where several steps in a row have no rows.
    fn range(&self, low: &str, high: &str) -> Vec<(f64, f64, f64)> {
        const LONGEST_JOINED: f64 = 3.0;
        let mut spans = Vec::new();
        let mut previous: Option<f64> = None;
        for row in self.rows.iter() {
            let (Some(start), Some(low), Some(high)) = (self.start(&row), row.number(low), row.number(high)) else {
                continue;
            };
            // The more cuts there are, the narrower they are; neighbouring steps are 1 apart.
            if previous.is_some_and(|previous| start - previous > LONGEST_JOINED.min(self.cut.max(1.0))) {
                spans.push((f64::NAN, f64::NAN, f64::NAN));
            }
            spans.push((start + 0.5, low, high));
            previous = Some(start);
        }
        spans
    }

    /// Returns the runs of neighbouring steps in which `column` counts at least one row.
    fn spans(&self, column: &str) -> Vec<(f64, f64)> {
        let mut spans: Vec<(f64, f64)> = Vec::new();
        for row in self.rows.iter().filter(|row| row.number(column).is_some_and(|count| count > 0.0)) {
            let Some(start) = self.start(&row) else { continue };
            match spans.last_mut() {
                Some((_, end)) if start <= *end => *end = start + 1.0,
                _ => spans.push((start, start + 1.0)),
            }
        }
        spans
    }

    /// Returns the first row of each stretch.
    fn stretch_starts(&self) -> Vec<Row<'a>> {
        let mut starts: Vec<Row<'a>> = Vec::new();
        for row in self.rows.iter() {
            if starts.last().is_none_or(|last| last.integer("stretch") != row.integer("stretch")) {
                starts.push(row);
            }
        }
        starts
    }

    /// Returns the middle of every cut.
    fn cuts(&self) -> Vec<f64> {
        let starts = self.stretch_starts();
        starts.iter().skip(1).filter_map(|row| Some(self.start(row)? - self.cut / 2.0)).collect()
    }

    /// Returns the places that the time axis may name: the start of each stretch, with its day, and round times inside it.
    fn places(&self) -> Vec<(f64, String)> {
        let mut places: Vec<(f64, String)> = Vec::new();
        for row in self.stretch_starts() {
            if let (Some(start), Some(first)) = (self.start(&row), row.integer("first_ns")) {
                places.push((start, with_day(first)));
            }
        }
        let step = self.round_step();
        let mut previous: Option<(i64, i64)> = None;
        for row in self.rows.iter() {
            let (Some(start), Some(first), Some(stretch)) =
                (self.start(&row), row.integer("first_ns"), row.integer("stretch"))
            else {
                continue;
            };
            let period = first.div_euclid(step);
            let turned = previous.is_some_and(|(before, in_stretch)| in_stretch == stretch && before != period);
            let crowded = places.iter().any(|(taken, _)| (taken - start).abs() < LABEL);
            if turned && !crowded {
                places.push((start, time_label(period * step, step)));
            }
            previous = Some((period, stretch));
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        places
    }

    /// Returns the shortest round span of time, in nanoseconds, that leaves room for a label.
    fn round_step(&self) -> i64 {
        let bounds = self.stretch_starts().into_iter().map(|start| {
            let stretch = start.integer("stretch");
            let times = self.rows.iter().filter(|row| row.integer("stretch") == stretch);
            times.filter_map(|row| row.number("first_ns")).reduce(f64::max).unwrap_or_default()
                - start.number("first_ns").unwrap_or_default()
        });
        round_step(bounds.sum::<f64>() / STEPS * LABEL)
    }
}
