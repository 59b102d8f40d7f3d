//! The settings file and the SQL project.

use super::{Examined, Finding};
use crate::cli::workspace;
use crate::pipeline::Project;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    let dir = &settings.paths.sql;
    let parameters = match workspace::parameters(examined.context) {
        Ok(parameters) => parameters,
        Err(failure) => return vec![Finding::wrong(failure.to_string(), "squall config prints the settings")],
    };
    vec![match Project::load(dir, &parameters) {
        Err(error) => Finding::error("the SQL project", &error),
        Ok(project) if project.queries().is_empty() => Finding::warning(
            format!("there is no SQL project in {}", dir.display()),
            "run squall where the project is, or set paths.sql",
        ),
        Ok(project) => Finding::ok(format!("{} queries in {}", project.queries().len(), dir.display())),
    }]
}
