//! `json_type`, `json_keys`, `json_array_length`, `json_exists`, `json_valid`: what a document holds.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field};

use super::path;
use super::rows::{self, DOCUMENT, Found, PATH, PATH_OR_WHOLE};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

pub const JSON_ARRAY_LENGTH: Documentation = Documentation {
    name: "json_array_length",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns the number of elements of an array in JSON",
    arguments: &[DOCUMENT, PATH_OR_WHOLE],
    result: Outcome {
        sql_type: "BIGINT",
        meaning: "0 for what is not an array. Text that is not JSON is an error",
        when_null: "nothing is at the path, or an argument is",
    },
    example: Example { query: r#"SELECT json_array_length('{"bids": [[1, 2], [3, 4]]}', '$.bids')"#, output: "2" },
    source: "DuckDB 2.0, whose result is a UBIGINT",
};

pub const JSON_KEYS: Documentation = Documentation {
    name: "json_keys",
    summary: "Returns the keys of an object in JSON",
    result: Outcome {
        sql_type: "LIST",
        meaning: "the keys in their order; empty for what is not an object. Text that is not JSON is an error",
        ..JSON_ARRAY_LENGTH.result
    },
    example: Example { query: r#"SELECT json_keys('{"bid": 99, "ask": 101}')"#, output: "[bid, ask]" },
    source: "DuckDB 2.0",
    ..JSON_ARRAY_LENGTH
};

pub const JSON_TYPE: Documentation = Documentation {
    name: "json_type",
    summary: "Returns the type of a value in JSON",
    result: Outcome {
        sql_type: "VARCHAR",
        meaning: "OBJECT, ARRAY, VARCHAR, BOOLEAN, NULL, UBIGINT, BIGINT if it is negative, or DOUBLE. Text that is not JSON is an error",
        ..JSON_ARRAY_LENGTH.result
    },
    example: Example { query: r#"SELECT json_type('{"price": 101.5}', '$.price')"#, output: "DOUBLE" },
    source: "DuckDB 2.0",
    ..JSON_ARRAY_LENGTH
};

pub const JSON_EXISTS: Documentation = Documentation {
    name: "json_exists",
    summary: "Returns whether a JSON document has a value at a path",
    arguments: &[DOCUMENT, PATH],
    result: Outcome {
        sql_type: "BOOLEAN",
        meaning: "true also for null. Text that is not JSON is an error",
        when_null: "an argument is",
    },
    example: Example { query: r#"SELECT json_exists('{"bid": null}', 'bid')"#, output: "true" },
    source: "DuckDB 2.0",
    ..JSON_ARRAY_LENGTH
};

pub const JSON_VALID: Documentation = Documentation {
    name: "json_valid",
    summary: "Returns whether a text is JSON",
    arguments: &[DOCUMENT],
    result: Outcome { sql_type: "BOOLEAN", meaning: "true if it is", when_null: "the text is" },
    example: Example { query: r#"SELECT json_valid('{"bid": 99'), json_valid('[1]')"#, output: "false | true" },
    source: "RFC 8259; DuckDB 2.0 also takes NaN and trailing commas",
    ..JSON_ARRAY_LENGTH
};

pub const LENGTHS: Scalar = Scalar {
    documentation: &JSON_ARRAY_LENGTH,
    aliases: &[],
    coerce: |types| rows::coerce(&JSON_ARRAY_LENGTH, types),
    returns: |_| Ok(DataType::Int64),
    compute: |arguments| {
        let mut lengths: Vec<Option<i64>> = Vec::with_capacity(arguments[0].len());
        rows::each(arguments, |found| {
            lengths.push(match found {
                Found::Value(value) => Some(path::length(value)? as i64),
                Found::Nothing | Found::Unknown => None,
            });
            Ok(())
        })?;
        Ok(Arc::new(Int64Array::from(lengths)) as ArrayRef)
    },
};

pub const KEYS: Scalar = Scalar {
    documentation: &JSON_KEYS,
    coerce: |types| rows::coerce(&JSON_KEYS, types),
    returns: |_| Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))),
    compute: |arguments| {
        let mut lists = ListBuilder::new(StringBuilder::new());
        rows::each(arguments, |found| {
            let Found::Value(value) = found else {
                lists.append_null();
                return Ok(());
            };
            for key in path::keys(value)? {
                lists.values().append_value(key);
            }
            lists.append(true);
            Ok(())
        })?;
        Ok(Arc::new(lists.finish()) as ArrayRef)
    },
    ..LENGTHS
};

pub const TYPES: Scalar = Scalar {
    documentation: &JSON_TYPE,
    coerce: |types| rows::coerce(&JSON_TYPE, types),
    returns: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let mut types: Vec<Option<&str>> = Vec::with_capacity(arguments[0].len());
        rows::each(arguments, |found| {
            types.push(match found {
                Found::Value(value) => Some(type_of(value)),
                Found::Nothing | Found::Unknown => None,
            });
            Ok(())
        })?;
        Ok(Arc::new(StringArray::from(types)) as ArrayRef)
    },
    ..LENGTHS
};

pub const EXISTS: Scalar = Scalar {
    documentation: &JSON_EXISTS,
    coerce: |types| rows::coerce(&JSON_EXISTS, types),
    returns: |_| Ok(DataType::Boolean),
    compute: |arguments| {
        let mut exists: Vec<Option<bool>> = Vec::with_capacity(arguments[0].len());
        rows::each(arguments, |found| {
            exists.push(match found {
                Found::Value(_) => Some(true),
                Found::Nothing => Some(false),
                Found::Unknown => None,
            });
            Ok(())
        })?;
        Ok(Arc::new(BooleanArray::from(exists)) as ArrayRef)
    },
    ..LENGTHS
};

pub const VALID: Scalar = Scalar {
    documentation: &JSON_VALID,
    coerce: |types| rows::coerce(&JSON_VALID, types),
    returns: |_| Ok(DataType::Boolean),
    compute: |arguments| {
        let is_json = |text: &str| path::find(text, &[]).is_ok();
        let valid = arguments[0].as_string::<i32>().iter().map(|text| text.map(is_json));
        Ok(Arc::new(valid.collect::<BooleanArray>()) as ArrayRef)
    },
    ..LENGTHS
};

/// Returns the name of the type of a value of JSON.
fn type_of(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'{') => "OBJECT",
        Some(b'[') => "ARRAY",
        Some(b'"') => "VARCHAR",
        Some(b't' | b'f') => "BOOLEAN",
        Some(b'n') => "NULL",
        _ if value.parse::<u64>().is_ok() => "UBIGINT",
        _ if value.parse::<i64>().is_ok() => "BIGINT",
        _ => "DOUBLE",
    }
}
