//! `regexp_extract_all`: every match of a pattern in a text.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use regex::Regex;

use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const REGEXP_EXTRACT_ALL: Documentation = Documentation {
    name: "regexp_extract_all",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns every match of a pattern in a text, or one of the pattern's groups of every match",
    arguments: &[
        Argument { name: "text", sql_type: "VARCHAR", meaning: "where to look", required: true },
        Argument { name: "pattern", sql_type: "VARCHAR", meaning: "a regular expression", required: true },
        Argument {
            name: "group",
            sql_type: "BIGINT",
            meaning: "the number of a group in parentheses; default 0, the whole match",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "LIST",
        meaning: "the matches, which do not overlap; '' for a group that took no part",
        when_null: "an argument is",
    },
    example: Example { query: "SELECT regexp_extract_all('bid 99, ask 101', '[0-9]+')", output: "[99, 101]" },
    source: "DuckDB 2.0",
};

pub const FUNCTION: Scalar = Scalar {
    documentation: &REGEXP_EXTRACT_ALL,
    aliases: &[],
    coerce: |types| match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64]),
        count => plan_err!("{} was given {count} arguments", REGEXP_EXTRACT_ALL.syntax()),
    },
    returns: |_| Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))),
    compute,
};

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (arguments[0].as_string::<i32>(), arguments[1].as_string::<i32>());
    let groups = arguments.get(2).map(|groups| groups.as_primitive::<Int64Type>());
    let mut found = ListBuilder::new(StringBuilder::new());
    let mut known: Option<(&str, Regex)> = None;
    for row in 0..texts.len() {
        if arguments.iter().any(|column| column.is_null(row)) {
            found.append_null();
            continue;
        }
        let pattern = patterns.value(row);
        if known.as_ref().is_none_or(|(last, _)| *last != pattern) {
            let read = Regex::new(pattern).map_err(|error| exec_datafusion_err!("the pattern `{pattern}`: {error}"))?;
            known = Some((pattern, read));
        }
        let Some((_, regex)) = &known else { continue };
        let wanted = groups.map_or(0, |groups| groups.value(row));
        let Some(group) = usize::try_from(wanted).ok().filter(|group| *group < regex.captures_len()) else {
            return exec_err!("the pattern `{pattern}` has {} groups, not {wanted}", regex.captures_len() - 1);
        };
        for captures in regex.captures_iter(texts.value(row)) {
            found.values().append_value(captures.get(group).map_or("", |found| found.as_str()));
        }
        found.append(true);
    }
    Ok(Arc::new(found.finish()))
}
