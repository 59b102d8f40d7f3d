//! Compares every column of two relations, and returns the findings as a record batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::{Result, plan_datafusion_err};

use super::changes::{Column, changes, type_name};
use super::choices::Choices;
use super::column::{Finding, Kind, compare};
use super::histogram::{Histogram, histogram};
use super::quantiles::quantiles;
use super::relation::{Content, Relation};
use super::values::{Sample, Values};
use crate::functions::profile::Moments;

/// Returns the schema of the comparison.
pub fn schema() -> SchemaRef {
    let list = |item| DataType::new_list(item, true);
    let fields = [
        ("column_name", DataType::Utf8, false),
        ("kind", DataType::Utf8, false),
        ("change", DataType::Utf8, true),
        ("test", DataType::Utf8, true),
        ("value", DataType::Float64, true),
        ("drift_if", DataType::Utf8, true),
        ("threshold", DataType::Float64, true),
        ("drifted", DataType::Boolean, true),
        ("reason", DataType::Utf8, true),
        ("reference_type", DataType::Utf8, true),
        ("current_type", DataType::Utf8, true),
        ("reference_rows", DataType::Int64, true),
        ("current_rows", DataType::Int64, true),
        ("reference_missing", DataType::Int64, true),
        ("current_missing", DataType::Int64, true),
        ("reference_mean", DataType::Float64, true),
        ("current_mean", DataType::Float64, true),
        ("reference_std", DataType::Float64, true),
        ("current_std", DataType::Float64, true),
        ("reference_from", time(), true),
        ("reference_to", time(), true),
        ("current_from", time(), true),
        ("current_to", time(), true),
        ("reference_quantiles", list(DataType::Float64), true),
        ("current_quantiles", list(DataType::Float64), true),
        ("edges", list(DataType::Float64), true),
        ("categories", list(DataType::Utf8), true),
        ("reference_shares", list(DataType::Float64), true),
        ("current_shares", list(DataType::Float64), true),
    ];
    let fields: Vec<Field> =
        fields.into_iter().map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).collect();
    Arc::new(Schema::new(fields))
}

/// Returns the type of an instant.
pub fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// A column by its name, with its place in each relation that has it.
pub struct Place {
    pub name: String,
    pub reference: Option<usize>,
    pub current: Option<usize>,
}

/// Returns the columns of both relations: first those of the reference, in its order, then the others of the current relation.
pub fn places(reference: &Relation, current: &Relation) -> Vec<Place> {
    let by_name = |relation: &Relation| -> HashMap<String, usize> {
        let names = relation.schema.fields().iter().map(|field| field.name().clone());
        names.enumerate().map(|(index, name)| (name, index)).collect()
    };
    let (in_reference, in_current) = (by_name(reference), by_name(current));
    let of_reference = reference.schema.fields().iter().enumerate().map(|(index, field)| Place {
        name: field.name().clone(),
        reference: Some(index),
        current: in_current.get(field.name()).copied(),
    });
    let others = current.schema.fields().iter().enumerate();
    // A model's sketches are of the columns that it reads; the others do not concern it.
    let is_model = matches!(reference.content, Content::Sketches(_));
    let others = others.filter(|(_, field)| !is_model && !in_reference.contains_key(field.name()));
    let others =
        others.map(|(index, field)| Place { name: field.name().clone(), reference: None, current: Some(index) });
    of_reference.chain(others).collect()
}

/// What is known about a column after the comparison.
struct Compared {
    name: String,
    change: Option<String>,
    finding: Finding,
    reference: Option<Summary>,
    current: Option<Summary>,
    histogram: Histogram,
}

/// What is known about one sample of a column.
#[derive(Clone)]
struct Summary {
    /// `None` if it is not known, or if every value is NULL.
    sql_type: Option<String>,
    rows: u64,
    missing: u64,
    mean: Option<f64>,
    std: Option<f64>,
    period: Option<(i64, i64)>,
    quantiles: Vec<f64>,
}

/// Compares every column of the two relations.
///
/// # Errors
/// A test is chosen for a column that neither relation has, or does not take the column's values.
pub fn compare_all(reference: &Relation, current: &Relation, choices: &Choices) -> Result<RecordBatch> {
    let places = places(reference, current);
    choices
        .check(places.iter().map(|place| place.name.as_str()))
        .map_err(|problem| plan_datafusion_err!("{problem}"))?;
    let compared = in_parallel(&places, |place| compare_one(place, reference, current, choices))?;
    to_batch(&compared)
}

/// Calls a function for each item, on as many threads as the machine has; returns the results in the order of the items.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, of(item)));
        }
    };
    let mut results: Vec<(usize, Result<R>)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn compare_one(place: &Place, reference: &Relation, current: &Relation, choices: &Choices) -> Result<Compared> {
    let mut in_reference = place.reference.map(|index| reference.column(index)).transpose()?;
    let mut in_current = place.current.map(|index| current.column(index)).transpose()?;
    let change = changes(in_reference.as_ref(), in_current.as_ref());
    let (finding, histogram) = match (&mut in_reference, &mut in_current) {
        (Some(reference), Some(current)) => {
            reconcile(&mut reference.sample, &mut current.sample);
            as_numbers_of_model(&reference.sample, &mut current.sample);
            let finding = compare(&place.name, &reference.sample, &current.sample, choices)
                .map_err(|problem| plan_datafusion_err!("{problem}"))?;
            let histogram = histogram(finding.kind, &reference.sample, &current.sample);
            (finding, histogram)
        }
        (Some(_), None) => (lone("the current relation has no such column"), Histogram::default()),
        (None, _) => (lone("the reference has no such column"), Histogram::default()),
    };
    let (reference, current) = (in_reference.as_ref().map(Summary::of), in_current.as_ref().map(Summary::of));
    Ok(Compared { name: place.name.clone(), change, finding, reference, current, histogram })
}

fn lone(reason: &str) -> Finding {
    Finding { kind: Kind::Other, outcome: Err(reason.into()), note: None }
}

/// A column with only NULLs may have no type; it takes the type from the other sample's column.
pub fn reconcile(reference: &mut Sample, current: &mut Sample) {
    let empty_like = |values: &Values| match values {
        Values::Numbers(_) => Values::Numbers(Vec::new()),
        Values::WholeNumbers(_) => Values::WholeNumbers(Vec::new()),
        Values::Texts(_) => Values::Texts(BTreeMap::new()),
        Values::Flags(_) => Values::Flags(BTreeMap::new()),
        Values::Times(_) => Values::Times(Vec::new()),
        Values::Other(_) => Values::Other(0),
        Values::Untyped => Values::Untyped,
    };
    if reference.values == Values::Untyped {
        reference.values = empty_like(&current.values);
    } else if current.values == Values::Untyped {
        current.values = empty_like(&reference.values);
    }
}

/// A model is trained on flags as the numbers 0 and 1.
fn as_numbers_of_model(reference: &Sample, current: &mut Sample) {
    if let (Some(_), Values::Flags(flags)) = (reference.sketch_of, &current.values) {
        let of = |name: &str| flags.get(name).copied().unwrap_or_default() as usize;
        let numbers = [vec![0.0; of("false")], vec![1.0; of("true")]].concat();
        current.values = Values::Numbers(numbers);
    }
}

impl Summary {
    fn of(column: &Column<'_>) -> Summary {
        let sample = &column.sample;
        let numbers = sample.numbers().filter(|numbers| !numbers.is_empty());
        let moments = moments(sample);
        Summary {
            sql_type: (sample.sketch_of.is_none() && !matches!(column.data_type, DataType::Null))
                .then(|| type_name(column.data_type)),
            rows: sample.rows(),
            missing: sample.missing,
            mean: moments.mean(),
            std: moments.std(),
            period: sample.period(),
            quantiles: numbers.as_deref().map(quantiles).unwrap_or_default(),
        }
    }
}

/// Returns the moments of a sample; those of no numbers if its values are not numbers.
pub fn moments(sample: &Sample) -> Moments {
    match &sample.values {
        Values::Numbers(numbers) => Moments::of(numbers),
        Values::WholeNumbers(numbers) => Moments::of_whole(numbers),
        _ => Moments::default(),
    }
}

fn to_batch(compared: &[Compared]) -> Result<RecordBatch> {
    let outcome = |row: &Compared| row.finding.outcome.as_ref().ok().cloned();
    let texts = |cell: &dyn Fn(&Compared) -> Option<String>| -> ArrayRef {
        Arc::new(compared.iter().map(cell).collect::<StringArray>())
    };
    let numbers = |cell: &dyn Fn(&Compared) -> Option<f64>| -> ArrayRef {
        Arc::new(compared.iter().map(cell).collect::<Float64Array>())
    };
    let counts = |cell: &dyn Fn(&Compared) -> Option<u64>| -> ArrayRef {
        Arc::new(compared.iter().map(|row| cell(row).map(|count| count as i64)).collect::<Int64Array>())
    };
    let times = |cell: &dyn Fn(&Compared) -> Option<i64>| -> ArrayRef {
        Arc::new(compared.iter().map(cell).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
    };
    let lists = |cell: &dyn Fn(&Compared) -> Vec<f64>| -> ArrayRef {
        let mut builder = ListBuilder::new(Float64Builder::new());
        for row in compared {
            let values = cell(row);
            builder.values().append_slice(&values);
            builder.append(!values.is_empty());
        }
        Arc::new(builder.finish())
    };
    let mut categories = ListBuilder::new(StringBuilder::new());
    for row in compared {
        for name in &row.histogram.categories {
            categories.values().append_value(name);
        }
        categories.append(!row.histogram.categories.is_empty());
    }
    let reference = |row: &Compared| row.reference.clone();
    let current = |row: &Compared| row.current.clone();
    let columns = vec![
        texts(&|row| Some(row.name.clone())),
        texts(&|row| Some(row.finding.kind.as_str().into())),
        texts(&|row| row.change.clone()),
        texts(&|row| outcome(row).map(|outcome| outcome.test.name.into())),
        numbers(&|row| outcome(row).map(|outcome| outcome.value)),
        texts(&|row| outcome(row).map(|outcome| outcome.test.rule.as_str().into())),
        numbers(&|row| outcome(row).map(|outcome| outcome.threshold)),
        Arc::new(compared.iter().map(|row| outcome(row).map(|outcome| outcome.drifted)).collect::<BooleanArray>()),
        texts(&|row| row.finding.outcome.as_ref().err().or(row.finding.note.as_ref()).cloned()),
        texts(&|row| reference(row)?.sql_type),
        texts(&|row| current(row)?.sql_type),
        counts(&|row| reference(row).map(|of| of.rows)),
        counts(&|row| current(row).map(|of| of.rows)),
        counts(&|row| reference(row).map(|of| of.missing)),
        counts(&|row| current(row).map(|of| of.missing)),
        numbers(&|row| reference(row)?.mean),
        numbers(&|row| current(row)?.mean),
        numbers(&|row| reference(row)?.std),
        numbers(&|row| current(row)?.std),
        times(&|row| Some(reference(row)?.period?.0)),
        times(&|row| Some(reference(row)?.period?.1)),
        times(&|row| Some(current(row)?.period?.0)),
        times(&|row| Some(current(row)?.period?.1)),
        lists(&|row| reference(row).map(|of| of.quantiles).unwrap_or_default()),
        lists(&|row| current(row).map(|of| of.quantiles).unwrap_or_default()),
        lists(&|row| row.histogram.edges.clone()),
        Arc::new(categories.finish()),
        lists(&|row| row.histogram.reference.clone()),
        lists(&|row| row.histogram.current.clone()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
