//! The panel of a column: its distributions, its distribution functions, its quantiles, and the column over time.

use serde::Serialize;

use super::column::Column;
use super::slices::Slices;
use crate::report::chart;
use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Tone, Unit};
use crate::report::format::{count, number, percent};

/// The quantiles in the table, in percent.
const QUANTILES: [usize; 9] = [0, 1, 5, 25, 50, 75, 95, 99, 100];

/// The panel of one column.
#[derive(Debug, Serialize)]
pub struct Panel {
    name: String,
    /// What changed, in one line.
    note: String,
    distribution: Figure,
    cumulative: Option<Figure>,
    over_time: Option<Figure>,
    /// Rows, missing values, mean and standard deviation of each sample.
    samples: Vec<Vec<String>>,
    quantile_names: Vec<String>,
    /// The quantiles of each sample.
    quantiles: Vec<Vec<String>>,
}

impl Panel {
    fn bytes(&self) -> usize {
        let figures = [Some(&self.distribution), self.cumulative.as_ref(), self.over_time.as_ref()];
        figures.into_iter().flatten().map(|figure| figure.svg.len() + 600).sum::<usize>() + 2_000
    }
}

/// Returns the panels of the first columns, as many as fit into `most` bytes, and how many columns are left out.
pub fn panels(columns: &[Column<'_>], slices: &Slices, most: usize) -> (Vec<Panel>, usize) {
    let mut drawn = 0;
    let mut panels = Vec::new();
    let mut drawable = columns.iter().filter_map(|column| Some((column, distribution(column)?)));
    while let Some((column, distribution)) = drawable.next() {
        let panel = panel(column, distribution, slices, panels.len());
        drawn += panel.bytes();
        if drawn > most {
            return (panels, 1 + drawable.count());
        }
        panels.push(panel);
    }
    (panels, 0)
}

fn panel(column: &Column<'_>, distribution: Chart, slices: &Slices, place: usize) -> Panel {
    let row = column.row;
    let sample = |side: &str| {
        let of = |name: &str| row.number(&format!("{side}_{name}"));
        vec![
            side.to_string(),
            count(of("rows")),
            format!("{} ({})", count(of("missing")), percent(column.missing_share(side))),
            number(of("mean")),
            number(of("std")),
        ]
    };
    let of_side =
        |side: &str| row.numbers(if side == "reference" { "reference_quantiles" } else { "current_quantiles" });
    let quantiles = |side: &str| {
        let all = of_side(side);
        let cells = QUANTILES.iter().map(|percent| number(all.get(*percent).copied()));
        [side.to_string()].into_iter().chain(cells).collect::<Vec<String>>()
    };
    let has_quantiles = !of_side("reference").is_empty() && !of_side("current").is_empty();
    Panel {
        name: column.shown.clone(),
        note: note(column),
        cumulative: cumulative(column, place).map(Chart::draw),
        over_time: over_time(column, slices, place).map(Chart::draw),
        distribution: Chart { id: format!("column-{place}"), ..distribution }.draw(),
        samples: vec![sample("reference"), sample("current")],
        quantile_names: QUANTILES
            .iter()
            .map(|percent| match percent {
                0 => "lowest".to_string(),
                50 => "median".into(),
                100 => "highest".into(),
                percent => format!("{percent} %"),
            })
            .collect(),
        quantiles: if has_quantiles { vec![quantiles("reference"), quantiles("current")] } else { Vec::new() },
    }
}

fn note(column: &Column<'_>) -> String {
    let test = column.row.text("test").map(super::column::test_name);
    let tested = match (test, column.drifted) {
        (Some(test), Some(drifted)) => format!(
            "{test}: {}, drift if {}: {}.",
            number(column.value),
            column.threshold_text(),
            if drifted { "drifted" } else { "steady" }
        ),
        _ => String::new(),
    };
    let change = column.change_in_words().map(|change| format!(" The column {change}.")).unwrap_or_default();
    let reason = column.row.text("reason").map(|reason| format!(" Note: {reason}.")).unwrap_or_default();
    format!("{tested}{change}{reason}{}", others(column)).trim().to_string()
}

/// Says how many rows have a category that is not drawn.
fn others(column: &Column<'_>) -> String {
    let rest = |side: &str| {
        let shares = column.row.numbers(if side == "reference" { "reference_shares" } else { "current_shares" });
        (1.0 - shares.iter().sum::<f64>()).max(0.0)
    };
    let (reference, current) = (rest("reference"), rest("current"));
    if column.row.texts("categories").is_empty() || reference.max(current) < 1e-9 {
        return String::new();
    }
    format!(
        " The {} most frequent categories are drawn; {} of the reference's rows and {} of the current ones have another one.",
        column.row.texts("categories").len(),
        percent(Some(reference)),
        percent(Some(current))
    )
}

fn keys() -> Vec<Key> {
    vec![Key::block("reference", Tone::Reference), Key::block("current", Tone::Current)]
}

/// Draws one distribution over the other; `None` if there is none.
fn distribution(column: &Column<'_>) -> Option<Chart> {
    let (reference, current) = (column.row.numbers("reference_shares"), column.row.numbers("current_shares"));
    let (edges, categories) = (column.row.numbers("edges"), column.row.texts("categories"));
    if reference.is_empty() || reference.len() != current.len() {
        return None;
    }
    let (x, marks) = if categories.is_empty() {
        let (from, to) = (*edges.first()?, *edges.last()?);
        let steps = |heights: &[f64], tone| Mark::Steps { edges: edges.to_vec(), heights: heights.to_vec(), tone };
        let marks = vec![steps(reference, Tone::Reference), steps(current, Tone::Current)];
        (Axis::new("", Unit::Number, from, to), marks)
    } else {
        // Two bars side by side for each category; the axis has the categories' names.
        let side_by_side = |shift: f64, heights: &[f64], tone| {
            let edges = (0..categories.len()).flat_map(|bin| {
                let left = bin as f64 + shift;
                [left, left + 0.35]
            });
            // Every second bin is the empty space between two bars.
            let heights = heights.iter().flat_map(|height| [*height, 0.0]).collect();
            Mark::Bars { edges: edges.collect(), heights, tone }
        };
        let marks = vec![side_by_side(0.15, reference, Tone::Reference), side_by_side(0.5, current, Tone::Current)];
        let names: Vec<String> = categories.iter().map(|name| super::column::shown_name(name)).collect();
        (Axis::categories(&names), marks)
    };
    let highest = reference.iter().chain(current).copied();
    Some(Chart {
        id: String::new(),
        title: format!("{}: distribution", column.shown),
        description: format!("Distribution of {} in the reference and in the current sample.", column.shown),
        width: 520.0,
        x,
        panels: vec![chart::Panel {
            height: 150.0,
            y: Some(Axis::fitted("", Unit::Share, highest, true)),
            name: "Share of rows".into(),
            marks,
        }],
        keys: keys(),
    })
}

/// Draws both distribution functions from the quantiles; `None` for what is not numeric.
fn cumulative(column: &Column<'_>, place: usize) -> Option<Chart> {
    let edges = column.row.numbers("edges");
    let (from, to) = (*edges.first()?, *edges.last()?);
    let line = |name: &str, tone, dashed| {
        let quantiles = column.row.numbers(name);
        let last = quantiles.len().saturating_sub(1).max(1) as f64;
        let points = quantiles.iter().enumerate().map(|(step, value)| (*value, step as f64 / last));
        Mark::Line { points: points.collect(), tone, dashed }
    };
    Some(Chart {
        id: format!("cumulative-{place}"),
        title: format!("{}: cumulative distribution", column.shown),
        description: format!(
            "The share of rows at or below each value of {}, in the reference and in the current sample.",
            column.shown
        ),
        width: 520.0,
        x: Axis::new("", Unit::Number, from, to),
        panels: vec![chart::Panel {
            height: 150.0,
            y: Some(Axis::new("", Unit::Share, 0.0, 1.0)),
            name: "Share of rows at or below".into(),
            marks: vec![
                line("reference_quantiles", Tone::Reference, false),
                line("current_quantiles", Tone::Current, true),
            ],
        }],
        keys: vec![Key::line("reference", Tone::Reference), Key::dash("current", Tone::Current)],
    })
}

/// Draws the median and the middle 90 % of a column from slice to slice, with the reference's band; `None` without slices.
fn over_time(column: &Column<'_>, slices: &Slices, place: usize) -> Option<Chart> {
    let over_time = slices.over_time(column.name)?;
    let quantiles = column.row.numbers("reference_quantiles");
    let (low, high) = (*quantiles.get(5)?, *quantiles.get(95)?);
    let undefined = f64::NAN;
    let spans = |of_current: bool| -> Vec<(f64, f64, f64, f64)> {
        let cells = over_time.names.iter().zip(&over_time.cells);
        cells
            .filter(|(_, (is_current, _))| *is_current == of_current)
            .map(|((x, _), (_, cell))| {
                (*x, cell.median.unwrap_or(undefined), cell.low.unwrap_or(undefined), cell.high.unwrap_or(undefined))
            })
            .collect()
    };
    let (reference, current) = (spans(false), spans(true));
    let dots = |spans: Vec<(f64, f64, f64, f64)>, tone| Mark::Dots {
        points: spans.into_iter().filter(|(_, median, ..)| median.is_finite()).collect(),
        tone,
    };
    let values = reference.iter().chain(&current).flat_map(|(_, _, low, high)| [*low, *high]).chain([low, high]);
    let y = Axis::fitted("", Unit::Number, values, false);
    Some(Chart {
        id: format!("over-time-{place}"),
        title: format!("{} from slice to slice", column.shown),
        description: format!(
            "The median and the middle 90 % of {} in each slice, and the middle 90 % of the whole reference.",
            column.shown
        ),
        width: 520.0,
        x: Axis::new("", Unit::Places(over_time.names.clone()), 0.0, over_time.names.len() as f64),
        panels: vec![chart::Panel {
            height: 150.0,
            y: Some(y),
            name: "Median and middle 90 %".into(),
            marks: vec![
                Mark::Level { at: low, label: "5 % of the reference".into(), tone: Tone::Reference },
                Mark::Level { at: high, label: "95 % of the reference".into(), tone: Tone::Reference },
                dots(reference, Tone::Reference),
                dots(current, Tone::Current),
            ],
        }],
        keys: keys(),
    })
}
