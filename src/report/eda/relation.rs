//! `--on`: every column of a relation, what is conspicuous, correlations and the first rows. The page's size does not grow with them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::figures::{histogram, matrix, strongest};
use super::warnings::warnings;
use crate::report::chart::{Axis, Figure, Tone, Unit, sparkline, time_axis};
use crate::report::exhibit::{Exhibit, Warning, name, value};
use crate::report::format::{self, count, instant, number, percent, span};
use crate::report::query::{Literal, Query, Row, Rows};
use crate::report::{Condition, Error, Mood, Page, Request, Verdict};
use crate::text::{counted, identifier};

/// The most columns for which the table has a row.
const MOST_ROWS: usize = 200;
/// The most columns that have a picture and their frequent values.
const MOST_CARDS: usize = 40;
const MOST_WARNINGS: usize = 60;
/// The most warnings in the verdict.
const MOST_SENTENCES: usize = 8;
const MOST_PAIRS: usize = 15;
/// The first rows: at most so many columns, and so many rows.
const MOST_SAMPLED: usize = 30;
/// Columns with longer names, in bytes, are not among the first rows.
const LONGEST_NAME: usize = 500;
/// A number with at most this many different values is shown by its frequent values.
const FEW_VALUES: f64 = 10.0;
/// Frequent values that a card shows.
const FREQUENT_SHOWN: usize = 6;

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: String,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    tiles: Vec<[String; 3]>,
    warnings: Vec<Warning>,
    hidden_warnings: usize,
    columns: Vec<ColumnView>,
    hidden_columns: usize,
    cards: Vec<Card>,
    hidden_cards: usize,
    times: Vec<Vec<String>>,
    matrix: Exhibit,
    pairs: Vec<Vec<String>>,
    first_columns: Vec<String>,
    first_rows: Vec<Vec<String>>,
    counting: String,
    profile: Query,
    correlations: Query,
    rows: Option<Query>,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    kind: String,
    missing: String,
    distinct: String,
    min: String,
    median: String,
    max: String,
    mean: String,
    std: String,
    zeros: String,
    spark: String,
}

/// A column's picture and its figures.
#[derive(Debug, Serialize)]
struct Card {
    name: String,
    kind: String,
    figure: Option<Figure>,
    facts: Vec<[String; 2]>,
    /// Value, share as text, and width of its bar of 96 pixels.
    frequent: Vec<(String, String, String)>,
}

/// Makes the profile of a relation.
///
/// # Errors
/// The relation cannot be read.
pub async fn profile(request: &Request<'_>, relation: &str) -> Result<Page, Error> {
    let on = [("on", Literal::Text(relation))];
    let profile = request.query("eda/columns.sql", &on)?;
    let columns = profile.rows(request.context).await?;
    let correlations = request.query("eda/correlations.sql", &on)?;
    let pairs = correlations.rows(request.context).await?;
    let (rows, first) = first_rows(request, relation, &columns).await?;

    let warnings = warnings(&columns, &pairs);
    let verdict = verdict(relation, &columns, &warnings, &not_looked_at(&columns, &pairs));
    let line = verdict.headline.clone();
    let lacks_values = is_missing(&columns);
    let all = columns.iter().count();
    let view = View {
        title: format!("Profile of {}", name(relation)),
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: tiles(&columns, &warnings),
        hidden_warnings: warnings.len().saturating_sub(MOST_WARNINGS),
        warnings: warnings.into_iter().take(MOST_WARNINGS).collect(),
        columns: columns.iter().take(MOST_ROWS).map(ColumnView::new).collect(),
        hidden_columns: all.saturating_sub(MOST_ROWS),
        cards: columns.iter().take(MOST_CARDS).enumerate().map(|(index, row)| Card::new(index, row)).collect(),
        hidden_cards: all.saturating_sub(MOST_CARDS),
        times: columns.iter().filter(|row| row.text("kind") == Some("time")).take(MOST_SAMPLED).map(time).collect(),
        matrix: Exhibit::new(matrix(&pairs), "No two columns hold numbers that vary together or apart."),
        pairs: strongest(&pairs, MOST_PAIRS),
        first_columns: first.names().iter().map(|column| name(column)).collect(),
        first_rows: first
            .iter()
            .map(|row| first.names().iter().map(|column| name(&row.shown(column))).collect())
            .collect(),
        counting: counting(&columns),
        verdict,
        profile,
        correlations,
        rows,
    };
    let html = request.sources.render("eda/relation.html", &view)?;
    let conditions = Vec::from_iter(lacks_values.then_some(Condition::Missing));
    Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions })
}

/// Returns whether the relation has no rows, or a column without a value.
fn is_missing(columns: &Rows) -> bool {
    columns.iter().any(|row| row.number("nulls") == row.number("rows"))
}

/// Returns the first rows of the columns whose values can be written as text, and the query.
async fn first_rows(request: &Request<'_>, relation: &str, columns: &Rows) -> Result<(Option<Query>, Rows), Error> {
    let shown = columns.iter().filter(|row| row.text("kind") != Some("other"));
    // The query stays short, whatever the names.
    let names = shown.filter_map(|row| row.text("column_name")).filter(|name| name.len() <= LONGEST_NAME);
    let names: Vec<String> = names.take(MOST_SAMPLED).map(identifier).collect();
    if names.is_empty() {
        return Ok((None, Rows::default()));
    }
    // A name stays a name, and a query needs parentheses.
    let start = relation.trim_start();
    let word: String = start.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    let is_query = ["select", "with", "values", "from"].contains(&word.to_lowercase().as_str());
    let relation = match is_query || start.starts_with('(') {
        true => format!("({relation}\n)"),
        false => relation.to_string(),
    };
    let values = [("columns", Literal::Sql(&names.join(", "))), ("relation", Literal::Sql(&relation))];
    let query = request.query("eda/rows.sql", &values)?;
    let rows = query.rows(request.context).await?;
    Ok((Some(query), rows))
}

/// Says in sentences what the profile leaves out, so that nobody takes it for inconspicuous.
fn not_looked_at(columns: &Rows, pairs: &Rows) -> Vec<String> {
    let of_kind = |kind: &str| columns.iter().filter(|row| row.text("kind") == Some(kind)).count();
    let (numbers, other) = (of_kind("number"), of_kind("other"));
    let sides = ["column_a", "column_b"];
    let correlated: BTreeSet<&str> =
        pairs.iter().flat_map(|row| sides.into_iter().filter_map(move |side| row.text(side))).collect();
    let mut sentences = Vec::new();
    if numbers > 1 && correlated.len() < numbers {
        sentences.push(format!(
            "Correlations are those of the first {} of {numbers} columns of numbers; those of the others are not known.",
            correlated.len()
        ));
    }
    if columns.first().is_some_and(|row| row.number("duplicate_rows").is_none()) {
        sentences.push("Rows were not compared with each other, so repeated rows are not known.".into());
    }
    if other > 0 {
        let (columns, have) =
            (counted(other as u64, "column"), if other == 1 { "has a type that is" } else { "have types that are" });
        sentences.push(format!("{columns} {have} not profiled."));
    }
    sentences
}

fn verdict(relation: &str, columns: &Rows, warnings: &[Warning], not_looked_at: &[String]) -> Verdict {
    let relation = name(relation);
    let Some(first) = columns.first() else {
        return Verdict { mood: Mood::Unknown, headline: format!("{relation} has no columns."), sentences: Vec::new() };
    };
    let rows = first.number("rows").unwrap_or_default();
    if rows == 0.0 {
        let headline = format!("{relation} has no rows, so nothing is known of its columns.");
        return Verdict { mood: Mood::Unknown, headline, sentences: Vec::new() };
    }
    let size = format!("{} and {}", counted(rows as u64, "row"), counted(columns.iter().count() as u64, "column"));
    let worth = warnings.iter().filter(|warning| warning.is_conspicuous()).count();
    let (mood, headline) = match (warnings.first(), worth) {
        (_, 0) if not_looked_at.is_empty() => {
            (Mood::Good, format!("Nothing is conspicuous in the {size} of {relation}."))
        }
        (_, 0) => (Mood::Good, format!("Nothing is conspicuous in what was looked at of the {size} of {relation}.")),
        (worst, _) => {
            let bad = worst.is_some_and(|warning| warning.rank <= 2);
            let mood = if bad { Mood::Bad } else { Mood::Unknown };
            (mood, format!("{} in the {size} of {relation}.", counted(worth as u64, "conspicuous finding")))
        }
    };
    let mut sentences: Vec<String> = warnings.iter().take(MOST_SENTENCES.min(worth)).map(Warning::sentence).collect();
    if worth > MOST_SENTENCES {
        sentences.push(format!("The table of warnings lists the other {}.", worth - MOST_SENTENCES));
    }
    sentences.extend_from_slice(not_looked_at);
    Verdict { mood, headline, sentences }
}

fn tiles(columns: &Rows, warnings: &[Warning]) -> Vec<[String; 3]> {
    let first = columns.first();
    let rows = first.and_then(|row| row.number("rows"));
    let all = columns.iter().count() as f64;
    let nulls: f64 = columns.iter().filter_map(|row| row.number("nulls")).sum();
    let cells = rows.map(|rows| rows * all).filter(|cells| *cells > 0.0);
    let repeated = first.and_then(|row| row.number("duplicate_rows"));
    let of_kind = |kind: &str| columns.iter().filter(|row| row.text("kind") == Some(kind)).count();
    let kinds = [
        ("number", of_kind("number")),
        ("text", of_kind("text")),
        ("boolean", of_kind("boolean")),
        ("time", of_kind("time")),
        ("other", of_kind("other")),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(_, columns)| *columns > 0)
        .map(|(kind, columns)| format!("{} {kind}", count(Some(*columns as f64))))
        .collect();
    vec![
        ["Rows".into(), count(rows), sampled(columns).unwrap_or_else(|| "all of them counted".into())],
        ["Columns".into(), count(Some(all)), kinds.join(", ")],
        ["Missing".into(), percent(cells.map(|cells| nulls / cells)), "of all values are NULL".into()],
        [
            "Repeated rows".into(),
            count(repeated),
            if repeated.is_some() { "equal another row in every column" } else { "not counted" }.into(),
        ],
        [
            "Warnings".into(),
            count(Some(warnings.len() as f64)),
            match warnings.iter().filter(|warning| warning.is_conspicuous()).count() {
                some if some < warnings.len() => format!("{} of them conspicuous; below", count(Some(some as f64))),
                _ => "worst first, below".into(),
            },
        ],
    ]
}

/// Says from how many rows the estimates come; `None` if all figures are exact.
fn sampled(columns: &Rows) -> Option<String> {
    let first = columns.first()?;
    let (rows, sampled) = (first.number("rows")?, first.number("sampled_rows")?);
    (sampled < rows).then(|| format!("quantiles from a random {}", count(Some(sampled))))
}

fn counting(columns: &Rows) -> String {
    match columns.first().and_then(|row| row.number("sampled_rows")).filter(|_| sampled(columns).is_some()) {
        Some(rows) => format!(
            "Counts of rows, missing values, zeros, minima, maxima, means and standard deviations are exact. Quantiles, histograms and the \
             shares of frequent numbers are estimates from {} rows, chosen at random: a share is off by at most {} in 95 of 100 cases. \
             Different values are estimated where ≈ stands before them, to about 1 %.",
            count(Some(rows)),
            percent(Some(0.98 / rows.sqrt()))
        ),
        None => {
            "Every figure is exact; different values are estimated where ≈ stands before them, to about 1 %.".into()
        }
    }
}

fn distinct(row: Row<'_>) -> String {
    let sign = if row.flag("distinct_exact") == Some(false) { "≈ " } else { "" };
    format!("{sign}{}", row.shown("distinct_values"))
}

/// Returns a least or greatest value; numbers are written as numbers.
fn bound(row: Row<'_>, column: &str) -> String {
    let text = row.text(column).unwrap_or(format::UNKNOWN);
    match (row.text("kind"), text.parse::<f64>()) {
        // A whole number keeps all its digits, and so does a number that is too long for four digits.
        (Some("number"), Ok(value)) if text.contains(['.', 'e']) => number(Some(value)),
        (Some("number"), Ok(value)) if value.abs() < 1e15 => count(Some(value)),
        _ => name(text),
    }
}

impl ColumnView {
    fn new(row: Row<'_>) -> ColumnView {
        let rows = row.number("rows").unwrap_or_default();
        let is_text = row.text("kind") == Some("text");
        let missing = row.number("nulls").filter(|_| rows > 0.0).map(|nulls| nulls / rows);
        let quantiles = row.numbers("quantiles");
        ColumnView {
            name: name(row.text("column_name").unwrap_or_default()),
            kind: name(row.text("type").unwrap_or_default()),
            missing: percent(missing),
            distinct: distinct(row),
            // Texts are shown by their lengths.
            min: if is_text { format::UNKNOWN.into() } else { bound(row, "min") },
            median: number(quantiles.get(3).copied()),
            max: if is_text { format::UNKNOWN.into() } else { bound(row, "max") },
            mean: number(row.number("mean")),
            std: number(row.number("std")),
            zeros: percent(row.number("zeros").filter(|_| rows > 0.0).map(|zeros| zeros / rows)),
            spark: match (row.numbers("shares"), row.numbers("frequent_shares")) {
                ([], []) => String::new(),
                ([], shares) => sparkline(shares, Tone::Third),
                // In a table, half as many bins are enough.
                (shares, _) => {
                    let pairs: Vec<f64> = shares.chunks(2).map(|pair| pair.iter().sum()).collect();
                    sparkline(&pairs, Tone::First)
                }
            },
        }
    }
}

impl Card {
    fn new(index: usize, row: Row<'_>) -> Card {
        let (kind, edges) = (row.text("kind").unwrap_or_default(), row.numbers("edges"));
        let title = name(row.text("column_name").unwrap_or_default());
        let few = row.number("distinct_values").is_some_and(|distinct| distinct <= FEW_VALUES);
        let figure = match (kind, edges.first(), edges.last()) {
            ("number", Some(from), Some(to)) if !few => {
                let axis = Axis::new("", Unit::Number, *from, *to);
                histogram(&format!("column-{index}"), &title, axis, edges, row.numbers("shares"), Tone::First)
            }
            ("time", Some(from), Some(to)) => {
                let axis = time_axis(*from, *to);
                histogram(&format!("column-{index}"), &title, axis, edges, row.numbers("shares"), Tone::Third)
            }
            _ => None,
        };
        let mut facts = vec![["Missing".to_string(), count(row.number("nulls"))], ["Different".into(), distinct(row)]];
        let mut fact = |label: &str, value: String| {
            if value != format::UNKNOWN {
                facts.push([label.into(), value]);
            }
        };
        match kind {
            "number" => {
                fact("Minimum", bound(row, "min"));
                let labels = ["1 %", "5 %", "25 %", "Median", "75 %", "95 %", "99 %"];
                for (label, value) in labels.iter().zip(row.numbers("quantiles")) {
                    fact(label, number(Some(*value)));
                }
                fact("Maximum", bound(row, "max"));
                for (label, column) in [("Mean", "mean"), ("Standard deviation", "std"), ("Skewness", "skewness")] {
                    fact(label, number(row.number(column)));
                }
                for (label, column) in
                    [("0", "zeros"), ("Below 0", "negatives"), ("NaN", "nans"), ("Infinite", "infinities")]
                {
                    fact(label, count(row.number(column).filter(|count| *count > 0.0)));
                }
            }
            "text" => {
                for (label, column) in [("Shortest", "shortest"), ("Longest", "longest")] {
                    let length = row.number(column).map(|length| counted(length as u64, "character"));
                    fact(label, length.unwrap_or(format::UNKNOWN.into()));
                }
                fact("Empty", count(row.number("zeros").filter(|count| *count > 0.0)));
            }
            "time" => {
                fact("First", bound(row, "min"));
                fact("Last", bound(row, "max"));
            }
            _ => {}
        }
        let shares = row.numbers("frequent_shares");
        let frequent = row.texts("frequent").iter().zip(shares).take(FREQUENT_SHOWN);
        // The most frequent of many different numbers says nothing.
        let is_worth = |share: f64| kind != "number" || few || share >= 0.01;
        let frequent = frequent.filter(|(_, share)| is_worth(**share)).map(|(text, share)| {
            (value(text), percent(Some(*share)), format!("{:.1}", (share * 96.0).clamp(0.0, 96.0)))
        });
        Card {
            name: title,
            kind: name(row.text("type").unwrap_or_default()),
            figure,
            facts,
            frequent: frequent.collect(),
        }
    }
}

/// Returns the range and the longest gap of a time column.
fn time(row: Row<'_>) -> Vec<String> {
    let gap = row.number("longest_gap_s");
    vec![
        name(row.text("column_name").unwrap_or_default()),
        bound(row, "min"),
        bound(row, "max"),
        distinct(row),
        match gap {
            Some(seconds) if seconds < 1.0 => format!("{} s", number(Some(seconds))),
            gap => span(gap.map(|seconds| (seconds * 1e9) as i64)),
        },
        instant(row.integer("longest_gap_from")),
    ]
}
