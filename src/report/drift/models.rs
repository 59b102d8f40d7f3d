//! The models of the project, as far as drift concerns them: which columns they read, and whether their scores drifted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::column::{Column, Role, test_name};
use super::relations::Relations;
use crate::report::format::number;
use crate::report::query::{Literal, Query};
use crate::report::{Error, Request};
use crate::text::literal;

/// Names that a column with predictions has by custom.
const PREDICTIONS: [&str; 5] = ["score", "prediction", "predicted", "probability", "y_pred"];
/// Names that a column with labels has by custom.
const LABELS: [&str; 3] = ["label", "target", "y_true"];
/// The most models whose scores are compared.
const MOST_SCORED: usize = 4;

/// The newest version of every model.
pub struct Models {
    models: Vec<Model>,
    /// For each column, which models read it.
    readers: BTreeMap<String, BTreeSet<usize>>,
    pub query: Query,
}

struct Model {
    name: String,
    label: String,
    /// The columns that it reads.
    columns: Vec<String>,
}

/// Whether the scores of a model drifted.
#[derive(Debug, Clone, Serialize)]
pub struct Prediction {
    pub model: String,
    pub test: String,
    pub value: String,
    pub drifted: Option<bool>,
    pub reference_mean: String,
    pub current_mean: String,
    /// Says why nothing was computed; `None` if something was.
    pub reason: Option<String>,
}

/// The comparisons of scores, with the queries that made them.
pub struct Predictions {
    pub rows: Vec<Prediction>,
    pub queries: Vec<Query>,
}

impl Models {
    /// Reads the models of the project; there may be none.
    pub async fn read(request: &Request<'_>) -> Result<Models, Error> {
        let query = request.query("drift/models.sql", &[])?;
        let rows = query.rows(request.context).await?;
        let mut models = Models { models: Vec::new(), readers: BTreeMap::new(), query };
        for row in rows.iter() {
            let (Some(name), Some(label), Some(features)) =
                (row.text("model"), row.text("label"), row.text("features"))
            else {
                continue;
            };
            // A column of text gives features that are named `column=category`.
            let columns: BTreeSet<&str> = features
                .split(", ")
                .map(|feature| feature.split_once('=').map_or(feature, |(column, _)| column))
                .collect();
            let columns: Vec<String> = columns.into_iter().map(str::to_string).collect();
            for column in &columns {
                models.readers.entry(column.clone()).or_default().insert(models.models.len());
            }
            models.models.push(Model { name: name.into(), label: label.into(), columns });
        }
        Ok(models)
    }

    /// Returns what a column is to the models.
    pub fn role(&self, column: &str) -> Role {
        let lower = column.to_lowercase();
        match self.readers.get(column) {
            Some(models) => Role::Feature(models.len()),
            None if self.models.iter().any(|model| model.label == column) => Role::Label,
            None if LABELS.contains(&lower.as_str()) => Role::Label,
            None if PREDICTIONS.contains(&lower.as_str()) => Role::Prediction,
            None => Role::None,
        }
    }

    /// Returns the names of the models that read at least one of these columns.
    pub fn reading<'a>(&self, columns: impl Iterator<Item = &'a str>) -> Vec<&str> {
        let models: BTreeSet<usize> =
            columns.filter_map(|column| self.readers.get(column)).flatten().copied().collect();
        models.into_iter().filter_map(|index| self.models.get(index)).map(|model| model.name.as_str()).collect()
    }

    /// Compares the scores that each model gives to both relations, if both have all columns that it reads.
    pub async fn predictions(
        &self,
        request: &Request<'_>,
        relations: &Relations,
        columns: &[Column<'_>],
    ) -> Result<Predictions, Error> {
        let mut predictions = Predictions { rows: Vec::new(), queries: Vec::new() };
        let Some((reference, current)) = relations.both() else { return Ok(predictions) };
        let shared: BTreeSet<&str> = columns
            .iter()
            .filter(|column| column.rows("reference").is_some() && column.rows("current").is_some())
            .map(|column| column.name)
            .collect();
        let scored =
            self.models.iter().filter(|model| model.columns.iter().all(|column| shared.contains(column.as_str())));
        for model in scored.take(MOST_SCORED) {
            let scores = |relation: &str| {
                literal(&format!("SELECT score FROM ml_predict({}, {})", literal(&model.name), literal(relation)))
            };
            let values = [("reference", scores(reference)), ("current", scores(current))];
            let values: Vec<(&str, Literal<'_>)> =
                values.iter().map(|(name, sql)| (*name, Literal::Sql(sql))).collect();
            let query = request.query("drift/predictions.sql", &values)?;
            let prediction = match query.rows(request.context).await {
                Ok(rows) => rows.first().map(|row| Prediction {
                    model: model.name.clone(),
                    test: row.text("test").map_or_else(String::new, |test| test_name(test).into()),
                    value: number(row.number("value")),
                    drifted: row.flag("drifted"),
                    reference_mean: number(row.number("reference_mean")),
                    current_mean: number(row.number("current_mean")),
                    reason: row.text("reason").map(str::to_string),
                }),
                // That a model cannot score these rows must not hide what else is known about them.
                Err(error) => Some(Prediction {
                    model: model.name.clone(),
                    test: String::new(),
                    value: number(None),
                    drifted: None,
                    reference_mean: number(None),
                    current_mean: number(None),
                    reason: Some(crate::text::printable(&crate::error::with_causes(&error), 300)),
                }),
            };
            predictions.rows.extend(prediction);
            predictions.queries.push(query);
        }
        Ok(predictions)
    }
}
