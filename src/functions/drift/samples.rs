//! Turns record batches into the samples that tests compare, and findings back into a record batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::Result;

use super::column::{Finding, Kind, Sample, Values, compare};
use super::histogram::{Histogram, histogram};
use super::wasserstein::mean;

/// Returns the schema of the comparison.
pub fn schema() -> SchemaRef {
    let list = |item| DataType::new_list(item, true);
    let fields = [
        ("column_name", DataType::Utf8, false),
        ("kind", DataType::Utf8, false),
        ("test", DataType::Utf8, true),
        ("value", DataType::Float64, true),
        ("threshold", DataType::Float64, true),
        ("drifted", DataType::Boolean, true),
        ("reason", DataType::Utf8, true),
        ("reference_rows", DataType::Int64, false),
        ("current_rows", DataType::Int64, false),
        ("reference_missing", DataType::Int64, false),
        ("current_missing", DataType::Int64, false),
        ("reference_mean", DataType::Float64, true),
        ("current_mean", DataType::Float64, true),
        ("reference_std", DataType::Float64, true),
        ("current_std", DataType::Float64, true),
        ("edges", list(DataType::Float64), true),
        ("categories", list(DataType::Utf8), true),
        ("reference_shares", list(DataType::Float64), true),
        ("current_shares", list(DataType::Float64), true),
    ];
    let fields: Vec<Field> =
        fields.into_iter().map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).collect();
    Arc::new(Schema::new(fields))
}

/// A relation's rows in memory.
pub struct Relation {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Relation {
    fn sample(&self, name: &str) -> Result<Option<Sample>> {
        let Ok(index) = self.schema.index_of(name) else { return Ok(None) };
        let columns: Vec<&ArrayRef> = self.batches.iter().map(|batch| batch.column(index)).collect();
        read(self.schema.field(index).data_type(), &columns).map(Some)
    }
}

struct Compared {
    name: String,
    finding: Finding,
    reference: Sample,
    current: Sample,
    histogram: Histogram,
}

/// Compares every column of the two relations: first those of the reference, in its order, then the others of the current
/// relation.
pub fn compare_all(reference: &Relation, current: &Relation) -> Result<RecordBatch> {
    let mut compared = Vec::new();
    let fields = reference.schema.fields().iter().chain(current.schema.fields());
    for field in fields {
        if compared.iter().any(|other: &Compared| other.name == *field.name()) {
            continue;
        }
        let absent = || Sample { values: Values::Other, missing: 0 };
        let (mut reference, mut current) = (reference.sample(field.name())?, current.sample(field.name())?);
        let finding = match (&mut reference, &mut current) {
            (Some(reference), Some(current)) => {
                reconcile(reference, current);
                compare(reference, current)
            }
            (Some(_), None) => lone("the current relation has no such column"),
            (None, _) => lone("the reference has no such column"),
        };
        let (reference, current) = (reference.unwrap_or_else(absent), current.unwrap_or_else(absent));
        let histogram = histogram(finding.kind, &reference, &current);
        compared.push(Compared { name: field.name().clone(), finding, reference, current, histogram });
    }
    to_batch(&compared)
}

fn lone(reason: &'static str) -> Finding {
    Finding { kind: Kind::Other, outcome: Err(reason) }
}

/// A column with only NULLs has no type; it takes the type from the other sample's column.
fn reconcile(reference: &mut Sample, current: &mut Sample) {
    let empty_like = |values: &Values| match values {
        Values::Numbers(_) => Values::Numbers(Vec::new()),
        Values::WholeNumbers(_) => Values::WholeNumbers(Vec::new()),
        Values::Texts(_) => Values::Texts(BTreeMap::new()),
        Values::Flags(_) => Values::Flags(BTreeMap::new()),
        Values::Other => Values::Other,
    };
    if reference.values == Values::Other && reference.missing > 0 {
        reference.values = empty_like(&current.values);
    } else if current.values == Values::Other && current.missing > 0 {
        current.values = empty_like(&reference.values);
    }
}

fn read(data_type: &DataType, columns: &[&ArrayRef]) -> Result<Sample> {
    let rows: usize = columns.iter().map(|column| column.len()).sum();
    let values = match data_type {
        DataType::Boolean => {
            let mut counts = BTreeMap::new();
            for column in columns {
                for flag in column.as_boolean().iter().flatten() {
                    *counts.entry(flag.to_string()).or_default() += 1;
                }
            }
            Values::Flags(counts)
        }
        whole if whole.is_integer() => Values::WholeNumbers(ascending(columns)?),
        number if number.is_numeric() => Values::Numbers(ascending(columns)?),
        text if is_text(text) => {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for column in columns {
                let texts = cast(column, &DataType::Utf8)?;
                for text in texts.as_string::<i32>().iter().flatten() {
                    match counts.get_mut(text) {
                        Some(count) => *count += 1,
                        None => {
                            counts.insert(text.to_string(), 1);
                        }
                    }
                }
            }
            Values::Texts(counts)
        }
        DataType::Null => return Ok(Sample { values: Values::Other, missing: rows as u64 }),
        _ => return Ok(Sample { values: Values::Other, missing: 0 }),
    };
    let mut sample = Sample { values, missing: 0 };
    sample.missing = rows as u64 - sample.rows();
    Ok(sample)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn ascending(columns: &[&ArrayRef]) -> Result<Vec<f64>> {
    let mut numbers = Vec::new();
    for column in columns {
        let column = cast(column, &DataType::Float64)?;
        numbers.extend(column.as_primitive::<Float64Type>().iter().flatten().filter(|number| number.is_finite()));
    }
    numbers.sort_unstable_by(f64::total_cmp);
    Ok(numbers)
}

fn to_batch(compared: &[Compared]) -> Result<RecordBatch> {
    let outcome = |row: &Compared| row.finding.outcome.ok();
    let texts = |cell: &dyn Fn(&Compared) -> Option<&str>| -> ArrayRef {
        Arc::new(compared.iter().map(cell).collect::<StringArray>())
    };
    let numbers = |cell: &dyn Fn(&Compared) -> Option<f64>| -> ArrayRef {
        Arc::new(compared.iter().map(cell).collect::<Float64Array>())
    };
    let counts = |cell: fn(&Compared) -> u64| -> ArrayRef {
        Arc::new(compared.iter().map(|row| Some(cell(row) as i64)).collect::<Int64Array>())
    };
    let lists = |cell: fn(&Histogram) -> &Vec<f64>| -> ArrayRef {
        let mut builder = ListBuilder::new(Float64Builder::new());
        for row in compared {
            let values = cell(&row.histogram);
            builder.values().append_slice(values);
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
    let columns = vec![
        texts(&|row| Some(&row.name)),
        texts(&|row| Some(row.finding.kind.as_str())),
        texts(&|row| outcome(row).map(|outcome| outcome.test.as_str())),
        numbers(&|row| outcome(row).map(|outcome| outcome.value)),
        numbers(&|row| outcome(row).map(|outcome| outcome.test.threshold())),
        Arc::new(compared.iter().map(|row| outcome(row).map(|outcome| outcome.drifted)).collect::<BooleanArray>()),
        texts(&|row| row.finding.outcome.err()),
        counts(|row| row.reference.rows()),
        counts(|row| row.current.rows()),
        counts(|row| row.reference.missing),
        counts(|row| row.current.missing),
        numbers(&|row| mean_of(&row.reference)),
        numbers(&|row| mean_of(&row.current)),
        numbers(&|row| standard_deviation(&row.reference)),
        numbers(&|row| standard_deviation(&row.current)),
        lists(|histogram| &histogram.edges),
        Arc::new(categories.finish()),
        lists(|histogram| &histogram.reference),
        lists(|histogram| &histogram.current),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn mean_of(sample: &Sample) -> Option<f64> {
    sample.numbers().filter(|numbers| !numbers.is_empty()).map(mean)
}

/// Returns the sample standard deviation; `None` if there are fewer than two values.
fn standard_deviation(sample: &Sample) -> Option<f64> {
    let numbers = sample.numbers().filter(|numbers| numbers.len() > 1)?;
    let mean = mean(numbers);
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    Some((squares / (numbers.len() - 1) as f64).sqrt())
}
