//! The arguments that say which days of tables a run is about.

use super::Failure;
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

/// Reads a day as tables name it.
fn day(text: &str) -> Result<String, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").or(chrono::NaiveDate::parse_from_str(text, "%Y%m%d"));
    day.map(|day| day.format("%Y%m%d").to_string()).map_err(|_| "it is written like 2026-01-31".into())
}
