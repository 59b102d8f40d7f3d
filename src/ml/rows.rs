//! The rows of a training query, split into features, labels and splits.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, Scalar};
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::{and, cast, filter, is_not_null};
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema, TimeUnit, TimestampNanosecondType};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use serde_json::{Map, Value};

use super::error::Error;
use super::options::{Columns, Named};
use super::statement::CreateModel;
use crate::functions::label_score::is_label;
use crate::model::{Basis, PRODUCT, Split, Stretch, TAU, Training, TrainingSet};
use crate::text::{Names, did_you_mean};

/// The column that scoring adds to the features.
const SCORE: &str = "score";

/// The positions of a query's columns, by purpose.
struct Roles {
    label: usize,
    target: Option<usize>,
    weight: Option<usize>,
    split: Option<usize>,
    time: Option<usize>,
    ids: Vec<usize>,
    features: Vec<usize>,
}

impl Roles {
    fn of(columns: &Columns, schema: &Schema) -> Result<Roles, Error> {
        let find = |Named { column, option }: Named| {
            schema.index_of(column).map_err(|_| {
                let names = schema.fields().iter().map(|field| field.name().as_str());
                Error::NoColumn { column: column.into(), option, suggestion: did_you_mean(column, names) }
            })
        };
        let label = find(columns.label())?;
        let target = columns.target().map(find).transpose()?;
        let weight = columns.weight().map(find).transpose()?;
        let split = columns.split().map(find).transpose()?;
        let time = columns.time().map(find).transpose()?;
        let ids = columns.ids().map(find).collect::<Result<Vec<_>, _>>()?;
        let apart = |index: &usize| {
            *index == label || [target, weight, split, time].contains(&Some(*index)) || ids.contains(index)
        };
        let features: Vec<usize> = (0..schema.fields().len()).filter(|index| !apart(index)).collect();
        if features.iter().any(|&index| schema.field(index).name() == SCORE) {
            return Err(Error::Score);
        }
        let roles = Roles { label, target, weight, split, time, ids, features };
        roles.check_types(schema)?;
        Ok(roles)
    }

    fn check_types(&self, schema: &Schema) -> Result<(), Error> {
        let check = |index: usize, fits: fn(&DataType) -> bool, role, expected| {
            let field = schema.field(index);
            if fits(field.data_type()) {
                return Ok(());
            }
            let (column, data_type) = (field.name().clone(), field.data_type().clone());
            Err(Error::Type { column, data_type, role, expected })
        };
        let number = |data_type: &DataType| data_type.is_numeric() || *data_type == DataType::Boolean;
        check(self.label, number, "label", "BOOLEAN or a number")?;
        if let Some(target) = self.target {
            check(target, DataType::is_numeric, "target", "a number")?;
        }
        if let Some(weight) = self.weight {
            check(weight, DataType::is_numeric, "weight", "a number")?;
        }
        if let Some(split) = self.split {
            check(split, DataType::is_string, "split", "VARCHAR")?;
        }
        if let Some(time) = self.time {
            check(time, |data_type| matches!(data_type, DataType::Timestamp(_, _)), "time", "TIMESTAMP")?;
        }
        for &feature in &self.features {
            check(feature, number, "feature", "BOOLEAN or a number")?;
        }
        Ok(())
    }
}

/// The training set, and what the artifact records about its training rows.
#[derive(Default)]
pub struct Rows {
    pub set: TrainingSet,
    /// Of each row the time, in nanoseconds since 1970; `None` if it is not known.
    pub times: Vec<Option<i64>>,
    /// Of each row the product, by its position in [`Rows::product_names`]; empty if no id column is named [`PRODUCT`].
    pub products_of: Vec<u32>,
    pub product_names: Names,
    /// The rows of each split, in the order of [`Split::ALL`].
    splits: [Span; Split::ALL.len()],
    /// The training rows of each product.
    products: BTreeMap<String, Span>,
    /// The value of each id column over the training rows; `None` once a second value has been seen.
    constants: Vec<(String, Option<ScalarValue>)>,
}

/// A number of rows, and the first and the last of their times in nanoseconds since 1970.
#[derive(Default)]
struct Span {
    rows: u64,
    times: Option<(i64, i64)>,
}

impl Span {
    fn add(&mut self, time: Option<i64>) {
        self.rows += 1;
        if let Some(time) = time {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }

    fn stretch(&self, name: &str) -> Stretch {
        let text = |time| DateTime::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let (from, to) = self.times.map(|(first, last)| (text(first), text(last))).unzip();
        Stretch { name: name.into(), rows: self.rows, from, to }
    }
}

/// Checks that a training query with these columns has those that the options name, and that their types fit.
pub fn check_columns(columns: &Columns, schema: &Schema) -> Result<(), Error> {
    Roles::of(columns, schema).map(|_| ())
}

/// Runs the training query and sorts its rows into columns.
///
/// # Errors
/// The query fails, a column is missing or has another type, or a value is not a split.
pub async fn read(context: &SessionContext, statement: &CreateModel) -> Result<Rows, Error> {
    let mut stream = context.sql(&statement.query).await?.execute_stream().await?;
    let schema = stream.schema();
    let roles = Roles::of(&statement.columns, &schema)?;
    let mut rows = Rows::default();
    rows.set.features = roles.features.iter().map(|&index| (schema.field(index).name().clone(), Vec::new())).collect();
    rows.set.target = roles.target.map(|index| (schema.field(index).name().clone(), Vec::new()));
    rows.set.weights = roles.weight.map(|index| (schema.field(index).name().clone(), Vec::new()));
    while let Some(batch) = stream.next().await {
        rows.append(&batch?, &roles)?;
    }
    Ok(rows)
}

impl Rows {
    fn append(&mut self, batch: &RecordBatch, roles: &Roles) -> Result<(), Error> {
        let needed = [Some(roles.label), roles.target, roles.weight, roles.split]
            .into_iter()
            .flatten()
            .chain(roles.features.iter().copied());
        let mut whole = BooleanArray::from(vec![true; batch.num_rows()]);
        for index in needed {
            whole = and(&whole, &is_not_null(batch.column(index)).map_err(arrow)?).map_err(arrow)?;
        }
        // A label that is NaN is neither positive nor negative, so its row is left out as if the label were NULL.
        let labels = numbers(batch.column(roles.label))?;
        let is_known = |label: Option<f64>| Some(label.is_some_and(|label| !label.is_nan()));
        let known: BooleanArray = labels.as_primitive::<Float64Type>().iter().map(is_known).collect();
        let whole = and(&whole, &known).map_err(arrow)?;
        let column = |index: usize| filter(batch.column(index), &whole).map_err(arrow);
        self.set.skipped += (batch.num_rows() - whole.true_count()) as u64;
        for (feature, &index) in self.set.features.iter_mut().zip(&roles.features) {
            feature.1.extend_from_slice(numbers(&column(index)?)?.as_primitive::<Float64Type>().values());
        }
        let others = [(&mut self.set.target, roles.target), (&mut self.set.weights, roles.weight)];
        for (values, index) in others {
            if let (Some((_, values)), Some(index)) = (values, index) {
                values.extend_from_slice(numbers(&column(index)?)?.as_primitive::<Float64Type>().values());
            }
        }
        let labels = numbers(&column(roles.label)?)?;
        if let Some(&value) = labels.as_primitive::<Float64Type>().values().iter().find(|&&label| !is_label(label)) {
            return Err(Error::Label { column: batch.schema().field(roles.label).name().clone(), value });
        }
        self.set.labels.extend(labels.as_primitive::<Float64Type>().values().iter().map(|&label| label != 0.0));
        let before = self.set.splits.len();
        match roles.split {
            None => self.set.splits.resize(self.set.labels.len(), Split::Train),
            Some(split) => {
                let names = cast(&column(split)?, &DataType::Utf8).map_err(arrow)?;
                for name in names.as_string::<i32>().iter().flatten() {
                    let column = || batch.schema().field(split).name().clone();
                    let split = Split::parse(name);
                    self.set.splits.push(split.ok_or_else(|| Error::Split { column: column(), value: name.into() })?);
                }
            }
        }
        let training: BooleanArray =
            self.set.splits[before..].iter().map(|&split| Some(split == Split::Train)).collect();
        let as_time = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let times = roles.time.map(|time| cast(&column(time)?, &as_time).map_err(arrow)).transpose()?;
        let times = times.as_ref().map(|times| times.as_primitive::<TimestampNanosecondType>());
        let product = roles.ids.iter().copied().find(|&id| batch.schema().field(id).name() == PRODUCT);
        let products = product.map(|id| cast(&column(id)?, &DataType::Utf8).map_err(arrow)).transpose()?;
        let products = products.as_ref().map(|products| products.as_string::<i32>());
        for (row, &split) in self.set.splits[before..].iter().enumerate() {
            let time = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
            self.splits[split as usize].add(time);
            self.times.push(time);
            if let Some(products) = products {
                let name = if products.is_valid(row) { products.value(row) } else { "" };
                self.products_of.push(self.product_names.number(name));
            }
            let product = products.filter(|products| split == Split::Train && products.is_valid(row));
            if let Some(product) = product.map(|products| products.value(row)) {
                if !self.products.contains_key(product) {
                    self.products.insert(product.into(), Span::default());
                }
                if let Some(span) = self.products.get_mut(product) {
                    span.add(time);
                }
            }
        }
        for (position, &id) in roles.ids.iter().enumerate() {
            let values = filter(&column(id)?, &training).map_err(arrow)?;
            let name = batch.schema().field(id).name().clone();
            self.note_constant(position, name, &values)?;
        }
        Ok(())
    }

    fn note_constant(&mut self, position: usize, name: String, values: &ArrayRef) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        if self.constants.len() == position {
            self.constants.push((name, Some(ScalarValue::try_from_array(values, 0)?)));
        }
        let (_, constant) = &mut self.constants[position];
        if let Some(value) = constant {
            let others = distinct(values, &Scalar::new(value.to_array()?)).map_err(arrow)?;
            if others.true_count() > 0 {
                *constant = None;
            }
        }
        Ok(())
    }

    /// Returns the product of a row; `None` if it is not known.
    pub fn product(&self, row: usize) -> Option<&str> {
        self.products_of.get(row).map(|&number| &**self.product_names.name(number)).filter(|name| !name.is_empty())
    }

    /// Returns what the artifact records about the training rows.
    pub fn training(&self) -> Training {
        let weighs = |row: usize| self.set.weights.as_ref().is_none_or(|(_, weights)| weights[row] > 0.0);
        let trains = |row: usize| self.set.splits[row] == Split::Train && weighs(row);
        let training = || (0..self.set.labels.len()).filter(|&row| trains(row));
        let Stretch { from, to, .. } = self.splits[Split::Train as usize].stretch("train");
        let mut constants = Map::new();
        for (name, value) in &self.constants {
            if let Some(value) = value.as_ref().filter(|value| !value.is_null()) {
                constants.insert(name.clone(), json(value));
            }
        }
        Training {
            rows: training().count() as u64,
            positives: training().filter(|&row| self.set.labels[row]).count() as u64,
            skipped: self.set.skipped,
            from,
            to,
            weight_column: self.set.weights.as_ref().map(|(column, _)| column.clone()),
            constants,
        }
    }

    /// Returns what a verdict about the model depends on, as far as the rows show it.
    pub fn basis(&self, columns: &Columns) -> Basis {
        let splits = Split::ALL.into_iter().zip(&self.splits).filter(|(_, span)| span.rows > 0);
        let tau = self.constants.iter().find(|(name, _)| name == TAU).and_then(|(_, value)| value.as_ref());
        let tau = tau.and_then(|tau| tau.cast_to(&DataType::Float64).ok());
        Basis {
            time_column: columns.time.clone(),
            split_column: columns.split.clone(),
            splits: splits.map(|(split, span)| span.stretch(split.as_str())).collect(),
            products: self.products.iter().map(|(name, span)| span.stretch(name)).collect(),
            tau: if let Some(ScalarValue::Float64(tau)) = tau { tau } else { None },
            ..Basis::default()
        }
    }
}

fn numbers(column: &ArrayRef) -> Result<ArrayRef, Error> {
    cast(column, &DataType::Float64).map_err(arrow)
}

/// Returns a number as a JSON number, and everything else as text.
fn json(value: &ScalarValue) -> Value {
    match value {
        ScalarValue::Float64(Some(number)) => Value::from(*number),
        ScalarValue::Int64(Some(number)) => Value::from(*number),
        ScalarValue::Boolean(Some(truth)) => Value::from(*truth),
        other => Value::from(other.to_string()),
    }
}

fn arrow(error: datafusion::arrow::error::ArrowError) -> Error {
    Error::Query(error.into())
}
