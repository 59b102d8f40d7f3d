//! `spike_episodes`, `episode_metrics`, `episode_metrics_at_budget`: figures by episode instead of by row.

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, plan_err};

use super::Function;
use super::collected::{Rows, number, structure, timed, whole};
use super::label_score::{LABEL, SCORE, TIME};
use crate::model::episodes::{self, Alerts, Timeline};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The documentation of the horizon.
pub const HORIZON_S: Argument = Argument {
    name: "horizon_s",
    sql_type: "BIGINT",
    meaning: "how far ahead the label looks, in seconds, constant; NULL if that is not known; default 60",
    required: false,
};

/// Why figures an hour are missing: pauses longer than a horizon do not count as time.
pub const NO_TIME: &str = "the rows cover no time: they are further apart than the horizon";

const COLUMNS: &str = "STRUCT (threshold, episodes, caught, caught_share, in_time, median_lead_s, alerts, false_alerts, hours, alerts_per_hour, false_alerts_per_hour, reason)";

const SPIKE_EPISODES: Documentation = Documentation {
    name: "spike_episodes",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Counts episodes: positive rows less than one horizon apart are one event, however many rows it covers",
    arguments: &[LABEL, TIME, HORIZON_S],
    result: Outcome {
        sql_type: "BIGINT",
        meaning: "positive rows of several products at the same time are one event too. GROUP BY product_id gives a count for each product",
        when_null: "the group is empty, a label is NaN, or horizon_s is NULL. Rows with a NULL are left out",
    },
    example: Example {
        query: "SELECT spike_episodes(value % 900 < 60, to_timestamp(value)) FROM generate_series(1, 3600)",
        output: "5",
    },
    source: "squall",
};

const EPISODE_METRICS: Documentation = Documentation {
    name: "episode_metrics",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Compares the alerts that a score raises at a threshold with the episodes of one product",
    arguments: &[
        LABEL,
        SCORE,
        TIME,
        Argument {
            name: "threshold",
            sql_type: "DOUBLE",
            meaning: "an alert is raised at a row whose score is at least this; constant",
            required: true,
        },
        HORIZON_S,
    ],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "an alert is raised only while no other stands, and stands for one horizon; it is false if no row is positive while it stands. An episode is caught if an alert stands at one of its rows. Its lead time runs from its first alert to one horizon after its first row, when the volatility arrives that makes that row positive: in_time counts lead times above 0 s, median_lead_s is their median over all caught episodes. hours is the time that the rows cover, without pauses longer than a horizon. Counts are BIGINT, the others DOUBLE; reason is a VARCHAR",
        when_null: "never as a whole. caught_share is NULL without an episode, median_lead_s without a caught one, and figures an hour if the rows cover no time. All figures are NULL if the group is empty, the threshold or horizon_s is NULL, or a label or score is NaN; reason says which. Rows with a NULL are left out",
    },
    example: Example {
        query: "SELECT m['episodes'], m['caught'], m['median_lead_s'], m['alerts'], m['false_alerts'] FROM (SELECT episode_metrics(value % 900 < 60, cos((value % 900) / 100.0), to_timestamp(value), 0.9) AS m FROM generate_series(1, 3600))",
        output: "5 | 5 | 60.0 | 13 | 8",
    },
    source: "squall",
};

const EPISODE_METRICS_AT_BUDGET: Documentation = Documentation {
    name: "episode_metrics_at_budget",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Compares alerts with the episodes of one product at the lowest threshold that keeps to a budget of alerts an hour",
    arguments: &[
        LABEL,
        SCORE,
        TIME,
        Argument {
            name: "alerts_per_hour",
            sql_type: "DOUBLE",
            meaning: "the most alerts an hour, constant; above 0",
            required: true,
        },
        HORIZON_S,
    ],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "as `episode_metrics`; threshold is one of the scores, chosen on these very rows: it says what a budget would have bought, not which threshold to use next",
        when_null: "as `episode_metrics`; everything but episodes and hours also if no threshold keeps to the budget",
    },
    example: Example {
        query: "SELECT round(m['threshold'], 3), m['caught'], m['alerts'], m['alerts_per_hour'] <= 12 FROM (SELECT episode_metrics_at_budget(value % 900 < 60, cos((value % 900) / 100.0), to_timestamp(value), 12) AS m FROM generate_series(1, 3600))",
        output: "0.955 | 5 | 9 | true",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &SPIKE_EPISODES,
        implementation: |_| timed(&SPIKE_EPISODES, 0, || DataType::Int64, count),
    },
    Function {
        documentation: &EPISODE_METRICS,
        implementation: |_| timed(&EPISODE_METRICS, 1, || DataType::Struct(fields()), at_threshold),
    },
    Function {
        documentation: &EPISODE_METRICS_AT_BUDGET,
        implementation: |_| timed(&EPISODE_METRICS_AT_BUDGET, 1, || DataType::Struct(fields()), at_budget),
    },
];

/// Why figures by episode are missing.
const NO_HORIZON: &str = "the horizon is not known";

/// Reads the horizon, in nanoseconds; `None` if it is NULL, that is, not known.
pub fn horizon_ns(constant: Option<&ScalarValue>) -> Result<Option<i64>> {
    if constant.is_some_and(ScalarValue::is_null) {
        return Ok(None);
    }
    let seconds = whole(constant, HORIZON_S.name, 1, episodes::HORIZON_S as usize)?;
    match (seconds as i64).checked_mul(1_000_000_000) {
        Some(nanoseconds) => Ok(Some(nanoseconds)),
        None => plan_err!("{} of {seconds} seconds is too long", HORIZON_S.name),
    }
}

fn count(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    Ok(ScalarValue::Int64(horizon_ns(constants.first())?.and_then(|horizon| episodes_of(rows, horizon))))
}

/// Counts episodes. Without rows, or with a label that is NaN, the number is not known.
fn episodes_of(rows: &Rows, horizon_ns: i64) -> Option<i64> {
    let positives = rows.times.iter().zip(&rows.labels).filter(|(_, label)| **label).map(|(time, _)| *time);
    let known = !rows.times.is_empty() && !rows.nan_label;
    known.then(|| episodes::count(positives.collect(), horizon_ns) as i64)
}

fn at_threshold(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let (threshold, horizon) = (number(constants.first())?, horizon_ns(constants.get(1))?);
    let Some(horizon) = horizon else { return without(rows, None, None, NO_HORIZON) };
    let Some(timeline) = timeline(rows, horizon) else { return without(rows, Some(horizon), None, unknown(rows)) };
    match threshold {
        Some(threshold) => figures(&timeline.at(threshold)),
        None => without(rows, Some(horizon), Some(timeline.hours()), "no threshold"),
    }
}

fn at_budget(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let horizon = horizon_ns(constants.get(1))?;
    let Some(budget) = number(constants.first())?.filter(|budget| *budget > 0.0) else {
        return plan_err!("alerts_per_hour of {} must be a number above 0", EPISODE_METRICS_AT_BUDGET.name);
    };
    let Some(horizon) = horizon else { return without(rows, None, None, NO_HORIZON) };
    let Some(timeline) = timeline(rows, horizon) else { return without(rows, Some(horizon), None, unknown(rows)) };
    match timeline.threshold_for(budget) {
        Some(threshold) => figures(&timeline.at(threshold)),
        None => {
            let hours = timeline.hours();
            let reason = if hours > 0.0 { "no threshold keeps to the budget" } else { NO_TIME };
            without(rows, Some(horizon), Some(hours), reason)
        }
    }
}

fn timeline(rows: &Rows, horizon_ns: i64) -> Option<Timeline> {
    Timeline::new(&rows.labels, &rows.scores[0], &rows.times, horizon_ns).filter(|_| !rows.times.is_empty())
}

fn unknown(rows: &Rows) -> &'static str {
    if rows.times.is_empty() { "no rows" } else { "a label or a score is NaN" }
}

/// Returns the columns of the figures.
pub fn fields() -> Fields {
    let (number, count) = (DataType::Float64, DataType::Int64);
    let columns = [
        ("threshold", number.clone()),
        ("episodes", count.clone()),
        ("caught", count.clone()),
        ("caught_share", number.clone()),
        ("in_time", count.clone()),
        ("median_lead_s", number.clone()),
        ("alerts", count.clone()),
        ("false_alerts", count),
        ("hours", number.clone()),
        ("alerts_per_hour", number.clone()),
        ("false_alerts_per_hour", number),
        ("reason", DataType::Utf8),
    ];
    columns.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect()
}

fn figures(found: &Alerts) -> Result<ScalarValue> {
    let count = |count: u64| ScalarValue::Int64(Some(count as i64));
    let number = ScalarValue::Float64;
    let without_episodes = match (found.episodes, found.caught) {
        (0, _) => Some("no row is positive"),
        (_, 0) => Some("no episode is caught"),
        _ => None,
    };
    let without_time = (found.hours == 0.0).then_some(NO_TIME);
    let reasons: Vec<&str> = without_episodes.into_iter().chain(without_time).collect();
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    structure(
        fields(),
        vec![
            number(Some(found.threshold)),
            count(found.episodes),
            count(found.caught),
            number(found.caught_share()),
            count(found.in_time()),
            number(found.median_lead_s()),
            count(found.alerts),
            count(found.false_alerts),
            number(Some(found.hours)),
            number(found.per_hour(found.alerts)),
            number(found.per_hour(found.false_alerts)),
            ScalarValue::Utf8(reason),
        ],
    )
}

/// Returns what is known without alerts, and the reason.
fn without(rows: &Rows, horizon_ns: Option<i64>, hours: Option<f64>, reason: &str) -> Result<ScalarValue> {
    let known = |field: &Field| match field.name().as_str() {
        "episodes" => Ok(ScalarValue::Int64(horizon_ns.and_then(|horizon| episodes_of(rows, horizon)))),
        "hours" => Ok(ScalarValue::Float64(hours)),
        "reason" => Ok(ScalarValue::Utf8(Some(reason.into()))),
        _ => ScalarValue::try_from(field.data_type()),
    };
    let fields = fields();
    let values = fields.iter().map(|field| known(field)).collect::<Result<Vec<_>>>()?;
    structure(fields, values)
}
