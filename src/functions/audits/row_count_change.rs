//! `row_count_change`: as many rows in each period as in the one before.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "row_count_change",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the periods whose number of rows differs too much from that of the period before",
    arguments: &[
        RELATION,
        COLUMN,
        Argument {
            name: "share",
            sql_type: "DOUBLE",
            meaning: "the greatest change that is right, as a share of the rows before, such as 0.5",
            required: true,
        },
        Argument {
            name: "interval",
            sql_type: "VARCHAR",
            meaning: "the length of a period, such as '1 hour'; a day unless given",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (period, rows, rows_before, change)",
        meaning: "one row for each period with too great a change: its start, its rows, those of the period before, and the \
                  change as a share. The first period and the last one are left out, because they may be incomplete",
        when_null: "change is NULL if the period before has no rows; rows whose time is NULL count in no period",
    },
    example: Example {
        query: "SELECT rows, rows_before, change FROM row_count_change('SELECT to_timestamp_seconds(n * 21600) AS ts FROM (VALUES (0), (4), (5), (8), (12)) AS t(n)', 'ts', 0.4)",
        output: "1 | 2 | -0.5",
    },
    source: "squall",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let (time, share) = (call.column(0)?, call.constant(1)?);
    let interval = match call.arguments.get(2) {
        Some(_) => call.interval(2)?,
        None => "INTERVAL '1 day'".into(),
    };
    // A period without rows is not in `counted`. The one after it then has none before it.
    Ok(format!(
        "SELECT period, rows, rows_before, (rows - rows_before) / CAST(nullif(rows_before, 0) AS DOUBLE) AS change FROM (\
         SELECT period, rows, last_period, before > first_period AS whole, \
         CASE WHEN before + {interval} < period THEN 0 ELSE rows_then END AS rows_before FROM (\
         SELECT period, rows, min(period) OVER () AS first_period, max(period) OVER () AS last_period, \
         lag(period) OVER (ORDER BY period) AS before, lag(rows) OVER (ORDER BY period) AS rows_then FROM (\
         SELECT date_bin({interval}, CAST({time} AS TIMESTAMP)) AS period, count(*) AS rows FROM {} \
         WHERE {time} IS NOT NULL GROUP BY 1) AS counted) AS paired) AS compared \
         WHERE period < last_period AND (whole OR rows_before = 0) AND abs(rows - rows_before) > {share} * rows_before",
        call.rows
    ))
}
