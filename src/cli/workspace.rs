//! What the commands that run SQL share: a session with the project's queries registered.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;

use super::{Context, Failure};
use crate::catalog::{self, Options, Session};
use crate::cluster::{self, Cluster};
use crate::engine::elsewhere;
use crate::error::{self, Hint};
use crate::ml;
use crate::model::{self, Registry};
use crate::pipeline::{Disabled, Kind, Parameters, Project, tables};
use crate::track::{Server, Tracker};

/// A session over the data folder, and the SQL project registered with it.
pub struct Workspace {
    pub session: Arc<Session>,
    pub project: Project,
}

/// Opens the session, with the SQL project if its folder exists. If files of the project cannot be read, that is a warning. A
/// query that cannot be planned is an error for whoever needs it.
pub async fn open(context: &Context) -> Result<Workspace, Failure> {
    let workspace = open_quietly(context).await?;
    let disabled: Vec<&str> = workspace.project.disabled().iter().map(|one| one.name.as_str()).collect();
    if let Some((first, others)) = disabled.split_first() {
        let names = match others.len() {
            0 => format!("the query `{first}` is disabled"),
            more => format!("{} queries are disabled, `{first}` and {more} more", disabled.len()),
        };
        eprintln!("Warning: {names}: `squall check` says why");
    }
    Ok(workspace)
}

/// Opens the session as [`open`] does, for a command that computes queries: with the workers of the settings, if there are any.
pub async fn open_to_compute(context: &Context) -> Result<Workspace, Failure> {
    let workspace = open(context).await?;
    add_workers(&workspace, context).await?;
    Ok(workspace)
}

async fn add_workers(workspace: &Workspace, context: &Context) -> Result<(), Failure> {
    let options = workers(context);
    if options.workers.is_empty() {
        return Ok(());
    }
    let session = workspace.session.context();
    let connected = Cluster::connect(&options, &session.state()).await?;
    elsewhere::give(session.state_ref().write().config_mut(), Arc::new(connected));
    Ok(())
}

/// Returns the workers of the settings, and how they are reached.
pub fn workers(context: &Context) -> cluster::Options {
    let cluster = &context.settings().cluster;
    cluster::Options {
        workers: cluster.workers.clone(),
        token: cluster.token.clone(),
        ca_file: cluster.ca_file.clone(),
        least_ticks: cluster::LEAST_TICKS,
        warn: |message| warn(message, None),
    }
}

/// Opens the session for statements that a person types: they may read the environment, and tables that they make are kept.
pub async fn open_for_people(context: &Context) -> Result<Workspace, Failure> {
    let workspace = open_to_compute(context).await?;
    workspace.session.read_environment();
    let dir = context.settings().catalog_dir();
    for name in workspace.session.keep_tables(&dir)? {
        eprintln!("Warning: the table `{name}` of {} is hidden by another table of this name", dir.display());
    }
    Ok(workspace)
}

/// Opens the session, with the SQL project if its folder exists, without a word about what is wrong with the project.
pub async fn open_quietly(context: &Context) -> Result<Workspace, Failure> {
    let settings = context.settings();
    let session = session(context).await?;
    let project = Project::load(&settings.paths.sql, &parameters(context)?)?
        .with_models(&settings.models_dir())
        .with_built_in(session.context());
    tables::register(&project, session.context())?;
    // Models are judged by what the project says about their labels.
    ml::remember(session.context(), Arc::new(project.clone()));
    project.attach(session.context(), &settings.tables_dir())?;
    Ok(Workspace { session: Arc::new(session), project })
}

impl Workspace {
    /// Plans every query, and returns those that cannot be used.
    pub async fn unplanned(&self) -> Vec<Disabled> {
        self.project.unplanned(self.session.context()).await
    }

    /// Returns the models whose own files are wrong.
    pub fn disabled_models(&self) -> impl Iterator<Item = &str> {
        let models = self.project.disabled().iter().filter(|disabled| disabled.kind == Kind::Model);
        models.map(|disabled| disabled.name.as_str())
    }

    /// Returns why a file of the project cannot be used, as a failure; `None` if it can be used.
    pub fn why_disabled(&self, name: &str) -> Option<Failure> {
        self.project.explain(name, &[]).map(Failure::from)
    }
}

/// Opens a session over the data folder, without the SQL project.
pub async fn session(context: &Context) -> Result<Session, Failure> {
    let settings = context.settings();
    let session = Session::open(Options {
        ticks_dir: settings.ticks_dir(),
        tables_dir: settings.tables_dir(),
        models_dir: settings.models_dir(),
        threads: settings.engine.threads,
        batch_size: settings.engine.batch_size,
        memory_limit_mb: settings.engine.memory_limit_mb,
        rolling: settings.engine.rolling,
    })
    .await?
    .with_events(&settings.events_dir())?
    .with_dead_letters(&settings.dead_dir())?
    .with_tracker(tracker(context))?;
    Ok(session)
}

/// Returns where runs are recorded.
pub fn tracker(context: &Context) -> Tracker {
    Tracker::new(context.settings().runs_dir(), server(context), warn).with_onnx(model::as_onnx)
}

/// Returns the MLflow server of the settings.
pub fn server(context: &Context) -> Server {
    let track = &context.settings().track;
    Server {
        uri: track.mlflow_tracking_uri.clone(),
        experiment: track.experiment.clone(),
        experiment_id: track.experiment_id.clone(),
        username: track.username.clone(),
        password: track.password.clone(),
        token: track.token.clone(),
        insecure_tls: track.insecure_tls,
        ca_file: track.ca_file.clone(),
        timeout: Duration::from_millis(track.timeout_ms),
    }
}

/// Prints a warning and what to try next.
pub fn warn(message: &str, hint: Option<&str>) {
    eprintln!("Warning: {message}");
    if let Some(hint) = hint {
        eprintln!("Hint: {hint}");
    }
}

/// Returns the values of the project's placeholders, from the settings.
pub fn parameters(context: &Context) -> Result<Parameters, Failure> {
    let values = context.settings().parameters.iter();
    values
        .map(|(name, value)| match serde_json::to_value(value) {
            Ok(value) => Ok((name.clone(), value)),
            Err(error) => Err(Failure::new(format!("parameter `{name}` cannot be used in SQL: {error}"))),
        })
        .collect()
}

/// Runs a query and returns its rows.
pub async fn rows(workspace: &Workspace, sql: &str) -> Result<Vec<RecordBatch>, Failure> {
    workspace.session.sql(sql).await?.collect().await.map_err(query_failure)
}

/// Returns the failure of a query, with the hint for its cause.
pub fn query_failure(error: DataFusionError) -> Failure {
    Failure::from(catalog::Error::from(error))
}

/// Checks that there are landed ticks which the project's queries can read.
pub async fn require_landed(workspace: &Workspace) -> Result<(), Failure> {
    if workspace.project.has_data(workspace.session.context()).await? {
        return Ok(());
    }
    Err(Failure::new("there is no data: no message is landed")
        .with_hint("`squall land` lands messages; `squall demo` does every step on simulated ones"))
}

/// Checks that a model is trained. A model of the project that is not trained or cannot be read is a warning.
pub fn require_models(workspace: &Workspace, context: &Context) -> Result<(), Failure> {
    let models = Registry::new(context.settings().models_dir());
    let names = models.names()?;
    if names.is_empty() {
        return Err(Failure::new("no model is trained").with_hint("`squall train` trains the project's models"));
    }
    let mut last = None;
    let project = workspace.project.model_names();
    let mut all: Vec<&str> = project.into_iter().chain(names.iter().map(String::as_str)).collect();
    all.sort_unstable();
    all.dedup();
    let count = all.len();
    let mut wrong = Vec::new();
    for model in all {
        if let Err(error) = models.load(model) {
            wrong.push((model, error::with_causes(&error), error.hint()));
            last = Some(error);
        }
    }
    if let (Some(error), true) = (last, wrong.len() == count) {
        return Err(error.into());
    }
    for (model, problem, hint) in wrong {
        let message = match models.check(model) {
            Ok(_) => format!("{model} is left out: {problem}"),
            Err(_) => format!("{model} is left out: it is not trained"),
        };
        warn(&message, hint.as_deref());
    }
    Ok(())
}
