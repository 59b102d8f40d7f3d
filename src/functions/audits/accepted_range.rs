//! `accepted_range`: a column whose values lie in a range.

use std::sync::Arc;

use datafusion::common::Result;

use super::{Audit, COLUMN, Call, RELATION};
use crate::functions::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "accepted_range",
    kind: Kind::Table,
    section: Section::Audits,
    summary: "Returns the rows in which the column lies outside of a range",
    arguments: &[
        RELATION,
        COLUMN,
        Argument {
            name: "min",
            sql_type: "any",
            meaning: "the least value that is right; NULL for none",
            required: true,
        },
        Argument {
            name: "max",
            sql_type: "any",
            meaning: "the greatest value that is right; NULL for none",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (the relation's columns)",
        meaning: "one row for each row of the relation that breaks the rule; NULL lies in every range, NaN above it",
        when_null: "no rows if every value lies in the range",
    },
    example: Example {
        query: "SELECT * FROM accepted_range('SELECT * FROM (VALUES (-0.5), (0.5), (1.5)) AS t(share)', 'share', 0, 1) ORDER BY share",
        output: "-0.5\n1.5",
    },
    source: "dbt-utils' accepted_range",
};

/// The function.
pub const FUNCTION: Function = Function {
    documentation: &DOCUMENTATION,
    implementation: |_| Implementation::Table(Arc::new(Audit { documentation: &DOCUMENTATION, sql })),
};

fn sql(call: &Call<'_>) -> Result<String> {
    let (column, min, max) = (call.column(0)?, call.constant(1)?, call.constant(2)?);
    Ok(format!("SELECT * FROM {} WHERE {column} < {min} OR {column} > {max}", call.rows))
}
