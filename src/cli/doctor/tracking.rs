//! The MLflow server, and the runs that it should have and does not have.

use super::{Examined, Finding};
use crate::cli::workspace;
use crate::durable::blocking;
use crate::text::counted;
use crate::track;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    let server = workspace::server(examined.context);
    if server.uri.is_empty() {
        return vec![Finding::ok("no MLflow server is set; trainings are recorded in the table runs")];
    }
    let shown = server.shown();
    let mut findings = vec![match blocking(move || track::reach(&server)).await {
        Ok(()) => Finding::ok(format!("{shown} answers")),
        Err(error) => Finding::error(&shown, &error),
    }];
    let runs_dir = settings.runs_dir();
    let recorded = track::read(&runs_dir).unwrap_or_default();
    findings.extend(recorded.unreadable.iter().map(|(id, error)| Finding::error(id, error)));
    let kept = track::kept(&runs_dir).unwrap_or_default();
    let kept = recorded.runs.iter().filter(|run| run.mlflow_run_id.is_none() && kept.contains(&run.run_id)).count();
    if kept > 0 {
        findings.push(Finding::warning(
            format!("{} not sent to it", counted(kept as u64, "run")),
            "`squall runs push` sends them",
        ));
    }
    findings
}
