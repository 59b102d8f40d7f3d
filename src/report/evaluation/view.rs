//! The values for the template.

use serde::Serialize;

use super::alerts::{Alerts, ConfusionView, Listed};
use super::card::{Card, Importance};
use super::comparison::Comparison;
use super::frame::Frame;
use super::metrics::{SplitView, Table};
use super::rate::length;
use super::slices::Slices;
use super::{Exhibit, Fact, named};
use crate::report::Verdict;
use crate::report::format::{self, count, number, percent};
use crate::report::query::Query;
use crate::text::counted;

/// The values for the template.
#[derive(Debug, Serialize)]
pub struct View {
    pub title: String,
    pub generated_at: String,
    pub version: &'static str,
    pub verdict: Verdict,
    pub model: String,
    /// What the model has to beat.
    pub baseline: String,
    pub label: String,
    /// What rows of the two classes are called.
    pub positive: String,
    pub negative: String,
    pub relation: String,
    /// What the judged rows are called.
    pub judged: String,
    pub notes: Vec<String>,
    pub tiles: Vec<Tile>,
    pub columns: Vec<String>,
    pub splits: Vec<SplitView>,
    pub metrics_queries: Vec<Query>,
    pub differences: Exhibit,
    pub differences_table: Vec<Vec<String>>,
    pub precision_recall: Exhibit,
    pub recall_sentence: Option<String>,
    pub ranges_query: Query,
    pub roc: Exhibit,
    pub gain: Exhibit,
    pub calibration: Exhibit,
    pub calibration_sentences: Vec<String>,
    pub score_distribution: Exhibit,
    pub threshold: Option<String>,
    pub confusion: Option<ConfusionView>,
    pub alerts_sentence: Option<String>,
    pub budget: Vec<Vec<String>>,
    pub sweep: Listed,
    /// What an episode and an alert are; `None` if they are not known.
    pub explained: Option<String>,
    pub undecided: Option<&'static str>,
    pub trade_off: Exhibit,
    pub alert_queries: Vec<Query>,
    pub worst: Option<Worst>,
    pub worst_columns: Vec<&'static str>,
    pub slices: Vec<Slices>,
    pub timeline: Option<Exhibit>,
    /// A pause that is longer is cut out.
    pub pause: String,
    pub facts: Vec<Fact>,
    pub split_columns: Vec<&'static str>,
    pub split_facts: Vec<Vec<String>>,
    pub facts_queries: Vec<Query>,
    pub importance: Importance,
    pub card: Option<Card>,
}

/// A headline figure: its label, its value and a note.
pub type Tile = [String; 3];

/// The worst errors.
#[derive(Debug, Serialize)]
pub struct Worst {
    pub false_alerts: Vec<Vec<String>>,
    pub missed: Vec<Vec<String>>,
    pub queries: Vec<Query>,
}

/// Returns the headings of the tables of the worst errors.
pub fn worst_columns(several: bool) -> Vec<&'static str> {
    let mut columns = vec!["From", "Lasts", "Rows", "Highest score"];
    if several {
        columns.push("Product");
    }
    columns
}

/// Returns the headline figures.
pub fn tiles(frame: &Frame<'_>, table: &Table, compared: &[Comparison], alerts: Option<&Alerts>) -> Vec<Tile> {
    let subject = frame.subject;
    let model = &subject.model().name;
    let ours = table.find(model, &frame.split);
    let judged = compared.iter().find(|found| found.model == *model && found.split == frame.split);
    let interval = match judged.and_then(|found| found.interval) {
        Some((low, high)) => format!("95 % interval {} to {}", number(Some(low)), number(Some(high))),
        None => "no interval".into(),
    };
    let mut tiles = vec![["Average precision".into(), number(ours.and_then(|row| row.average_precision)), interval]];
    if let Some(baseline) = subject.baseline() {
        let value = table.find(&baseline.name, &frame.split).and_then(|row| row.average_precision);
        tiles.push([format!("To beat: {}", subject.baseline_name()), number(value), named(&baseline.name)]);
    }
    let share = format!("prevalence: the share of {}", subject.classes().0);
    tiles.push(["Guessing".into(), number(ours.and_then(|row| row.prevalence)), share]);
    let horizon = format!("at least {} apart", length(subject.horizon_s.map(|seconds| seconds as f64)));
    tiles.push(match (alerts, subject.has_episodes()) {
        (Some(alerts), _) => ["Episodes caught".into(), alerts.of_episodes(), horizon],
        (None, true) => ["Episodes".into(), count(ours.and_then(|row| row.episodes)), horizon],
        (None, false) => {
            let rows = ours.and_then(|row| row.rows).unwrap_or_default();
            let of = format!("of {}", counted(rows as u64, "row"));
            ["Positive rows".into(), count(ours.and_then(|row| row.positives)), of]
        }
    });
    tiles
}

/// Returns what is evaluated.
pub fn facts(frame: &Frame<'_>) -> Vec<Fact> {
    let subject = frame.subject;
    let rows: f64 = frame.facts.iter().filter_map(|row| row.number("rows")).sum();
    let mut facts = vec![
        Fact::new("Rows of", crate::text::printable(&subject.relation, 600)),
        Fact::new("Label", named(&subject.label)),
        Fact::new("Rows", count(Some(rows))),
    ];
    if let Some(row) = frame.judged().filter(|_| subject.has_parts) {
        let (parts, first) = (row.number("parts"), row.text("first_part").unwrap_or(format::UNKNOWN));
        let others = if parts > Some(1.0) { " and others" } else { "" };
        facts.push(Fact::new("Product", format!("{}{others}", named(first))));
    }
    if let Some(time) = &subject.time {
        let first = frame.facts.iter().filter_map(|row| row.integer("first_time")).min();
        let last = frame.facts.iter().filter_map(|row| row.integer("last_time")).max();
        facts.extend([
            Fact::new("Time", named(time)),
            Fact::new("From", format::instant(first)),
            Fact::new("To", format::instant(last)),
            Fact::new("Horizon", subject.horizon_s.map_or("not known".into(), |seconds| length(Some(seconds as f64)))),
            Fact::new("Blocks of the intervals", length(Some(frame.block_s as f64))),
        ]);
    }
    facts.extend(subject.tau.map(|tau| Fact::new("Tau", number(Some(tau)))));
    facts
}

/// Returns the headings of the table of splits.
pub fn split_columns(frame: &Frame<'_>) -> Vec<&'static str> {
    let mut columns = vec!["Split", "Rows", "Positive", "Share", "No label", "No score"];
    if frame.subject.has_episodes() {
        columns.push("Episodes");
    }
    if frame.subject.time.is_some() {
        columns.extend(["From", "To", "Spans"]);
    }
    columns
}

/// Returns the rows of each split.
pub fn split_facts(frame: &Frame<'_>) -> Vec<Vec<String>> {
    let timed = frame.subject.time.is_some();
    let row = |split: &String| {
        let row = frame.facts.find("split", split)?;
        let (first, last) = (row.integer("first_time"), row.integer("last_time"));
        let (total, positives) = (row.number("rows"), row.number("positives"));
        let share = total.zip(positives).filter(|(total, _)| *total > 0.0).map(|(total, positives)| positives / total);
        let mut cells = vec![
            named(split),
            count(total),
            count(positives),
            percent(share),
            count(row.number("unlabelled")),
            count(row.number("unscored")),
        ];
        if frame.subject.has_episodes() {
            cells.push(count(row.number("episodes")));
        }
        if timed {
            cells.extend([
                format::instant(first),
                format::instant(last),
                format::span(first.zip(last).map(|(first, last)| last - first)),
            ]);
        }
        Some(cells)
    };
    frame.splits.iter().filter_map(row).collect()
}
