//! `format`, `printf`: values in a text.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};

use super::specification::{Specification, Value};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const VALUES: Argument = Argument {
    name: "values",
    sql_type: "ANY",
    meaning: "the values, as many as you like; decimals are written as doubles",
    required: false,
};

pub const FORMAT: Documentation = Documentation {
    name: "format",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Writes values into a text in the places of {}",
    arguments: &[
        Argument {
            name: "text",
            sql_type: "VARCHAR",
            meaning: "with {}, {0}, or {:spec}, where spec is [[fill]<>^][+][0][width][,][.precision][d, f, e, g, x, b, o or s]; {{ is a brace",
            required: true,
        },
        VALUES,
    ],
    result: Outcome {
        sql_type: "VARCHAR",
        meaning: "what a type or a spec does not allow is an error, such as .2f of an integer",
        when_null: "an argument is",
    },
    example: Example {
        query: "SELECT format('{} {:.2f} {:>6} {:,}', 'BTC', 2.5, 'buy', 1234567)",
        output: "BTC 2.50    buy 1,234,567",
    },
    source: "DuckDB 2.0, which also has # and precision without a letter",
};

pub const PRINTF: Documentation = Documentation {
    name: "printf",
    summary: "Writes values into a text in the places of %d, %f, %s and so on",
    arguments: &[
        Argument {
            name: "text",
            sql_type: "VARCHAR",
            meaning: "with %[-+0 ,][width][.precision] and d or x for integers, f, e or g for other numbers, s for texts; %% is %",
            required: true,
        },
        VALUES,
    ],
    example: Example { query: "SELECT printf('%s %.2f %05d %d%%', 'BTC', 2.5, 42, 7)", output: "BTC 2.50 00042 7%" },
    source: "DuckDB 2.0",
    ..FORMAT
};

pub const FORMATS: Scalar = Scalar {
    documentation: &FORMAT,
    aliases: &[],
    coerce: |types| coerce(&FORMAT, types),
    returns: |_| Ok(DataType::Utf8),
    compute: |arguments| compute(arguments, &FORMAT, in_braces),
};

pub const PRINTFS: Scalar = Scalar {
    documentation: &PRINTF,
    coerce: |types| coerce(&PRINTF, types),
    compute: |arguments| compute(arguments, &PRINTF, behind_percents),
    ..FORMATS
};

fn coerce(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    let [text, values @ ..] = types else { return plan_err!("{} was given no arguments", documentation.syntax()) };
    if !text.is_string() && !text.is_null() {
        return plan_err!("the first argument of {} is a text", documentation.syntax());
    }
    let value = |value: &DataType| match value {
        whole if whole.is_integer() => DataType::Int64,
        DataType::Decimal128(_, 0) => DataType::Int64,
        number if number.is_numeric() => DataType::Float64,
        DataType::Boolean => DataType::Boolean,
        _ => DataType::Utf8,
    };
    Ok(std::iter::once(DataType::Utf8).chain(values.iter().map(value)).collect())
}

/// Writes values into a text; the error says what cannot be done.
type Write = fn(&str, &[Value]) -> std::result::Result<String, String>;

fn compute(arguments: &[ArrayRef], documentation: &Documentation, write: Write) -> Result<ArrayRef> {
    let texts = arguments[0].as_string::<i32>();
    let mut written = StringBuilder::new();
    for row in 0..texts.len() {
        if arguments.iter().any(|column| column.is_null(row)) {
            written.append_null();
            continue;
        }
        let values: Vec<Value> = arguments[1..]
            .iter()
            .map(|column| match column.data_type() {
                DataType::Int64 => Value::Whole(column.as_primitive::<Int64Type>().value(row)),
                DataType::Float64 => Value::Number(column.as_primitive::<Float64Type>().value(row)),
                DataType::Boolean => Value::Truth(column.as_boolean().value(row)),
                _ => Value::Text(column.as_string::<i32>().value(row)),
            })
            .collect();
        match write(texts.value(row), &values) {
            Ok(text) => written.append_value(text),
            Err(message) => return exec_err!("{}: {message}", documentation.name),
        }
    }
    Ok(Arc::new(written.finish()))
}

fn in_braces(text: &str, values: &[Value]) -> std::result::Result<String, String> {
    let mut written = String::new();
    let mut rest = text;
    // The place of the next value, and whether places are numbered.
    let (mut next, mut is_numbered) = (0, None);
    while let Some(at) = rest.find(['{', '}']) {
        written.push_str(&rest[..at]);
        let sign = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(sign) {
            written.push_str(sign);
            rest = behind;
            continue;
        }
        let Some(end) = rest.find('}').filter(|_| sign == "{") else {
            return Err(format!("`{text}` has a brace too many; {{{{ and }}}} are braces"));
        };
        let (place, spec) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        let index = match place {
            "" => next,
            place => place.parse().map_err(|_| format!("`{place}` is not the number of a value"))?,
        };
        if *is_numbered.get_or_insert(!place.is_empty()) == place.is_empty() {
            return Err(format!("`{text}` numbers some of its values, but not all"));
        }
        next += 1;
        let value = values.get(index).ok_or_else(|| format!("`{text}` has more places than values"))?;
        written += &one(Specification::of_braces(spec), value, &rest[..end])?;
        rest = &rest[end + 1..];
    }
    Ok(written + rest)
}

fn behind_percents(text: &str, values: &[Value]) -> std::result::Result<String, String> {
    let mut written = String::new();
    let mut values = values.iter();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        written.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            written.push('%');
            rest = behind;
            continue;
        }
        let Some((spec, behind)) = Specification::of_percent(rest) else {
            return Err(format!("`{text}` ends in the middle of a place, or has a width beyond 1000; %% is %"));
        };
        let place = &rest[..rest.len() - behind.len()];
        let value = values.next().ok_or_else(|| format!("`{text}` has more places than values"))?;
        // In C, the letter says the type.
        let fits = match value {
            Value::Text(_) => spec.kind == Some('s'),
            Value::Whole(_) | Value::Number(_) => spec.kind != Some('s'),
            Value::Truth(_) => true,
        };
        written += &one(Some(spec).filter(|_| fits), value, place)?;
        rest = behind;
    }
    Ok(written + rest)
}

fn one(spec: Option<Specification>, value: &Value, place: &str) -> std::result::Result<String, String> {
    spec.and_then(|spec| spec.write(value)).ok_or_else(|| {
        let kind = match value {
            Value::Whole(_) => "an integer",
            Value::Number(_) => "a number with a fraction",
            Value::Text(_) => "a text",
            Value::Truth(_) => "a BOOLEAN",
        };
        format!("{kind} cannot be written as `{place}`")
    })
}
