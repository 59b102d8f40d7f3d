//! Runs `CREATE MODEL`: turns the query's rows into a training set, saves the trained model, and records the run in the
//! table `runs`.

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::prelude::{DataFrame, SessionContext};

use super::error::Error;
use super::rows::{self, Rows};
use super::statement::CreateModel;
use super::{evaluate, lineage, out_of_fold, runs};
use crate::durable;
use crate::model::{self, Artifact, Basis, OutOfFold, Preparation, Recipe, Registry, Saved, Split, When};
use crate::track::{self, Tracker};

/// Trains a model on its query's rows, saves it as the next version, and returns its metrics, one row per split.
///
/// If a model of the same name exists, the statement decides what happens: an error, the existing model's metrics, or a
/// further version. This also holds if another statement made that model while this one was training.
///
/// # Errors
/// The query fails, a model cannot learn from its rows, the model exists already, or the disk reports an error.
pub async fn create(
    context: &SessionContext,
    models: &Registry,
    tracker: Option<&Tracker>,
    statement: &CreateModel,
) -> Result<DataFrame, Error> {
    let start = Utc::now();
    let mut digests = Vec::new();
    let saved = match models.in_the_way(&statement.name, statement.when)? {
        Some(version) => Saved::Exists { version },
        None => {
            let origin = lineage::origin(&context.state(), &statement.query).await;
            let rows = rows::read(context, statement).await?;
            let recipe = statement.recipe(&origin)?;
            let basis = Basis { labels: origin.labels, queries: origin.queries, ..rows.basis(&statement.columns) };
            let basis = Basis { overlapping: rows.overlapping(basis.horizon_ns()), ..basis };
            digests = if tracker.is_some() { runs::digests(&rows.set) } else { digests };
            let (models, statement) = (models.clone(), statement.clone());
            // Training and writing keep a thread busy for a long time, so they must not run on a thread that runs tasks.
            let make = move || -> Result<Saved, Error> {
                let (artifact, judged) = train(&rows, basis, &statement, &recipe, start)?;
                let judged = out_of_fold::file(&judged, &rows)?;
                Ok(models.save(artifact, judged.as_deref(), statement.when)?)
            };
            durable::blocking(make).await?
        }
    };
    let model = match saved {
        Saved::New(model) => {
            record(models, tracker, &model, &digests, start).await?;
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

/// Trains a model, and returns it with the judged rows of its folds. Its artifact gets its version when it is saved.
fn train(
    rows: &Rows,
    basis: Basis,
    statement: &CreateModel,
    recipe: &Recipe,
    now: DateTime<Utc>,
) -> Result<(Artifact, Vec<OutOfFold>), model::Error> {
    let trained = model::train(&rows.set, &rows.times, recipe)?;
    let mut training = rows.training();
    training.skipped += trained.unscored;
    if trained.unscored > 0 {
        training.skipped_because.insert("a feature is NaN or infinite outside of training".into(), trained.unscored);
    }
    // A model may leave features out.
    let inputs = rows.inputs.as_ref().and_then(|inputs| model::taken(inputs, &trained.scorer.features()));
    let features = trained.scorer.features();
    let booleans = rows.booleans.iter().filter(|name| features.contains(&name.as_str())).cloned().collect();
    training.fit = Some(trained.scorer.fit());
    training.seconds = Some((Utc::now() - now).num_milliseconds() as f64 / 1e3);
    let distributions = model::sketch(&rows.set, inputs.as_ref(), &trained.scorer.features());
    let artifact = Artifact {
        format: Artifact::format_for(inputs.as_ref(), &trained.scorer),
        name: statement.name.clone(),
        version: 0,
        created_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        squall_version: env!("CARGO_PKG_VERSION").into(),
        git_commit: track::commit(),
        formula: trained.scorer.formula(),
        probability: trained.scorer.gives_probabilities(),
        label: statement.columns.label.clone(),
        preparation: Some(Preparation::of(&trained.scorer, inputs.as_ref())),
        inputs,
        boolean_columns: Some(booleans),
        threshold: trained.threshold,
        options: trained.options.recorded(),
        scorer: trained.scorer,
        training,
        basis: Some(basis),
        distributions,
        metrics: trained.metrics,
        validation: trained.validation,
        sql: statement.text.clone(),
    };
    Ok((artifact, trained.out_of_fold))
}

/// Records the run that trained a model.
async fn record(
    models: &Registry,
    tracker: Option<&Tracker>,
    model: &Artifact,
    digests: &[(Split, String)],
    start: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(tracker) = tracker.cloned() else { return Ok(()) };
    let run = runs::of(model, digests, start, Utc::now());
    let artifact = models.bytes(&model.name, model.version)?;
    durable::blocking(move || tracker.record(run, Some(&artifact))).await;
    Ok(())
}
