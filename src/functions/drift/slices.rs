//! Slices of two relations, by time or by the values of a column, each compared with the whole reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampNanosecondBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampNanosecondType};
use datafusion::common::{Result, plan_datafusion_err, plan_err};

use super::choices::Choices;
use super::column::{compare, measure_part};
use super::comparison::{Place, Relation, in_parallel, places, reconcile, time};
use super::values::{Parts, Sample};
use super::wasserstein::mean;
use crate::model::probability::quantile_sorted;
use crate::text::did_you_mean;

/// The most slices: more are unreadable, and each is sorted for each column.
const MOST_SLICES: usize = 400;
const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// How rows are put into slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// `None` for the distinct values of the column.
    unit: Option<Unit>,
    /// `None` for the only time column.
    column: Option<String>,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Nanoseconds(i64),
    Week,
    Month,
}

impl By {
    /// Reads `day`, `15 minute`, `hour:event_time`, or the name of a column whose values make the slices.
    pub fn parse(text: &str) -> By {
        let (first, column) = match text.split_once(':') {
            Some((first, column)) => (first, Some(column.trim().to_string())),
            None => (text, None),
        };
        match Unit::parse(first) {
            Some(unit) => By { unit: Some(unit), column },
            None => By { unit: None, column: Some(text.to_string()) },
        }
    }

    /// Returns the column that makes the slices.
    fn column(&self, reference: &Relation, current: &Relation) -> Result<String> {
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
            return match times.as_slice() {
                [only] => Ok(only.to_string()),
                [] => plan_err!("the relations share no column of times; name a column whose values make the slices"),
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
                    "slices are made by a span such as day, hour, 15 minute, week or month, or by a column".into()
                });
                return plan_err!("the {which} has no column `{column}`: {meant}");
            }
        }
        Ok(column.clone())
    }
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
    fn begin(self, instant: i64) -> i64 {
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

    fn name(self, begin: i64) -> String {
        let form = match self {
            Unit::Nanoseconds(length) if length < DAY => "%Y-%m-%d %H:%M",
            Unit::Nanoseconds(_) | Unit::Week => "%Y-%m-%d",
            Unit::Month => "%Y-%m",
        };
        DateTime::from_timestamp_nanos(begin).format(form).to_string()
    }
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// A slice: what it is called, and when it begins if it is a span of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    begin: Option<i64>,
    name: String,
}

/// Returns the schema of the comparison by slices.
pub fn schema() -> SchemaRef {
    let fields = [
        ("sample", DataType::Utf8, false),
        ("slice", DataType::Utf8, false),
        ("slice_from", time(), true),
        ("column_name", DataType::Utf8, false),
        ("test", DataType::Utf8, true),
        ("value", DataType::Float64, true),
        ("drift_if", DataType::Utf8, true),
        ("threshold", DataType::Float64, true),
        ("drifted", DataType::Boolean, true),
        ("rows", DataType::Int64, false),
        ("missing", DataType::Int64, false),
        ("mean", DataType::Float64, true),
        ("low", DataType::Float64, true),
        ("median", DataType::Float64, true),
        ("high", DataType::Float64, true),
    ];
    Arc::new(Schema::new(fields.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).to_vec()))
}

/// The rows of one relation, put into slices.
struct Sliced<'a> {
    relation: &'a Relation,
    name: &'static str,
    slices: Vec<Slice>,
    /// The slice of each row; `u32::MAX` for none.
    of_rows: Vec<u32>,
}

/// Compares every slice of both relations with the whole reference, column by column.
///
/// # Errors
/// The column of slices does not exist, or gives too many slices; or a chosen test cannot compare the values of its column.
pub fn compare_slices(reference: &Relation, current: &Relation, by: &By, choices: &Choices) -> Result<RecordBatch> {
    let column = by.column(reference, current)?;
    let both = [Sliced::read(reference, "reference", by, &column)?, Sliced::read(current, "current", by, &column)?];
    let mut places = places(reference, current);
    choices
        .check(places.iter().map(|place| place.name.as_str()))
        .map_err(|problem| plan_datafusion_err!("{problem}"))?;
    places.retain(|place| place.name != column && place.reference.is_some() && place.current.is_some());
    let columns = in_parallel(&places, |place| one_column(place, reference, current, &both, choices))?;
    let mut rows = Rows::default();
    for (place, parts) in places.iter().zip(columns) {
        for (sliced, parts) in both.iter().zip(parts) {
            for (slice, part) in sliced.slices.iter().zip(parts) {
                rows.append(sliced.name, slice, &place.name, &part);
            }
        }
    }
    rows.finish()
}

/// What is known about one column in one slice.
struct Part {
    outcome: Option<super::column::Outcome>,
    rows: u64,
    missing: u64,
    mean: Option<f64>,
    /// The 5 %, 50 % and 95 % quantiles.
    quantiles: Option<[f64; 3]>,
}

fn one_column(
    place: &Place,
    reference: &Relation,
    current: &Relation,
    both: &[Sliced<'_>; 2],
    choices: &Choices,
) -> Result<[Vec<Part>; 2]> {
    let (Some(in_reference), Some(in_current)) = (place.reference, place.current) else {
        return Ok([Vec::new(), Vec::new()]);
    };
    let (mut whole, mut now) = (reference.column(in_reference)?.sample, current.column(in_current)?.sample);
    reconcile(&mut whole, &mut now);
    // The test of the whole comparison, so that the slices can be compared with each other.
    let finding = compare(&place.name, &whole, &now, choices).map_err(|problem| plan_datafusion_err!("{problem}"))?;
    let mut parts = [Vec::new(), Vec::new()];
    for ((sliced, index), parts) in both.iter().zip([in_reference, in_current]).zip(&mut parts) {
        let of_rows = Parts { count: sliced.slices.len(), of_rows: Some(&sliced.of_rows) };
        for mut sample in sliced.relation.samples(index, &of_rows)? {
            let outcome = match &finding.outcome {
                Ok(of_all) if sample.rows() > 0 => {
                    reconcile(&mut whole, &mut sample);
                    measure_part(of_all, &whole, &sample)
                }
                _ => None,
            };
            parts.push(Part::of(outcome, &sample));
        }
    }
    Ok(parts)
}

impl Part {
    fn of(outcome: Option<super::column::Outcome>, sample: &Sample) -> Part {
        let numbers = sample.numbers().filter(|numbers| !numbers.is_empty());
        Part {
            outcome,
            rows: sample.rows(),
            missing: sample.missing,
            mean: numbers.as_deref().map(mean),
            quantiles: numbers.as_deref().map(|numbers| [0.05, 0.5, 0.95].map(|share| quantile_sorted(numbers, share))),
        }
    }
}

impl<'a> Sliced<'a> {
    fn read(relation: &'a Relation, name: &'static str, by: &By, column: &str) -> Result<Sliced<'a>> {
        let index = relation.schema.index_of(column)?;
        let data_type = relation.schema.field(index).data_type();
        if by.unit.is_some() && !is_time(data_type) {
            return plan_err!("`{column}` has no times: its type is {data_type}; slices by time need a TIMESTAMP");
        }
        let mut known: BTreeMap<Slice, Vec<usize>> = BTreeMap::new();
        let mut row = 0;
        for batch in relation.batches() {
            for slice in slices(batch.column(index), by.unit)? {
                if let Some(slice) = slice {
                    known.entry(slice).or_default().push(row);
                    if known.len() > MOST_SLICES {
                        return plan_err!(
                            "`{column}` makes more than {MOST_SLICES} slices of the {name} rows; take a longer span, such as day, or a column with fewer values"
                        );
                    }
                }
                row += 1;
            }
        }
        let mut of_rows = vec![u32::MAX; row];
        for (slice, rows) in known.values().enumerate() {
            rows.iter().for_each(|row| of_rows[*row] = slice as u32);
        }
        Ok(Sliced { relation, name, slices: known.into_keys().collect(), of_rows })
    }
}

fn slices(array: &ArrayRef, unit: Option<Unit>) -> Result<Vec<Option<Slice>>> {
    let Some(unit) = unit else {
        let texts = cast(array, &DataType::Utf8)?;
        let slice = |text: Option<&str>| text.map(|text| Slice { begin: None, name: text.into() });
        return Ok(texts.as_string::<i32>().iter().map(slice).collect());
    };
    let times = cast(array, &time())?;
    let times = times.as_primitive::<TimestampNanosecondType>();
    // Neighbouring rows mostly share their slice, whose name is then made once.
    let mut last: Option<Slice> = None;
    let mut slices = Vec::with_capacity(times.len());
    for instant in times {
        slices.push(instant.map(|instant| {
            let begin = unit.begin(instant);
            match &last {
                Some(slice) if slice.begin == Some(begin) => slice.clone(),
                _ => {
                    let slice = Slice { begin: Some(begin), name: unit.name(begin) };
                    last = Some(slice.clone());
                    slice
                }
            }
        }));
    }
    Ok(slices)
}

/// The rows of the result.
#[derive(Default)]
struct Rows {
    samples: StringBuilder,
    slices: StringBuilder,
    begins: TimestampNanosecondBuilder,
    columns: StringBuilder,
    tests: StringBuilder,
    values: Float64Builder,
    rules: StringBuilder,
    thresholds: Float64Builder,
    drifted: BooleanBuilder,
    rows: Int64Builder,
    missing: Int64Builder,
    means: Float64Builder,
    lows: Float64Builder,
    medians: Float64Builder,
    highs: Float64Builder,
}

impl Rows {
    fn append(&mut self, sample: &str, slice: &Slice, column: &str, part: &Part) {
        let outcome = part.outcome.as_ref();
        self.samples.append_value(sample);
        self.slices.append_value(&slice.name);
        self.begins.append_option(slice.begin);
        self.columns.append_value(column);
        self.tests.append_option(outcome.map(|outcome| outcome.test.name));
        self.values.append_option(outcome.map(|outcome| outcome.value));
        self.rules.append_option(outcome.map(|outcome| outcome.test.rule.as_str()));
        self.thresholds.append_option(outcome.map(|outcome| outcome.threshold));
        self.drifted.append_option(outcome.map(|outcome| outcome.drifted));
        self.rows.append_value(part.rows as i64);
        self.missing.append_value(part.missing as i64);
        self.means.append_option(part.mean);
        self.lows.append_option(part.quantiles.map(|[low, _, _]| low));
        self.medians.append_option(part.quantiles.map(|[_, median, _]| median));
        self.highs.append_option(part.quantiles.map(|[_, _, high]| high));
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.samples.finish()),
            Arc::new(self.slices.finish()),
            Arc::new(self.begins.finish().with_timezone("UTC")),
            Arc::new(self.columns.finish()),
            Arc::new(self.tests.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.rules.finish()),
            Arc::new(self.thresholds.finish()),
            Arc::new(self.drifted.finish()),
            Arc::new(self.rows.finish()),
            Arc::new(self.missing.finish()),
            Arc::new(self.means.finish()),
            Arc::new(self.lows.finish()),
            Arc::new(self.medians.finish()),
            Arc::new(self.highs.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{By, DAY, MINUTE, Unit};

    #[test]
    fn slices_are_by_a_span_or_by_a_column() {
        let of = |text| By::parse(text);
        assert_eq!(of("day"), By { unit: Some(Unit::Nanoseconds(DAY)), column: None });
        assert_eq!(of("15 minutes"), By { unit: Some(Unit::Nanoseconds(15 * MINUTE)), column: None });
        assert_eq!(of("Week:ts"), By { unit: Some(Unit::Week), column: Some("ts".into()) });
        assert_eq!(of("product_id"), By { unit: None, column: Some("product_id".into()) });
        assert_eq!(of("a:b"), By { unit: None, column: Some("a:b".into()) });
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
