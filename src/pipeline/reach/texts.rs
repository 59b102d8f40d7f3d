//! Times as texts: `strftime(ts, '%Y-%m-%d')`, and other formats whose texts have the order of the times.

use datafusion::logical_expr::ExprSchemable;
use datafusion::logical_expr::expr::ScalarFunction;

use super::expression::{Input, constant, zone_of};
use super::interval::calendar_unit;
use super::plan::Walk;
use super::relation::Number;
use super::times::{Derivation, Var};
use crate::text::fingerprint;

/// What a format may write, from the greatest unit to the least, each with as many digits for every time.
const PARTS: [(char, &str); 6] =
    [('Y', "year"), ('m', "month"), ('d', "day"), ('H', "hour"), ('M', "minute"), ('S', "second")];

impl Walk<'_> {
    /// Returns the start of an interval that a call writes as a text. The format stands for the unit: texts of one format can be
    /// compared, and no arithmetic follows.
    pub fn written(&mut self, call: &ScalarFunction, time: Option<Var>, input: Input<'_>) -> Option<Number> {
        let [written, format] = call.args.as_slice() else { return None };
        if !["strftime", "to_char", "date_format"].contains(&call.func.name())
            || zone_of(&written.get_type(input.schema).ok()?).is_some()
        {
            return None;
        }
        let format = constant(format)?.try_as_str().flatten()?;
        let (length, least, origin) = calendar_unit(unit(format)?)?;
        let time = self.times.derive(time?, Derivation::Bucket(length, least, origin.into()));
        let number = i64::from_str_radix(&fingerprint(format)[1..], 16).ok()?;
        Some(Number { time, unit: -1 - number, whole: true, rounds_down: false, floating: false, rough: false })
    }
}

/// Returns the least unit that a format writes, if its texts have the order of the times.
fn unit(format: &str) -> Option<&'static str> {
    let format = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S");
    let mut written = 0;
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character == '%' {
            let (part, _) = PARTS.get(written)?;
            if characters.next() != Some(*part) {
                return None;
            }
            written += 1;
        }
    }
    written.checked_sub(1).map(|last| PARTS[last].1)
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn the_order_of_texts_is_that_of_times_if_greater_units_come_first() {
        for (format, expected) in [
            ("%Y-%m-%d", Some("day")),
            ("%F %T", Some("second")),
            ("%Y", Some("year")),
            ("on %Y%m", Some("month")),
            ("%d.%m.%Y", None),
            ("%m-%d", None),
            ("%Y-%-m", None),
            ("%Y-%d", None),
            ("%Y%%", None),
            ("never", None),
        ] {
            assert_eq!(unit(format), expected, "{format}");
        }
    }
}
