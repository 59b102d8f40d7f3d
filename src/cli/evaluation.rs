//! Evaluations as commands print them: one line a model and split.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::Failure;
use crate::text::columns;

/// One row of `spike_metrics`, or of what `CREATE MODEL` returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub model: String,
    pub version: Option<i64>,
    pub split: String,
    pub rows: i64,
    pub positives: i64,
    pub prevalence: Option<f64>,
    pub average_precision: Option<f64>,
    pub roc_auc: Option<f64>,
    pub log_loss: Option<f64>,
    pub brier: Option<f64>,
    pub threshold: Option<f64>,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    pub reason: Option<String>,
}

impl Evaluation {
    /// Reads rows by their columns' names; a column that is not there, such as `version`, is absent.
    pub fn read(batches: &[RecordBatch]) -> Result<Vec<Evaluation>, Failure> {
        let mut evaluations = Vec::new();
        for batch in batches {
            let row = Columns(batch);
            for index in 0..batch.num_rows() {
                evaluations.push(Evaluation {
                    model: row.text("model", index)?.unwrap_or_default(),
                    version: row.whole("version", index)?,
                    split: row.text("split", index)?.unwrap_or_default(),
                    rows: row.whole("rows", index)?.unwrap_or_default(),
                    positives: row.whole("positives", index)?.unwrap_or_default(),
                    prevalence: row.number("prevalence", index)?,
                    average_precision: row.number("average_precision", index)?,
                    roc_auc: row.number("roc_auc", index)?,
                    log_loss: row.number("log_loss", index)?,
                    brier: row.number("brier", index)?,
                    threshold: row.number("threshold", index)?,
                    precision: row.number("precision", index)?,
                    recall: row.number("recall", index)?,
                    f1: row.number("f1", index)?,
                    reason: row.text("reason", index)?,
                });
            }
        }
        // A view's order is not its reader's.
        let place = |split: &str| ["train", "validation", "test"].iter().position(|known| *known == split);
        evaluations.sort_by(|a, b| (&a.model, place(&a.split)).cmp(&(&b.model, place(&b.split))));
        Ok(evaluations)
    }

    /// Returns the metrics by the names under which commands print them.
    pub fn metrics(&self) -> [(&'static str, Option<f64>); 9] {
        [
            ("prevalence", self.prevalence),
            ("average_precision", self.average_precision),
            ("roc_auc", self.roc_auc),
            ("log_loss", self.log_loss),
            ("brier", self.brier),
            ("threshold", self.threshold),
            ("precision", self.precision),
            ("recall", self.recall),
            ("f1", self.f1),
        ]
    }
}

struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn cell(
        &self,
        name: &str,
        index: usize,
        to: &DataType,
    ) -> Result<Option<datafusion::arrow::array::ArrayRef>, Failure> {
        let Some(column) = self.0.column_by_name(name).filter(|column| !column.is_null(index)) else { return Ok(None) };
        let cell = cast(&column.slice(index, 1), to);
        cell.map(Some).map_err(|error| Failure::new(format!("column `{name}` of the metrics cannot be read: {error}")))
    }

    fn text(&self, name: &str, index: usize) -> Result<Option<String>, Failure> {
        Ok(self.cell(name, index, &DataType::Utf8)?.map(|cell| cell.as_string::<i32>().value(0).to_string()))
    }

    fn whole(&self, name: &str, index: usize) -> Result<Option<i64>, Failure> {
        Ok(self.cell(name, index, &DataType::Int64)?.map(|cell| cell.as_primitive::<Int64Type>().value(0)))
    }

    fn number(&self, name: &str, index: usize) -> Result<Option<f64>, Failure> {
        Ok(self.cell(name, index, &DataType::Float64)?.map(|cell| cell.as_primitive::<Float64Type>().value(0)))
    }
}

/// Prints one line a model and split, and below a model's lines why a metric is missing.
pub fn print(evaluations: &[Evaluation]) {
    let mut lines = vec![
        [
            "model",
            "split",
            "rows",
            "positives",
            "prevalence",
            "avg prec",
            "roc auc",
            "log loss",
            "brier",
            "threshold",
            "precision",
            "recall",
            "f1",
        ]
        .map(str::to_string)
        .to_vec(),
    ];
    for evaluation in evaluations {
        let mut line = vec![
            evaluation.model.clone(),
            evaluation.split.clone(),
            evaluation.rows.to_string(),
            evaluation.positives.to_string(),
        ];
        line.extend(evaluation.metrics().iter().map(|(_, value)| number(*value)));
        lines.push(line);
    }
    print!("{}", columns(&lines, 2));
    let mut splits_by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for evaluation in evaluations {
        if let Some(reason) = &evaluation.reason {
            splits_by_reason.entry((&evaluation.model, reason)).or_default().push(&evaluation.split);
        }
    }
    for ((model, reason), splits) in splits_by_reason {
        println!("- {model} on {}: {reason}", splits.join(", "));
    }
}

/// Writes four significant digits; a dash for what is undefined.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(0.0) => "0".into(),
        Some(value) if value.abs() < 1e-3 => format!("{value:.3e}"),
        Some(value) => format!("{value:.4}"),
    }
}
