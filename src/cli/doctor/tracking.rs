//! The MLflow server.

use super::{Examined, Finding};
use crate::durable::blocking;
use crate::track;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = &examined.context.settings().track;
    let uri = settings.mlflow_tracking_uri.clone();
    if uri.is_empty() {
        return vec![Finding::ok("no MLflow server is set; trainings are recorded in the table runs")];
    }
    let asked = uri.clone();
    let experiment = settings.experiment.clone();
    vec![match blocking(move || track::reach(&asked, &experiment)).await {
        Ok(()) => Finding::ok(format!("{uri} answers")),
        Err(error) => Finding::error(&uri, &error),
    }]
}
