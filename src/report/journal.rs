//! The rows of the queries that a report ran, for readers that are programs.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::query::{Query, Row, Rows};
use super::{Arguments, Condition, Page};

/// What a report's queries returned, in the order in which they ran.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Vec<Entry>>);

/// A query with its rows.
#[derive(Debug, Clone, Serialize)]
struct Entry {
    /// The name of the query's file.
    name: String,
    /// The query as it ran.
    sql: String,
    columns: Vec<String>,
    /// Each row by column.
    rows: Vec<Map<String, Value>>,
}

impl Journal {
    /// Notes what a query returned. A query that runs twice is noted once.
    pub fn note(&self, query: &Query, rows: &Rows) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.iter().any(|entry| entry.sql == query.sql) {
            return;
        }
        let columns = rows.names().to_vec();
        let by_name = |row: Row<'_>| columns.iter().map(|name| (name.clone(), row.exact(name))).collect();
        entries.push(Entry {
            name: query.name.clone(),
            sql: query.sql.clone(),
            rows: rows.iter().map(by_name).collect(),
            columns,
        });
    }

    /// Returns the report as JSON. docs/reports.md says what it holds.
    pub fn document(&self, report: &str, arguments: &Arguments, generated_at: &str, page: &Page) -> Value {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let conditions: Vec<&str> = page.conditions.iter().copied().map(Condition::as_str).collect();
        json!({
            "report": report,
            "squall_version": env!("CARGO_PKG_VERSION"),
            "generated_at": generated_at,
            "arguments": arguments,
            "verdict": page.verdict,
            "conditions": conditions,
            "warnings": page.warnings,
            "queries": *entries,
        })
    }
}
