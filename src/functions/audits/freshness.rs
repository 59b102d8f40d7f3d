//! `freshness`: a time that must be recent.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "freshness",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns a row if the newest time of the relation is older than the length of time",
    arguments: &[
        RELATION,
        COLUMN,
        Argument {
            name: "interval",
            sql_type: "VARCHAR",
            meaning: "the greatest age that is right, such as '5 minutes'",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (newest, checked_at)",
        meaning: "one row if the newest time is too old, or if there is none",
        when_null: "newest is NULL if the relation has no time; no rows if the newest time is recent enough",
    },
    example: Example {
        query: "SELECT newest FROM freshness('SELECT TIMESTAMP ''2026-01-01T00:00:00Z'' AS ts', 'ts', '5 minutes')",
        output: "2026-01-01T00:00:00",
    },
    source: "dbt's source freshness",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let (column, interval) = (call.column(0)?, call.interval(1)?);
    Ok(format!(
        "SELECT newest, now() AS checked_at FROM (SELECT max({column}) AS newest FROM {}) AS newest_row \
         WHERE newest IS NULL OR newest < now() - {interval}",
        call.rows
    ))
}
