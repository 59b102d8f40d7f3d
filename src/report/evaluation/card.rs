//! What is known of the model: version, training, weights and importance, as the functions on models return them.

use chrono::DateTime;
use serde::Serialize;

use super::frame::Frame;
use super::{Fact, named, strips};
use crate::report::Error;
use crate::report::chart::{Figure, Tone};
use crate::report::format::{self, count, number};
use crate::report::query::{Literal, Query, Row};

/// The most rows on which importance is measured: each feature is shuffled several times.
const MOST_ROWS: f64 = 200_000.0;

/// How a model was made, as far as it is known.
#[derive(Debug, Serialize)]
pub struct Card {
    facts: Vec<Fact>,
    /// Feature, weight, mean and scale; empty if the type of model has no weights.
    weights: Vec<Vec<String>>,
    queries: Vec<Query>,
}

/// Returns the card of a model; `None` if the session does not have the model, because scores may come from elsewhere.
pub async fn card(frame: &Frame<'_>) -> Result<Option<Card>, Error> {
    let subject = frame.subject;
    let Some(reference) = &subject.reference else { return Ok(None) };
    let context = frame.request.context;
    let version = subject.version.to_string();
    let values = [("model", Literal::Text(reference)), ("version", Literal::Sql(&version))];
    let models = frame.request.query("eval/model.sql", &values)?;
    let rows = models.rows(context).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |column: &str| row.text(column).map_or(format::UNKNOWN.into(), |text| crate::text::printable(text, 600));
    let period = match row.text("training_from") {
        Some(from) => format!("{} to {}", time(Some(from)), time(row.text("training_to"))),
        None => format::UNKNOWN.into(),
    };
    let facts = vec![
        Fact::new("Version", count(row.number("version"))),
        Fact::new("Type", text("model_type")),
        Fact::new("Features", text("features")),
        Fact::new("Training rows", count(row.number("training_rows"))),
        Fact::new("of them positive", count(row.number("training_positives"))),
        Fact::new("Training period", period),
        Fact::new("Made by", format!("squall {}", text("squall_version"))),
    ];
    let weights = frame.request.query("eval/weights.sql", &values)?;
    let weight_rows = weights.rows(context).await?;
    let weight = |row: &Row<'_>| {
        row.number("weight")?;
        let name = row.text("feature")?;
        let name = if name == "__INTERCEPT__" { "intercept".into() } else { named(name) };
        let column = |name: &str| number(row.number(name));
        Some(vec![name, column("weight"), column("mean"), column("scale")])
    };
    let listed = weight_rows.iter().filter_map(|row| weight(&row)).collect();
    Ok(Some(Card { facts, weights: listed, queries: vec![models, weights] }))
}

/// Returns a time in the artifact's form, RFC 3339, in the report's form, which shows seconds.
fn time(text: Option<&str>) -> String {
    let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    format::instant(time.and_then(|time| time.timestamp_nanos_opt()))
}

/// How much the model needs each feature, or why that is not known.
#[derive(Debug, Serialize)]
pub struct Importance {
    pub figure: Option<Figure>,
    pub absent: String,
    pub queries: Vec<Query>,
}

/// Measures how much the model needs each feature on the judged rows.
pub async fn importance(frame: &Frame<'_>) -> Result<Importance, Error> {
    let subject = frame.subject;
    let absent = |why: &str| Importance { figure: None, absent: format!("Not known: {why}."), queries: Vec::new() };
    let Some(reference) = subject.reference.as_ref().filter(|_| subject.can_score) else {
        return Ok(absent("the rows bring only scores, or another label than the one that the model learned"));
    };
    let rows = frame.judged().and_then(|row| row.number("rows")).unwrap_or_default();
    if rows > MOST_ROWS {
        return Ok(absent(&format!(
            "there are more than {} rows; `ml_feature_importance` measures it on a sample",
            count(Some(MOST_ROWS))
        )));
    }
    let on = subject.rows_of(&frame.split);
    let block_s = frame.shuffled_block_s();
    let values = [("model", Literal::Text(reference)), ("on", Literal::Text(&on)), ("block_s", Literal::Sql(&block_s))];
    let query = frame.request.query("eval/importance.sql", &values)?;
    let rows = query.rows(frame.request.context).await?;
    let reason = rows.first().and_then(|row| row.text("reason")).map(str::to_string);
    let strip = |row: Row<'_>| {
        let (at, spread) = (row.number("importance")?, row.number("importance_stddev").unwrap_or(0.0));
        let name = named(row.text("feature")?);
        Some(strips::Strip { name, at, interval: Some((at - spread, at + spread)), tone: Tone::First })
    };
    let all: Vec<strips::Strip> = rows.iter().filter_map(strip).collect();
    let description = "How much average precision the model loses on the judged rows if one feature is shuffled in blocks; the line is one \
                       standard deviation over the shuffles to each side.";
    let label = "Loss of average precision if the feature is shuffled";
    let figure = strips::draw("importance", "What the model needs", description.into(), label, &all, Vec::new());
    let why = reason.unwrap_or("the judged rows do not tell".into());
    Ok(Importance { figure, queries: vec![query], ..absent(&why) })
}
