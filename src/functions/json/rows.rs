//! Documents and paths, row by row: the code around a function on JSON.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::error::DataFusionError;

use super::path::{self, Step};
use crate::text::documentation::{Argument, Documentation};

pub const DOCUMENT: Argument =
    Argument { name: "json", sql_type: "VARCHAR", meaning: "a document of JSON", required: true };

pub const PATH: Argument = Argument {
    name: "path",
    sql_type: "VARCHAR",
    meaning: "$.a.\"b c\"[0] with places from 0, or from the end as [-1]; /a/0; a key alone; or a BIGINT, a place in an array",
    required: true,
};

pub const PATH_OR_WHOLE: Argument =
    Argument { meaning: "where to look, as in json_extract; default: the whole document", required: false, ..PATH };

/// What a row's path leads to.
pub enum Found<'a> {
    /// An argument is NULL.
    Unknown,
    /// Nothing is at the path.
    Nothing,
    /// A value of JSON, as it is written in the document.
    Value(&'a str),
}

/// Returns the types to which a document and a path are converted.
pub fn coerce(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    if !(documentation.required()..=documentation.arguments.len()).contains(&types.len()) {
        return plan_err!("{} was given {} arguments", documentation.syntax(), types.len());
    }
    let is_text = |data_type: &DataType| data_type.is_string() || data_type.is_null();
    match &types[0] {
        DataType::Struct(_) => {
            return plan_err!("{} takes text; a field of a STRUCT is value.field", documentation.syntax());
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            return plan_err!("{} takes text; an element of a list is value[1]", documentation.syntax());
        }
        other if !is_text(other) => return plan_err!("{} takes text, not {other}", documentation.syntax()),
        _ => {}
    }
    let path = types.get(1).map(|path| match path {
        text if is_text(text) => Ok(DataType::Utf8),
        place if place.is_integer() => Ok(DataType::Int64),
        other => plan_err!("the path of {} is text or a place, not {other}", documentation.syntax()),
    });
    std::iter::once(Ok(DataType::Utf8)).chain(path).collect()
}

/// Gives each row's value at its path to a function. Without paths, it is the whole document.
///
/// # Errors
/// A document is not JSON, or a path cannot be read.
pub fn each(arguments: &[ArrayRef], mut take: impl FnMut(Found) -> serde_json::Result<()>) -> Result<()> {
    let documents = arguments[0].as_string::<i32>();
    let mut known: Option<&str> = None;
    let mut steps: Vec<Step> = Vec::new();
    for row in 0..documents.len() {
        if arguments.iter().any(|column| column.is_null(row)) {
            take(Found::Unknown).map_err(|error| not_json("", &error))?;
            continue;
        }
        match arguments.get(1).map(|paths| (paths, paths.data_type())) {
            Some((places, DataType::Int64)) => steps = vec![Step::Place(places.as_primitive::<Int64Type>().value(row))],
            Some((paths, _)) => {
                let written = paths.as_string::<i32>().value(row);
                if known != Some(written) {
                    (known, steps) = (Some(written), path::read(written)?);
                }
            }
            None => {}
        }
        let document = documents.value(row);
        path::find(document, &steps)
            .and_then(|found| take(found.map_or(Found::Nothing, Found::Value)))
            .map_err(|error| not_json(document, &error))?;
    }
    Ok(())
}

fn not_json(document: &str, error: &serde_json::Error) -> DataFusionError {
    const SHOWN: usize = 60;
    let more = if document.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let start: String = document.chars().take(SHOWN).collect();
    exec_datafusion_err!("`{start}{more}` is not JSON: {error}; json_valid(…) tells which texts are")
}
