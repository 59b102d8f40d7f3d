//! `profile`: what every column of a relation holds.
//!
//! In: a relation's batches. Out: one row for each column. Up to [`Room::rows`] rows every figure is exact; beyond, quantiles, histograms
//! and the most frequent numbers come from a random sample of the rows. Which rows it has depends on their places only.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;

use super::column::{Column, Kind, Room};
use super::pass::Pass;
use super::summary::{Summary, summary};
use crate::text::documentation::Documentation;
use crate::text::mixed;

/// Rows up to which a relation's duplicates are counted.
pub const MOST_COMPARED: usize = 16_000_000;
/// Values that the samples of all columns may have, so that memory does not grow with the rows.
const SAMPLED: usize = 10_000_000;
/// Fingerprints that are kept to count different values, in all columns.
const FINGERPRINTS: usize = 2_000_000;
const COUNTERS: usize = 500_000;

/// A profile in the making.
#[derive(Debug)]
pub struct Profile {
    relation: SchemaRef,
    room: Room,
    rows: u64,
    columns: Vec<Column>,
    part: u64,
    /// A row is sampled if its key is at most this.
    highest: u64,
    /// The keys of the sampled rows.
    keys: Vec<u64>,
    /// The fingerprint of every row; `None` if there are too many rows, or values without fingerprints.
    fingerprints: Option<Vec<u64>>,
}

impl Profile {
    fn room(columns: usize) -> Room {
        let columns = columns.max(1);
        Room {
            rows: (SAMPLED / columns).clamp(1_000, 1_000_000),
            distinct: (FINGERPRINTS / columns).clamp(1_000, 65_536),
            frequent: (COUNTERS / columns).clamp(50, 4_096),
        }
    }

    /// Halves the sample until it has at most so many rows.
    fn shrink(&mut self, most: usize) {
        while self.keys.len() > most {
            self.highest /= 2;
            self.leave_out();
        }
    }

    fn leave_out(&mut self) {
        let keep: Vec<bool> = self.keys.iter().map(|key| *key <= self.highest).collect();
        self.columns.iter_mut().for_each(|column| column.retain(&keep));
        let highest = self.highest;
        self.keys.retain(|key| *key <= highest);
    }
}

impl Pass for Profile {
    const DOCUMENTATION: &'static Documentation = &super::PROFILE;

    fn schema() -> SchemaRef {
        let list = |item| DataType::new_list(item, true);
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let fields = [
            ("column_name", DataType::Utf8, false),
            ("type", DataType::Utf8, false),
            ("kind", DataType::Utf8, false),
            ("rows", DataType::Int64, false),
            ("nulls", DataType::Int64, false),
            ("nans", DataType::Int64, true),
            ("infinities", DataType::Int64, true),
            ("zeros", DataType::Int64, true),
            ("negatives", DataType::Int64, true),
            ("distinct_values", DataType::Int64, true),
            ("distinct_exact", DataType::Boolean, true),
            ("min", DataType::Utf8, true),
            ("max", DataType::Utf8, true),
            ("mean", DataType::Float64, true),
            ("std", DataType::Float64, true),
            ("skewness", DataType::Float64, true),
            ("quantiles", list(DataType::Float64), true),
            ("shortest", DataType::Int64, true),
            ("longest", DataType::Int64, true),
            ("longest_gap_s", DataType::Float64, true),
            ("longest_gap_from", time, true),
            ("frequent", list(DataType::Utf8), true),
            ("frequent_shares", list(DataType::Float64), true),
            ("edges", list(DataType::Float64), true),
            ("shares", list(DataType::Float64), true),
            ("sampled_rows", DataType::Int64, false),
            ("duplicate_rows", DataType::Int64, true),
        ];
        let fields: Vec<Field> =
            fields.into_iter().map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).collect();
        Arc::new(Schema::new(fields))
    }

    fn begin(relation: &SchemaRef, part: usize) -> Result<Profile> {
        let room = Profile::room(relation.fields().len());
        Ok(Profile {
            relation: Arc::clone(relation),
            room,
            rows: 0,
            columns: relation.fields().iter().map(|field| Column::new(field.data_type(), room)).collect(),
            part: part as u64,
            highest: u64::MAX,
            keys: Vec::new(),
            fingerprints: Some(Vec::new()),
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut sampled = Vec::new();
        for row in 0..batch.num_rows() {
            let key = mixed((self.part << 48).wrapping_add(self.rows + row as u64 + 1));
            if key <= self.highest {
                sampled.push(row);
                self.keys.push(key);
            }
        }
        self.rows += batch.num_rows() as u64;
        let mut rows = vec![0; batch.num_rows()];
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column.add(array, &sampled, &mut rows)?;
        }
        if self.rows as usize > MOST_COMPARED || self.columns.iter().any(|column| !column.hashed) {
            self.fingerprints = None;
        }
        if let Some(fingerprints) = &mut self.fingerprints {
            fingerprints.extend(rows.into_iter().map(mixed));
        }
        if self.keys.len() > 2 * self.room.rows {
            self.shrink(self.room.rows);
        }
        Ok(())
    }

    fn merge(&mut self, other: Profile) -> Result<()> {
        self.rows += other.rows;
        for (column, others) in self.columns.iter_mut().zip(other.columns) {
            column.merge(others)?;
        }
        self.keys.extend(other.keys);
        self.highest = self.highest.min(other.highest);
        self.leave_out();
        self.fingerprints = self.fingerprints.take().zip(other.fingerprints).map(|(mut own, others)| {
            own.extend(others);
            own
        });
        self.fingerprints = self.fingerprints.take().filter(|all| all.len() <= MOST_COMPARED);
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch> {
        self.shrink(self.room.rows);
        let is_exact = self.keys.len() as u64 == self.rows;
        let duplicates = self.fingerprints.take().filter(|_| !self.columns.is_empty()).map(|mut fingerprints| {
            fingerprints.sort_unstable();
            let rows = fingerprints.len();
            fingerprints.dedup();
            (rows - fingerprints.len()) as i64
        });
        let mut measured = Vec::with_capacity(self.columns.len());
        for mut column in self.columns {
            let mut figures = summary(&mut column);
            let (mut distinct, mut distinct_exact) = column.distinct.count();
            if is_exact && let Some(counted) = figures.distinct {
                (distinct, distinct_exact) = (counted, true);
            }
            let values = self.rows - column.nulls - column.nans - column.infinities;
            // An estimate may be above what is possible.
            distinct = distinct.min(values);
            if matches!(column.kind, Kind::Text | Kind::Boolean) {
                let (top, _) = std::mem::replace(&mut column.frequent, super::sketch::Frequent::new(0)).top(10);
                figures.frequent = top.iter().map(|(text, _)| text.to_string()).collect();
                figures.frequent_shares = top.iter().map(|(_, count)| *count as f64 / values as f64).collect();
            }
            let range = column.range()?;
            measured.push(Measured { column, figures, distinct, distinct_exact, is_exact, range });
        }
        to_batch(&self.relation, &measured, self.rows, self.keys.len() as i64, duplicates)
    }
}

/// A column with all its figures.
struct Measured {
    column: Column,
    figures: Summary,
    distinct: u64,
    distinct_exact: bool,
    /// Whether the sample is all rows.
    is_exact: bool,
    range: (Option<String>, Option<String>),
}

fn to_batch(
    relation: &SchemaRef,
    measured: &[Measured],
    rows: u64,
    sampled: i64,
    duplicates: Option<i64>,
) -> Result<RecordBatch> {
    let fields = relation.fields();
    let is = |row: &Measured, kind: Kind| row.column.kind == kind;
    let counts = |cell: &dyn Fn(&Measured) -> Option<u64>| -> ArrayRef {
        Arc::new(measured.iter().map(|row| cell(row).map(|count| count as i64)).collect::<Int64Array>())
    };
    let of_numbers =
        |cell: fn(&Column) -> u64| -> ArrayRef { counts(&|row| is(row, Kind::Number).then(|| cell(&row.column))) };
    let numbers = |cell: &dyn Fn(&Measured) -> Option<f64>| -> ArrayRef {
        Arc::new(measured.iter().map(cell).collect::<Float64Array>())
    };
    let texts = |cell: &dyn Fn(&Measured) -> Option<String>| -> ArrayRef {
        Arc::new(measured.iter().map(cell).collect::<StringArray>())
    };
    let lists = |cell: fn(&Summary) -> &Vec<f64>| -> ArrayRef {
        let mut builder = ListBuilder::new(Float64Builder::new());
        for row in measured {
            builder.values().append_slice(cell(&row.figures));
            builder.append(!cell(&row.figures).is_empty());
        }
        Arc::new(builder.finish())
    };
    let mut frequent = ListBuilder::new(StringBuilder::new());
    for row in measured {
        row.figures.frequent.iter().for_each(|text| frequent.values().append_value(text));
        frequent.append(!row.figures.frequent.is_empty());
    }
    let gap = |row: &Measured| row.figures.longest_gap.filter(|_| row.is_exact);
    let gap_from = measured.iter().map(|row| gap(row).map(|(_, from)| from));
    let gap_from = datafusion::arrow::array::TimestampNanosecondArray::from_iter(gap_from).with_timezone("UTC");
    let is_counted = |row: &Measured| !is(row, Kind::Other);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(fields.iter().map(|field| field.name()))),
        Arc::new(StringArray::from_iter_values(fields.iter().map(|field| field.data_type().to_string()))),
        texts(&|row| Some(row.column.kind.as_str().into())),
        counts(&|_| Some(rows)),
        counts(&|row| Some(row.column.nulls)),
        of_numbers(|column| column.nans),
        of_numbers(|column| column.infinities),
        counts(&|row| (is(row, Kind::Number) || is(row, Kind::Text)).then_some(row.column.zeros)),
        of_numbers(|column| column.negatives),
        counts(&|row| is_counted(row).then_some(row.distinct)),
        Arc::new(measured.iter().map(|row| is_counted(row).then_some(row.distinct_exact)).collect::<BooleanArray>()),
        texts(&|row| row.range.0.clone()),
        texts(&|row| row.range.1.clone()),
        numbers(&|row| row.column.mean()),
        numbers(&|row| row.column.std()),
        numbers(&|row| row.column.skewness()),
        lists(|figures| &figures.quantiles),
        counts(&|row| row.column.lengths.map(|(shortest, _)| shortest)),
        counts(&|row| row.column.lengths.map(|(_, longest)| longest)),
        numbers(&|row| gap(row).map(|(gap, _)| gap as f64 / 1e9)),
        Arc::new(gap_from),
        Arc::new(frequent.finish()),
        lists(|figures| &figures.frequent_shares),
        lists(|figures| &figures.edges),
        lists(|figures| &figures.shares),
        counts(&|_| Some(sampled as u64)),
        counts(&|_| duplicates.map(|count| count as u64)),
    ];
    Ok(RecordBatch::try_new(Profile::schema(), columns)?)
}
