//! The part of MLflow's REST interface that recording a finished run needs.
//!
//! The calls, in order: find the experiment by name (or create it), create the run, send params and metrics in batches, send
//! the artifact, end the run. The server's limits are 1,000 metrics and 100 params per batch, 250 characters per key and
//! 6,000 per value.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{TlsConfig, TlsProvider};

use super::{Error, Run};

const PARAMS_PER_BATCH: usize = 100;
const METRICS_PER_BATCH: usize = 1000;
const PARAM_CHARACTERS: usize = 6000;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A server, and the experiment to which runs belong.
#[derive(Debug, Clone)]
pub struct Mlflow {
    uri: String,
    experiment: String,
    agent: Agent,
}

impl Mlflow {
    /// Makes a client; this calls nothing yet.
    pub fn new(uri: &str, experiment: &str) -> Mlflow {
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).build();
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(Duration::from_secs(5)))
            .http_status_as_error(false)
            .tls_config(tls);
        let agent = config.build().into();
        Mlflow { uri: uri.trim_end_matches('/').into(), experiment: experiment.into(), agent }
    }

    /// Records a finished run with its artifact `model.json`, and returns its id on the server.
    pub fn record(&self, run: &Run, artifact: &[u8]) -> Result<String, Error> {
        let experiment = self.experiment_id()?;
        let body = json!({
            "experiment_id": experiment,
            "run_name": run.run_id,
            "start_time": run.started_at_ms,
            "tags": [
                {"key": "mlflow.source.name", "value": "squall"},
                {"key": "squall.model", "value": run.model},
                {"key": "squall.version", "value": run.version.to_string()},
                {"key": "squall.sql_fingerprint", "value": run.sql_fingerprint},
            ],
        });
        let created = self.post("runs/create", &body)?;
        let info = &created["run"]["info"];
        let id = text(&info["run_id"]);
        // From here on the run must be ended even if something fails.
        let logged = self.log(run, &id).and_then(|()| self.upload(&text(&info["artifact_uri"]), artifact));
        let status = if logged.is_ok() { "FINISHED" } else { "FAILED" };
        let end = json!({"run_id": id, "status": status, "end_time": run.ended_at_ms});
        self.post("runs/update", &end)?;
        logged.map(|()| id)
    }

    /// Asks for the experiment; a server without it answers too.
    pub fn reach(&self) -> Result<(), Error> {
        self.find_experiment().map(drop)
    }

    fn experiment_id(&self) -> Result<String, Error> {
        if let Some(id) = self.find_experiment()? {
            return Ok(id);
        }
        Ok(text(&self.post("experiments/create", &json!({"name": self.experiment}))?["experiment_id"]))
    }

    fn find_experiment(&self) -> Result<Option<String>, Error> {
        let call = "experiments/get-by-name";
        let request = self.agent.get(self.path(call)).query("experiment_name", &self.experiment);
        let (status, answer) = self.answer(request.call())?;
        // Another server's 404 says nothing of experiments.
        if status == 404 && answer["error_code"] == "RESOURCE_DOES_NOT_EXIST" {
            return Ok(None);
        }
        Ok(Some(text(&accepted(call, status, answer)?["experiment"]["experiment_id"])))
    }

    fn log(&self, run: &Run, id: &str) -> Result<(), Error> {
        let params: Vec<Value> = run
            .params
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value.chars().take(PARAM_CHARACTERS).collect::<String>()}))
            .collect();
        for params in params.chunks(PARAMS_PER_BATCH) {
            self.post("runs/log-batch", &json!({"run_id": id, "params": params}))?;
        }
        let metrics: Vec<Value> = run
            .metrics
            .iter()
            .flat_map(|(split, metrics)| metrics.iter().map(move |(name, value)| (format!("{split}/{name}"), value)))
            .map(|(key, value)| json!({"key": key, "value": value, "timestamp": run.ended_at_ms, "step": 0}))
            .collect();
        for metrics in metrics.chunks(METRICS_PER_BATCH) {
            self.post("runs/log-batch", &json!({"run_id": id, "metrics": metrics}))?;
        }
        Ok(())
    }

    fn upload(&self, artifact_uri: &str, artifact: &[u8]) -> Result<(), Error> {
        // The address of the server's own store; the host may be left out.
        let path = artifact_uri.strip_prefix("mlflow-artifacts:").map(|rest| match rest.strip_prefix("//") {
            Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
            None => rest.trim_start_matches('/'),
        });
        let Some(path) = path else { return Err(Error::ArtifactStore { uri: artifact_uri.into() }) };
        let call = format!("mlflow-artifacts/artifacts/{path}/model.json");
        let request = self.agent.put(format!("{}/api/2.0/{call}", self.uri)).content_type("application/json");
        let (status, answer) = self.answer(request.send(artifact))?;
        accepted(&call, status, answer).map(|_| ())
    }

    fn post(&self, call: &str, body: &Value) -> Result<Value, Error> {
        let (status, answer) = self.answer(self.agent.post(self.path(call)).send_json(body))?;
        accepted(call, status, answer)
    }

    fn path(&self, call: &str) -> String {
        format!("{}/api/2.0/mlflow/{call}", self.uri)
    }

    /// Returns the status and the body: JSON if it can be parsed, else text.
    fn answer(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<(u16, Value), Error> {
        let unreachable = |source| Error::Unreachable { uri: self.uri.clone(), source: Box::new(source) };
        let mut answer = answer.map_err(unreachable)?;
        let body = answer.body_mut().read_to_string().map_err(unreachable)?;
        let value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Ok((answer.status().as_u16(), value))
    }
}

fn accepted(call: &str, status: u16, answer: Value) -> Result<Value, Error> {
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let message = answer["message"].as_str().or(answer.as_str()).unwrap_or_default();
    let message = message.lines().next().unwrap_or_default().chars().take(200).collect();
    Err(Error::Refused { call: call.into(), status, message })
}

/// Returns an id as text; the server may send it as text or as a number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
