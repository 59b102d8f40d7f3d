//! The columns over time: a heat map of every column by slices, and each column's quantiles from slice to slice.

use std::collections::BTreeMap;

use serde::Serialize;

use super::column::{Column, strength};
use super::relations::{Period, Relations, from};
use super::{BY, Error};
use crate::report::Request;
use crate::report::format::number;
use crate::report::query::{Literal, Query, Row};
use crate::text::{counted, identifier, literal};

/// The most columns of the heat map.
const MOST_COLUMNS: usize = 24;
/// The most cells of the heat map, so that the report stays small.
const MOST_CELLS: usize = 1_200;
/// The longest name of a column in the heat map; longer ones would fill the query that is shown.
const LONGEST_NAME: usize = 200;
/// The most slices if nobody chose how they are made.
const SLICES: i64 = 36;
const MINUTE: i64 = 60_000_000_000;

/// Spans that slices can have, each with its length.
const SPANS: [(&str, i64); 8] = [
    ("minute", MINUTE),
    ("5 minutes", 5 * MINUTE),
    ("15 minutes", 15 * MINUTE),
    ("hour", 60 * MINUTE),
    ("6 hours", 360 * MINUTE),
    ("day", 1_440 * MINUTE),
    ("week", 7 * 1_440 * MINUTE),
    ("month", 31 * 1_440 * MINUTE),
];

/// The columns by slices.
#[derive(Debug, Default)]
pub struct Slices {
    /// In words: what makes the slices.
    by: String,
    slices: Vec<Slice>,
    /// By column, one cell a slice.
    cells: BTreeMap<String, Vec<Cell>>,
    pub queries: Vec<Query>,
    /// Says why the data is not cut into slices; `None` if it is.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    begin: Option<i64>,
    name: String,
    is_current: bool,
}

/// One column in one slice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    value: Option<f64>,
    strength: Option<f64>,
    drifted: Option<bool>,
    rows: f64,
    pub low: Option<f64>,
    pub median: Option<f64>,
    pub high: Option<f64>,
}

/// The heat map, for the template.
#[derive(Debug, Serialize)]
pub struct HeatMap {
    by: String,
    groups: Vec<Group>,
    rows: Vec<HeatRow>,
    hidden: usize,
}

/// The slices of one sample, side by side.
#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    slices: usize,
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct HeatRow {
    name: String,
    cells: Vec<HeatCell>,
}

#[derive(Debug, Serialize)]
struct HeatCell {
    class: &'static str,
    sign: &'static str,
    title: String,
}

/// A column from slice to slice: the sample, and its quantiles.
pub struct OverTime<'a> {
    pub names: Vec<(f64, String)>,
    pub cells: Vec<(bool, &'a Cell)>,
}

impl Slices {
    /// Compares the columns by slices, if there is a time column or somebody named what makes the slices.
    pub async fn read(
        request: &Request<'_>,
        relations: &Relations,
        columns: &[Column<'_>],
        period: &Period,
    ) -> Result<Slices, Error> {
        let without = |reason: &str| Ok(Slices { reason: Some(reason.into()), ..Slices::default() });
        let Some((reference, current)) = relations.both() else {
            return without("The artifact of a model holds no times, so there are no slices.");
        };
        let find = |name: &str| columns.iter().find(|column| column.name == name || identifier(column.name) == name);
        let mut said = None;
        let (by, key) = match (request.argument(BY), &period.column) {
            (Some(by), time) => match (find(by), by.split_once(':'), time) {
                // If the name is also that of a span, the function says how to tell them apart.
                (Some(column), _, _) => {
                    said = Some(column.shown.clone());
                    (by.to_string(), column.name.to_string())
                }
                (None, None, Some(time)) if !by.starts_with('"') => (format!("{by}:{time}"), time.clone()),
                (None, Some((_, key)), _) => {
                    (by.to_string(), find(key.trim()).map_or(key.trim(), |column| column.name).to_string())
                }
                (None, None, _) => (by.to_string(), String::new()),
            },
            (None, Some(time)) => match period.whole() {
                Some(whole) => (format!("{}:{time}", fitting(whole)), time.clone()),
                None => return without("The time column holds no time, so there are no slices."),
            },
            (None, None) => return without("The two sides have no time column in common, so there are no slices."),
        };
        let shown: Vec<&Column<'_>> = columns
            .iter()
            .filter(|column| column.drifted.is_some() && column.name != key && column.name.len() <= LONGEST_NAME)
            .take(MOST_COLUMNS)
            .collect();
        if shown.is_empty() {
            return without("No column could be compared, so there are no slices.");
        }
        let names: Vec<String> = [key.as_str()]
            .into_iter()
            .filter(|key| !key.is_empty())
            .chain(shown.iter().map(|column| column.name))
            .map(identifier)
            .collect();
        let part = |relation: &str| literal(&format!("SELECT {} FROM {}", names.join(", "), from(relation)));
        // A test that is chosen for a column that is not shown would be refused.
        let tests: Vec<String> = shown
            .iter()
            .filter(|_| !relations.tests.is_empty())
            .filter_map(|column| {
                let (test, threshold) = (column.row.text("test")?, column.threshold?);
                Some(format!("{}={test}:{threshold:?}", identifier(column.name)))
            })
            .collect();
        let said = said.unwrap_or_else(|| by.split(':').next().unwrap_or_default().to_string());
        let (reference, current, by, tests) =
            (part(reference), part(current), literal(&by), literal(&tests.join(", ")));
        let values = [
            ("reference", Literal::Sql(&reference)),
            ("current", Literal::Sql(&current)),
            ("by", Literal::Sql(&by)),
            ("tests", Literal::Sql(&tests)),
        ];
        let query = request.query("drift/slices.sql", &values)?;
        let rows = query.rows(request.context).await?;
        let mut slices: Vec<Slice> = rows.iter().filter_map(Slice::of).collect();
        slices.sort();
        slices.dedup();
        // First the reference's slices, then those of the current sample, each in order.
        slices.sort_by_key(|slice| slice.is_current);
        let mut cells: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
        let places: BTreeMap<Slice, usize> =
            slices.iter().enumerate().map(|(place, slice)| (slice.clone(), place)).collect();
        for row in rows.iter() {
            let (Some(slice), Some(column)) = (Slice::of(row), row.text("column_name")) else { continue };
            let of_column = cells.entry(column.into()).or_insert_with(|| vec![Cell::default(); slices.len()]);
            if let Some(place) = places.get(&slice) {
                of_column[*place] = Cell::of(row);
            }
        }
        Ok(Slices { by: said, slices, cells, queries: vec![query], reason: None })
    }

    /// Returns the heat map; `None` without slices.
    pub fn heat_map(&self, columns: &[Column<'_>]) -> Option<HeatMap> {
        if self.slices.is_empty() {
            return None;
        }
        let most = (MOST_CELLS / self.slices.len()).max(1);
        let with_cells: Vec<(&Column<'_>, &Vec<Cell>)> =
            columns.iter().filter_map(|column| Some((column, self.cells.get(column.name)?))).collect();
        let group = |is_current: bool| {
            let of: Vec<&Slice> = self.slices.iter().filter(|slice| slice.is_current == is_current).collect();
            Some(Group {
                name: if is_current { "Current" } else { "Reference" },
                slices: of.len(),
                from: of.first()?.name.clone(),
                to: of.last()?.name.clone(),
            })
        };
        let row = |(column, cells): &(&Column<'_>, &Vec<Cell>)| HeatRow {
            name: column.shown.clone(),
            cells: self.slices.iter().zip(cells.iter()).map(|(slice, cell)| cell.view(slice)).collect(),
        };
        Some(HeatMap {
            by: self.by.clone(),
            groups: [false, true].into_iter().filter_map(group).collect(),
            rows: with_cells.iter().take(most).map(row).collect(),
            hidden: columns.iter().filter(|column| column.drifted.is_some()).count() - with_cells.len().min(most),
        })
    }

    /// Returns a column from slice to slice; `None` if there are fewer than two slices.
    pub fn over_time(&self, column: &str) -> Option<OverTime<'_>> {
        let cells = self.cells.get(column).filter(|cells| cells.len() > 1)?;
        let names = self.slices.iter().enumerate().map(|(place, slice)| (place as f64 + 0.5, slice.name.clone()));
        let cells = self.slices.iter().map(|slice| slice.is_current).zip(cells.iter());
        Some(OverTime { names: names.collect(), cells: cells.collect() })
    }
}

/// Returns the shortest span of which few fit into a period.
fn fitting((from, to): (i64, i64)) -> &'static str {
    let whole = to.saturating_sub(from);
    SPANS.iter().find(|(_, length)| whole / length < SLICES).map_or("month", |(name, _)| name)
}

impl Slice {
    fn of(row: Row<'_>) -> Option<Slice> {
        Some(Slice {
            begin: row.integer("slice_from"),
            name: row.text("slice")?.into(),
            is_current: row.text("sample") == Some("current"),
        })
    }
}

impl Cell {
    fn of(row: Row<'_>) -> Cell {
        let (value, threshold) = (row.number("value"), row.number("threshold"));
        Cell {
            value,
            strength: strength(row.text("drift_if") != Some(">="), value, threshold),
            drifted: row.flag("drifted"),
            rows: row.number("rows").unwrap_or(0.0),
            low: row.number("low"),
            median: row.number("median"),
            high: row.number("high"),
        }
    }

    fn view(&self, slice: &Slice) -> HeatCell {
        let (class, sign) = match (self.drifted, self.strength) {
            (Some(true), Some(strength)) if strength >= 3.0 => ("h4", "▲"),
            (Some(true), _) => ("h3", "△"),
            (Some(false), Some(strength)) if strength >= 0.5 => ("h2", ""),
            (Some(false), _) => ("h1", ""),
            (None, _) if self.value.is_some() => ("h0", "·"),
            (None, _) => ("h0", "–"),
        };
        let value = number(self.value);
        let few = if sign == "·" { ", too few rows for a verdict" } else { "" };
        let title = format!("{}: {value}, {}{few}", slice.name, counted(self.rows as u64, "value"));
        HeatCell { class, sign, title }
    }
}
