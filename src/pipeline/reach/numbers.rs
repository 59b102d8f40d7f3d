//! Times as numbers: `epoch_ms(ts)`, what is added to it, and the bars that a division makes of it: `epoch_ms(ts) / 60000` of
//! integers, and `floor(epoch(ts) / 60)` of seconds in floating point.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::expression::{constant, text};
use super::interval::{DAY, length};
use super::plan::Walk;
use super::relation::{Column, Number};
use super::times::{Derivation, Var};

/// By how much seconds in floating point differ from a time, with what is computed from them: a sum, a difference and a quotient.
const ROUNDING: i64 = 1_000;

const SECOND: i64 = 1_000_000_000;

/// Functions that round a positive number down.
pub const FLOORS: [&str; 2] = ["floor", "trunc"];

/// The origin of intervals that `floor` makes of seconds in floating point.
const FLOATING: &str = "seconds in floating point";

/// So long before a tick is after 1970: ticks are of 2009 or later.
const LONG_BEFORE: i64 = -30 * 365 * DAY;

impl Walk<'_> {
    /// Returns the number that a call makes of a time, which is its first argument or its second one.
    pub fn number_of(&mut self, call: &ScalarFunction, first: Option<Var>, second: Option<Var>) -> Option<Number> {
        Some(match (call.func.name(), first, second) {
            ("epoch_ns", Some(time), _) => self.counted(time, 1),
            ("epoch_us", Some(time), _) => self.counted(time, 1_000),
            ("epoch_ms", Some(time), _) => self.counted(time, 1_000_000),
            ("to_unixtime", Some(time), None) => self.counted(time, SECOND),
            ("epoch", Some(time), _) => self.seconds(time),
            ("date_part", _, Some(time)) if call.args.first().and_then(text)? == "epoch" => self.seconds(time),
            _ => return None,
        })
    }

    /// Returns the time as a number that the sum or the difference of such a time and a constant is.
    pub fn shifted_number(&mut self, binary: &BinaryExpr, left: &Column, right: &Column) -> Option<Number> {
        let (number, by) = match (binary.op, left.number, right.number) {
            (Operator::Plus, Some(number), None) => (number, integer(&binary.right)?),
            (Operator::Plus, None, Some(number)) => (number, integer(&binary.left)?),
            (Operator::Minus, Some(number), None) => (number, integer(&binary.right)?.checked_neg()?),
            _ => return None,
        };
        let length = by.checked_mul(number.unit)?;
        let time = self.times.derive(number.time, Derivation::Shifted(length, length));
        Some(Number { time, rounds_down: number.rounds_down && length > LONG_BEFORE, ..number })
    }

    /// Returns the time as a number that a product, a quotient of integers or `x - x % 60` is.
    pub fn scaled_number(&mut self, binary: &BinaryExpr, left: &Column, right: &Column) -> Option<Number> {
        let positive = |expression: &Expr| integer(expression).filter(|by| *by > 0);
        if binary.op == Operator::Multiply {
            let (number, by) = match (left.number, right.number) {
                (Some(number), None) => (number, positive(&binary.right)?),
                (None, Some(number)) => (number, positive(&binary.left)?),
                _ => return None,
            };
            return (number.unit % by == 0).then(|| Number { unit: number.unit / by, ..number });
        }
        if let (Operator::Divide, Some(number @ Number { floating: true, .. })) = (binary.op, left.number) {
            let unit = number.unit.checked_mul(positive(&binary.right)?)?;
            let time = match number.whole {
                true => self.times.derive(number.time, Derivation::Shifted(-ROUNDING, ROUNDING)),
                false => number.time,
            };
            return Some(Number { time, unit, whole: false, ..number });
        }
        let number = left.number.filter(|number| number.rounds_down)?;
        let (by, unit) = match (binary.op, binary.right.as_ref()) {
            (Operator::Divide, by) => (positive(by)?, None),
            (Operator::Minus, Expr::BinaryExpr(rest)) if rest.op == Operator::Modulo && rest.left == binary.left => {
                (positive(&rest.right)?, Some(number.unit))
            }
            _ => return None,
        };
        let length = number.unit.checked_mul(by)?;
        let time = self.times.derive(number.time, Derivation::Bucket(length, length, String::new()));
        Some(Number { time, unit: unit.unwrap_or(length), ..number })
    }

    /// Returns a time as a whole number of units since 1970, rounded down.
    pub fn counted(&mut self, time: Var, unit: i64) -> Number {
        let rounds_down = self.times.unshifted(time).1 > LONG_BEFORE;
        Number {
            time: self.times.derive(time, Derivation::Bucket(unit, unit, String::new())),
            unit,
            whole: true,
            rounds_down,
            floating: false,
            rough: false,
        }
    }

    /// Returns the bars of whole seconds that `floor` or `trunc` makes of seconds in floating point.
    ///
    /// A time shortly before the end of a bar can be rounded into the next one. Rounding keeps the order of times, so a bar is over
    /// before every time that falls into a later bar, and at the latest when it should be.
    pub fn floored(&mut self, call: &ScalarFunction, argument: Option<&Column>) -> Option<Number> {
        let number = argument?.number.filter(|number| number.floating)?;
        let floors = FLOORS.contains(&call.func.name()) && call.args.len() == 1;
        if number.whole || !floors || number.unit % SECOND != 0 {
            return Some(number).filter(|number| number.whole && floors);
        }
        let (rounded, shift) = self.times.unshifted(number.time);
        let base = self.times.made_by(rounded, &Derivation::Shifted(-ROUNDING, ROUNDING))?;
        if shift % SECOND != 0 || shift <= LONG_BEFORE || self.times.unshifted(base).1 <= LONG_BEFORE {
            return None;
        }
        let base = self.times.derive(base, Derivation::Shifted(shift, shift));
        let time = self.times.derive(base, Derivation::Bucket(number.unit, number.unit, FLOATING.into()));
        Some(Number { time, whole: true, rough: true, ..number })
    }

    /// Returns a number that is converted to another type.
    pub fn converted_number(&self, number: Number, to: &DataType) -> Option<Number> {
        match to {
            DataType::Int64 if number.whole => {
                let rounds_down = match number.floating {
                    true => self.times.unshifted(number.time).1 > LONG_BEFORE,
                    false => number.rounds_down,
                };
                Some(Number { floating: false, rounds_down, ..number })
            }
            // Finer numbers can have more digits than a double.
            DataType::Float64 if number.floating || (number.whole && number.unit >= 1_000) => {
                Some(Number { floating: true, rounds_down: false, ..number })
            }
            _ => None,
        }
    }

    /// Returns the time that a number is.
    pub fn time_of(&mut self, number: Number) -> Var {
        match number.rough {
            true => self.times.derive(number.time, Derivation::Shifted(0, ROUNDING)),
            false => number.time,
        }
    }

    /// Returns the time that a function makes of a time as a number.
    pub fn counted_time(&mut self, function: &str, number: Option<&Column>) -> Option<Var> {
        let number = number?.number?;
        let unit = match function {
            "to_timestamp" | "to_timestamp_seconds" => SECOND,
            "to_timestamp_millis" | "epoch_ms" => 1_000_000,
            "to_timestamp_micros" => 1_000,
            "to_timestamp_nanos" => 1,
            _ => return None,
        };
        (number.unit == unit).then(|| self.time_of(number))
    }

    /// Returns a time as seconds in floating point.
    fn seconds(&mut self, time: Var) -> Number {
        let time = self.times.derive(time, Derivation::Shifted(-ROUNDING, ROUNDING));
        Number { time, unit: SECOND, whole: false, rounds_down: false, floating: true, rough: false }
    }
}

/// Returns the least and the greatest length of an interval, or of a number of units.
pub fn length_in(value: &ScalarValue, unit: Option<i64>) -> Option<(i64, i64)> {
    match unit {
        None => length(value),
        Some(unit) => match value {
            ScalarValue::Float64(Some(number)) if number.is_finite() => {
                let length = number * unit as f64;
                Some((length.floor() as i64, length.ceil() as i64))
            }
            _ => {
                let length = value.data_type().is_integer().then(|| whole_number(value))??.checked_mul(unit)?;
                Some((length, length))
            }
        },
    }
}

/// Returns the value of a constant that is a whole number.
pub fn integer(expression: &Expr) -> Option<i64> {
    match constant(expression)? {
        ScalarValue::Float64(Some(number)) => (number.fract() == 0.0 && number.abs() < 9e15).then_some(*number as i64),
        value => value.data_type().is_integer().then(|| whole_number(value))?,
    }
}

pub fn whole_number(value: &ScalarValue) -> Option<i64> {
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(number) => number,
        _ => None,
    }
}

/// Returns a unit of time in nanoseconds.
pub fn unit_ns(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => SECOND,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
