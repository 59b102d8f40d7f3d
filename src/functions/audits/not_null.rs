//! `not_null`: columns that may not be NULL.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, MORE_COLUMNS, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "not_null",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the rows in which one of the columns is NULL",
    arguments: &[RELATION, COLUMN, MORE_COLUMNS],
    result: Outcome {
        sql_type: "TABLE (the relation's columns)",
        meaning: "one row for each row of the relation that breaks the rule",
        when_null: "no rows if no value is NULL",
    },
    example: Example {
        query: "SELECT * FROM not_null('SELECT * FROM (VALUES (1, 2.5), (2, NULL)) AS t(tick, price)', 'price')",
        output: "2 | NULL",
    },
    source: "dbt's not_null",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let nulls: Vec<String> = call.columns(0)?.iter().map(|column| format!("{column} IS NULL")).collect();
    Ok(format!("SELECT * FROM {} WHERE {}", call.rows, nulls.join(" OR ")))
}
