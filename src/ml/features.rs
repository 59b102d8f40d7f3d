//! The features of a model as columns of a relation: found by name, their types checked, and turned into numbers.

use std::borrow::Cow;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Column, DFSchema, Result, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::rows::{is_boolean, is_number, is_text};
use crate::model::{Artifact, Input, encode};
use crate::text::did_you_mean;

/// Returns the type in which a function takes an input.
pub fn type_of(input: &Input) -> DataType {
    if input.categories.is_some() { DataType::Utf8 } else { DataType::Float64 }
}

/// Checks that a column has a type from which the model learned; `place` says where the column is.
///
/// # Errors
/// The model learned from a number, and the column is something else, such as a time or BOOLEAN; or it learned from text or BOOLEAN.
pub fn check_type(model: &Artifact, input: &Input, data_type: &DataType, place: &str) -> Result<()> {
    let (fits, learned): (fn(&DataType) -> bool, _) = match (&input.categories, model.is_boolean(&input.name)) {
        (Some(_), _) => (is_text, "text"),
        (None, Some(true)) => (is_boolean, "BOOLEAN"),
        (None, Some(false)) => (|data_type| is_number(data_type) && !is_boolean(data_type), "a number"),
        // An earlier squall did not record which of the two it was.
        (None, None) => (is_number, "a number"),
    };
    if fits(data_type) || data_type.is_null() {
        return Ok(());
    }
    let name = &input.name;
    plan_err!(
        "model `{}` learned from {learned} `{name}`, but `{name}` of {place} is {data_type}: CAST it in a query",
        model.name
    )
}

/// Returns the columns of a relation that a model reads, in the model's order and types.
///
/// # Errors
/// A column is missing or has another type than that from which the model learned.
pub fn find(model: &Artifact, relation: &str, schema: &DFSchema) -> Result<Vec<Expr>> {
    let mut found = Vec::new();
    for input in model.inputs().iter() {
        let name = &input.name;
        let Some((qualifier, field)) = schema.iter().find(|(_, field)| field.name() == name) else {
            let near = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
            let near = near.map(|near| format!("; {near}")).unwrap_or_default();
            return plan_err!("model `{}` needs feature `{name}`, which `{relation}` does not have{near}", model.name);
        };
        check_type(model, input, field.data_type(), &format!("`{relation}`"))?;
        found.push(Expr::Column(Column::from((qualifier, field))).cast_to(&type_of(input), schema)?);
    }
    Ok(found)
}

/// Returns the column of a relation that holds a model's label.
///
/// # Errors
/// The relation has no such column, or it is neither BOOLEAN nor a number.
pub fn label(model: &Artifact, relation: &str, schema: &DFSchema) -> Result<Expr> {
    let name = &model.label;
    let Some((qualifier, field)) = schema.iter().find(|(_, field)| field.name() == name) else {
        return plan_err!("`{relation}` does not have the label `{name}` of model `{}`", model.name);
    };
    let data_type = field.data_type();
    if !is_number(data_type) && !data_type.is_null() {
        return plan_err!(
            "the label `{name}` of `{relation}` is {data_type}, and a label is BOOLEAN or a number that is 0 or 1: compare it in a query"
        );
    }
    Ok(Expr::Column(Column::from((qualifier, field))))
}

/// Returns the columns of numbers that a model scores, from arrays in the order and the types of its inputs.
pub fn numbers<'a>(model: &Artifact, arrays: &'a [ArrayRef]) -> Vec<Cow<'a, [f64]>> {
    let as_numbers = |array: &'a ArrayRef| Cow::Borrowed(array.as_primitive::<Float64Type>().values().as_ref());
    let Some(inputs) = &model.inputs else { return arrays.iter().map(as_numbers).collect() };
    let mut columns = Vec::new();
    for (input, array) in inputs.iter().zip(arrays) {
        match &input.categories {
            None => columns.push(as_numbers(array)),
            Some(categories) => {
                let encoded = encode(categories, array.as_string::<i32>().iter(), array.len());
                columns.extend(encoded.into_iter().map(Cow::Owned));
            }
        }
    }
    columns
}

/// Returns in which rows every array has a value and a number is known.
pub fn known(arrays: &[ArrayRef], numbers: &[f64]) -> Option<NullBuffer> {
    let nulls =
        arrays.iter().fold(None, |nulls, array| NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref()));
    let defined = NullBuffer::new(BooleanBuffer::collect_bool(numbers.len(), |row| !numbers[row].is_nan()));
    NullBuffer::union(nulls.as_ref(), Some(&defined)).filter(|nulls| nulls.null_count() > 0)
}
