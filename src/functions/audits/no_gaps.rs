//! `no_gaps`: times without a gap.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "no_gaps",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the gaps between consecutive times that are longer than the length of time",
    arguments: &[
        RELATION,
        COLUMN,
        Argument {
            name: "interval",
            sql_type: "VARCHAR",
            meaning: "the longest gap that is right, such as '60 seconds'",
            required: true,
        },
        Argument {
            name: "…",
            sql_type: "VARCHAR",
            meaning: "columns: gaps are looked for among the rows that share their values",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (the partition columns, gap_start, gap_end)",
        meaning: "one row for each gap: the time before it and the time after it",
        when_null: "no rows if no gap is too long",
    },
    example: Example {
        query: "SELECT * FROM no_gaps('SELECT * FROM (VALUES (''A'', DATE ''2026-01-01''), (''A'', DATE ''2026-01-02''), (''A'', DATE ''2026-01-05'')) AS t(product, day)', 'day', '1 day', 'product')",
        output: "A | 2026-01-02 | 2026-01-05",
    },
    source: "squall",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let (time, interval) = (call.column(0)?, call.interval(1)?);
    let parts = call.columns(2)?;
    let partition = if parts.is_empty() { String::new() } else { format!("PARTITION BY {} ", parts.join(", ")) };
    let parts: String = parts.iter().map(|part| format!("{part}, ")).collect();
    Ok(format!(
        "SELECT {parts}gap_start, gap_end FROM (\
         SELECT {parts}lag({time}) OVER ({partition}ORDER BY {time}) AS gap_start, {time} AS gap_end FROM {} WHERE {time} IS NOT NULL\
         ) AS steps WHERE gap_end > gap_start + {interval}",
        call.rows
    ))
}
