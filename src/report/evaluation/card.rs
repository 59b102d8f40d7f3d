//! The model's card: version, training and weights, as the functions on models return them.

use chrono::DateTime;
use serde::Serialize;

use super::Fact;
use crate::report::format::{self, count, number};
use crate::report::query::{Literal, Query, Row};
use crate::report::{Error, Request};

/// How a model was made, as far as it is known.
#[derive(Debug, Serialize)]
pub struct Card {
    facts: Vec<Fact>,
    /// Feature, weight, mean and scale; empty if the type of model has no weights.
    weights: Vec<[String; 4]>,
    queries: Vec<Query>,
}

/// Returns the card of a model; `None` if the session does not have the model, because scores may come from elsewhere.
pub async fn card(request: &Request<'_>, model: &str) -> Result<Option<Card>, Error> {
    let context = request.context;
    if !context.state().table_functions().contains_key("ml_models") {
        return Ok(None);
    }
    let values = [("model", Literal::Text(model))];
    let models = request.query("eval/model.sql", &values)?;
    let rows = models.rows(context).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |column: &str| row.text(column).unwrap_or(format::UNKNOWN).to_string();
    let period = format!("{} to {}", time(row.text("training_from")), time(row.text("training_to")));
    let facts = vec![
        Fact { label: "Version", value: count(row.number("version")) },
        Fact { label: "Type", value: text("model_type") },
        Fact { label: "Features", value: text("features") },
        Fact { label: "Training rows", value: count(row.number("training_rows")) },
        Fact { label: "of them spikes", value: count(row.number("training_positives")) },
        Fact { label: "Training period", value: period },
        Fact { label: "Made by", value: format!("squall {}", text("squall_version")) },
    ];
    let weights = request.query("eval/weights.sql", &values)?;
    let weight_rows = weights.rows(context).await?;
    let weight = |row: &Row<'_>| {
        row.number("weight")?;
        let name = row.text("feature")?;
        let name = if name == "__INTERCEPT__" { "intercept" } else { name };
        let column = |name: &str| number(row.number(name));
        Some([name.to_string(), column("weight"), column("mean"), column("scale")])
    };
    let listed = weight_rows.iter().filter_map(|row| weight(&row)).collect();
    Ok(Some(Card { facts, weights: listed, queries: vec![models, weights] }))
}

/// Returns a time in the artifact's form, RFC 3339, in the report's form, which shows seconds.
fn time(text: Option<&str>) -> String {
    let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    format::instant(time.and_then(|time| time.timestamp_nanos_opt()))
}
