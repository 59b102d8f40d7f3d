//! Each model beside the baseline on the rows that both score.

use super::frame::Frame;
use super::{named, strips};
use crate::report::chart::{Figure, Key, Tone};
use crate::report::format::{count, number, percent};
use crate::report::query::{Row, Rows};

/// A model beside the baseline on one split.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub model: String,
    pub split: String,
    pub rows: Option<f64>,
    pub average_precision: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub baseline_average_precision: Option<f64>,
    pub prevalence: Option<f64>,
    pub difference: Option<f64>,
    pub difference_interval: Option<(f64, f64)>,
    pub share_better: Option<f64>,
    pub episodes: Option<f64>,
    pub verdict: String,
    pub reason: Option<String>,
}

impl Comparison {
    /// Reads the rows of `eval/comparison.sql`, which counts what `event` says.
    pub fn all(rows: &Rows, event: &str) -> Vec<Comparison> {
        rows.iter().filter_map(|row| Comparison::read(row, event)).collect()
    }

    fn read(row: Row<'_>, event: &str) -> Option<Comparison> {
        Some(Comparison {
            model: row.text("model")?.into(),
            split: row.text("split")?.into(),
            rows: row.number("rows"),
            average_precision: row.number("average_precision"),
            interval: row.number("low").zip(row.number("high")),
            baseline_average_precision: row.number("baseline_average_precision"),
            prevalence: row.number("prevalence"),
            difference: row.number("difference"),
            difference_interval: row.number("difference_low").zip(row.number("difference_high")),
            share_better: row.number("share_better"),
            episodes: row.number("episodes"),
            verdict: row.text("verdict")?.replace("episodes", &format!("{event}s")),
            reason: row.text("reason").map(str::to_string),
        })
    }

    /// Returns the verdict without the number of episodes that it would take, which the headline says.
    pub fn said(&self) -> String {
        let said = match self.verdict.split_once(':') {
            Some((said @ "cannot be told yet", _)) => said,
            _ => &self.verdict,
        };
        self.reason.as_ref().map_or(said.into(), |reason| format!("{said}: {reason}"))
    }
}

/// Returns a value with its interval in brackets.
pub fn with_interval(value: Option<f64>, interval: Option<(f64, f64)>) -> String {
    match interval {
        Some((low, high)) => format!("{} [{}, {}]", number(value), number(Some(low)), number(Some(high))),
        None => number(value),
    }
}

/// Draws the differences to the baseline, on the judged rows and on the validation rows.
pub fn picture(frame: &Frame<'_>, all: &[Comparison]) -> Option<Figure> {
    let mut strips = Vec::new();
    let shown: Vec<&String> = frame.splits.iter().filter(|split| is_shown(frame, split)).collect();
    for scored in &frame.subject.scores {
        for (place, split) in shown.iter().enumerate() {
            let Some(found) = all.iter().find(|found| found.model == scored.name && found.split == **split) else {
                continue;
            };
            let (Some(at), interval) = (found.difference, found.difference_interval) else { continue };
            let tone = if place == 0 { Tone::First } else { Tone::Second };
            let name = if place == 0 { named(&scored.name) } else { format!("on the {}", frame.rows_of(split)) };
            strips.push(strips::Strip { name, at, interval, tone });
        }
    }
    let baseline = frame.subject.baseline_name();
    let description = format!(
        "The difference in average precision between each model and {baseline}, with its paired 95 % interval. Right of zero, the model is \
         better."
    );
    let tones = [Tone::First, Tone::Second];
    let keys = shown.iter().zip(tones).map(|(split, tone)| Key::line(frame.rows_of(split), tone)).collect();
    let label = format!("Difference in average precision to {baseline}: right of zero, the model is better");
    strips::draw("differences", &format!("Better than {baseline}?"), description, &label, &strips, keys)
}

/// Whether a split is of use for a verdict: models have learned the training rows.
fn is_shown(frame: &Frame<'_>, split: &str) -> bool {
    split == frame.split || split == "validation"
}

/// Returns the table beside the picture.
pub fn table(frame: &Frame<'_>, all: &[Comparison]) -> Vec<Vec<String>> {
    let shown = all.iter().filter(|found| is_shown(frame, &found.split));
    let place = |found: &&Comparison| {
        let model = frame.subject.scores.iter().position(|scored| scored.name == found.model);
        (model, frame.splits.iter().position(|split| *split == found.split))
    };
    let mut shown: Vec<&Comparison> = shown.collect();
    shown.sort_by_key(place);
    let row = |found: &Comparison| {
        vec![
            named(&found.model),
            named(&found.split),
            found.said(),
            with_interval(found.average_precision, found.interval),
            number(found.baseline_average_precision),
            with_interval(found.difference, found.difference_interval),
            percent(found.share_better),
            count(found.episodes),
        ]
    };
    shown.into_iter().map(row).collect()
}
