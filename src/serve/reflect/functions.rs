//! PostgreSQL's functions that depend on their arguments. Those that do not are replaced in the statement, see [`super::rewrite`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

use crate::serve::types::{Type, all};
use crate::text::identifier;

/// Adds the functions to a connection's context.
pub fn register(context: &SessionContext) {
    let function = |name, arguments: Vec<DataType>, body: fn(&[ArrayRef]) -> StringArray| {
        let body = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            Ok(ColumnarValue::Array(Arc::new(body(&arrays))))
        };
        context.register_udf(create_udf(name, arguments, DataType::Utf8, Volatility::Immutable, Arc::new(body)));
    };
    function("format_type", vec![DataType::Int64, DataType::Int64], format_type);
    function("quote_ident", vec![DataType::Utf8], quote_ident);
}

/// Returns the names of types, such as `numeric(10,2)` for the number of numeric and its modifier.
fn format_type(arguments: &[ArrayRef]) -> StringArray {
    let (oids, modifiers) = (arguments[0].as_primitive::<Int64Type>(), arguments[1].as_primitive::<Int64Type>());
    let names = (0..oids.len()).map(|row| {
        let modifier = modifiers.is_valid(row).then(|| modifiers.value(row));
        oids.is_valid(row).then(|| type_name(oids.value(row), modifier))
    });
    names.collect()
}

fn type_name(oid: i64, modifier: Option<i64>) -> String {
    if oid == 0 {
        return "-".into();
    }
    let found = u32::try_from(oid).ok().and_then(|oid| all().find(|known| known.oid == oid || known.array == oid));
    let Some(known) = found else { return "???".into() };
    let array = i64::from(known.array) == oid;
    let digits = match modifier {
        Some(modifier) if known.of == Type::Numeric && modifier >= 4 => {
            format!("({},{})", (modifier - 4) >> 16, (modifier - 4) & 0x7ff)
        }
        _ => String::new(),
    };
    format!("{}{digits}{}", known.long, if array { "[]" } else { "" })
}

/// Returns names in quotes, unless they are read the same way without them.
fn quote_ident(arguments: &[ArrayRef]) -> StringArray {
    arguments[0].as_string::<i32>().iter().map(|name| name.map(quoted)).collect()
}

fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() && name.chars().all(plain) => name.into(),
        _ => identifier(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_postgresql() {
        for (oid, modifier, expected) in [
            (1184, None, "timestamp with time zone"),
            (701, Some(-1), "double precision"),
            (1700, Some(655_366), "numeric(10,2)"),
            (1016, None, "bigint[]"),
            (19, None, "name"),
            (1015, None, "character varying[]"),
            (0, None, "-"),
            (99, None, "???"),
        ] {
            assert_eq!(type_name(oid, modifier), expected);
        }
    }

    #[test]
    fn names_are_quoted_where_they_must() {
        for (name, expected) in
            [("ticks", "ticks"), ("Ticks", "\"Ticks\""), ("a\"b", "\"a\"\"b\""), ("", "\"\""), ("1a", "\"1a\"")]
        {
            assert_eq!(quoted(name), expected);
        }
    }
}
