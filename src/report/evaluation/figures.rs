//! The evaluation's charts, each from the rows of one query.

use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit};
use crate::report::format::{number, percent};
use crate::report::query::{Row, Rows};

const NARROW: f64 = 520.0;
const CURVE_HEIGHT: f64 = 300.0;
const CALIBRATION_BINS: usize = 10;
const SCORE_BINS: usize = 40;
/// The 97.5 % quantile of the standard normal distribution; the intervals cover 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Returns the rows of one model.
fn of_model<'a>(rows: &'a Rows, model: &'a str) -> impl Iterator<Item = Row<'a>> {
    rows.iter().filter(move |row| row.text("model") == Some(model))
}

fn curve_panel(name: &str, y: Axis, marks: Vec<Mark>) -> Vec<Panel> {
    vec![Panel { height: CURVE_HEIGHT, y: Some(y), name: name.into(), marks }]
}

fn unit_axis(label: &str) -> Axis {
    Axis::new(label, Unit::Number, 0.0, 1.0)
}

/// Returns the precision-recall curves of the test split; the area under each step line is the average precision.
pub fn precision_recall(rows: &Rows, models: &[String], prevalence: Option<f64>) -> Option<Figure> {
    let mut marks = Vec::new();
    let mut keys = Vec::new();
    if let Some(prevalence) = prevalence {
        let label = format!("guessing: {}", number(Some(prevalence)));
        marks.push(Mark::Level { at: prevalence, label, tone: Tone::Muted });
    }
    for (index, model) in models.iter().enumerate() {
        let mut points = Vec::new();
        let mut last_recall = 0.0;
        for row in of_model(rows, model) {
            let (Some(recall), Some(low), Some(high)) = (row.number("recall"), row.number("low"), row.number("high"))
            else {
                continue;
            };
            points.extend([(last_recall, low), (last_recall, high), (recall, high)]);
            last_recall = recall;
        }
        if !points.is_empty() {
            keys.push(Key::line(model, Tone::of_series(index)));
            // The report's own model is drawn last, on top.
            marks.insert(0, Mark::Line { points, tone: Tone::of_series(index), dashed: false });
        }
    }
    if keys.is_empty() {
        return None;
    }
    let chart = Chart {
        id: "precision-recall".into(),
        title: "Precision and recall".into(),
        description:
            "Precision against recall of every model on the test split. The area under a line is the average precision."
                .into(),
        width: NARROW,
        x: unit_axis("Recall"),
        panels: curve_panel("Precision", unit_axis(""), marks),
        keys,
    };
    Some(chart.draw())
}

/// Returns the ROC curves of the test split.
pub fn roc(rows: &Rows, models: &[String]) -> Option<Figure> {
    let mut marks = vec![Mark::Line { points: vec![(0.0, 0.0), (1.0, 1.0)], tone: Tone::Muted, dashed: true }];
    let mut keys = Vec::new();
    for (index, model) in models.iter().enumerate().rev() {
        let mut points = vec![(0.0, 0.0)];
        for row in of_model(rows, model) {
            let values = ["first_rate", "low", "last_rate", "high"].map(|column| row.number(column));
            if let [Some(first_rate), Some(low), Some(last_rate), Some(high)] = values {
                points.extend([(first_rate, low), (last_rate, high)]);
            }
        }
        if points.len() > 1 {
            points.dedup();
            keys.insert(0, Key::line(model, Tone::of_series(index)));
            marks.push(Mark::Line { points, tone: Tone::of_series(index), dashed: false });
        }
    }
    if keys.is_empty() {
        return None;
    }
    keys.push(Key::dash("guessing", Tone::Muted));
    let chart = Chart {
        id: "roc".into(),
        title: "ROC".into(),
        description: "True positive rate against false positive rate of every model on the test split.".into(),
        width: NARROW,
        x: unit_axis("False positive rate"),
        panels: curve_panel("True positive rate", unit_axis(""), marks),
        keys,
    };
    Some(chart.draw())
}

/// Returns the reliability curves of the test split, and below them the number of rows in each bin of `model`.
///
/// `models` holds the models whose scores are probabilities, each with its place in the palette.
pub fn calibration(rows: &Rows, models: &[(usize, &str)], model: &str) -> Option<Figure> {
    let mut marks = vec![Mark::Line { points: vec![(0.0, 0.0), (1.0, 1.0)], tone: Tone::Muted, dashed: true }];
    let mut keys = Vec::new();
    let mut counts = [0.0; CALIBRATION_BINS];
    for (index, name) in models.iter().rev() {
        let tone = Tone::of_series(*index);
        let (mut line, mut dots) = (Vec::new(), Vec::new());
        for row in of_model(rows, name) {
            let values = ["mean_score", "spike_share", "rows"].map(|column| row.number(column));
            let ([Some(score), Some(share), Some(count)], Some(bin)) = (values, row.integer("bin")) else { continue };
            let (low, high) = wilson_interval(share, count);
            line.push((score, share));
            dots.push((score, share, low, high));
            if let Some(total) =
                usize::try_from(bin).ok().and_then(|bin| counts.get_mut(bin)).filter(|_| *name == model)
            {
                *total = count;
            }
        }
        if line.is_empty() {
            continue;
        }
        keys.insert(0, Key::line(*name, tone));
        marks.push(Mark::Line { points: line, tone, dashed: false });
        if *name == model {
            marks.push(Mark::Dots { points: dots, tone });
        }
    }
    if keys.is_empty() {
        return None;
    }
    keys.push(Key::dash("perfectly calibrated", Tone::Muted));
    let edges: Vec<f64> = (0..=CALIBRATION_BINS).map(|edge| edge as f64 / CALIBRATION_BINS as f64).collect();
    let total: f64 = counts.iter().sum();
    let shares: Vec<f64> = counts.iter().map(|count| if total > 0.0 { count / total } else { 0.0 }).collect();
    let bars = Mark::Bars { edges, heights: shares, tone: Tone::First };
    let chart = Chart {
        id: "calibration".into(),
        title: "Calibration".into(),
        description: format!(
            "Share of test rows followed by a spike against the mean score in ten bins, with 95 % intervals for {model}, \
             and the share of rows in each bin."
        ),
        width: NARROW,
        x: unit_axis("Mean score in the bin"),
        panels: vec![
            Panel { height: 220.0, y: Some(unit_axis("")), name: "Share followed by a spike".into(), marks },
            Panel {
                height: 62.0,
                y: Some(Axis::new("", Unit::Share, 0.0, 1.0)),
                name: format!("Share of rows ({model})"),
                marks: vec![bars],
            },
        ],
        keys,
    };
    Some(chart.draw())
}

/// Returns Wilson's interval for a share of `count` rows (doi:10.1080/01621459.1927.10502953).
fn wilson_interval(share: f64, count: f64) -> (f64, f64) {
    let spread = Z * Z / count;
    let centre = (share + spread / 2.0) / (1.0 + spread);
    let half = Z / (1.0 + spread) * (share * (1.0 - share) / count + spread / (4.0 * count)).sqrt();
    (centre - half, centre + half)
}

/// Returns the distribution of one model's scores on the test split, by class.
pub fn score_distribution(rows: &Rows, model: &str, threshold: Option<f64>) -> Option<Figure> {
    let edges: Vec<f64> = (0..=SCORE_BINS).map(|edge| edge as f64 / SCORE_BINS as f64).collect();
    let class = |spike: bool| {
        let mut heights = vec![0.0; SCORE_BINS];
        for row in rows.iter().filter(|row| row.flag("spike") == Some(spike)) {
            let bin = row.integer("bin").and_then(|bin| usize::try_from(bin).ok());
            if let Some(height) = bin.and_then(|bin| heights.get_mut(bin)) {
                *height = row.number("share").unwrap_or_default();
            }
        }
        heights
    };
    if rows.is_empty() {
        return None;
    }
    let panel = |name: &str, spike: bool, tone: Tone| {
        let heights = class(spike);
        let y = Axis::fitted("", Unit::Share, heights.iter().copied(), true);
        let mut marks = vec![Mark::Steps { edges: edges.clone(), heights, tone }];
        marks.extend(threshold.map(|at| {
            let label = if spike { format!("threshold {}", number(Some(at))) } else { String::new() };
            Mark::Moment { at, label, tone: Tone::Muted }
        }));
        Panel { height: 141.0, y: Some(y), name: name.into(), marks }
    };
    let chart = Chart {
        id: "score-distribution".into(),
        title: "Scores by outcome".into(),
        description: format!(
            "Distribution of the scores of {model} on the test split: above for rows followed by a spike, below for the others."
        ),
        width: NARROW,
        x: unit_axis("Score"),
        panels: vec![
            panel("Share of the rows followed by a spike", true, Tone::Bad),
            panel("Share of the other rows", false, Tone::Muted),
        ],
        keys: vec![Key::block("followed by a spike", Tone::Bad), Key::block("others", Tone::Muted)],
    };
    Some(chart.draw())
}

/// Returns a share of a split's rows, as text for a table cell.
pub fn share_of(part: f64, whole: f64) -> String {
    percent((whole > 0.0).then_some(part / whole))
}

#[cfg(test)]
mod tests {
    use super::wilson_interval;

    /// SciPy 1.17.1: `binomtest(3, 40).proportion_ci(method="wilson")`.
    #[test]
    fn the_interval_is_wilsons() {
        let (low, high) = wilson_interval(3.0 / 40.0, 40.0);
        assert!(
            (low - 0.025_836_025_774_588_2).abs() < 1e-15 && (high - 0.198_642_335_243_105_4).abs() < 1e-15,
            "{low} {high}"
        );
    }
}
