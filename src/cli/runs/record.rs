//! Records what `squall evaluate` computed.

use chrono::{DateTime, Utc};

use crate::cli::evaluation::Evaluation;
use crate::cli::{Context, workspace};
use crate::durable;
use crate::ml;
use crate::model::Registry;

/// Records the evaluation of each model as a run.
pub async fn record(evaluations: &[Evaluation], start: DateTime<Utc>, context: &Context) {
    let models = Registry::new(context.settings().models_dir());
    let mut names: Vec<(&str, Option<i64>)> = evaluations.iter().map(|one| (one.model.as_str(), one.version)).collect();
    names.dedup();
    let mut runs = Vec::new();
    for (name, version) in names {
        let reference = version.map_or_else(|| name.to_string(), |version| format!("{name}@{version}"));
        // The figures may be of something that is not a model of this folder.
        let Ok(model) = models.load(&reference) else { continue };
        let of_model = evaluations.iter().filter(|one| one.model == name && one.version == version);
        let splits: Vec<_> = of_model.map(|one| (one.split.as_str(), &one.metrics)).collect();
        runs.push(ml::evaluation_run(&model, &splits, start));
    }
    let tracker = workspace::tracker(context);
    durable::blocking(move || runs.into_iter().for_each(|run| tracker.record(run, None))).await;
}
