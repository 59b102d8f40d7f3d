//! Calls that make the start of an interval of a time: `date_bin`, `date_trunc` and `time_bucket`.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::expression::{constant, text, zone_of};
use super::interval::{CLOCK_CHANGE, DAY, LONGEST_MONTH, SHORTEST_MONTH, calendar_unit, length};
use super::times::Derivation;

/// Where the buckets of `time_bucket` begin: 3 January 2000, a Monday.
const FIRST_BUCKET: i64 = 10_959 * DAY;

/// Returns how a call makes the start of an interval of its second argument; `None` if that is not known.
pub fn bucket(call: &ScalarFunction, schema: &DFSchema) -> Option<Derivation> {
    let [first, time, rest @ ..] = call.args.as_slice() else { return None };
    if call.func.name() == "time_bucket" {
        return time_bucket(first, rest.first());
    }
    let (length, least, origin) = match call.func.name() {
        "date_bin" => {
            let (least, most) = positive_length(first)?;
            (most, least, rest.first().map(ToString::to_string).unwrap_or_default())
        }
        _ => named(&text(first)?)?,
    };
    let zone = time.get_type(schema).ok().and_then(|kind| zone_of(&kind));
    // In another zone than UTC, intervals start elsewhere, and days have several lengths.
    Some(match zone {
        None => Derivation::Bucket(length, least, origin),
        Some(zone) => {
            let least = least.saturating_sub(CLOCK_CHANGE).max(least.min(1));
            Derivation::Bucket(length.saturating_add(CLOCK_CHANGE), least, format!("{origin} {zone}"))
        }
    })
}

/// Returns how `time_bucket` makes the start of an interval. It counts in UTC.
fn time_bucket(width: &Expr, origin: Option<&Expr>) -> Option<Derivation> {
    let (least, most) = positive_length(width)?;
    let of_months = |months: i64| least == months * SHORTEST_MONTH && most == months * LONGEST_MONTH;
    let (most, least, origin) = match origin {
        Some(origin) => (most, least, constant(origin)?.to_string()),
        // Its buckets begin at a Monday; of months, at the start of a year.
        None if most == 7 * DAY => named("week")?,
        None if of_months(1) => named("month")?,
        None if of_months(3) => named("quarter")?,
        None if of_months(12) => named("year")?,
        None if least == most && FIRST_BUCKET % most == 0 => (most, least, String::new()),
        None => (most, least, "the buckets of time_bucket".into()),
    };
    Some(Derivation::Bucket(most, least, origin))
}

fn positive_length(width: &Expr) -> Option<(i64, i64)> {
    constant(width).and_then(length).filter(|(least, _)| *least > 0)
}

fn named(unit: &str) -> Option<(i64, i64, String)> {
    calendar_unit(unit).map(|(length, least, origin)| (length, least, origin.into()))
}
