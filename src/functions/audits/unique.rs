//! `unique`: columns that identify a row.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, MORE_COLUMNS, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "unique",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the values of the columns that come in more than one row",
    arguments: &[RELATION, COLUMN, MORE_COLUMNS],
    result: Outcome {
        sql_type: "TABLE (the columns, rows)",
        meaning: "one row for each combination of values that comes more than once, with the number of its rows; NULL counts as a value",
        when_null: "no rows if each combination comes once",
    },
    example: Example {
        query: "SELECT * FROM unique('SELECT * FROM (VALUES (1), (2), (2)) AS t(tick)', 'tick')",
        output: "2 | 2",
    },
    source: "dbt's unique, for several columns together",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let columns = call.columns(0)?.join(", ");
    Ok(format!("SELECT {columns}, count(*) AS rows FROM {} GROUP BY {columns} HAVING count(*) > 1", call.rows))
}
