//! What makes the slices of a comparison: a span of time, or the values of a column.

use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

use super::relation::Relation;
use crate::text::did_you_mean;

const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// How rows are put into slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// As it was given.
    text: String,
    /// `None` for the distinct values of the column.
    pub unit: Option<Unit>,
    /// `None` for the only time column.
    column: Option<String>,
}

/// The names of spans, for suggestions.
const SPANS: [&str; 5] = ["minute", "hour", "day", "week", "month"];

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds(i64),
    Week,
    Month,
}

impl By {
    /// Reads `day`, `15 minute`, `hour:event_time`, or the name of a column whose values make the slices. A name in double quotes is always a
    /// column.
    pub fn parse(text: &str) -> By {
        let (first, column) = match text.split_once(':') {
            Some((first, column)) => (first, Some(unquoted(column.trim()).unwrap_or_else(|| column.trim().into()))),
            None => (text, None),
        };
        match (unquoted(text.trim()), Unit::parse(first)) {
            (Some(column), _) => By { text: text.into(), unit: None, column: Some(column) },
            (None, Some(unit)) => By { text: text.into(), unit: Some(unit), column },
            (None, None) => By { text: text.into(), unit: None, column: Some(text.into()) },
        }
    }

    /// Returns the column that makes the slices.
    pub fn column(&self, reference: &Relation, current: &Relation) -> Result<String> {
        let names = |relation: &Relation| -> Vec<String> {
            relation.schema.fields().iter().map(|field| field.name().clone()).collect()
        };
        let (of_reference, of_current) = (names(reference), names(current));
        let Some(column) = &self.column else {
            let times = current.schema.fields().iter().filter(|field| is_time(field.data_type()));
            let times: Vec<&str> = times
                .map(|field| field.name().as_str())
                .filter(|name| of_reference.iter().any(|of| of == name))
                .collect();
            let text = self.text.trim();
            if [&of_reference, &of_current].iter().all(|names| names.iter().any(|name| name == text)) {
                return plan_err!(
                    "`{text}` is a span of time and a column: write \"{text}\" in double quotes for the column, or {text}:{} for the span",
                    times.first().unwrap_or(&"COLUMN")
                );
            }
            return match times.as_slice() {
                [only] => Ok(only.to_string()),
                [] => {
                    plan_err!("the relations have no time column in common; name a column whose values make the slices")
                }
                several => plan_err!(
                    "the relations share several columns of times: {}; name one, such as 'day:{}'",
                    several.join(", "),
                    several[0]
                ),
            };
        };
        for (names, which) in [(&of_reference, "reference"), (&of_current, "current relation")] {
            if !names.contains(column) {
                let meant = did_you_mean(column, names.iter().map(String::as_str)).unwrap_or_else(|| {
                    match column.split_once(':').filter(|_| self.unit.is_none()) {
                        Some((first, _)) => did_you_mean(first.trim(), SPANS).unwrap_or_else(|| {
                            format!("`{first}` is not a span of time, and only a span takes a column after a colon, as in day:ts; a column stands alone")
                        }),
                        None => "slices are made by a span such as day, hour, 15 minute, week or month, or by a column".into(),
                    }
                });
                return plan_err!("the {which} has no column `{column}`: {meant}");
            }
        }
        Ok(column.clone())
    }
}

/// Returns the name in double quotes; `None` if it has none.
fn unquoted(text: &str) -> Option<String> {
    let name = text.strip_prefix('"')?.strip_suffix('"')?;
    (!name.is_empty()).then(|| name.replace("\"\"", "\""))
}

impl Unit {
    fn parse(text: &str) -> Option<Unit> {
        let text = text.trim().to_lowercase();
        let (count, unit) = match text.split_once(' ') {
            Some((count, unit)) => {
                (count.parse::<i64>().ok().filter(|count| (1..=10_000).contains(count))?, unit.trim())
            }
            None => (1, text.as_str()),
        };
        match (count, unit.strip_suffix('s').unwrap_or(unit)) {
            (count, "minute") => Some(Unit::Nanoseconds(count * MINUTE)),
            (count, "hour") => Some(Unit::Nanoseconds(count * 60 * MINUTE)),
            (count, "day") => Some(Unit::Nanoseconds(count * DAY)),
            (1, "week") => Some(Unit::Week),
            (1, "month") => Some(Unit::Month),
            _ => None,
        }
    }

    /// Returns the begin of the span that holds an instant.
    pub fn begin(self, instant: i64) -> i64 {
        let floor = |length: i64, offset: i64| instant - (instant - offset).rem_euclid(length);
        match self {
            Unit::Nanoseconds(length) => floor(length, 0),
            // 1970-01-05 was a Monday.
            Unit::Week => floor(7 * DAY, 4 * DAY),
            Unit::Month => {
                let date = DateTime::from_timestamp_nanos(instant).date_naive();
                let first = NaiveDate::from_ymd_opt(date.year(), date.month(), 1).unwrap_or(date);
                first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_nanos_opt().unwrap_or(instant)
            }
        }
    }

    pub fn name(self, begin: i64) -> String {
        let form = match self {
            Unit::Nanoseconds(length) if length < DAY => "%Y-%m-%d %H:%M",
            Unit::Nanoseconds(_) | Unit::Week => "%Y-%m-%d",
            Unit::Month => "%Y-%m",
        };
        DateTime::from_timestamp_nanos(begin).format(form).to_string()
    }
}

/// Returns whether values of a type are times.
pub fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

#[cfg(test)]
mod tests {
    use super::{By, DAY, MINUTE, Unit};

    #[test]
    fn slices_are_by_a_span_or_by_a_column() {
        let of = |text| {
            let By { unit, column, .. } = By::parse(text);
            (unit, column)
        };
        assert_eq!(of("day"), (Some(Unit::Nanoseconds(DAY)), None));
        assert_eq!(of("15 minutes"), (Some(Unit::Nanoseconds(15 * MINUTE)), None));
        assert_eq!(of("Week:ts"), (Some(Unit::Week), Some("ts".into())));
        assert_eq!(of("week:\"my ts\""), (Some(Unit::Week), Some("my ts".into())));
        assert_eq!(of("product_id"), (None, Some("product_id".into())));
        assert_eq!(of("a:b"), (None, Some("a:b".into())));
        assert_eq!(of("\"day\""), (None, Some("day".into())));
        assert_eq!(of("\"a\"\":b\""), (None, Some("a\":b".into())));
    }

    #[test]
    fn a_span_begins_where_the_calendar_says() {
        // 2025-11-28 14:03:07, a Friday.
        let instant = 1_764_338_587_000_000_000;
        let name = |unit: Unit| unit.name(unit.begin(instant));
        assert_eq!(name(Unit::Nanoseconds(15 * MINUTE)), "2025-11-28 14:00");
        assert_eq!(name(Unit::Nanoseconds(DAY)), "2025-11-28");
        assert_eq!(name(Unit::Week), "2025-11-24");
        assert_eq!(name(Unit::Month), "2025-11");
        assert_eq!(Unit::Nanoseconds(DAY).begin(-1), -DAY, "before 1970 too");
    }
}
