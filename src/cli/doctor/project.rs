//! The settings file and the SQL project.

use super::{Examined, Finding};
use crate::cli::workspace;
use crate::pipeline::Project;
use crate::text::counted;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    let dir = &settings.paths.sql;
    let parameters = match workspace::parameters(examined.context) {
        Ok(parameters) => parameters,
        Err(failure) => return vec![Finding::wrong(failure.to_string(), "squall config prints the settings")],
    };
    vec![match Project::load(dir, &parameters) {
        Err(error) => Finding::error("the SQL project", &error),
        Ok(project) if !project.disabled().is_empty() => {
            let names: Vec<&str> = project.disabled().iter().map(|disabled| disabled.name.as_str()).collect();
            let says = format!(
                "{} in {} cannot be used: {}",
                counted(names.len() as u64, "file"),
                dir.display(),
                names.join(", ")
            );
            Finding::wrong(says, "squall check says what is wrong with each file")
        }
        Ok(project) if project.is_empty() => Finding::warning(
            format!("there is no SQL project in {}", dir.display()),
            "run squall where the project is, or set paths.sql",
        ),
        Ok(project) => Finding::ok(format!("{} queries in {}", project.queries().len(), dir.display())),
    }]
}
