//! Slices of two relations, by time or by the values of a column, each compared with the whole reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampNanosecondBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampNanosecondType};
use datafusion::common::{Result, plan_datafusion_err, plan_err};

pub use super::by::By;
use super::by::{Unit, is_time};
use super::choices::{Choices, Rule};
use super::column::{compare, measure_part};
use super::comparison::{Place, in_parallel, moments, places, reconcile, time};
use super::relation::Relation;
use super::values::{Parts, Sample};
use crate::model::probability::quantile_sorted;

/// The most slices: more are unreadable, and each is sorted for each column.
const MOST_SLICES: usize = 400;

/// A distance in a slice with fewer values gets no verdict, because distances grow by chance as samples shrink. Of 400 samples of 500 rows that
/// did not differ from their reference of 20,000, 3 to 11 % had a normed Wasserstein distance beyond its default threshold, for five kinds of
/// distributions; of 1,000 rows, at most 0.5 %.
const FEWEST_JUDGED: u64 = 1_000;

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
            mean: moments(sample).mean(),
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
        let judged = outcome.filter(|outcome| outcome.test.rule != Rule::AtLeast || part.rows >= FEWEST_JUDGED);
        self.drifted.append_option(judged.map(|outcome| outcome.drifted));
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
