//! The metrics of every model on every split, as `spike_metrics` gives them.

use serde::Serialize;

use crate::report::format::{count, number};
use crate::report::query::{Row, Rows};

/// One row of `spike_metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub model: String,
    pub split: String,
    pub rows: Option<f64>,
    pub positives: Option<f64>,
    pub prevalence: Option<f64>,
    pub average_precision: Option<f64>,
    roc_auc: Option<f64>,
    log_loss: Option<f64>,
    brier: Option<f64>,
    threshold: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    /// Why values are missing.
    pub reason: Option<String>,
}

/// All rows of `spike_metrics`.
#[derive(Debug)]
pub struct Table(Vec<Metrics>);

impl Table {
    pub fn read(rows: &Rows) -> Table {
        Table(rows.iter().filter_map(|row| Metrics::read(&row)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn find(&self, model: &str, split: &str) -> Option<&Metrics> {
        self.0.iter().find(|row| row.model == model && row.split == split)
    }

    /// Returns whether a model's scores are probabilities: where they are not, `spike_metrics` gives no log loss.
    pub fn gives_probabilities(&self, model: &str) -> bool {
        self.0.iter().any(|row| row.model == model && row.log_loss.is_some())
    }

    /// Returns the models' names, each once, ascending.
    pub fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.iter().map(|row| row.model.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Metrics {
    fn read(row: &Row<'_>) -> Option<Metrics> {
        Some(Metrics {
            model: row.text("model")?.into(),
            split: row.text("split")?.into(),
            rows: row.number("rows"),
            positives: row.number("positives"),
            prevalence: row.number("prevalence"),
            average_precision: row.number("average_precision"),
            roc_auc: row.number("roc_auc"),
            log_loss: row.number("log_loss"),
            brier: row.number("brier"),
            threshold: row.number("threshold"),
            precision: row.number("precision"),
            recall: row.number("recall"),
            f1: row.number("f1"),
            reason: row.text("reason").filter(|reason| !reason.is_empty()).map(str::to_string),
        })
    }
}

/// The metrics of one split, for the template.
#[derive(Debug, Serialize)]
pub struct SplitView {
    split: String,
    rows: String,
    positives: String,
    prevalence: String,
    models: Vec<ModelView>,
    /// Why values are missing, with the models that each reason concerns.
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ModelView {
    name: String,
    role: &'static str,
    values: Vec<ValueView>,
}

#[derive(Debug, Serialize)]
struct ValueView {
    text: String,
    best: bool,
}

/// The metrics' names, in the order of their columns.
pub const COLUMNS: [&str; 8] =
    ["Average precision", "ROC AUC", "Log loss", "Brier", "Threshold", "Precision", "Recall", "F1"];

/// Whether the greater or the smaller value is better; `None` where neither is.
const BETTER: [Option<bool>; 8] = [Some(true), Some(true), Some(false), Some(false), None, None, None, Some(true)];

/// Returns the table by split, the test split first, the models in the order given.
pub fn by_split(table: &Table, models: &[String], role: impl Fn(&str) -> &'static str) -> Vec<SplitView> {
    let mut splits: Vec<&str> = Vec::new();
    for known in ["test", "validation", "train"] {
        if table.0.iter().any(|row| row.split == known) {
            splits.push(known);
        }
    }
    for row in &table.0 {
        if !splits.contains(&row.split.as_str()) {
            splits.push(&row.split);
        }
    }
    splits.into_iter().map(|split| split_view(table, split, models, &role)).collect()
}

fn split_view(table: &Table, split: &str, models: &[String], role: &impl Fn(&str) -> &'static str) -> SplitView {
    let rows: Vec<&Metrics> = models.iter().filter_map(|model| table.find(model, split)).collect();
    let values: Vec<[Option<f64>; 8]> = rows.iter().map(|row| row.values()).collect();
    let best: Vec<Option<f64>> = (0..COLUMNS.len()).map(|column| best_of(&values, column)).collect();
    let views = rows.iter().zip(&values).map(|(row, values)| ModelView {
        name: row.model.clone(),
        role: role(&row.model),
        values: values
            .iter()
            .zip(&best)
            .map(|(value, best)| ValueView { text: number(*value), best: value.is_some() && value == best })
            .collect(),
    });
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in &rows {
        let Some(reason) = row.reason.as_deref() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, models)) => models.push(&row.model),
            None => reasons.push((reason, vec![&row.model])),
        }
    }
    let first = rows.first();
    SplitView {
        split: split.into(),
        rows: count(first.and_then(|row| row.rows)),
        positives: count(first.and_then(|row| row.positives)),
        prevalence: number(first.and_then(|row| row.prevalence)),
        models: views.collect(),
        reasons: reasons.into_iter().map(|(reason, models)| format!("{}: {reason}", models.join(", "))).collect(),
    }
}

impl Metrics {
    /// Returns the values in the order of [`COLUMNS`].
    fn values(&self) -> [Option<f64>; 8] {
        [
            self.average_precision,
            self.roc_auc,
            self.log_loss,
            self.brier,
            self.threshold,
            self.precision,
            self.recall,
            self.f1,
        ]
    }
}

/// Returns a column's best value, where there is more than one to choose from.
fn best_of(values: &[[Option<f64>; 8]], column: usize) -> Option<f64> {
    let greater = BETTER[column]?;
    let known: Vec<f64> = values.iter().filter_map(|row| row[column]).collect();
    let pick = if greater { f64::max } else { f64::min };
    if known.len() < 2 { None } else { known.into_iter().reduce(pick) }
}
