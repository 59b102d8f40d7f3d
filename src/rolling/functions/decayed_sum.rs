//! `decayed_sum`: the sum weighted by age; a row that is one half-life older has half the weight.

use datafusion::common::Result;

use super::by_age::{HALF_LIFE, by_age, planned};
use crate::rolling::own::OwnFunction;
use crate::rolling::plan::{Call, Planned};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "decayed_sum",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the sum weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[
        Argument {
            name: "value",
            sql_type: "DOUBLE",
            meaning: "the value to add; rows where it is NULL add nothing, but their times still age the rows before them",
            required: true,
        },
        HALF_LIFE,
    ],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "the sum as it stands at the last row of the frame that has a time; ages are differences of the window's one ORDER BY column, rows more than 192 half-lives old add nothing; NaN or infinite as long as such a value counts",
        when_null: "every row of the frame has a NULL value or a NULL time",
    },
    example: Example {
        query: "SELECT t, decayed_sum(size, 10) OVER (ORDER BY t) FROM (VALUES (0, 4.0), (10, 1.0), (30, NULL)) AS ticks (t, size)",
        output: "0 | 4.0\n10 | 3.0\n30 | 0.75",
    },
    source: "Polars 1.33, sum of value * 0.5 ** (age / half_life)",
};

pub static DECAYED_SUM: OwnFunction = by_age(&DOCUMENTATION, plan);

fn plan(call: &Call) -> Result<Option<Planned>> {
    planned(DOCUMENTATION.name, call, |weighted, scan, start, end| {
        // An empty frame has no last row.
        let last = end.checked_sub(1).filter(|last| *last >= start)?;
        weighted.decay.sum(scan, start, end, weighted.times.at(last))
    })
}
