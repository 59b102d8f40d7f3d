//! The rows of a training query, split into features, labels and splits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, Scalar};
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::{and, cast, filter};
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema, TimeUnit, TimestampNanosecondType};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use serde_json::{Map, Value};

use super::error::Error;
use super::options::{Columns, Named};
use super::statement::CreateModel;
use crate::dialect;
use crate::functions::label_score::is_label;
use crate::model::{Basis, Input, MOST_CATEGORIES, PRODUCT, Reach, Split, Stretch, TAU, Training, TrainingSet, encode};
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
        if let Some(&index) = features.iter().chain([&label]).find(|&&index| schema.field(index).name() == SCORE) {
            return Err(Error::Score { role: if index == label { "the label" } else { "a feature" } });
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
        check(self.label, is_number, "label", "BOOLEAN or a number")?;
        if let Some(target) = self.target {
            check(target, |data_type| is_number(data_type) && *data_type != DataType::Boolean, "target", "a number")?;
        }
        if let Some(weight) = self.weight {
            check(weight, DataType::is_numeric, "weight", "a number")?;
        }
        if let Some(split) = self.split {
            check(split, is_text, "split", "VARCHAR")?;
        }
        if let Some(time) = self.time {
            check(time, |data_type| matches!(data_type, DataType::Timestamp(_, _)), "time", "TIMESTAMP")?;
        }
        for &feature in &self.features {
            check(
                feature,
                |data_type| is_number(data_type) || is_text(data_type),
                "feature",
                "a number, BOOLEAN or VARCHAR",
            )?;
        }
        Ok(())
    }
}

/// Returns whether a type is that of numbers, or BOOLEAN, which counts as 0 and 1; also if its values are in a dictionary.
pub fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric() || is_boolean(other),
    }
}

/// Returns whether a type is BOOLEAN, also if its values are in a dictionary.
pub fn is_boolean(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_boolean(values),
        other => *other == DataType::Boolean,
    }
}

/// Returns whether a type is that of texts, also if they are in a dictionary.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string(),
    }
}

/// The training set, and what the artifact records about its training rows.
#[derive(Default)]
pub struct Rows {
    pub set: TrainingSet,
    /// The columns from which the features were made; `None` if each is a column of numbers.
    pub inputs: Option<Vec<Input>>,
    /// The features that are BOOLEAN.
    pub booleans: Vec<String>,
    /// The texts of each feature that is text. Until all rows are read, its column holds their numbers.
    texts: Vec<Option<Names>>,
    /// Why rows were left out, and how many.
    skipped_because: BTreeMap<String, u64>,
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
    let mut stream = dialect::run(context, &statement.query).await?.execute_stream().await?;
    let schema = stream.schema();
    let roles = Roles::of(&statement.columns, &schema)?;
    let mut rows = Rows::default();
    rows.set.features = roles.features.iter().map(|&index| (schema.field(index).name().clone(), Vec::new())).collect();
    rows.texts =
        roles.features.iter().map(|&index| is_text(schema.field(index).data_type()).then(Names::default)).collect();
    let booleans = roles.features.iter().map(|&index| schema.field(index));
    rows.booleans = booleans.filter(|field| is_boolean(field.data_type())).map(|field| field.name().clone()).collect();
    rows.set.target = roles.target.map(|index| (schema.field(index).name().clone(), Vec::new()));
    rows.set.weights = roles.weight.map(|index| (schema.field(index).name().clone(), Vec::new()));
    while let Some(batch) = stream.next().await {
        rows.append(&batch?, &roles)?;
    }
    rows.encode()?;
    Ok(rows)
}

impl Rows {
    fn append(&mut self, batch: &RecordBatch, roles: &Roles) -> Result<(), Error> {
        let whole = self.whole(batch, roles)?;
        let column = |index: usize| filter(batch.column(index), &whole).map_err(arrow);
        for ((feature, texts), &index) in self.set.features.iter_mut().zip(&mut self.texts).zip(&roles.features) {
            let Some(names) = texts else {
                feature.1.extend_from_slice(numbers(&column(index)?)?.as_primitive::<Float64Type>().values());
                continue;
            };
            let values = cast(&column(index)?, &DataType::Utf8).map_err(arrow)?;
            feature.1.extend(values.as_string::<i32>().iter().map(|text| f64::from(names.number(text.unwrap_or("")))));
            if names.count() > MOST_CATEGORIES {
                return Err(Error::Categories { column: feature.0.clone() });
            }
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

    /// Returns which rows of a batch have a label, a split and all features, and counts why the others are left out.
    fn whole(&mut self, batch: &RecordBatch, roles: &Roles) -> Result<BooleanArray, Error> {
        let others = [Some(roles.label), roles.target, roles.weight, roles.split];
        let needed = others.into_iter().flatten().chain(roles.features.iter().copied());
        let mut whole = BooleanArray::from(vec![true; batch.num_rows()]);
        let mut count = |left: BooleanArray, known: &BooleanArray, why: &dyn Fn() -> String| {
            let kept = and(&left, known).map_err(arrow)?;
            let rows = (left.true_count() - kept.true_count()) as u64;
            if rows > 0 {
                *self.skipped_because.entry(why()).or_default() += rows;
                self.set.skipped += rows;
            }
            Ok::<_, Error>(kept)
        };
        let schema = batch.schema();
        for index in needed {
            // A dictionary may hold NULL among its values.
            if let Some(nulls) = batch.column(index).logical_nulls() {
                let known = BooleanArray::new(nulls.into_inner(), None);
                whole = count(whole, &known, &|| format!("`{}` is NULL", schema.field(index).name()))?;
            }
        }
        // A label that is NaN is neither positive nor negative, so its row is left out as if the label were NULL.
        let labels = numbers(batch.column(roles.label))?;
        let known =
            labels.as_primitive::<Float64Type>().iter().map(|label| Some(label.is_some_and(|label| !label.is_nan())));
        count(whole, &known.collect(), &|| format!("`{}` is NaN", schema.field(roles.label).name()))
    }

    /// Replaces each column of text by a column for each of its categories.
    fn encode(&mut self) -> Result<(), Error> {
        if self.texts.iter().any(Option::is_some) {
            let mut inputs = Vec::new();
            let columns = std::mem::take(&mut self.set.features);
            for ((name, column), names) in columns.into_iter().zip(std::mem::take(&mut self.texts)) {
                let Some(names) = names else {
                    inputs.push(Input::number(&name));
                    self.set.features.push((name, column));
                    continue;
                };
                let text = |number: &f64| &**names.name(*number as u32);
                let training = column.iter().zip(&self.set.splits).filter(|(_, split)| **split == Split::Train);
                let categories: BTreeSet<&str> = training.map(|(number, _)| text(number)).collect();
                let categories: Vec<String> = categories.into_iter().map(str::to_string).collect();
                let columns = encode(&categories, column.iter().map(|number| Some(text(number))), column.len());
                let input = Input { name, categories: Some(categories) };
                self.set.features.extend(input.features().into_iter().zip(columns));
                inputs.push(input);
            }
            self.inputs = Some(inputs);
        }
        let mut seen = BTreeSet::new();
        match self.set.features.iter().find(|(name, _)| !seen.insert(name)) {
            Some((name, _)) => Err(Error::Twice { name: name.clone() }),
            None => Ok(()),
        }
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

    /// Returns how many rows of each split that judges are of a time that the labels of the training rows reach.
    pub fn overlapping(&self, horizon: i64) -> BTreeMap<String, u64> {
        let mut overlapping = BTreeMap::new();
        let trained = &self.splits[Split::Train as usize];
        for (row, split) in self.set.splits.iter().enumerate().filter(|(_, split)| **split != Split::Train) {
            let span = match self.product(row).filter(|_| !self.products.is_empty()) {
                Some(product) => self.products.get(product),
                None => Some(trained),
            };
            let reach = span.and_then(|span| span.times).map(|(first, last)| Reach { first, last, horizon });
            if reach.zip(self.times[row]).is_some_and(|(reach, time)| reach.holds(time)) {
                *overlapping.entry(split.as_str().to_string()).or_default() += 1;
            }
        }
        overlapping
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
            skipped_because: self.skipped_because.clone(),
            fit: None,
            seconds: None,
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
