//! Times of a zone that its clocks skip, or show twice.
//!
//! The engine refuses them. In: an analyzed plan. Out: the same plan, in which `ts AT TIME ZONE 'Europe/Berlin'` reads a time within the
//! hour that is skipped by the offset before it, and a time that comes twice as the second one, as PostgreSQL and DuckDB do.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TryCast, Volatility, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::early_times::ticks_in_a_second;
use super::{refuse, rewritten};

/// Makes casts to a time zone read every time.
#[derive(Debug)]
pub struct LocalTimes;

impl AnalyzerRule for LocalTimes {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, read)
    }

    fn name(&self) -> &str {
        "squall_local_times"
    }
}

fn read(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (Expr::Cast(Cast { expr: time, field }) | Expr::TryCast(TryCast { expr: time, field })) = &mut expr else {
        return Ok(Transformed::no(expr));
    };
    let DataType::Timestamp(_, Some(zone)) = field.data_type() else { return Ok(Transformed::no(expr)) };
    // Offsets and UTC have no such times.
    let is_region = zone.contains('/') && !zone.starts_with("Etc/") && zone.parse::<Tz>().is_ok();
    if !is_region || !matches!(time.get_type(schema)?, DataType::Timestamp(_, None)) {
        return Ok(Transformed::no(expr));
    }
    **time = LOCAL_TIME.call(vec![std::mem::take(time), lit(zone.as_ref())]);
    Ok(Transformed::yes(expr))
}

static LOCAL_TIME: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(LocalTime { signature: Signature::any(2, Volatility::Immutable) }))
});

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![LOCAL_TIME.as_ref().clone()]
}

/// Returns the instants at which the clocks of a zone show times.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    signature: Signature,
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "squall_local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("return_field_from_args says it")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ([time, _], [_, Some(zone)]) = (args.arg_fields, args.scalar_arguments) else {
            return internal_err!("squall_local_time takes a time and a zone");
        };
        let zone = zone.try_as_str().flatten().unwrap_or_default();
        let DataType::Timestamp(unit, _) = time.data_type() else {
            return internal_err!("squall_local_time takes a time");
        };
        let found = DataType::Timestamp(*unit, Some(zone.into()));
        Ok(Arc::new(Field::new(self.name(), found, time.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (own, DataType::Timestamp(unit, Some(zone))) = (&args.args[0], args.return_field.data_type()) else {
            return internal_err!("squall_local_time returns times of a zone");
        };
        let ticks = ticks_in_a_second(*unit);
        let region: Tz = zone.parse()?;
        let is_one = matches!(own, ColumnarValue::Scalar(_));
        let counts = cast(&own.to_array(args.number_rows)?, &DataType::Int64)?;
        let instant = |count: i64| {
            let time = DateTime::from_timestamp(count.div_euclid(ticks), 0).map(|time| time.naive_utc());
            let found = time.and_then(|time| ahead(region, time)).and_then(|ahead| count.checked_sub(ahead * ticks));
            found.ok_or_else(|| {
                refuse(format!("a time is too far from today for the zone {zone}"), "leave out AT TIME ZONE for it")
            })
        };
        let counts = counts.as_primitive::<Int64Type>().iter().map(|count| count.map(instant).transpose());
        let instants: ArrayRef = Arc::new(counts.collect::<Result<Int64Array>>()?);
        let instants = cast(&instants, args.return_field.data_type())?;
        Ok(match is_one {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&instants, 0)?),
            false => ColumnarValue::Array(instants),
        })
    }
}

/// The longest time that a zone has skipped, in hours: Samoa, on December 30, 2011.
const SKIPPED: i64 = 24;

/// Returns how many seconds a zone's clocks are ahead of UTC when they show a time.
fn ahead(zone: Tz, time: NaiveDateTime) -> Option<i64> {
    let seconds = |offset: <Tz as TimeZone>::Offset| i64::from(offset.fix().local_minus_utc());
    (0..=SKIPPED).find_map(|hours| {
        match zone.offset_from_local_datetime(&time.checked_sub_signed(Duration::hours(hours))?) {
            LocalResult::Single(offset) => Some(seconds(offset)),
            LocalResult::Ambiguous(one, other) => Some(seconds(one).min(seconds(other))),
            LocalResult::None => None,
        }
    })
}
