//! Runs `CREATE MODEL`: the query's rows into a training set, the trained model onto disk, the run into the table `runs`.

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::prelude::{DataFrame, SessionContext};

use super::error::Error;
use super::rows::{self, Rows};
use super::statement::CreateModel;
use super::{evaluate, runs};
use crate::durable;
use crate::model::{self, Artifact, FORMAT, Registry, Saved, When};
use crate::track::Tracker;

/// Trains a model on its query's rows, saves it as the next version, and returns its metrics, one row a split.
///
/// Where a model of the name exists, even one that another statement made while this one trained, the statement decides: it is
/// an error, or that model's metrics are returned, or the new model becomes another version.
///
/// # Errors
/// A query that fails, rows that a model cannot learn from, a model that exists, or what the disk reports.
pub async fn create(
    context: &SessionContext,
    models: &Registry,
    tracker: Option<&Tracker>,
    statement: &CreateModel,
) -> Result<DataFrame, Error> {
    let start = Utc::now();
    let saved = match models.in_the_way(&statement.name, statement.when)? {
        Some(version) => Saved::Exists { version },
        None => {
            let rows = rows::read(context, statement).await?;
            let (models, statement) = (models.clone(), statement.clone());
            // Training and writing keep a thread busy for long: not one of those that run tasks.
            durable::blocking(move || models.save(train(&rows, &statement, start)?, statement.when)).await?
        }
    };
    let model = match saved {
        Saved::New(model) => {
            record(models, tracker, &model, start).await?;
            *model
        }
        Saved::Exists { version } if statement.when == When::IfAbsent => {
            models.load_version(&statement.name, version)?
        }
        Saved::Exists { version } => {
            return Err(model::Error::Exists { name: statement.name.clone(), version }.into());
        }
    };
    Ok(context.read_batch(evaluate::recorded(&model)?)?)
}

/// Trains; the artifact gets its version when it is saved.
fn train(rows: &Rows, statement: &CreateModel, now: DateTime<Utc>) -> Result<Artifact, model::Error> {
    let trained = model::train(&rows.set, &statement.options)?;
    let model_type = statement.options.model_type;
    Ok(Artifact {
        format: FORMAT,
        name: statement.name.clone(),
        version: 0,
        created_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        squall_version: env!("CARGO_PKG_VERSION").into(),
        formula: model_type.formula.into(),
        probability: model_type.gives_probabilities,
        label: statement.columns.label.clone(),
        scorer: trained.scorer,
        threshold: trained.threshold,
        options: statement.options.recorded(),
        training: rows.training(),
        metrics: trained.metrics,
        sql: statement.text.clone(),
    })
}

/// Records the run that made a model.
async fn record(
    models: &Registry,
    tracker: Option<&Tracker>,
    model: &Artifact,
    start: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(tracker) = tracker.cloned() else { return Ok(()) };
    let run = runs::of(model, start, Utc::now());
    let artifact = models.bytes(&model.name, model.version)?;
    durable::blocking(move || tracker.record(run, &artifact)).await;
    Ok(())
}
