//! Slices of texts.
//!
//! The engine's `array_slice` takes only lists. In: the engine's function. Out: the same function, which also takes a part of a text, as in
//! DuckDB: `'hello'[2:3]` is `el`. Places are counted in characters from 1, or from the end if they are below zero.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_nested::extract::array_slice_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::elements::coerced;
use crate::text::documentation::known_by_name;

/// Returns the function, under the engine's name.
pub fn function() -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Slices { engines: array_slice_udf(), signature })
}

#[derive(Debug)]
struct Slices {
    engines: Arc<ScalarUDF>,
    signature: Signature,
}

known_by_name!(Slices, engines.name());

impl ScalarUDFImpl for Slices {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [text, _, _] if text.is_string() => return Ok(vec![DataType::Utf8, DataType::Int64, DataType::Int64]),
            [text, ..] if text.is_string() => {
                return plan_err!("a slice of a text has a start and an end, and no step");
            }
            _ => {}
        }
        coerced(&self.engines, types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(DataType::Utf8) => Ok(DataType::Utf8),
            _ => self.engines.return_type(types),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields.first() {
            Some(text) if *text.data_type() == DataType::Utf8 => {
                Ok(Arc::new(Field::new(self.name(), DataType::Utf8, true)))
            }
            _ => self.engines.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if args.args.first().is_none_or(|text| text.data_type() != DataType::Utf8) {
            return self.engines.invoke_with_args(args);
        }
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let slices: ArrayRef = Arc::new(slices(&ColumnarValue::values_to_arrays(&args.args)?));
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&slices, 0)?),
            false => ColumnarValue::Array(slices),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }
}

fn slices(arguments: &[ArrayRef]) -> StringArray {
    let texts = arguments[0].as_string::<i32>();
    let (firsts, lasts) = (arguments[1].as_primitive::<Int64Type>(), arguments[2].as_primitive::<Int64Type>());
    let slice = |row: usize| {
        let is_known = texts.is_valid(row) && firsts.is_valid(row) && lasts.is_valid(row);
        is_known.then(|| slice(texts.value(row), firsts.value(row), lasts.value(row)))
    };
    (0..texts.len()).map(slice).collect()
}

fn slice(text: &str, first: i64, last: i64) -> String {
    let length = text.chars().count() as i64;
    let place = |place: i64| if place < 0 { (length + 1).saturating_add(place) } else { place };
    let (first, last) = (place(first).max(1), place(last).min(length));
    let count = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or_default();
    text.chars().skip((first - 1) as usize).take(count).collect()
}
