//! The metrics of every model on every split, and the description of each metric, from `ml_metrics()`.

use serde::Serialize;

use super::named;
use super::subject::Subject;
use crate::report::format::{UNKNOWN, count, number};
use crate::report::query::{Row, Rows};
use crate::text::counted;

/// The metrics of one model on one split.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub model: String,
    pub split: String,
    pub rows: Option<f64>,
    pub positives: Option<f64>,
    pub episodes: Option<f64>,
    pub prevalence: Option<f64>,
    pub average_precision: Option<f64>,
    /// The interval of the average precision.
    pub interval: Option<(f64, f64)>,
    /// In the order of [`Table::columns`].
    values: Vec<Figure>,
    /// Why values are missing.
    pub reason: Option<String>,
    /// Why intervals are missing.
    pub interval_reason: Option<String>,
}

/// A value with its interval.
#[derive(Debug, Clone, Copy)]
struct Figure {
    value: Option<f64>,
    interval: Option<(f64, f64)>,
}

/// A metric that the table shows.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    title: String,
    better: Option<Better>,
}

/// Which of two values is better.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Better {
    Higher,
    Lower,
}

/// All metrics.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Metrics>,
}

impl Column {
    /// Reads the rows of `ml_metrics()`. Prevalence is left out: it is the same for every model and is shown above the table.
    pub fn all(rows: &Rows) -> Vec<Column> {
        rows.iter().filter_map(|row| Column::read(&row)).collect()
    }

    fn read(row: &Row<'_>) -> Option<Column> {
        let name = row.text("name").filter(|name| *name != "prevalence")?;
        let better = match row.text("better") {
            Some("higher") => Some(Better::Higher),
            Some("lower") => Some(Better::Lower),
            _ => None,
        };
        Some(Column { name: name.into(), title: row.text("title")?.into(), better })
    }

    /// Returns the metric and its interval as columns of a query over `m` and `i`.
    pub fn sql(&self) -> String {
        let name = &self.name;
        match self.better {
            Some(_) => {
                format!("m['{name}'] AS \"{name}\", i['{name}_low'] AS {name}_low, i['{name}_high'] AS {name}_high")
            }
            None => format!("m['{name}'] AS \"{name}\""),
        }
    }

    /// Returns the best value, if there are at least two values.
    fn best(&self, values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        let known: Vec<f64> = values.flatten().collect();
        let pick = match self.better? {
            Better::Higher => f64::max,
            Better::Lower => f64::min,
        };
        if known.len() < 2 { None } else { known.into_iter().reduce(pick) }
    }

    /// Returns what a score reaches that is the prevalence everywhere.
    fn of_guessing(&self, prevalence: f64) -> Option<f64> {
        let surprise = |share: f64| if share > 0.0 { -share * share.ln() } else { 0.0 };
        match self.name.as_str() {
            "average_precision" => Some(prevalence),
            "roc_auc" => Some(0.5),
            "log_loss" => Some(surprise(prevalence) + surprise(1.0 - prevalence)),
            "brier" => Some(prevalence * (1.0 - prevalence)),
            _ => None,
        }
    }
}

impl Table {
    /// Reads the rows of `eval/metrics.sql`.
    pub fn read(rows: &Rows, columns: Vec<Column>) -> Table {
        let rows = rows.iter().filter_map(|row| Metrics::read(&row, &columns)).collect();
        Table { columns, rows }
    }

    pub fn find(&self, model: &str, split: &str) -> Option<&Metrics> {
        self.rows.iter().find(|row| row.model == model && row.split == split)
    }

    /// Returns each metric that has intervals, on the rows of a split: its title, value, and the ends of its interval.
    pub fn with_intervals(&self, model: &str, split: &str) -> Vec<Vec<String>> {
        let Some(found) = self.find(model, split) else { return Vec::new() };
        let row = |(column, figure): (&Column, &Figure)| {
            let (low, high) = figure.interval.unzip();
            vec![column.title.clone(), number(figure.value), number(low), number(high)]
        };
        let measured = self.columns.iter().zip(&found.values).filter(|(column, _)| column.better.is_some());
        measured.map(row).collect()
    }

    /// Returns the headings of the table's columns.
    pub fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.title.clone()).collect()
    }
}

impl Metrics {
    fn read(row: &Row<'_>, columns: &[Column]) -> Option<Metrics> {
        let figure = |column: &Column| Figure {
            value: row.number(&column.name),
            interval: row.number(&format!("{}_low", column.name)).zip(row.number(&format!("{}_high", column.name))),
        };
        Some(Metrics {
            model: row.text("model")?.into(),
            split: row.text("split")?.into(),
            rows: row.number("rows"),
            positives: row.number("positives"),
            episodes: row.number("episodes"),
            prevalence: row.number("prevalence"),
            average_precision: row.number("average_precision"),
            interval: row.number("average_precision_low").zip(row.number("average_precision_high")),
            values: columns.iter().map(figure).collect(),
            reason: row.text("reason").filter(|reason| !reason.is_empty()).map(str::to_string),
            interval_reason: row.text("interval_reason").map(str::to_string),
        })
    }
}

/// The metrics of one split, for the template.
#[derive(Debug, Serialize)]
pub struct SplitView {
    split: String,
    rows: String,
    positives: String,
    episodes: Option<String>,
    prevalence: String,
    models: Vec<ModelView>,
    /// Why values are missing, each reason with the models that it concerns.
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ModelView {
    name: String,
    tag: Option<&'static str>,
    values: Vec<ValueView>,
}

#[derive(Debug, Serialize)]
struct ValueView {
    text: String,
    interval: Option<String>,
    best: bool,
}

/// Returns the table by split, in the given order, with the models in the subject's order and guessing last.
pub fn by_split(table: &Table, splits: &[String], subject: &Subject) -> Vec<SplitView> {
    splits.iter().map(|split| split_view(table, split, subject)).collect()
}

fn split_view(table: &Table, split: &str, subject: &Subject) -> SplitView {
    let found = subject.scores.iter().filter_map(|scored| Some((scored, table.find(&scored.name, split)?)));
    let rows: Vec<_> = found.collect();
    let best: Vec<Option<f64>> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| column.best(rows.iter().map(|(_, row)| row.values[index].value)))
        .collect();
    let view = |figure: &Figure, best: Option<f64>| ValueView {
        text: number(figure.value),
        interval: figure.interval.map(|(low, high)| format!("{}–{}", number(Some(low)), number(Some(high)))),
        best: figure.value.is_some() && figure.value == best,
    };
    let mut models: Vec<ModelView> = rows
        .iter()
        .enumerate()
        .map(|(place, (scored, row))| ModelView {
            name: named(&row.model),
            tag: subject.tag(place, scored),
            values: row.values.iter().zip(&best).map(|(figure, best)| view(figure, *best)).collect(),
        })
        .collect();
    let first = rows.first().map(|(_, row)| *row);
    let prevalence = first.and_then(|row| row.prevalence);
    if let Some(prevalence) = prevalence.filter(|_| first.and_then(|row| row.positives) > Some(0.0)) {
        let value =
            |column: &Column| ValueView { text: number(column.of_guessing(prevalence)), interval: None, best: false };
        let values = table.columns.iter().map(value).collect();
        models.push(ModelView { name: "guessing".into(), tag: Some("always says the prevalence"), values });
    }
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for (_, row) in &rows {
        let intervals = row.interval_reason.as_ref().map(|reason| format!("no intervals: {reason}"));
        let all: Vec<String> = row.reason.clone().into_iter().chain(intervals).collect();
        for reason in all {
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, models)) => models.push(named(&row.model)),
                None => reasons.push((reason, vec![named(&row.model)])),
            }
        }
    }
    SplitView {
        split: named(split),
        rows: counted_rows(first.and_then(|row| row.rows), "row"),
        positives: count(first.and_then(|row| row.positives)),
        episodes: first.and_then(|row| row.episodes).map(|episodes| counted_rows(Some(episodes), "episode")),
        prevalence: number(prevalence),
        models,
        reasons: reasons.into_iter().map(|(reason, models)| format!("{}: {reason}", models.join(", "))).collect(),
    }
}

/// Returns a count with its noun.
fn counted_rows(count: Option<f64>, noun: &str) -> String {
    count.map_or_else(|| format!("{UNKNOWN} {noun}s"), |count| counted(count as u64, noun))
}

#[cfg(test)]
mod tests {
    use super::{Better, Column};

    #[test]
    fn guessing_has_the_losses_of_the_prevalence() {
        let column = |name: &str| Column { name: name.into(), title: name.into(), better: Some(Better::Lower) };
        assert_eq!(column("brier").of_guessing(0.25), Some(0.1875));
        let log_loss = column("log_loss").of_guessing(0.25).unwrap();
        assert!((log_loss - 0.562_335_144_618_808_4).abs() < 1e-15, "{log_loss}");
        assert_eq!(column("log_loss").of_guessing(1.0), Some(0.0));
        assert_eq!(column("recall").of_guessing(0.25), None);
    }
}
