//! Records a finished run on an MLflow server, so that its client and its pages show what they show of a run of their own.
//!
//! The calls, in order: find the experiment (or create it), find the run by its squall id (or create it), params, datasets, the logged
//! model with its files, metrics, artifacts, the registered model; then the run is marked as complete and ended. Each step first looks
//! whether an earlier attempt has made it. So a run that is sent again, after a failure or a kill at any instant, stays one run.
//!
//! Where a model has folds, each fold becomes a run of its own with the tag `mlflow.parentRunId`, sent like any other run before its
//! parent counts as complete. Its figures are metrics of the parent too, with the number of the fold as their step.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::names::{self, cut, key, keyed};
use super::package::Stored;
use super::server::{Client, Server};
use super::{Error, Kind, Run, package};
use crate::durable;

const PARAMS_PER_BATCH: usize = 100;
const METRICS_PER_BATCH: usize = 1000;

/// The tags by which a run is found again, and by which it is known to be complete.
const RUN_ID: &str = "squall.run_id";
const COMPLETE: &str = "squall.complete";

/// The tag of an experiment by which MLflow's pages know that it is about trained models.
const EXPERIMENT_KIND: (&str, &str) = ("mlflow.experimentKind", "custom_model_development");

/// How often an experiment is looked for again that another process is creating.
const TRIES: u64 = 8;
const PAUSE_MS: u64 = 50;

/// The folder of the model in a run, on servers without logged models.
const FOLDER: &str = "model";

/// What became of a run that was sent.
#[derive(Debug)]
pub struct Sent {
    pub run_id: String,
    /// What could not be recorded, while the rest was.
    pub problems: Vec<Error>,
}

/// A server, and the experiment to which runs belong.
pub struct Mlflow<'a> {
    client: Client,
    server: &'a Server,
}

impl<'a> Mlflow<'a> {
    /// Makes a client; this calls nothing yet.
    pub fn new(server: &'a Server, bound: Option<Duration>) -> Result<Mlflow<'a>, Error> {
        Ok(Mlflow { client: Client::new(server, bound)?, server })
    }

    /// Asks for the experiment; a server without it answers too.
    pub fn reach(&self) -> Result<(), Error> {
        self.find_experiment().map(drop)
    }

    /// Records a run with its model. `trained` is the MLflow run that trained the model which this run evaluates.
    pub fn send(&self, run: &Run, model: Option<Stored<'_>>, trained: Option<&str>) -> Result<Sent, Error> {
        let experiment = self.experiment()?;
        let found = found_or_made(|| self.find_run(&experiment, run), || self.create_run(&experiment, run))?;
        let info = found["info"].clone();
        if has_tag(&found, COMPLETE) {
            return Ok(Sent { run_id: text(&info["run_id"]), problems: Vec::new() });
        }
        let id = text(&info["run_id"]);
        let mut problems = Vec::new();
        // From here on the run must be ended even if something fails.
        let logged = self.log(run, &info, model, trained, &mut problems);
        let status = if logged.is_ok() { "FINISHED" } else { "FAILED" };
        let ended = match &logged {
            Ok(()) => {
                self.client.post("runs/set-tag", &json!({"run_id": id, "key": COMPLETE, "value": "true"})).map(drop)
            }
            Err(_) => Ok(()),
        };
        let end = json!({"run_id": id, "status": status, "end_time": run.ended_at_ms});
        let ended = ended.and_then(|()| self.client.post("runs/update", &end));
        logged?;
        ended?;
        Ok(Sent { run_id: id, problems })
    }

    /// Gives the version that a run registered an alias.
    pub fn set_alias(&self, run: &Run, alias: &str) -> Result<(), Error> {
        let Some(run_id) = &run.mlflow_run_id else { return Ok(()) };
        let Some(version) = self.find_version(run, run_id)? else { return Ok(()) };
        let body = json!({"name": run.model, "alias": alias, "version": version});
        self.client.post("registered-models/alias", &body).map(drop)
    }

    fn experiment(&self) -> Result<String, Error> {
        for tried in 1..=TRIES {
            if let Some(id) = self.find_experiment()? {
                return Ok(id);
            }
            let (key, value) = EXPERIMENT_KIND;
            let body = json!({"name": self.server.experiment, "tags": [{"key": key, "value": value}]});
            match self.client.post("experiments/create", &body) {
                Ok(created) => return Ok(text(&created["experiment_id"])),
                // Another process creates it; some databases say so in other words.
                Err(error @ Error::Refused { status: 400 | 409 | 500.., .. }) => {
                    if tried == TRIES {
                        return Err(error);
                    }
                    sleep(Duration::from_millis(PAUSE_MS * tried));
                }
                Err(error) => return Err(error),
            }
        }
        // The last try returned.
        self.find_experiment().map(Option::unwrap_or_default)
    }

    fn find_experiment(&self) -> Result<Option<String>, Error> {
        let Server { experiment, experiment_id, .. } = self.server;
        let found = match experiment_id.is_empty() {
            true => self.client.get("experiments/get-by-name", &[("experiment_name", experiment)]),
            false => self.client.get("experiments/get", &[("experiment_id", experiment_id)]),
        };
        let found = match found {
            // Another server's 404 says nothing of experiments; and an id cannot be created.
            Err(error) if error.has_code("RESOURCE_DOES_NOT_EXIST") && experiment_id.is_empty() => return Ok(None),
            found => found?["experiment"].clone(),
        };
        let id = text(&found["experiment_id"]);
        if found["lifecycle_stage"] == "deleted" {
            return Err(Error::DeletedExperiment { name: text(&found["name"]), id });
        }
        Ok(Some(id))
    }

    fn find_run(&self, experiment: &str, run: &Run) -> Result<Option<Value>, Error> {
        let filter = format!("tags.`{RUN_ID}` = '{}'", run.run_id);
        let body = json!({"experiment_ids": [experiment], "filter": filter, "max_results": 1});
        Ok(self.client.post("runs/search", &body)?["runs"].get(0).cloned())
    }

    fn create_run(&self, experiment: &str, run: &Run) -> Result<Value, Error> {
        let own = [
            (RUN_ID, run.run_id.as_str()),
            ("squall.kind", run.kind.as_str()),
            ("squall.model", &run.model),
            ("squall.model_version", &run.version.to_string()),
            ("squall.sql_fingerprint", &run.sql_fingerprint),
            ("mlflow.runName", &run.run_id),
            ("estimator_name", run.params.get("model_type").map_or("", String::as_str)),
        ]
        .map(|(key, value)| (key.to_string(), value.to_string()));
        let given = keyed(&run.tags).into_iter().map(|(key, value)| (key, value.clone()));
        let tags: Vec<Value> = own
            .into_iter()
            .chain(given)
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| json!({"key": key, "value": cut(&value, names::TAG)}))
            .collect();
        let body = json!({
            "experiment_id": experiment,
            "run_name": run.run_id,
            "user_id": run.tags.get("mlflow.user"),
            "start_time": run.started_at_ms,
            "tags": tags,
        });
        Ok(self.client.post("runs/create", &body)?["run"].clone())
    }

    fn log(
        &self,
        run: &Run,
        info: &Value,
        model: Option<Stored<'_>>,
        trained: Option<&str>,
        problems: &mut Vec<Error>,
    ) -> Result<(), Error> {
        let id = text(&info["run_id"]);
        let params: Vec<Value> = keyed(&run.params)
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": cut(value, names::PARAM)}))
            .collect();
        for params in params.chunks(PARAMS_PER_BATCH) {
            self.batch(&id, "params", params, problems)?;
        }
        self.log_inputs(run, &id, trained)?;
        let logged = match model {
            Some(model) => self.log_model(run, info, model, problems)?,
            None => None,
        };
        let of_splits = run.metrics.iter().map(|(split, metrics)| (split.as_str(), 0, metrics));
        let of_folds = run.folds.iter().map(|fold| (Kind::Fold.as_str(), fold.number, &fold.metrics));
        let metrics: Vec<Value> = of_splits
            .chain(of_folds)
            .flat_map(|(split, step, metrics)| metrics.iter().map(move |(name, value)| (split, step, name, value)))
            .filter(|(_, _, _, value)| value.is_finite())
            .map(|(split, step, name, value)| {
                let key = key(&format!("{split}/{name}"));
                let mut metric = json!({"key": key, "value": value, "timestamp": run.ended_at_ms, "step": step});
                if let Some(logged) = &logged {
                    metric["model_id"] = json!(logged);
                }
                if let Some(data) = run.datasets.iter().find(|data| data.split == split) {
                    (metric["dataset_name"], metric["dataset_digest"]) = (json!(data.name), json!(data.digest));
                }
                metric
            })
            .collect();
        for metrics in metrics.chunks(METRICS_PER_BATCH) {
            self.batch(&id, "metrics", metrics, problems)?;
        }
        let whole = serde_json::to_vec_pretty(run).unwrap_or_default();
        let mut files = vec![("run.json", whole)];
        if let Some(model) = model {
            files.push(("model.json", model.artifact.into()));
            files.extend(package::sql(model.artifact).map(|sql| ("model.sql", sql.into_bytes())));
        }
        match self.upload(&text(&info["artifact_uri"]), &files) {
            Err(error @ Error::ArtifactStore { .. }) if problems.is_empty() => problems.push(error),
            Err(Error::ArtifactStore { .. }) => {}
            other => other?,
        }
        if model.is_some() {
            self.register(run, info, logged.as_deref(), problems)?;
        }
        for fold in run.fold_runs(&id) {
            problems.extend(self.send(&fold, None, None)?.problems);
        }
        Ok(())
    }

    /// Sends a batch of params or metrics. If the server refuses something in it, the rest is sent all the same.
    fn batch(&self, id: &str, kind: &str, entries: &[Value], problems: &mut Vec<Error>) -> Result<(), Error> {
        let mut body = json!({"run_id": id});
        body[kind] = json!(entries);
        match self.client.post("runs/log-batch", &body) {
            Ok(_) => Ok(()),
            Err(Error::Refused { status: 400..500, .. }) if entries.len() > 1 => {
                let (first, second) = entries.split_at(entries.len() / 2);
                self.batch(id, kind, first, problems)?;
                self.batch(id, kind, second, problems)
            }
            Err(error @ Error::Refused { status: 400..500, .. }) => {
                problems.push(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn log_inputs(&self, run: &Run, id: &str, trained: Option<&str>) -> Result<(), Error> {
        let datasets: Vec<Value> = run
            .datasets
            .iter()
            .map(|data| {
                let features =
                    data.features.iter().map(|name| json!({"type": "double", "name": name, "required": true}));
                let label = json!({"type": "boolean", "name": data.label, "required": true});
                let columns: Vec<Value> = features.chain([label]).collect();
                let source = json!({"query": cut(&data.sql, 50_000), "engine": "squall"});
                json!({
                    "tags": [{"key": "mlflow.data.context", "value": data.split}],
                    "dataset": {
                        "name": cut(&data.name, 500),
                        "digest": cut(&data.digest, 36),
                        "source_type": "squall",
                        "source": source.to_string(),
                        "schema": json!({"mlflow_colspec": columns}).to_string(),
                        "profile": json!({"num_rows": data.rows}).to_string(),
                    },
                })
            })
            .collect();
        let mut body = json!({"run_id": id, "datasets": datasets});
        let model = match trained {
            Some(run) => {
                self.client.get("runs/get", &[("run_id", run)])?["run"]["outputs"]["model_outputs"][0]["model_id"]
                    .clone()
            }
            None => Value::Null,
        };
        if !model.is_null() {
            body["models"] = json!([{"model_id": model}]);
        }
        if run.datasets.is_empty() && model.is_null() {
            return Ok(());
        }
        match self.client.post("runs/log-inputs", &body) {
            // A server before 2.4 has no inputs.
            Err(error) if error.is_unknown_call() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Logs the model with its files. Returns its id, or `None` on servers before 3.0, where the files belong to the run.
    fn log_model(
        &self,
        run: &Run,
        info: &Value,
        model: Stored<'_>,
        problems: &mut Vec<Error>,
    ) -> Result<Option<String>, Error> {
        let (id, experiment) = (text(&info["run_id"]), text(&info["experiment_id"]));
        let params = keyed(&run.params).into_iter();
        let params: Vec<Value> =
            params.map(|(key, value)| json!({"key": key, "value": cut(value, names::PARAM)})).collect();
        let body = json!({
            "experiment_id": experiment,
            "name": run.model,
            "model_type": run.params.get("model_type"),
            "source_run_id": id,
            "params": params.iter().take(PARAMS_PER_BATCH).collect::<Vec<_>>(),
            "tags": [{"key": RUN_ID, "value": run.run_id}],
        });
        let make = || self.client.post("logged-models", &body).map(|made| made["model"].clone());
        let logged = match found_or_made(|| self.find_logged_model(&experiment, run), make) {
            Ok(logged) => logged,
            Err(error) if error.is_unknown_call() => {
                let files = package::files(run, &id, model, (FOLDER, None));
                let uri = format!("{}/{FOLDER}", text(&info["artifact_uri"]));
                self.tolerate(self.upload(&uri, &files), problems)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let (model_id, uri) = (text(&logged["info"]["model_id"]), text(&logged["info"]["artifact_uri"]));
        let files = package::files(run, &id, model, (&uri, Some(&model_id)));
        let stored = self.tolerate(self.upload(&uri, &files), problems)?;
        let status = if stored { "LOGGED_MODEL_READY" } else { "LOGGED_MODEL_UPLOAD_FAILED" };
        let call = format!("logged-models/{model_id}");
        self.client.patch(&call, &json!({"model_id": model_id, "status": status}))?;
        // A run with a model among its outputs is a training in MLflow's pages.
        self.client.post("runs/outputs", &json!({"run_id": id, "models": [{"model_id": model_id, "step": 0}]}))?;
        Ok(Some(model_id))
    }

    fn find_logged_model(&self, experiment: &str, run: &Run) -> Result<Option<Value>, Error> {
        let filter = format!("tags.`{RUN_ID}` = '{}'", run.run_id);
        let body = json!({"experiment_ids": [experiment], "filter": filter, "max_results": 1});
        Ok(self.client.post("logged-models/search", &body)?["models"].get(0).cloned())
    }

    /// Returns whether files were stored. A store that squall cannot write to is a problem, and the run is recorded all the same.
    fn tolerate(&self, uploaded: Result<(), Error>, problems: &mut Vec<Error>) -> Result<bool, Error> {
        match uploaded {
            Ok(()) => Ok(true),
            Err(error @ Error::ArtifactStore { .. }) => {
                problems.push(error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Stores files where the server says that artifacts are.
    fn upload(&self, artifact_uri: &str, files: &[package::File]) -> Result<(), Error> {
        let store = || Error::ArtifactStore { uri: crate::text::without_secrets(artifact_uri) };
        let (_, of_server) = artifact_uri.split_once("/mlflow-artifacts/artifacts/").unwrap_or_default();
        // The address of the server's own store; the host may be left out.
        let path = match artifact_uri.strip_prefix("mlflow-artifacts:") {
            Some(rest) => Some(match rest.strip_prefix("//") {
                Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
                None => rest.trim_start_matches('/'),
            }),
            None => (artifact_uri.starts_with("http") && !of_server.is_empty()).then_some(of_server),
        };
        if let Some(path) = path {
            return files.iter().try_for_each(|(name, content)| self.client.put(&format!("{path}/{name}"), content));
        }
        // A server on this machine may keep artifacts in a folder, to which MLflow's own client writes too.
        let folder = artifact_uri.strip_prefix("file://").unwrap_or(artifact_uri);
        if !self.client.is_local() || !folder.starts_with('/') {
            return Err(store());
        }
        let write =
            |(name, content): &package::File| durable::replace(&std::path::Path::new(folder).join(name), content);
        files.iter().try_for_each(write).map_err(|_| store())
    }

    /// Registers the model as a version of its name.
    fn register(&self, run: &Run, info: &Value, model: Option<&str>, problems: &mut Vec<Error>) -> Result<(), Error> {
        let id = text(&info["run_id"]);
        match self.client.post("registered-models/create", &json!({"name": run.model})) {
            Err(error) if error.has_code("RESOURCE_ALREADY_EXISTS") => {}
            // A server may have no registry.
            Err(error @ Error::Refused { .. }) => {
                problems.push(error);
                return Ok(());
            }
            other => drop(other?),
        }
        let source = match model {
            Some(model) => format!("models:/{model}"),
            None => format!("{}/{FOLDER}", text(&info["artifact_uri"])),
        };
        let tags = [
            ("squall.version", env!("CARGO_PKG_VERSION").to_string()),
            ("squall.model_version", run.version.to_string()),
        ];
        let tags = tags.map(|(key, value)| json!({"key": key, "value": value}));
        let body = json!({"name": run.model, "source": source, "run_id": id, "model_id": model, "tags": tags});
        let make = || self.client.post("model-versions/create", &body).map(|_| String::new());
        match found_or_made(|| self.find_version(run, &id), make) {
            Err(error @ Error::Refused { status: 400..500, .. }) => {
                problems.push(error);
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Returns the number of the version that a run registered.
    fn find_version(&self, run: &Run, run_id: &str) -> Result<Option<String>, Error> {
        let filter = format!("name='{}' and run_id='{run_id}'", run.model);
        let found = self.client.get("model-versions/search", &[("filter", &filter), ("max_results", "1")])?;
        Ok(found["model_versions"].get(0).map(|version| text(&version["version"])))
    }
}

/// Returns what an earlier attempt made, or makes it. If the server fails while it makes it, nobody knows whether it did: look again.
fn found_or_made<T>(
    find: impl Fn() -> Result<Option<T>, Error>,
    make: impl Fn() -> Result<T, Error>,
) -> Result<T, Error> {
    for tried in 1..TRIES {
        if let Some(found) = find()? {
            return Ok(found);
        }
        match make() {
            Err(Error::Refused { status: 500.., .. }) => sleep(Duration::from_millis(PAUSE_MS * tried)),
            made => return made,
        }
    }
    match find()? {
        Some(found) => Ok(found),
        None => make(),
    }
}

fn has_tag(run: &Value, key: &str) -> bool {
    run["data"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag["key"] == key))
}

/// Returns an id as text; the server may send it as text or as a number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
