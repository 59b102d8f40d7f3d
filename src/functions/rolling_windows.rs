//! `realized_volatility`, `bipower_variation`, `ewma`, `tick_imbalance`, `max_gap`, `time_weighted_avg`: market figures over
//! a window. This file documents them; `rolling` computes them.

use super::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use super::{Function, Implementation};
use crate::rolling::{OwnFunction, own_functions};

const PRICE: Argument = Argument {
    name: "price",
    sql_type: "DOUBLE",
    meaning: "a price, in the order of the window; rows where it is NULL are skipped",
    required: true,
};

const VALUE: Argument = Argument {
    name: "value",
    sql_type: "DOUBLE",
    meaning: "the value to average; rows where it is NULL are skipped",
    required: true,
};

const TS: Argument = Argument {
    name: "ts",
    sql_type: "TIMESTAMP or integer",
    meaning: "a time; rows where it is NULL are skipped",
    required: true,
};

const REALIZED_VOLATILITY: Documentation = Documentation {
    name: "realized_volatility",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the square root of the sum of squared log returns between consecutive prices within the frame",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "at least 0, a log return over the frame's length; a return needs both of its prices in the frame",
        when_null: "the frame has fewer than two prices, or one that is not positive and finite",
    },
    example: Example {
        query: "SELECT t, realized_volatility(price) OVER (ORDER BY t ROWS 2 PRECEDING) FROM (VALUES (1, 100.0), (2, 200.0), (3, 200.0), (4, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | 0.6931471805599453\n3 | 0.6931471805599453\n4 | 0.6931471805599453",
    },
    source: "Andersen & Bollerslev 1998, doi:10.2307/2527343",
};

const BIPOWER_VARIATION: Documentation = Documentation {
    name: "bipower_variation",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns pi/2 times the sum of products of neighbouring absolute log returns within the frame: a variance without single jumps",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "at least 0, a variance: realized_volatility squared minus bipower_variation estimates the contribution of jumps",
        when_null: "the frame has fewer than three prices, or one that is not positive and finite",
    },
    example: Example {
        query: "SELECT t, bipower_variation(price) OVER (ORDER BY t ROWS 2 PRECEDING) FROM (VALUES (1, 100.0), (2, 200.0), (3, 100.0), (4, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | NULL\n3 | 0.7546938294602481\n4 | 0.0",
    },
    source: "Barndorff-Nielsen & Shephard 2004, doi:10.1093/jjfinec/nbh001",
};

const EWMA: Documentation = Documentation {
    name: "ewma",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[
        VALUE,
        Argument {
            name: "half_life",
            sql_type: "INTERVAL or BIGINT",
            meaning: "constant and positive: an INTERVAL without months where the window's ORDER BY column is a TIMESTAMP, a number of its units where it is an integer",
            required: true,
        },
    ],
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

const TICK_IMBALANCE: Documentation = Documentation {
    name: "tick_imbalance",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean sign of price changes within the frame by the tick rule: a rise is 1, a fall -1, a price that stays repeats the sign before it",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [-1, 1]; prices before the frame's first change do not count",
        when_null: "no price changes within the frame, or a price is NaN",
    },
    example: Example {
        query: "SELECT t, tick_imbalance(price) OVER (ORDER BY t) FROM (VALUES (1, 100.0), (2, 100.0), (3, 101.0), (4, 101.0), (5, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | NULL\n3 | 1.0\n4 | 1.0\n5 | 0.3333333333333333",
    },
    source: "López de Prado 2018, Advances in Financial Machine Learning, 2.3.2",
};

const MAX_GAP: Documentation = Documentation {
    name: "max_gap",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the greatest distance between consecutive times within the frame",
    arguments: &[TS],
    result: Outcome {
        sql_type: "the type of ts - lag(ts): a duration, and gap::BIGINT is its length in the timestamp's units; BIGINT if ts is an integer",
        meaning: "at least 0, whichever way the window is ordered; at most 2^63 - 1 units",
        when_null: "the frame has fewer than two times",
    },
    example: Example {
        query: "SELECT gap, gap > INTERVAL '10 seconds', gap::BIGINT / 1e9 FROM (SELECT ts, max_gap(ts) OVER (ORDER BY ts) AS gap FROM (VALUES (TIMESTAMP '2026-01-01 00:00:00'), (TIMESTAMP '2026-01-01 00:00:12.5'), (TIMESTAMP '2026-01-01 00:00:13')) AS ticks (ts)) ORDER BY ts",
        output: "NULL | NULL | NULL\nPT12.5S | true | 12.5\nPT12.5S | true | 12.5",
    },
    source: "squall",
};

const TIME_WEIGHTED_AVG: Documentation = Documentation {
    name: "time_weighted_avg",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean over time within the frame, each value holding until the time of the next",
    arguments: &[VALUE, TS],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "between the least and the greatest value; the frame's last value holds for no time; NaN or infinite if such a value holds for some time",
        when_null: "no time passes within the frame",
    },
    example: Example {
        query: "SELECT t, time_weighted_avg(price, t) OVER (ORDER BY t) FROM (VALUES (0, 100.0), (10, 103.0), (40, 109.0)) AS ticks (t, price)",
        output: "0 | NULL\n10 | 100.0\n40 | 102.25",
    },
    source: "TimescaleDB Toolkit, average(time_weight('LOCF', …))",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &REALIZED_VOLATILITY,
        implementation: |_| window(&own_functions::REALIZED_VOLATILITY, &REALIZED_VOLATILITY),
    },
    Function {
        documentation: &BIPOWER_VARIATION,
        implementation: |_| window(&own_functions::BIPOWER_VARIATION, &BIPOWER_VARIATION),
    },
    Function { documentation: &EWMA, implementation: |_| window(&own_functions::EWMA, &EWMA) },
    Function {
        documentation: &TICK_IMBALANCE,
        implementation: |_| window(&own_functions::TICK_IMBALANCE, &TICK_IMBALANCE),
    },
    Function { documentation: &MAX_GAP, implementation: |_| window(&own_functions::MAX_GAP, &MAX_GAP) },
    Function {
        documentation: &TIME_WEIGHTED_AVG,
        implementation: |_| window(&own_functions::TIME_WEIGHTED_AVG, &TIME_WEIGHTED_AVG),
    },
];

fn window(function: &'static OwnFunction, documentation: &Documentation) -> Implementation {
    Implementation::Window(function.with_documentation(documentation.for_engine()))
}
