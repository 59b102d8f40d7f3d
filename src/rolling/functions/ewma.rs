//! `ewma`: the mean weighted by age; a row that is one half-life older has half the weight.

use datafusion::common::Result;

use super::by_age::{HALF_LIFE, by_age, planned};
use crate::rolling::own::{OwnFunction, VALUE};
use crate::rolling::plan::{Call, Planned};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "ewma",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[VALUE, HALF_LIFE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "between the least and the greatest value; ages are differences of the window's one ORDER BY column, rows more than 192 half-lives old do not count; NaN or infinite as long as such a value counts",
        when_null: "every row of the frame has a NULL value or a NULL time",
    },
    example: Example {
        query: "SELECT t, ewma(price, 10) OVER (ORDER BY t) FROM (VALUES (0, 100.0), (10, 103.0), (30, 109.0)) AS ticks (t, price)",
        output: "0 | 100.0\n10 | 102.0\n30 | 107.0909090909091",
    },
    source: "pandas 3.1, ewm(halflife=…, times=…, adjust=True).mean()",
};

pub static EWMA: OwnFunction = by_age(&DOCUMENTATION, plan);

fn plan(call: &Call) -> Result<Option<Planned>> {
    planned(DOCUMENTATION.name, call, |weighted, scan, start, end| weighted.decay.mean(scan, start, end))
}
