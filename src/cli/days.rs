//! The arguments that say which days of tables a run is about.

use super::Failure;
use super::workspace::Workspace;
use crate::pipeline::RunOptions;

/// Days of tables that are divided by days.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Days {
    /// Counts tables as stale that are fresh
    #[arg(long)]
    pub full: bool,

    /// The first UTC day, of tables that are divided by days
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub from: Option<String>,

    /// The last UTC day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub to: Option<String>,
}

impl Days {
    /// Returns what a run makes.
    ///
    /// # Errors
    /// The first day is after the last.
    pub fn options(self) -> Result<RunOptions, Failure> {
        if let (Some(from), Some(to)) = (&self.from, &self.to)
            && from > to
        {
            return Err(Failure::new("no day is left: --from is after --to")
                .with_hint("--from is the first day, --to the last one"));
        }
        Ok(RunOptions { full: self.full, from: self.from, to: self.to })
    }
}

/// If no message has landed on the days that a run is about, returns which days these are; `None` if no days were named.
///
/// # Errors
/// Landed ticks cannot be read.
pub async fn without_data(options: &RunOptions, workspace: &Workspace) -> Result<Option<String>, Failure> {
    let days = match (&options.from, &options.to) {
        (None, None) => return Ok(None),
        (Some(from), Some(to)) if from == to => dashed(from),
        (Some(from), Some(to)) => format!("{} to {}", dashed(from), dashed(to)),
        (Some(from), None) => format!("{} and later", dashed(from)),
        (None, Some(to)) => format!("{} and earlier", dashed(to)),
    };
    let has_data = workspace.project.has_data_on(workspace.session.context(), options).await?;
    Ok((!has_data).then_some(days))
}

/// Writes the name of a day as people do.
fn dashed(day: &str) -> String {
    match (day.get(..4), day.get(4..6), day.get(6..)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => day.into(),
    }
}

/// Reads a day as tables name it.
fn day(text: &str) -> Result<String, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").or(chrono::NaiveDate::parse_from_str(text, "%Y%m%d"));
    day.map(|day| day.format("%Y%m%d").to_string()).map_err(|_| "it is written like 2026-01-31".into())
}
