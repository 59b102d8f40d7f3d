//! Trained models: whether each version can be read.

use super::{Examined, Finding};
use crate::model::Registry;
use crate::text::counted;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let models = Registry::new(examined.context.settings().models_dir());
    let names = match models.names() {
        Ok(names) => names,
        Err(error) => return vec![Finding::error("models", &error)],
    };
    let mut findings = Vec::new();
    let mut versions = 0;
    for name in &names {
        for version in models.versions(name).unwrap_or_default() {
            versions += 1;
            if let Err(error) = models.load_version(name, version) {
                findings.push(Finding::error(&format!("model {name}, version {version}"), &error));
            }
        }
    }
    if versions > 0 && findings.is_empty() {
        findings.push(Finding::ok(format!(
            "{}, {}",
            counted(names.len() as u64, "model"),
            counted(versions, "version")
        )));
    }
    findings
}
