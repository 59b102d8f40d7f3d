//! What a command reads: a query of the project, a table, a file or a SELECT statement.

use std::path::Path;

use super::Failure;
use super::workspace::Workspace;
use crate::text::{identifier, literal};

/// Returns the SQL of what a user named.
///
/// # Errors
/// It is a query of the project that cannot be used, or there is no table and no file with that name.
pub fn sql(named: &str, workspace: &Workspace) -> Result<String, Failure> {
    if let Some(why) = workspace.why_disabled(named) {
        return Err(why);
    }
    if is_query(named) {
        return Ok(named.trim().trim_end_matches(';').to_string());
    }
    if workspace.session.context().table_exist(datafusion::common::TableReference::bare(named)).unwrap_or(false) {
        return Ok(format!("SELECT * FROM {}", identifier(named)));
    }
    if Path::new(named).exists() {
        return Ok(format!("SELECT * FROM {}", literal(named)));
    }
    if named.contains(['/', '.']) {
        return Err(Failure::new(format!("there is no file {named}"))
            .with_hint("a path is relative to the working directory; a query is named without `.sql`"));
    }
    Err(workspace.project.unknown(named).into())
}

/// Returns whether a user typed a query.
fn is_query(named: &str) -> bool {
    let first: String = named.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    named.trim().contains(char::is_whitespace) && ["select", "with", "values"].contains(&first.to_lowercase().as_str())
}

/// Returns how to call it in a sentence: a query is too long to be repeated.
pub fn shown<'a>(named: &'a str, otherwise: &'a str) -> &'a str {
    if is_query(named) { otherwise } else { named }
}
