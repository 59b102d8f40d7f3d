//! `json_extract`, `json_extract_string`: the part of a document at a path.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::rows::{self, DOCUMENT, Found, PATH};
use super::written;
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

pub const JSON_EXTRACT: Documentation = Documentation {
    name: "json_extract",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns the part of a JSON document at a path, as JSON; also written json -> path",
    arguments: &[DOCUMENT, PATH],
    result: Outcome {
        sql_type: "VARCHAR",
        meaning: "JSON without blanks; a text keeps its quotes, and null is 'null'; of equal keys, the first counts. Text that is not JSON is an error",
        when_null: "nothing is at the path, or an argument is",
    },
    example: Example {
        query: r#"SELECT json_extract('{"bids": [[101.5, 2], [101, 7]]}', '$.bids[0]')"#,
        output: "[101.5,2]",
    },
    source: "DuckDB 2.0, which also has wildcards, lists of paths, NaN and trailing commas",
};

pub const JSON_EXTRACT_STRING: Documentation = Documentation {
    name: "json_extract_string",
    summary: "Returns the part of a JSON document at a path, as text; also written json ->> path",
    result: Outcome {
        sql_type: "VARCHAR",
        meaning: "a text without its quotes; other values as json_extract has them; cast numbers: (j ->> 'price')::DOUBLE",
        when_null: "nothing or null is at the path, or an argument is",
    },
    example: Example {
        query: r#"SELECT json_extract_string('{"product": {"id": "BTC-USD"}}', '$.product.id')"#,
        output: "BTC-USD",
    },
    ..JSON_EXTRACT
};

pub const JSON: Scalar = Scalar {
    documentation: &JSON_EXTRACT,
    aliases: &["json_extract_path"],
    coerce: |types| rows::coerce(&JSON_EXTRACT, types),
    returns: |_| Ok(DataType::Utf8),
    compute: |arguments| texts(arguments, |value| written::compact(value).map(Some)),
};

pub const TEXT: Scalar = Scalar {
    documentation: &JSON_EXTRACT_STRING,
    aliases: &["json_extract_path_text"],
    coerce: |types| rows::coerce(&JSON_EXTRACT_STRING, types),
    compute: |arguments| texts(arguments, written::said),
    ..JSON
};

fn texts(arguments: &[ArrayRef], text: fn(&str) -> serde_json::Result<Option<String>>) -> Result<ArrayRef> {
    let mut texts = StringBuilder::new();
    rows::each(arguments, |found| {
        texts.append_option(match found {
            Found::Value(value) => text(value)?,
            Found::Nothing | Found::Unknown => None,
        });
        Ok(())
    })?;
    Ok(Arc::new(texts.finish()))
}
