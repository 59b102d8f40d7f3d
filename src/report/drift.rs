//! The drift report: the columns whose distributions differ between a reference and a current sample, and how they differ.
//!
//! In: the named query `spike_drift`, or two relations for the SQL function `drift`. Out: HTML.

use std::cmp::Ordering;

use async_trait::async_trait;
use serde::Serialize;

use super::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit, sparkline};
use super::format::{self, count, number, percent};
use super::query::{Literal, Query, Row};
use super::sources::built_in;
use super::{About, Argument, Arguments, Condition, Error, Mood, Needs, Page, Report, Request, Verdict, require};
use crate::text::literal;

/// The data set has drifted if at least this share of the compared columns has; this is Evidently's default.
const DRIFTED_SHARE: f64 = 0.5;
/// The most columns whose distributions are drawn, so that the report of a wide table stays small.
const MOST_FIGURES: usize = 60;
/// The most columns for which rows are shown.
const MOST_ROWS: usize = 200;

/// The report `drift`.
pub struct Drift;

#[async_trait]
impl Report for Drift {
    fn about(&self) -> &'static About {
        &About {
            name: "drift",
            description: "Which columns' distributions changed between a reference and a current sample",
            file: "drift.html",
            arguments: &[
                Argument {
                    name: REFERENCE,
                    value: "QUERY",
                    help: "A table, view or query to compare with [default: drift_reference, the training rows]",
                },
                Argument {
                    name: CURRENT,
                    value: "QUERY",
                    help: "A table, view or query to compare [default: drift_current, the test rows]",
                },
            ],
            sources: built_in!["drift.html", "drift/columns.sql"],
        }
    }

    fn needs(&self, arguments: &Arguments) -> Needs {
        let both = arguments.contains_key(REFERENCE) && arguments.contains_key(CURRENT);
        if both { Needs::Nothing } else { Needs::LandedTicks }
    }

    async fn make(&self, request: &Request<'_>) -> Result<Page, Error> {
        drift(request).await
    }
}

const REFERENCE: &str = "reference";
const CURRENT: &str = "current";

/// How to read a test's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    /// A larger value means that the samples are further apart.
    Distance,
    /// A smaller value is less likely to be chance.
    PValue,
    /// Not tested.
    None,
}

/// One column's comparison.
#[derive(Debug)]
struct Column<'a> {
    row: Row<'a>,
    name: &'a str,
    family: Family,
    value: Option<f64>,
    threshold: Option<f64>,
    drifted: Option<bool>,
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    tiles: Vec<[String; 3]>,
    columns: Vec<ColumnView>,
    hidden_rows: usize,
    hidden_figures: usize,
    query: Query,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    kind: String,
    test: String,
    value: String,
    threshold: String,
    drifted: Option<bool>,
    reason: Option<String>,
    reference_spark: String,
    current_spark: String,
    reference: Summary,
    current: Summary,
    figure: Option<Figure>,
}

#[derive(Debug, Serialize)]
struct Summary {
    rows: String,
    missing: String,
    mean: String,
    std: String,
}

/// Makes the drift report.
///
/// # Errors
/// A relation is missing, or a query fails.
async fn drift(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check("drift", Drift.about().sources)?;
    let comparison = match (request.argument(REFERENCE), request.argument(CURRENT)) {
        (None, None) => {
            require(request.context, &["spike_drift"])?;
            "spike_drift".into()
        }
        (reference, current) => {
            let reference = reference.unwrap_or("drift_reference");
            let current = current.unwrap_or("drift_current");
            format!("drift({}, {})", literal(reference), literal(current))
        }
    };
    let query = request.query("drift/columns.sql", &[("comparison", Literal::Sql(&comparison))])?;
    let rows = query.rows(request.context).await?;
    let mut columns: Vec<Column<'_>> = rows.iter().filter_map(Column::read).collect();
    columns.sort_by(Column::order);

    let verdict = verdict(&columns);
    let line = verdict.headline.clone();
    let view = View {
        title: "Drift",
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: tiles(&columns),
        columns: columns
            .iter()
            .take(MOST_ROWS)
            .enumerate()
            .map(|(index, column)| column.view(index, index < MOST_FIGURES))
            .collect(),
        hidden_rows: columns.len().saturating_sub(MOST_ROWS),
        hidden_figures: columns.len().saturating_sub(MOST_FIGURES),
        verdict,
        query,
    };
    let html = request.sources.render("drift.html", &view)?;
    let conditions = view.verdict.found(Condition::Drift);
    Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions })
}

fn verdict(columns: &[Column<'_>]) -> Verdict {
    let compared = columns.iter().filter(|column| column.drifted.is_some()).count();
    let drifted: Vec<&str> =
        columns.iter().filter(|column| column.drifted == Some(true)).map(|column| column.name).collect();
    if compared == 0 {
        let headline = "Whether the data drifted is not known: no column could be compared.".to_string();
        return Verdict { mood: Mood::Unknown, headline, sentences: Vec::new() };
    }
    let share = drifted.len() as f64 / compared as f64;
    let rule = format!(
        "By Evidently's convention a data set drifts when at least {} of its columns do; here it is {}.",
        percent(Some(DRIFTED_SHARE)),
        percent(Some(share))
    );
    let columns_drifted = format!("{} of {compared} columns drifted", drifted.len());
    let (mood, headline) = if share >= DRIFTED_SHARE {
        (Mood::Bad, format!("The data drifted: {columns_drifted}."))
    } else {
        (Mood::Good, format!("The data did not drift: {columns_drifted}."))
    };
    let mut sentences = vec![rule];
    if !drifted.is_empty() {
        const NAMED: usize = 8;
        let more = drifted.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        sentences.push(format!("Drifted: {}{more}.", drifted[..drifted.len().min(NAMED)].join(", ")));
    }
    Verdict { mood, headline, sentences }
}

fn tiles(columns: &[Column<'_>]) -> Vec<[String; 3]> {
    let of = |outcome| columns.iter().filter(|column| column.drifted == outcome).count() as f64;
    let (drifted, steady, unknown) = (of(Some(true)), of(Some(false)), of(None));
    let most = |name: &str| columns.iter().filter_map(|column| column.row.number(name)).reduce(f64::max);
    let compared = drifted + steady;
    vec![
        [
            "Drifted columns".into(),
            format!("{} of {}", count(Some(drifted)), count(Some(compared))),
            percent((compared > 0.0).then(|| drifted / compared)),
        ],
        ["Reference".into(), count(most("reference_rows")), "rows with values, at most".into()],
        ["Current".into(), count(most("current_rows")), "rows with values, at most".into()],
        ["Not compared".into(), count(Some(unknown)), "columns; the table says why".into()],
    ]
}

impl<'a> Column<'a> {
    fn read(row: Row<'a>) -> Option<Column<'a>> {
        let family = match row.text("test") {
            Some("wasserstein" | "jensenshannon") => Family::Distance,
            Some(_) => Family::PValue,
            None => Family::None,
        };
        Some(Column {
            name: row.text("column_name")?,
            family,
            value: row.number("value"),
            threshold: row.number("threshold"),
            drifted: row.flag("drifted"),
            row,
        })
    }

    /// Returns how far the value is beyond its threshold; above 1 means drift. Only values of one family are comparable.
    fn strength(&self) -> f64 {
        match (self.family, self.value, self.threshold) {
            (Family::Distance, Some(value), Some(threshold)) => value / threshold,
            (Family::PValue, Some(value), Some(threshold)) => threshold / value,
            _ => 0.0,
        }
    }

    /// Puts drifted columns first; then orders by family, so that p-values and distances do not mix, and then by strength.
    fn order(&self, other: &Column<'_>) -> Ordering {
        let rank = |drifted| match drifted {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        rank(self.drifted)
            .cmp(&rank(other.drifted))
            .then(self.family.cmp(&other.family))
            .then(other.strength().total_cmp(&self.strength()))
            .then(self.name.cmp(other.name))
    }

    fn view(&self, index: usize, with_figure: bool) -> ColumnView {
        let row = self.row;
        let summary = |rows: &str, missing: &str, mean: &str, std: &str| Summary {
            rows: count(row.number(rows)),
            missing: count(row.number(missing)),
            mean: number(row.number(mean)),
            std: number(row.number(std)),
        };
        let spark = |shares: &str, tone| match row.numbers(shares) {
            [] => String::new(),
            shares => sparkline(shares, tone),
        };
        ColumnView {
            name: self.name.into(),
            kind: row.text("kind").unwrap_or(format::UNKNOWN).into(),
            test: row.text("test").map_or(format::UNKNOWN, test_name).into(),
            value: number(self.value),
            threshold: self.threshold_text(),
            drifted: self.drifted,
            reason: row.text("reason").map(str::to_string),
            reference_spark: spark("reference_shares", Tone::Reference),
            current_spark: spark("current_shares", Tone::Current),
            reference: summary("reference_rows", "reference_missing", "reference_mean", "reference_std"),
            current: summary("current_rows", "current_missing", "current_mean", "current_std"),
            figure: if with_figure { self.figure(index) } else { None },
        }
    }

    fn threshold_text(&self) -> String {
        let Some(threshold) = self.threshold else { return format::UNKNOWN.into() };
        let sign = match (self.family, self.row.text("test")) {
            (Family::Distance, _) => "≥",
            (_, Some("ks")) => "≤",
            _ => "<",
        };
        format!("{sign} {threshold}")
    }

    /// Draws one distribution over the other.
    fn figure(&self, index: usize) -> Option<Figure> {
        let (reference, current) = (self.row.numbers("reference_shares"), self.row.numbers("current_shares"));
        let (edges, categories) = (self.row.numbers("edges"), self.row.texts("categories"));
        if reference.is_empty() || reference.len() != current.len() {
            return None;
        }
        let bars = |heights: &[f64], edges: Vec<f64>, tone| {
            let heights = heights.to_vec();
            if categories.is_empty() {
                Mark::Steps { edges, heights, tone }
            } else {
                Mark::Bars { edges, heights, tone }
            }
        };
        let (x, marks) = if categories.is_empty() {
            let (from, to) = (*edges.first()?, *edges.last()?);
            let marks =
                vec![bars(reference, edges.to_vec(), Tone::Reference), bars(current, edges.to_vec(), Tone::Current)];
            (Axis::new("", Unit::Number, from, to), marks)
        } else {
            // Two bars side by side for each category; the axis has the categories' names.
            let side_by_side = |shift: f64, heights: &[f64]| {
                let edges = (0..categories.len()).flat_map(|bin| {
                    let left = bin as f64 + shift;
                    [left, left + 0.35]
                });
                // Every second bin is the empty space between two bars.
                let heights = heights.iter().flat_map(|height| [*height, 0.0]).collect::<Vec<_>>();
                (edges.collect::<Vec<_>>(), heights)
            };
            let (left_edges, left) = side_by_side(0.15, reference);
            let (right_edges, right) = side_by_side(0.5, current);
            let marks = vec![bars(&left, left_edges, Tone::Reference), bars(&right, right_edges, Tone::Current)];
            (Axis::categories(categories), marks)
        };
        let highest = reference.iter().chain(current).copied();
        let chart = Chart {
            id: format!("column-{index}"),
            title: self.name.into(),
            description: format!("Distribution of {} in the reference and in the current sample.", self.name),
            width: 520.0,
            x,
            panels: vec![Panel {
                height: 150.0,
                y: Some(Axis::fitted("", Unit::Share, highest, true)),
                name: "Share of rows".into(),
                marks,
            }],
            keys: vec![Key::block("reference", Tone::Reference), Key::block("current", Tone::Current)],
        };
        Some(chart.draw())
    }
}

fn test_name(test: &str) -> &str {
    match test {
        "ks" => "Kolmogorov-Smirnov, p-value",
        "chisquare" => "Chi-square, p-value",
        "z" => "Z test, p-value",
        "wasserstein" => "Wasserstein, normed",
        "jensenshannon" => "Jensen-Shannon distance",
        other => other,
    }
}
