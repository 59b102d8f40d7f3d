//! Times before 1970.
//!
//! The engine cuts the fractions of negative numbers off towards zero: `date_trunc` of a constant, `to_unixtime`, and
//! `to_timestamp_seconds`, `_millis` and `_micros` of a time or a text, then give a time that is later. In: the engine's functions. Out:
//! the same functions, which give the time at or before theirs. Times in columns are truncated rightly by the engine itself.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::{
    date_trunc, to_timestamp_micros, to_timestamp_millis, to_timestamp_nanos, to_timestamp_seconds, to_unixtime,
};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::text::documentation::known_by_name;

/// Returns the functions, under the engine's names.
pub fn functions(config: &ConfigOptions) -> [ScalarUDF; 5] {
    let of = |engines, invoke: Invoke| ScalarUDF::new_from_impl(Earlier { engines, invoke });
    [
        of(date_trunc(), truncated),
        of(to_unixtime(), seconds),
        of(to_timestamp_seconds(config), |engines, args| floored(engines, args, TimeUnit::Second)),
        of(to_timestamp_millis(config), |engines, args| floored(engines, args, TimeUnit::Millisecond)),
        of(to_timestamp_micros(config), |engines, args| floored(engines, args, TimeUnit::Microsecond)),
    ]
}

type Invoke = fn(&ScalarUDF, ScalarFunctionArgs) -> Result<ColumnarValue>;

#[derive(Debug)]
struct Earlier {
    engines: Arc<ScalarUDF>,
    invoke: Invoke,
}

known_by_name!(Earlier, engines.name());

impl ScalarUDFImpl for Earlier {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engines.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.engines.return_field_from_args(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engines.output_ordering(inputs)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.invoke)(&self.engines, args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let engines = Arc::new(self.engines.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(Earlier { engines, invoke: self.invoke }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }
}

/// Truncates a constant as a column of one row.
fn truncated(engines: &ScalarUDF, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(ColumnarValue::Scalar(time)) = args.args.get(1).filter(|time| is_timestamp(time)) else {
        return engines.invoke_with_args(args);
    };
    args.args[1] = ColumnarValue::Array(time.to_array()?);
    args.number_rows = 1;
    let truncated = engines.invoke_with_args(args)?.into_array(1)?;
    Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&truncated, 0)?))
}

/// Returns the whole seconds before a time, which may be text.
fn seconds(engines: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [time] = args.args.as_slice() else { return engines.invoke_with_args(args) };
    let values = time.to_array(1)?;
    let times = match values.data_type() {
        DataType::Timestamp(_, _) => Some(values),
        text if text.is_string() => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(&values, &DataType::Timestamp(TimeUnit::Nanosecond, None), &strict).ok()
        }
        _ => None,
    };
    // The engine refuses values that are not times.
    let Some(times) = times else { return engines.invoke_with_args(args) };
    let in_a_second = match times.data_type() {
        DataType::Timestamp(unit, _) => ticks_in_a_second(*unit),
        _ => 1,
    };
    let counts = cast(&times, &DataType::Int64)?;
    let counts = counts.as_primitive::<Int64Type>();
    let seconds: ArrayRef = Arc::new(counts.unary::<_, Int64Type>(|count| count.div_euclid(in_a_second)));
    Ok(match time {
        ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&seconds, 0)?),
        ColumnarValue::Array(_) => ColumnarValue::Array(seconds),
    })
}

/// Gives the engine's function the time, or the number, at or before its own.
fn floored(engines: &ScalarUDF, mut args: ScalarFunctionArgs, unit: TimeUnit) -> Result<ColumnarValue> {
    let Some(given) = args.args.first() else { return engines.invoke_with_args(args) };
    let given = match given.data_type() {
        DataType::Timestamp(_, _) => given.clone(),
        text if text.is_string() => {
            let DataType::Timestamp(_, zone) = args.return_type() else { return engines.invoke_with_args(args) };
            let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            let return_field = Arc::new(args.return_field.as_ref().clone().with_data_type(nanoseconds));
            let in_nanoseconds = ScalarFunctionArgs { return_field, ..args.clone() };
            let times = to_timestamp_nanos(&args.config_options).invoke_with_args(in_nanoseconds)?;
            args.args.truncate(1);
            times
        }
        number if number.is_floating() => given.cast_to(&DataType::Float64, None)?,
        _ => return engines.invoke_with_args(args),
    };
    let is_one = matches!(given, ColumnarValue::Scalar(_));
    let values = given.to_array(1)?;
    let before: ArrayRef = match values.data_type() {
        DataType::Timestamp(own, _) => {
            let ticks = (ticks_in_a_second(*own) / ticks_in_a_second(unit)).max(1);
            let counts = cast(&values, &DataType::Int64)?;
            let counts = counts.as_primitive::<Int64Type>().unary::<_, Int64Type>(|count| {
                // What is too close to the end of its type is cut off.
                count.checked_sub(count.rem_euclid(ticks)).unwrap_or(count)
            });
            cast(&(Arc::new(counts) as ArrayRef), values.data_type())?
        }
        _ => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::floor)),
    };
    args.args[0] = match is_one {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&before, 0)?),
        false => ColumnarValue::Array(before),
    };
    engines.invoke_with_args(args)
}

/// Returns how many units a second has.
pub fn ticks_in_a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn is_timestamp(value: &ColumnarValue) -> bool {
    matches!(value.data_type(), DataType::Timestamp(_, _))
}
