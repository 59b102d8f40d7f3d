//! The evaluation's curves, each from the rows of one query.

use super::named;
use super::subject::{Scored, Subject};
use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit};
use crate::report::format::{count, number, percent};
use crate::report::query::{Row, Rows};

const NARROW: f64 = 520.0;
const CURVE_HEIGHT: f64 = 300.0;
const CALIBRATION_BINS: usize = 10;
const SCORE_BINS: usize = 40;

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

/// Draws a line for each model, the model in question last and so on top; `None` without a line.
fn lines(
    rows: &Rows,
    subject: &Subject,
    points: impl Fn(&[Row<'_>]) -> Vec<(f64, f64)>,
) -> Option<(Vec<Mark>, Vec<Key>)> {
    let (mut marks, mut keys) = (Vec::new(), Vec::new());
    for (place, scored) in subject.scores.iter().enumerate().rev() {
        let own: Vec<Row<'_>> = of_model(rows, &scored.name).collect();
        let points = points(&own);
        if points.len() > 1 {
            keys.insert(0, Key::line(named(&scored.name), Tone::of_series(place)));
            marks.push(Mark::Line { points, tone: Tone::of_series(place), dashed: false });
        }
    }
    (!keys.is_empty()).then_some((marks, keys))
}

fn pairs(rows: &[Row<'_>], x: &str, y: &str) -> Vec<(f64, f64)> {
    rows.iter().filter_map(|row| row.number(x).zip(row.number(y))).collect()
}

/// Returns the precision-recall curves; the area under each step line is the average precision.
pub fn precision_recall(rows: &Rows, subject: &Subject, prevalence: Option<f64>) -> Option<Figure> {
    let steps = |rows: &[Row<'_>]| {
        let mut last = 0.0;
        let mut points = Vec::new();
        // The end where no row is called positive is a convention, not a measurement.
        for (recall, precision) in pairs(rows, "recall", "precision").into_iter().filter(|(recall, _)| *recall > 0.0) {
            points.extend([(last, precision), (recall, precision)]);
            last = recall;
        }
        points
    };
    let (mut marks, keys) = lines(rows, subject, steps)?;
    if let Some(prevalence) = prevalence {
        let label = format!("guessing: {}", number(Some(prevalence)));
        marks.insert(0, Mark::Level { at: prevalence, label, tone: Tone::Muted });
    }
    let chart = Chart {
        id: "precision-recall".into(),
        title: "Precision and recall".into(),
        description:
            "Precision against recall of every model on the judged rows. The area under a line is the average \
                      precision."
                .into(),
        width: NARROW,
        x: unit_axis("Recall"),
        panels: curve_panel("Precision", unit_axis(""), marks),
        keys,
    };
    Some(chart.draw())
}

/// Returns the ROC curves.
pub fn roc(rows: &Rows, subject: &Subject) -> Option<Figure> {
    let (mut marks, mut keys) = lines(rows, subject, |rows| pairs(rows, "false_positive_rate", "true_positive_rate"))?;
    marks.insert(0, diagonal());
    keys.push(Key::dash("guessing", Tone::Muted));
    let chart = Chart {
        id: "roc".into(),
        title: "ROC".into(),
        description: "True positive rate against false positive rate of every model on the judged rows.".into(),
        width: NARROW,
        x: unit_axis("False positive rate"),
        panels: curve_panel("True positive rate", unit_axis(""), marks),
        keys,
    };
    Some(chart.draw())
}

/// Returns the cumulative gain: the share of the positive rows that the highest-scored rows hold.
pub fn gain(rows: &Rows, subject: &Subject) -> Option<Figure> {
    let from_zero = |rows: &[Row<'_>]| {
        let points = pairs(rows, "share", "reached");
        if points.is_empty() { points } else { [vec![(0.0, 0.0)], points].concat() }
    };
    let (mut marks, mut keys) = lines(rows, subject, from_zero)?;
    marks.insert(0, diagonal());
    keys.push(Key::dash("guessing", Tone::Muted));
    let chart = Chart {
        id: "gain".into(),
        title: "Cumulative gain".into(),
        description:
            "The share of all positive rows that lie among the highest-scored rows, against the share of rows taken."
                .into(),
        width: NARROW,
        x: Axis::new("Share of rows, highest scores first", Unit::Share, 0.0, 1.0),
        panels: curve_panel("Share of the positive rows", Axis::new("", Unit::Share, 0.0, 1.0), marks),
        keys,
    };
    Some(chart.draw())
}

fn diagonal() -> Mark {
    Mark::Line { points: vec![(0.0, 0.0), (1.0, 1.0)], tone: Tone::Muted, dashed: true }
}

/// A bin of the calibration.
#[derive(Debug, Clone, Copy)]
pub struct Bin {
    pub rows: f64,
    pub score: f64,
    pub share: f64,
    pub interval: Option<(f64, f64)>,
}

impl Bin {
    /// Returns the bins of a model, by rising score.
    pub fn all(rows: &Rows, model: &str) -> Vec<Bin> {
        let bin = |row: Row<'_>| {
            Some(Bin {
                rows: row.number("rows")?,
                score: row.number("mean_score")?,
                share: row.number("positive_rate")?,
                interval: row.number("low").zip(row.number("high")),
            })
        };
        of_model(rows, model).filter_map(bin).collect()
    }
}

/// Returns the reliability curves, and below them the share of rows in each bin of the model.
pub fn calibration(rows: &Rows, subject: &Subject) -> Option<Figure> {
    let model = &subject.scores[0];
    let mut marks = vec![diagonal()];
    let mut keys = Vec::new();
    let mut heights = vec![0.0; CALIBRATION_BINS];
    for (place, scored) in subject.scores.iter().enumerate().rev() {
        let tone = Tone::of_series(place);
        let bins = Bin::all(rows, &scored.name);
        if bins.is_empty() {
            continue;
        }
        keys.insert(0, Key::line(named(&scored.name), tone));
        let line = bins.iter().map(|bin| (bin.score, bin.share)).collect();
        marks.push(Mark::Line { points: line, tone, dashed: false });
        if place > 0 {
            continue;
        }
        let point = |bin: &Bin| {
            let (low, high) = bin.interval.unwrap_or((bin.share, bin.share));
            (bin.score, bin.share, low, high)
        };
        marks.push(Mark::Dots { points: bins.iter().map(point).collect(), tone });
        let total: f64 = bins.iter().map(|bin| bin.rows).sum();
        for bin in &bins {
            // A score on an edge belongs to the lower bin.
            let place = ((bin.score * CALIBRATION_BINS as f64).ceil() as usize).clamp(1, CALIBRATION_BINS) - 1;
            heights[place] += bin.rows / total;
        }
    }
    if keys.is_empty() {
        return None;
    }
    keys.push(Key::dash("perfectly calibrated", Tone::Muted));
    let edges: Vec<f64> = (0..=CALIBRATION_BINS).map(|edge| edge as f64 / CALIBRATION_BINS as f64).collect();
    let name = named(&model.name);
    let chart = Chart {
        id: "calibration".into(),
        title: "Calibration".into(),
        description: format!(
            "Share of positive rows against the mean score in ten bins, with 95 % intervals by blocks of time for {name}, and the \
             share of rows in each bin."
        ),
        width: NARROW,
        x: unit_axis("Mean score in the bin"),
        panels: vec![
            Panel { height: 220.0, y: Some(unit_axis("")), name: "Share that is positive".into(), marks },
            Panel {
                height: 62.0,
                y: Some(Axis::new("", Unit::Share, 0.0, 1.0)),
                name: format!("Share of rows ({name})"),
                marks: vec![Mark::Bars { edges, heights, tone: Tone::First }],
            },
        ],
        keys,
    };
    Some(chart.draw())
}

/// Says what the calibration means: where the score is furthest from the truth, and by how much it errs on average.
pub fn calibration_sentences(rows: &Rows, scored: &Scored, label: &str) -> Vec<String> {
    let bins = Bin::all(rows, &scored.name);
    let total: f64 = bins.iter().map(|bin| bin.rows).sum();
    let Some(first) = of_model(rows, &scored.name).next() else { return Vec::new() };
    let mut sentences = Vec::new();
    // A bin with few rows is left to chance.
    let filled: Vec<&Bin> = bins.iter().filter(|bin| bin.rows >= 50.0 && bin.rows >= total / 100.0).collect();
    let says = |bin: &Bin| {
        let interval = bin.interval.map_or("an unknown interval".into(), |(low, high)| {
            format!("95 % interval {} to {}", percent(Some(low)), percent(Some(high)))
        });
        let (score, share, rows) = (number(Some(bin.score)), percent(Some(bin.share)), count(Some(bin.rows)));
        format!("it says {score} where {share} of {rows} rows are {label} ({interval})")
    };
    let furthest = |off: fn(&Bin) -> bool| {
        let off = filled.iter().filter(|bin| off(bin));
        off.max_by(|a, b| (a.score - a.share).abs().total_cmp(&(b.score - b.share).abs()))
    };
    // A score may err in both directions: too high in some bins, too low in others.
    let over = furthest(|bin| bin.interval.is_some_and(|(_, high)| bin.score > high));
    let under = furthest(|bin| bin.interval.is_some_and(|(low, _)| bin.score < low));
    match (over, under, furthest(|_| true)) {
        (None, None, Some(bin)) => {
            sentences.push(format!("No well-filled bin is surely off: at worst {}.", says(bin)));
        }
        _ => {
            sentences.extend(over.map(|bin| format!("It overstates: {}.", says(bin))));
            sentences.extend(under.map(|bin| format!("It understates: {}.", says(bin))));
        }
    }
    if let Some(error) = first.number("error") {
        let interval = first.number("error_low").zip(first.number("error_high"));
        let interval = interval.map_or(String::new(), |(low, high)| {
            format!(", with a 95 % interval from {} to {}", number(Some(low)), number(Some(high)))
        });
        sentences.push(format!("The expected calibration error is {}{interval}.", number(Some(error))));
    }
    sentences.extend(first.text("reason").map(|reason| format!("There are no intervals: {reason}.")));
    sentences
}

/// The range of scores that is drawn: [0, 1] for probabilities.
pub fn score_range(subject: &Subject, lowest: Option<f64>, highest: Option<f64>) -> (f64, f64) {
    match (subject.scores[0].probability, lowest.zip(highest)) {
        (false, Some((low, high))) if low < high => (low, high),
        (false, Some((low, _))) => (low - 0.5, low + 0.5),
        _ => (0.0, 1.0),
    }
}

/// Returns the distribution of the model's scores, by class.
pub fn score_distribution(rows: &Rows, subject: &Subject, (low, high): (f64, f64)) -> Option<Figure> {
    let model = &subject.scores[0];
    let edges: Vec<f64> = (0..=SCORE_BINS).map(|edge| low + (high - low) * edge as f64 / SCORE_BINS as f64).collect();
    let class = |positive: bool| {
        let mut heights = vec![0.0; SCORE_BINS];
        for row in rows.iter().filter(|row| row.flag("positive") == Some(positive)) {
            let bin = row.integer("bin").and_then(|bin| usize::try_from(bin).ok());
            if let Some(height) = bin.and_then(|bin| heights.get_mut(bin)) {
                *height += row.number("share").unwrap_or_default();
            }
        }
        heights
    };
    if rows.is_empty() {
        return None;
    }
    let panel = |name: String, positive: bool, tone: Tone| {
        let heights = class(positive);
        let y = Axis::fitted("", Unit::Share, heights.iter().copied(), true);
        let mut marks = vec![Mark::Steps { edges: edges.clone(), heights, tone }];
        marks.extend(model.threshold.map(|at| {
            let label = if positive { format!("threshold {}", number(Some(at))) } else { String::new() };
            Mark::Moment { at, label, tone: Tone::Muted }
        }));
        Panel { height: 141.0, y: Some(y), name, marks }
    };
    let (positive, negative) = subject.classes();
    let chart = Chart {
        id: "score-distribution".into(),
        title: "Scores by outcome".into(),
        description: format!(
            "Distribution of the scores of {} on the judged rows: above for positive rows, below for the others.",
            named(&model.name)
        ),
        width: NARROW,
        x: Axis::new("Score", Unit::Number, low, high),
        panels: vec![
            panel(format!("Share of the rows that are {positive}"), true, Tone::Bad),
            panel(format!("Share of the rows that are {negative}"), false, Tone::Muted),
        ],
        keys: vec![Key::block(positive, Tone::Bad), Key::block(negative, Tone::Muted)],
    };
    Some(chart.draw())
}

/// Says in which ranges of recall the baseline is better than the model.
pub fn recall_sentence(rows: &Rows, model: &str, baseline: &str) -> Option<String> {
    let point = |row: Row<'_>| Some((row.number("recall")?, row.number("ours")?, row.number("theirs")?));
    let points: Vec<(f64, f64, f64)> = rows.iter().filter_map(point).collect();
    compared_by_recall(&points, model, baseline)
}

/// The most ranges of recall that a sentence names.
const MOST_RANGES: usize = 5;

/// Takes each recall with the precision of the model and that of the baseline; `None` if there are none.
fn compared_by_recall(points: &[(f64, f64, f64)], model: &str, baseline: &str) -> Option<String> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let runs = points.chunk_by(|a, b| (a.2 > a.1) == (b.2 > b.1));
    let better: Vec<(f64, f64)> =
        runs.filter(|run| run[0].2 > run[0].1).map(|run| (run[0].0, run[run.len() - 1].0)).collect();
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    let range = |(from, to): &(f64, f64)| match from == to {
        true => format!("{} %", percent(*from)),
        false => format!("{} % to {} %", percent(*from), percent(*to)),
    };
    let all = format!("{} % to {} %", percent(first), percent(last));
    Some(match better.as_slice() {
        [] => format!("At every recall from {all}, {model} is at least as precise as {baseline}."),
        [one] if *one == (first, last) => {
            format!("At every recall from {all}, {baseline} is more precise than {model}.")
        }
        some => {
            let mut widest = some.to_vec();
            // Widths are whole percents, up to rounding; of equal ones, the first stay.
            widest.sort_by_key(|(from, to)| std::cmp::Reverse((100.0 * (to - from)).round() as u32));
            widest.truncate(MOST_RANGES);
            widest.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut ranges = widest.iter().map(range).collect::<Vec<_>>().join(", ");
            match some.len() - widest.len() {
                0 => {}
                1 => ranges.push_str(" and in one narrower range"),
                more => ranges.push_str(&format!(" and in {more} narrower ranges")),
            }
            format!(
                "Where recall is {ranges}, {baseline} is more precise than {model}; elsewhere {model} is at least as precise."
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::compared_by_recall;

    /// A point a percent; `theirs` says where the baseline is more precise.
    fn said(theirs: impl Fn(u32) -> bool) -> String {
        let point = |percent| (f64::from(percent) / 100.0, 0.5, if theirs(percent) { 0.6 } else { 0.5 });
        let points: Vec<(f64, f64, f64)> = (1..=100).map(point).collect();
        compared_by_recall(&points, "m", "the naive rule").unwrap()
    }

    #[test]
    fn ranges_of_recall_are_told_to_the_percent() {
        assert_eq!(said(|_| false), "At every recall from 1 % to 100 %, m is at least as precise as the naive rule.");
        assert_eq!(said(|_| true), "At every recall from 1 % to 100 %, the naive rule is more precise than m.");
        assert_eq!(
            said(|percent| percent <= 3 || percent == 52),
            "Where recall is 1 % to 3 %, 52 %, the naive rule is more precise than m; elsewhere m is at least as precise."
        );
        let many = said(|percent| percent % 10 < 2);
        assert!(
            many.starts_with("Where recall is 10 % to 11 %, ") && many.contains("and in 6 narrower ranges"),
            "{many}"
        );
        assert_eq!(compared_by_recall(&[], "m", "b"), None);
    }
}
