//! The charts of the quality report.

use crate::report::chart::{Axis, Cell, Chart, Figure, Key, Mark, Panel, Tone, Unit, time_axis};
use crate::report::exhibit::name;
use crate::report::query::Rows;

const WIDE: f64 = 1080.0;

/// Returns the edges of steps, and for each step a count; steps without rows count 0.
fn stepped(rows: &Rows, column: &str, step_ns: f64) -> Option<(Vec<f64>, Vec<f64>)> {
    let start = rows.iter().filter_map(|row| row.number("start_ns")).reduce(f64::min)?;
    let end = rows.iter().filter_map(|row| row.number("start_ns")).reduce(f64::max)? + step_ns;
    let count = ((end - start) / step_ns).round().clamp(1.0, 1_000.0) as usize;
    let mut heights = vec![0.0; count];
    for row in rows.iter() {
        let Some(at) = row.number("start_ns") else { continue };
        let place = ((at - start) / step_ns).round().clamp(0.0, count as f64 - 1.0) as usize;
        heights[place] += row.number(column).unwrap_or_default();
    }
    let edges = (0..=count).map(|edge| start + edge as f64 * step_ns).collect();
    Some((edges, heights))
}

/// Returns ticks a minute over time, and below them the rows that are not ticks.
pub fn over_time(rows: &Rows, step_s: f64) -> Option<Figure> {
    let minutes = step_s / 60.0;
    let mut panels = Vec::new();
    let mut range = (0.0, 1.0);
    let series = [
        ("ticks", "Ticks a minute", Tone::First, 150.0),
        ("duplicates", "Duplicate rows a minute", Tone::Muted, 44.0),
        ("late", "Late rows a minute", Tone::Second, 44.0),
        ("ahead", "Rows ahead of their receipt, a minute", Tone::Missed, 44.0),
    ];
    for (column, title, tone, height) in series {
        let (edges, counts) = stepped(rows, column, step_s * 1e9)?;
        // A panel of zeros shows nothing; the table says 0.
        if column != "ticks" && counts.iter().all(|count| *count == 0.0) {
            continue;
        }
        range = (*edges.first()?, *edges.last()?);
        let heights: Vec<f64> = counts.into_iter().map(|count| count / minutes).collect();
        panels.push(Panel {
            height,
            y: Some(Axis::fitted("", Unit::Number, heights.iter().copied(), true)),
            name: title.into(),
            marks: vec![Mark::Steps { edges, heights, tone }],
        });
    }
    let chart = Chart {
        id: "over-time".into(),
        title: "Ticks over time".into(),
        description: "Ticks a minute over the recorded time; below, the rows that are duplicate, late or ahead, if there are any.".into(),
        width: WIDE,
        x: time_axis(range.0, range.1),
        panels,
        keys: Vec::new(),
    };
    Some(chart.draw())
}

/// Returns a row for each product, shaded by its ticks in each step of time.
pub fn by_product(rows: &Rows, step_s: f64) -> Option<Figure> {
    let step_ns = step_s * 1e9;
    let start = rows.iter().filter_map(|row| row.number("start_ns")).reduce(f64::min)?;
    let end = rows.iter().filter_map(|row| row.number("start_ns")).reduce(f64::max)? + step_ns;
    let mut products: Vec<(&str, f64)> = Vec::new();
    for row in rows.iter() {
        let (product, ticks) = (row.text("product_id").unwrap_or_default(), row.number("ticks").unwrap_or_default());
        match products.iter_mut().find(|(known, _)| *known == product) {
            Some((_, most)) => *most = most.max(ticks),
            None => products.push((product, ticks)),
        }
    }
    let count = products.len() as f64;
    let cells = rows.iter().filter_map(|row| {
        let place = products.iter().position(|(product, _)| Some(*product) == row.text("product_id"))?;
        let (at, ticks) = (row.number("start_ns")?, row.number("ticks")?);
        let bottom = count - 1.0 - place as f64;
        // The root shows quiet times too: they differ from times without a tick.
        let shade = (ticks / products[place].1).sqrt();
        Some(Cell { x: (at, at + step_ns), y: (bottom + 0.06, bottom + 0.94), shade, label: String::new() })
    });
    let names = products
        .iter()
        .enumerate()
        .map(|(place, (product, _))| (count - 0.5 - place as f64, name(product).chars().take(16).collect()));
    let mut names: Vec<(f64, String)> = names.collect();
    names.reverse();
    let chart = Chart {
        id: "by-product".into(),
        title: "By product".into(),
        description: format!(
            "A row for each of {} products; the fuller its colour, the more ticks in the step of time.",
            products.len()
        ),
        width: WIDE,
        x: time_axis(start, end),
        panels: vec![Panel {
            height: 22.0 * count,
            y: Some(Axis::new("", Unit::Places(names), 0.0, count)),
            name: String::new(),
            marks: vec![Mark::Cells { cells: cells.collect(), tone: Tone::First, negative: Tone::Second }],
        }],
        keys: vec![Key::block(
            "the fuller, the more ticks, compared with the product's busiest step; nothing where there is no tick",
            Tone::First,
        )],
    };
    Some(chart.draw())
}

/// Returns ticks for each recorded minute by the hour of the day, and the share of rows that are not ticks.
pub fn hours(rows: &Rows) -> Option<Figure> {
    let (mut rates, mut shares) = (vec![0.0; 24], vec![0.0; 24]);
    for row in rows.iter() {
        let Some(hour) = row.integer("hour").and_then(|hour| usize::try_from(hour).ok()).filter(|hour| *hour < 24)
        else {
            continue;
        };
        rates[hour] = row.number("ticks_per_minute").unwrap_or_default();
        shares[hour] = row.number("not_ok_share").unwrap_or_default();
    }
    if rows.is_empty() {
        return None;
    }
    let edges: Vec<f64> = (0..=24).map(f64::from).collect();
    let panel = |title: &str, unit: Unit, heights: Vec<f64>, height: f64, tone: Tone| Panel {
        height,
        y: Some(Axis::fitted("", unit, heights.iter().copied(), true)),
        name: title.into(),
        marks: vec![Mark::Bars { edges: edges.clone(), heights, tone }],
    };
    let chart = Chart {
        id: "hours".into(),
        title: "Ticks for each recorded minute, by hour".into(),
        description: "Ticks for each recorded minute by the hour of the day, and the share of rows that are not ticks."
            .into(),
        width: WIDE,
        x: Axis::new("Hour of the day, UTC", Unit::Number, 0.0, 24.0),
        panels: vec![
            panel("Ticks a recorded minute", Unit::Number, rates, 120.0, Tone::First),
            panel("Share of rows that are duplicate, late or ahead", Unit::Share, shares, 50.0, Tone::Second),
        ],
        keys: Vec::new(),
    };
    Some(chart.draw())
}
