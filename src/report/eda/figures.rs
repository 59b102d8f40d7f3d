//! Charts that the profile and the market study share.

use crate::report::chart::{Axis, Cell, Chart, Figure, Key, Mark, Panel, Tone, Unit};
use crate::report::exhibit::name;
use crate::report::query::Rows;

/// More columns do not fit into the matrix.
const MOST_IN_MATRIX: usize = 40;
/// Up to so many columns, each cell has its number.
const MOST_WITH_NUMBERS: usize = 16;

/// Returns a histogram of shares between edges.
pub fn histogram(id: &str, title: &str, x: Axis, edges: &[f64], shares: &[f64], tone: Tone) -> Option<Figure> {
    if shares.is_empty() || edges.len() != shares.len() + 1 {
        return None;
    }
    let chart = Chart {
        id: id.into(),
        title: title.into(),
        description: format!("Distribution of {title}: the share of the values in each of {} bins.", shares.len()),
        width: 520.0,
        x,
        panels: vec![Panel {
            height: 130.0,
            y: Some(Axis::fitted("", Unit::Share, shares.iter().copied(), true)),
            name: "Share of values".into(),
            marks: vec![Mark::Steps { edges: edges.to_vec(), heights: shares.to_vec(), tone }],
        }],
        keys: Vec::new(),
    };
    Some(chart.draw())
}

/// Returns the matrix of the coefficients of `correlations`; `None` if no pair has one.
pub fn matrix(pairs: &Rows) -> Option<Figure> {
    let mut names: Vec<&str> = Vec::new();
    let defined = pairs.iter().filter(|row| row.number("correlation").is_some());
    for row in defined {
        for column in ["column_a", "column_b"] {
            let Some(column) = row.text(column) else { continue };
            if !names.contains(&column) {
                names.push(column);
            }
        }
    }
    names.truncate(MOST_IN_MATRIX);
    let count = names.len() as f64;
    let place = |column: Option<&str>| names.iter().position(|name| Some(*name) == column).map(|place| place as f64);
    let mut cells = Vec::new();
    for row in pairs.iter() {
        let (Some(a), Some(b), Some(shade)) =
            (place(row.text("column_a")), place(row.text("column_b")), row.number("correlation"))
        else {
            continue;
        };
        let label =
            if names.len() <= MOST_WITH_NUMBERS { format!("{shade:.2}").replace('-', "−") } else { String::new() };
        // The picture is symmetric.
        for (a, b) in [(a, b), (b, a)] {
            let (x, y) = ((a + 0.02, a + 0.98), (count - b - 0.98, count - b - 0.02));
            cells.push(Cell { x, y, shade, label: label.clone() });
        }
    }
    if cells.is_empty() {
        return None;
    }
    let number = |index: usize| (index + 1).to_string();
    let across = names.iter().enumerate().map(|(index, _)| (index as f64 + 0.5, number(index)));
    let down = names.iter().enumerate().map(|(index, column)| {
        let column: String = name(column).chars().take(24).collect();
        (count - index as f64 - 0.5, format!("{column} {}", number(index)))
    });
    let mut down: Vec<(f64, String)> = down.collect();
    down.reverse();
    let row_height = (420.0 / count).clamp(15.0, 30.0);
    let chart = Chart {
        id: "correlations".into(),
        title: "Correlations".into(),
        description: format!("Pearson's correlation of every pair of {} columns, as a shaded matrix.", names.len()),
        width: 1080.0,
        x: Axis::new("", Unit::Places(across.collect()), 0.0, count),
        panels: vec![Panel {
            height: row_height * count,
            y: Some(Axis::new("", Unit::Places(down), 0.0, count)),
            name: String::new(),
            marks: vec![Mark::Cells { cells, tone: Tone::First, negative: Tone::Second }],
        }],
        keys: vec![
            Key::block("positive", Tone::First),
            Key::block("negative; the fuller the colour, the stronger", Tone::Second),
        ],
    };
    Some(chart.draw())
}

/// Returns the pairs with the strongest coefficients, as rows of text.
pub fn strongest(pairs: &Rows, most: usize) -> Vec<Vec<String>> {
    let mut strong: Vec<_> = pairs.iter().filter_map(|row| Some((row.number("correlation")?, row))).collect();
    strong.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let shown = strong.into_iter().take(most).map(|(_, row)| {
        let of = |column: &str| name(row.text(column).unwrap_or_default());
        vec![of("column_a"), of("column_b"), row.shown("correlation"), row.shown("rows")]
    });
    shown.collect()
}
