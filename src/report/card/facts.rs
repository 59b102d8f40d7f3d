//! What is known of a model before any row judges it, and the queries that the sections share.

use super::HORIZON;
use crate::report::evaluation::seconds;
use crate::report::format::{self, count, number};
use crate::report::query::{Literal, Query, Rows};
use crate::report::{Error, Request};

/// What is known of the model before any row judges it.
pub struct Facts<'a> {
    pub(super) request: &'a Request<'a>,
    pub name: String,
    pub version: i64,
    /// The row of `ml_models()`, and the facts of `ml_training_info`.
    pub(super) model: Rows,
    training: Rows,
    pub(super) queries: Vec<Query>,
}

impl<'a> Facts<'a> {
    /// Reads what is known of a model, given as functions take it.
    pub async fn read(request: &'a Request<'a>, reference: &str) -> Result<Facts<'a>, Error> {
        let training_query = request.query("card/training.sql", &[("model", Literal::Text(reference))])?;
        let named = Query::new(
            "reference",
            "SELECT model, version FROM ml_training_info($model) LIMIT 1",
            &[("model", Literal::Text(reference))],
        );
        let named = named.rows(request.context).await?;
        let first = named.first().ok_or(Error::NothingEvaluated)?;
        let (name, version) =
            (first.text("model").unwrap_or_default().to_string(), first.integer("version").unwrap_or_default());
        let training = training_query.rows(request.context).await?;
        let values = [("name", Literal::Text(name.as_str())), ("version", Literal::Number(version as f64))];
        let model_query = request.query("card/model.sql", &values)?;
        let model = model_query.rows(request.context).await?;
        Ok(Facts { request, name, version, model, training, queries: vec![model_query, training_query] })
    }

    /// Returns the model's name and version, as functions take them.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Returns a query of the card, with the model among its values.
    pub fn query(&self, file: &str, values: &[(&str, Literal<'_>)]) -> Result<Query, Error> {
        let reference = self.reference();
        let horizon_s = self.horizon_s().map_or("NULL".into(), |seconds| seconds.to_string());
        let silence = self.request.parameters.get("silence_s").map_or("10".into(), ToString::to_string);
        let own = [
            ("model", Literal::Text(&reference)),
            ("name", Literal::Text(&self.name)),
            ("horizon_s", Literal::Sql(&horizon_s)),
            ("silence_s", Literal::Sql(&silence)),
        ];
        let all: Vec<(&str, Literal<'_>)> = values.iter().copied().chain(own).collect();
        self.request.query(&format!("card/{file}.sql"), &all)
    }

    pub(super) async fn rows(&self, query: &Query) -> Result<Rows, Error> {
        query.rows(self.request.context).await
    }

    pub(super) fn text(&self, column: &str) -> String {
        self.model.first().map_or(format::UNKNOWN.into(), |row| row.shown(column))
    }

    /// Returns the facts of a part of the training: name, fact and value as text.
    pub(super) fn part(&self, part: &str) -> Vec<(String, String, String)> {
        let of = self.training.iter().filter(|row| row.text("part") == Some(part));
        of.map(|row| {
            let name = row.text("name").unwrap_or_default().to_string();
            let value = row.text("text").map_or_else(|| whole_or_number(row.number("number")), str::to_string);
            (name, row.text("fact").unwrap_or_default().to_string(), value)
        })
        .collect()
    }

    /// Returns one fact of the training.
    pub(super) fn fact(&self, part: &str, fact: &str) -> Option<String> {
        self.part(part).into_iter().find(|(_, found, _)| found == fact).map(|(_, _, value)| value)
    }

    /// Returns how far ahead the label looks, in whole seconds: as it was given, or as the label's query says; `None` if it is not known.
    pub(super) fn horizon_s(&self) -> Option<u64> {
        match self.request.argument(HORIZON) {
            Some(given) => given.parse().ok(),
            None => self.known("horizon").and_then(|words| seconds(&words)),
        }
    }

    /// Returns what a column of `ml_models()` says of the model; `None` if it is NULL.
    pub(super) fn known(&self, column: &str) -> Option<String> {
        Some(self.text(column)).filter(|text| text != format::UNKNOWN)
    }

    /// Returns whether the label is a spike: it compares what comes within a horizon with tau.
    pub(super) fn is_of_spikes(&self) -> bool {
        self.known("tau").is_some() && self.known("horizon").is_some()
    }

    /// Returns whether rows of a split were there when the model was trained.
    pub(super) fn had(&self, split: &str) -> bool {
        self.part("split").iter().any(|(name, _, _)| name == split)
    }

    pub(super) fn has_table(&self, name: &str) -> bool {
        self.request.context.table_exist(name).unwrap_or(false)
    }
}

/// Returns a number as text. The facts of a training are DOUBLEs, and most of them are counts.
fn whole_or_number(value: Option<f64>) -> String {
    if value.is_some_and(|value| value.fract() == 0.0) { count(value) } else { number(value) }
}
