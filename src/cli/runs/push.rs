//! `squall runs push`

use chrono::{DateTime, SecondsFormat};

use crate::cli::{Context, Failure, workspace};
use crate::durable;
use crate::error::Hint;
use crate::model::Registry;
use crate::text::{counted, did_you_mean};
use crate::track::{self, Kind, Pushed, Run, Tracker};

/// Sends the runs to MLflow that are not there, and the aliases of models
///
/// A run is sent whole or sent again: however often this runs, and whatever ends it, the server has one run of each. A run that was
/// recorded without a server is sent too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Runs to send, by their ids; without any, all that are not sent
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let recorded = track::read(&context.settings().runs_dir())?;
    for (_, error) in &recorded.unreadable {
        workspace::warn(&format!("{}; the other runs are sent", error.text()), error.hint().as_deref());
    }
    let runs = chosen(&args.runs, recorded.runs)?;
    let models = Registry::new(context.settings().models_dir());
    let tracker = workspace::tracker(context);
    let progress = context.progress("push", Some(runs.len() as u64));
    let pushed = durable::blocking(move || {
        let pushed = push(&tracker, &models, &runs, |run| {
            progress.note(&run.run_id);
            progress.add(1);
        });
        progress.finish();
        pushed
    });
    let (sent, already, failed) = pushed.await?;
    let mut words = vec![format!("{} sent", counted(sent, "run"))];
    if already > 0 {
        words.push(format!("{already} there already"));
    }
    println!("{}", words.join(", "));
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{} not sent", counted(failed, "run")))
            .with_hint("the warnings above say why; `squall runs list --unsent` lists them")),
    }
}

/// Returns the named runs, or all that are not sent.
fn chosen(names: &[String], mut runs: Vec<Run>) -> Result<Vec<Run>, Failure> {
    if names.is_empty() {
        runs.retain(|run| run.mlflow_run_id.is_none());
        return Ok(runs);
    }
    for name in names {
        if !runs.iter().any(|run| run.run_id == *name) {
            let near = did_you_mean(name, runs.iter().map(|run| run.run_id.as_str()));
            return Err(Failure::new(format!("no run is called `{name}`"))
                .with_hint(near.unwrap_or_else(|| "`squall runs list` lists them".into())));
        }
    }
    runs.retain(|run| names.contains(&run.run_id));
    Ok(runs)
}

/// Sends runs and aliases. Returns how many were sent, how many were there already, and how many the server refused.
fn push(
    tracker: &Tracker,
    models: &Registry,
    runs: &[Run],
    begin: impl Fn(&Run),
) -> Result<(u64, u64, u64), track::Error> {
    let (mut sent, mut already, mut failed) = (0, 0, 0);
    // Trainings come first: an evaluation names the training's run.
    let (trainings, evaluations): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.kind == Kind::Training);
    for run in trainings.into_iter().chain(evaluations) {
        begin(run);
        let artifact = artifact(models, run);
        match tracker.push(run, artifact.as_deref()) {
            Ok(Pushed::Sent) => sent += 1,
            Ok(Pushed::Partly(problems)) => {
                sent += 1;
                problems.iter().for_each(|problem| {
                    workspace::warn(&format!("{}: {}", run.run_id, problem.text()), problem.hint().as_deref())
                });
            }
            Ok(Pushed::Already) => already += 1,
            Ok(Pushed::Busy) => workspace::warn(&format!("{} is being sent by another process", run.run_id), None),
            Err(error) if error.concerns_every_run() => return Err(error),
            Err(error) => {
                failed += 1;
                workspace::warn(&format!("{}: {}", run.run_id, error.text()), error.hint().as_deref());
            }
        }
    }
    for model in models.names().unwrap_or_default() {
        for (alias, version) in models.aliases(&model).unwrap_or_default() {
            tracker.push_alias(&model, version, &alias)?;
        }
    }
    Ok((sent, already, failed))
}

/// Returns the artifact of the model that a run trained, if it is still that model: a deleted model's number may be used again.
fn artifact(models: &Registry, run: &Run) -> Option<Vec<u8>> {
    let model = models.load_version(&run.model, run.version).ok()?;
    let started = DateTime::from_timestamp_millis(run.started_at_ms)?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let is_its_own = run.kind == Kind::Training && model.created_at == started;
    if is_its_own { models.bytes(&run.model, run.version).ok() } else { None }
}
