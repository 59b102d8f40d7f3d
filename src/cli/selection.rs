//! The arguments by which commands are told which queries they are about.

/// Queries of the project. docs/pipeline.md describes selectors.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Selection {
    /// Queries: NAME, +NAME (and what it reads), NAME+ (and what reads it), 2+NAME (two steps), spike_*, tag:T, path:P,
    /// kind:K, state:stale; a comma between two means both at once
    #[arg(value_name = "QUERY")]
    pub queries: Vec<String>,

    /// Leaves out the queries that this selects
    #[arg(long, value_name = "QUERY", num_args = 1..)]
    pub exclude: Vec<String>,
}

impl Selection {
    /// Returns whether nothing is said, which means all queries.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty() && self.exclude.is_empty()
    }

    /// Returns the selector.
    pub fn selector(&self) -> String {
        joined(&self.queries, &self.exclude)
    }
}

/// Returns the selector of what is included and what is left out.
pub fn joined(include: &[String], exclude: &[String]) -> String {
    let mut words: Vec<&str> = include.iter().map(String::as_str).collect();
    if !exclude.is_empty() {
        words.push(crate::pipeline::EXCLUDE);
        words.extend(exclude.iter().map(String::as_str));
    }
    words.join(" ")
}
