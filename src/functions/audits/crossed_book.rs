//! `crossed_book`: quotes whose bid is not above the ask.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, Call, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "crossed_book",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the rows whose best_bid is above their best_ask",
    arguments: &[RELATION],
    result: Outcome {
        sql_type: "TABLE (the relation's columns)",
        meaning: "one row for each row of the relation whose book is crossed",
        when_null: "no rows if no book is crossed",
    },
    example: Example {
        query: "SELECT * FROM crossed_book('SELECT * FROM (VALUES (99.0, 101.0), (102.0, 101.0)) AS t(best_bid, best_ask)')",
        output: "102.0 | 101.0",
    },
    source: "squall",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    call.has("best_bid")?;
    call.has("best_ask")?;
    Ok(format!("SELECT * FROM {} WHERE best_bid > best_ask", call.rows))
}
