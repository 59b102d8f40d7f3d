//! `len`: the length of a text or a list.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const LEN: Documentation = Documentation {
    name: "len",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns the number of a text's characters, or of a list's elements",
    arguments: &[Argument {
        name: "value",
        sql_type: "VARCHAR",
        meaning: "a text, or a list; NULL is an element of a list like any other",
        required: true,
    }],
    result: Outcome { sql_type: "BIGINT", meaning: "0 for an empty one", when_null: "the value is" },
    example: Example { query: "SELECT len('ETH'), len([5, 6])", output: "3 | 2" },
    source: "DuckDB 2.0",
};

pub const FUNCTION: Scalar =
    Scalar { documentation: &LEN, aliases: &[], coerce, returns: |_| Ok(DataType::Int64), compute };

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text] if text.is_string() || text.is_null() => Ok(vec![DataType::Utf8]),
        [DataType::List(item) | DataType::FixedSizeList(item, _)] => Ok(vec![DataType::List(Arc::clone(item))]),
        [DataType::LargeList(item)] => Ok(vec![DataType::LargeList(Arc::clone(item))]),
        [other] => plan_err!("{} takes a text or a list, not {other}", LEN.syntax()),
        _ => plan_err!("{} was given {} arguments", LEN.syntax(), types.len()),
    }
}

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let values = &arguments[0];
    let length = |row: usize| match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().value(row).chars().count(),
        DataType::List(_) => values.as_list::<i32>().value_length(row) as usize,
        _ => values.as_list::<i64>().value_length(row) as usize,
    };
    let lengths = (0..values.len()).map(|row| values.is_valid(row).then(|| length(row) as i64));
    Ok(Arc::new(lengths.collect::<Int64Array>()))
}
