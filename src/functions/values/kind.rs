//! `typeof`: the type of a value.

use std::sync::Arc;

use datafusion::arrow::array::{Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::plan_err;

use crate::engine::sql_type;
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const TYPEOF: Documentation = Documentation {
    name: "typeof",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns the name of a value's type, as DESCRIBE has it",
    arguments: &[Argument { name: "value", sql_type: "ANY", meaning: "any value, also NULL", required: true }],
    result: Outcome { sql_type: "VARCHAR", meaning: "the type, such as BIGINT", when_null: "never" },
    example: Example { query: "SELECT typeof(1.5::DOUBLE)", output: "DOUBLE" },
    source: "DuckDB 2.0, whose names of some types differ: a whole number is an INTEGER there",
};

pub const FUNCTION: Scalar = Scalar {
    documentation: &TYPEOF,
    aliases: &["pg_typeof"],
    coerce: |types| match types.len() {
        1 => Ok(types.to_vec()),
        count => plan_err!("{} was given {count} arguments", TYPEOF.syntax()),
    },
    returns: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let name = sql_type(arguments[0].data_type());
        Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, arguments[0].len()))))
    },
};
