//! Evaluations in the form that commands print: one line per model and split.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::{Failure, workspace};
use crate::model::metrics::{METRICS, Metric};
use crate::model::verdict::TOO_GOOD_WARNING;
use crate::model::{Metrics, OVERLAPPING, Role, SEPARATED, Split, TIED};
use crate::repl;
use crate::text::{columns, columns_that_fit, counted, wrapped};

/// One row of `ml_evaluate`, of `spike_metrics`, or of the result of `CREATE MODEL`.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub model: String,
    pub version: Option<i64>,
    /// The model's role according to `ml_evaluate`, such as `naive`.
    pub role: Option<String>,
    pub split: String,
    pub metrics: Metrics,
    /// The rows without a label or a score.
    pub skipped: Option<u64>,
    /// What differs from the model's training.
    pub warning: Option<String>,
}

impl Evaluation {
    /// Reads rows by the names of their columns; a missing column, such as `version`, is absent.
    pub fn read(batches: &[RecordBatch]) -> Result<Vec<Evaluation>, Failure> {
        let mut evaluations = Vec::new();
        for batch in batches {
            let row = Columns(batch);
            for index in 0..batch.num_rows() {
                let count = |name| -> Result<u64, Failure> {
                    Ok(row.whole(name, index)?.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
                };
                let value = |metric: &&Metric| row.number(metric.name, index);
                let metrics = Metrics {
                    rows: count("rows")?,
                    positives: count("positives")?,
                    values: METRICS.iter().map(value).collect::<Result<_, Failure>>()?,
                    reason: row.text("reason", index)?,
                };
                evaluations.push(Evaluation {
                    model: row.text("model", index)?.unwrap_or_default(),
                    version: row.whole("version", index)?,
                    role: row.text("role", index)?,
                    split: row.text("split", index)?.unwrap_or_default(),
                    metrics,
                    skipped: row.whole("skipped", index)?.and_then(|count| u64::try_from(count).ok()),
                    warning: row.text("warning", index)?,
                });
            }
        }
        // Sort the rows here, because a query on a view need not keep the view's order.
        let place = |split: &str| Split::ALL.iter().position(|known| known.as_str() == split);
        evaluations.sort_by(|a, b| (&a.model, place(&a.split)).cmp(&(&b.model, place(&b.split))));
        Ok(evaluations)
    }

    /// Returns whether this is the row of a model that cannot be read; its reason says why.
    pub fn is_unreadable(&self) -> bool {
        self.version.is_none() && self.role.is_none() && self.split.is_empty() && self.metrics.reason.is_some()
    }

    /// Returns whether the model is the naive rule.
    pub fn is_naive(&self) -> bool {
        self.role.as_deref() == Some(Role::Naive.as_str())
    }
}

/// The rows of a result, read by the names of their columns.
pub struct Columns<'a>(pub &'a RecordBatch);

impl Columns<'_> {
    fn cell(&self, name: &str, index: usize, to: &DataType) -> Result<Option<ArrayRef>, Failure> {
        let Some(column) = self.0.column_by_name(name).filter(|column| !column.is_null(index)) else { return Ok(None) };
        let cell = cast(&column.slice(index, 1), to);
        cell.map(Some).map_err(|error| Failure::new(format!("column `{name}` of the metrics cannot be read: {error}")))
    }

    pub fn text(&self, name: &str, index: usize) -> Result<Option<String>, Failure> {
        Ok(self.cell(name, index, &DataType::Utf8)?.map(|cell| cell.as_string::<i32>().value(0).to_string()))
    }

    pub fn whole(&self, name: &str, index: usize) -> Result<Option<i64>, Failure> {
        Ok(self.cell(name, index, &DataType::Int64)?.map(|cell| cell.as_primitive::<Int64Type>().value(0)))
    }

    pub fn number(&self, name: &str, index: usize) -> Result<Option<f64>, Failure> {
        Ok(self.cell(name, index, &DataType::Float64)?.map(|cell| cell.as_primitive::<Float64Type>().value(0)))
    }
}

/// Prints one line per model and split with as many metrics as fit, followed by the reasons why metrics are missing. `all` says
/// where the other metrics are.
pub fn print(evaluations: &[Evaluation], all: &str) {
    let mut heading: Vec<String> = ["model", "split", "rows", "pos"].map(str::to_string).to_vec();
    heading.extend(METRICS.iter().map(|metric| metric.heading.to_string()));
    let mut lines = vec![heading];
    for Evaluation { model, split, metrics, .. } in evaluations {
        let counts = [metrics.rows, metrics.positives].map(|count| count.to_string());
        let values = metrics.values.iter().map(|value| number(*value));
        lines.push([model.clone(), split.clone()].into_iter().chain(counts).chain(values).collect());
    }
    let fit = columns_that_fit(&lines, width());
    let left_out = lines[0].len() - fit;
    lines.iter_mut().for_each(|line| line.truncate(fit));
    print!("{}", columns(&lines, 2));
    if left_out > 0 {
        println!("({} more: {all})", counted(left_out as u64, "column"));
    }
    let reason = |evaluation: &Evaluation| evaluation.metrics.reason.clone();
    for (model, splits, reason) in by_reason(evaluations, reason) {
        print!("{}", wrapped(&format!("- {model}{splits}: {reason}"), width(), ""));
    }
    let skipped = |evaluation: &Evaluation| {
        let rows = evaluation.skipped.filter(|rows| *rows > 0)?;
        Some(format!("{} without a label or a score", counted(rows, "row")))
    };
    for (model, splits, reason) in by_reason(evaluations, skipped) {
        print!("{}", wrapped(&format!("- {model}{splits}: {reason}"), width(), ""));
    }
}

/// Warns of models that are judged on other rows than those from which they learned, and of figures that are too good to be true.
pub fn warn(evaluations: &[Evaluation]) {
    for (model, splits, warning) in by_reason(evaluations, |evaluation| evaluation.warning.clone()) {
        workspace::warn(&format!("{model}{splits}: {warning}"), after(&model, &warning).as_deref());
    }
}

/// Returns what to do after a warning about a model; `None` if the warning says it. Only a model of other rows gets better by another
/// training.
pub fn after(model: &str, warning: &str) -> Option<String> {
    let says = |parts: [&str; 2]| parts.iter().any(|part| warning.contains(part));
    if says([TOO_GOOD_WARNING, SEPARATED]) {
        return Some(format!("`squall sql \"SELECT * FROM ml_weights('{model}')\"` shows which feature counts most"));
    }
    (!says([OVERLAPPING, TIED])).then(|| format!("`squall train {model}` trains it on the present rows"))
}

/// Returns the models with a reason, each with the splits for which it has that reason: ` on train, test`, or nothing if there are
/// no splits.
fn by_reason(
    evaluations: &[Evaluation],
    reason: impl Fn(&Evaluation) -> Option<String>,
) -> Vec<(String, String, String)> {
    let mut splits: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for evaluation in evaluations {
        if let Some(reason) = reason(evaluation) {
            splits.entry((&evaluation.model, reason)).or_default().push(&evaluation.split);
        }
    }
    let named = |splits: Vec<&str>| match splits.join(", ") {
        names if names.is_empty() => names,
        names => format!(" on {names}"),
    };
    splits.into_iter().map(|((model, reason), splits)| (model.to_string(), named(splits), reason)).collect()
}

/// Returns the width of what is printed, in characters: that of the terminal, or else 80.
pub fn width() -> usize {
    const DEFAULT: usize = 80;
    let terminal = std::io::stdout().is_terminal();
    terminal.then(repl::terminal_width).flatten().unwrap_or(DEFAULT)
}

/// Writes four significant digits; a dash if the value is undefined.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(0.0) => "0".into(),
        Some(value) if value.abs() < 1e-3 => format!("{value:.3e}"),
        Some(value) => format!("{value:.4}"),
    }
}
