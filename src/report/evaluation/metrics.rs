//! The metrics of every model on every split, from `spike_metrics`, and the description of each metric, from `ml_metrics()`.

use serde::Serialize;

use crate::report::format::{count, number};
use crate::report::query::{Row, Rows};

/// The role, in `ml_evaluate`, of the rule that every model has to beat.
const NAIVE: &str = "naive";
/// The role of a trained model. By default, a report is about a trained model.
const MODEL: &str = "model";

/// One row of `spike_metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub model: String,
    /// The role of the model's type: the naive rule, another rule, or a model.
    role: Option<String>,
    pub split: String,
    pub rows: Option<f64>,
    pub positives: Option<f64>,
    pub prevalence: Option<f64>,
    pub average_precision: Option<f64>,
    log_loss: Option<f64>,
    /// In the order of [`Table::columns`].
    values: Vec<Option<f64>>,
    /// Why values are missing.
    pub reason: Option<String>,
    /// What differs between the rows and those from which the model learned.
    pub warning: Option<String>,
}

/// A metric that the table shows.
#[derive(Debug)]
struct Column {
    name: String,
    title: String,
    better: Option<Better>,
}

/// Which of two values is better.
#[derive(Debug, Clone, Copy)]
enum Better {
    Higher,
    Lower,
}

/// All rows of `spike_metrics`.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Metrics>,
}

impl Table {
    /// Reads the rows of `spike_metrics` and of `ml_metrics()`.
    pub fn read(rows: &Rows, metrics: &Rows) -> Table {
        let columns: Vec<Column> = metrics.iter().filter_map(|row| Column::read(&row)).collect();
        let rows = rows.iter().filter_map(|row| Metrics::read(&row, &columns)).collect();
        Table { columns, rows }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn find(&self, model: &str, split: &str) -> Option<&Metrics> {
        self.rows.iter().find(|row| row.model == model && row.split == split)
    }

    /// Returns what differs between the rows and those from which the models learned, once for each model.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.rows.iter().filter_map(|row| Some(format!("{}: {}", row.model, row.warning.as_ref()?)));
        let mut warnings: Vec<String> = warnings.collect();
        warnings.sort();
        warnings.dedup();
        warnings
    }

    /// Returns whether a model's scores are probabilities; if they are not, `spike_metrics` has no log loss.
    pub fn gives_probabilities(&self, model: &str) -> bool {
        self.rows.iter().any(|row| row.model == model && row.log_loss.is_some())
    }

    /// Returns the models' names, each once, ascending.
    pub fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = self.rows.iter().map(|row| row.model.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns the name of the naive rule; `None` if there is none.
    pub fn naive(&self) -> Option<&str> {
        self.rows.iter().find(|row| row.role.as_deref() == Some(NAIVE)).map(|row| row.model.as_str())
    }

    /// Returns whether a model is a trained model, not a rule.
    pub fn is_trained_model(&self, model: &str) -> bool {
        let role = self.rows.iter().find(|row| row.model == model).and_then(|row| row.role.as_deref());
        role.is_none_or(|role| role == MODEL)
    }

    /// Returns the headings of the table's columns.
    pub fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.title.clone()).collect()
    }
}

impl Column {
    /// Reads a row of `ml_metrics()`. `None` for prevalence, which is the same for every model and is shown above the table.
    fn read(row: &Row<'_>) -> Option<Column> {
        let name = row.text("name").filter(|name| *name != "prevalence")?;
        let better = match row.text("better") {
            Some("higher") => Some(Better::Higher),
            Some("lower") => Some(Better::Lower),
            _ => None,
        };
        Some(Column { name: name.into(), title: row.text("title")?.into(), better })
    }
}

impl Metrics {
    fn read(row: &Row<'_>, columns: &[Column]) -> Option<Metrics> {
        Some(Metrics {
            model: row.text("model")?.into(),
            role: row.text("role").map(str::to_string),
            split: row.text("split")?.into(),
            rows: row.number("rows"),
            positives: row.number("positives"),
            prevalence: row.number("prevalence"),
            average_precision: row.number("average_precision"),
            log_loss: row.number("log_loss"),
            values: columns.iter().map(|column| row.number(&column.name)).collect(),
            reason: row.text("reason").filter(|reason| !reason.is_empty()).map(str::to_string),
            warning: row.text("warning").map(str::to_string),
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
    /// Why values are missing, each reason with the models that it concerns.
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

/// Returns the table by split, with the test split first and the models in the given order.
pub fn by_split(table: &Table, models: &[String], role: impl Fn(&str) -> &'static str) -> Vec<SplitView> {
    let mut splits: Vec<&str> = Vec::new();
    for known in ["test", "validation", "train"] {
        if table.rows.iter().any(|row| row.split == known) {
            splits.push(known);
        }
    }
    for row in &table.rows {
        if !splits.contains(&row.split.as_str()) {
            splits.push(&row.split);
        }
    }
    splits.into_iter().map(|split| split_view(table, split, models, &role)).collect()
}

fn split_view(table: &Table, split: &str, models: &[String], role: &impl Fn(&str) -> &'static str) -> SplitView {
    let rows: Vec<&Metrics> = models.iter().filter_map(|model| table.find(model, split)).collect();
    let best: Vec<Option<f64>> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| column.best(rows.iter().map(|row| row.values[index])))
        .collect();
    let views = rows.iter().map(|row| ModelView {
        name: row.model.clone(),
        role: role(&row.model),
        values: row
            .values
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

impl Column {
    /// Returns the best value, if there are at least two values.
    fn best(&self, values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        let known: Vec<f64> = values.flatten().collect();
        let pick = match self.better? {
            Better::Higher => f64::max,
            Better::Lower => f64::min,
        };
        if known.len() < 2 { None } else { known.into_iter().reduce(pick) }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::Table;
    use crate::report::query::Query;

    #[tokio::test]
    async fn the_naive_rule_is_known_by_its_role_and_not_by_its_name() {
        let context = SessionContext::new();
        let rows =
            "SELECT * FROM (VALUES ('naive_volatility', 'model', 'test', 0.7), ('my_rule', 'naive', 'test', 0.6))
            AS t (model, role, split, average_precision)";
        let rows = Query::new("rows", rows, &[]).rows(&context).await.unwrap();
        let metrics = "SELECT 'average_precision' AS name, 'Average precision' AS title, 'higher' AS better";
        let metrics = Query::new("metrics", metrics, &[]).rows(&context).await.unwrap();
        let table = Table::read(&rows, &metrics);
        assert_eq!(table.naive(), Some("my_rule"));
        assert!(table.is_trained_model("naive_volatility") && !table.is_trained_model("my_rule"));
        assert_eq!(table.columns(), ["Average precision"]);
    }
}
