//! Times and dates as people write them.
//!
//! The engine reads `2026-01-05 09:30:00`, but not `2026-01-05 09:30`, `2026-1-5 9:30:00`, `2026/01/05` or blanks around a time, and no
//! DATE from a text with a time of day; TRY_CAST makes them NULL. In: an analyzed plan. Out: the same plan, in which a cast from text to a
//! time or a date reads them, as in DuckDB and PostgreSQL.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarUDF, TryCast};
use datafusion::optimizer::AnalyzerRule;

use super::passed::{self, passed};
use super::rewritten;

/// Makes casts from text read more forms of times.
#[derive(Debug)]
pub struct WrittenTimes;

impl AnalyzerRule for WrittenTimes {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, read)
    }

    fn name(&self) -> &str {
        "squall_written_times"
    }
}

fn read(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (Expr::Cast(Cast { expr: text, field }) | Expr::TryCast(TryCast { expr: text, field })) = &mut expr else {
        return Ok(Transformed::no(expr));
    };
    let form = match field.data_type() {
        DataType::Timestamp(..) => TIME,
        DataType::Date32 => DATE,
        _ => return Ok(Transformed::no(expr)),
    };
    if !text.get_type(schema)?.is_string() {
        return Ok(Transformed::no(expr));
    }
    if let Expr::Literal(literal, _) = text.as_mut() {
        let other = literal.try_as_str().flatten().and_then(form.read);
        let changed = other.is_some();
        if let Some(other) = other {
            *literal = ScalarValue::Utf8(Some(other)).cast_to(&literal.data_type())?;
        }
        return Ok(Transformed::new_transformed(expr, changed));
    }
    **text = passed(form.name, form.pass, std::mem::take(text));
    Ok(Transformed::yes(expr))
}

/// What a text is read as.
struct Form {
    name: &'static str,
    pass: fn(ColumnarValue) -> Result<ColumnarValue>,
    /// Returns the text in the engine's form; `None` if it has that form, or cannot be read.
    read: fn(&str) -> Option<String>,
}

const TIME: Form = Form { name: "squall_written_time", pass: |texts| mended(texts, time), read: time };
const DATE: Form = Form { name: "squall_written_date", pass: |texts| mended(texts, date), read: date };

/// The functions that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    [TIME, DATE].iter().map(|form| passed::function(form.name, form.pass)).collect()
}

/// Returns the texts, with those that `read` changes in the engine's form.
fn mended(texts: ColumnarValue, read: fn(&str) -> Option<String>) -> Result<ColumnarValue> {
    Ok(match texts {
        ColumnarValue::Scalar(text) => ColumnarValue::Scalar(match text.try_as_str().flatten().and_then(read) {
            Some(other) => ScalarValue::Utf8(Some(other)).cast_to(&text.data_type())?,
            None => text,
        }),
        ColumnarValue::Array(texts) => ColumnarValue::Array(mended_column(texts, read)?),
    })
}

fn mended_column(texts: ArrayRef, read: fn(&str) -> Option<String>) -> Result<ArrayRef> {
    let plain = cast(&texts, &DataType::Utf8)?;
    let plain = plain.as_string::<i32>();
    let Some(first) = plain.iter().position(|text| text.and_then(read).is_some()) else { return Ok(texts) };
    let others = plain.iter().enumerate().map(|(row, text)| {
        let other = if row < first { None } else { text.and_then(read) };
        other.map(Into::into).or(text.map(std::borrow::Cow::Borrowed))
    });
    let others: StringArray = others.collect();
    Ok(cast(&(Arc::new(others) as ArrayRef), texts.data_type())?)
}

fn time(text: &str) -> Option<String> {
    // What the engine reads already, with or without a fraction and a zone.
    let bytes = text.as_bytes();
    let is_at = |place: usize, byte: u8| bytes.get(place) == Some(&byte);
    let is_plain = is_at(4, b'-') && is_at(7, b'-') && (bytes.len() == 10 || is_at(13, b':') && is_at(16, b':'));
    if is_plain && !bytes.ends_with(b" ") {
        return None;
    }
    let Parts { date, time } = parts(text)?;
    let other = if time.is_empty() { date } else { format!("{date}T{time}") };
    (other != text).then_some(other)
}

fn date(text: &str) -> Option<String> {
    let Parts { date, time } = parts(text)?;
    let is_time_of_day = time.is_empty() || chrono::NaiveTime::parse_from_str(time.get(..8)?, "%H:%M:%S").is_ok();
    (is_time_of_day && date != text).then_some(date)
}

struct Parts {
    /// As `2026-01-05`.
    date: String,
    /// As `09:30:00`, with a fraction and a zone if there are any; empty for a date alone.
    time: String,
}

/// Takes a time apart.
fn parts(text: &str) -> Option<Parts> {
    let text = text.trim();
    let (year, rest) = number(text, 4..=4)?;
    let separator = rest.chars().next().filter(|separator| matches!(separator, '-' | '/'))?;
    let (month, rest) = number(&rest[1..], 1..=2)?;
    let (day, rest) = number(rest.strip_prefix(separator)?, 1..=2)?;
    let date = format!("{year}-{month:0>2}-{day:0>2}");
    if rest.is_empty() {
        return Some(Parts { date, time: String::new() });
    }
    let rest = rest.strip_prefix('T').unwrap_or_else(|| rest.trim_start_matches(' '));
    let (hour, rest) = number(rest, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1..=2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 1..=2)?,
        None => ("0", rest),
    };
    Some(Parts { date, time: format!("{hour:0>2}:{minute:0>2}:{second:0>2}{rest}") })
}

/// Returns the digits at the start of a text, if they are so many, and what comes after them.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(&str, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    digits.contains(&count).then(|| text.split_at(count))
}

#[cfg(test)]
mod tests {
    use super::{date, time};

    #[test]
    fn times_get_the_engines_form() {
        for (text, expected) in [
            ("2026-01-05 09:30", "2026-01-05T09:30:00"),
            ("2026-1-5 9:30:07.25", "2026-01-05T09:30:07.25"),
            (" 2026-01-05  09:30:00 ", "2026-01-05T09:30:00"),
            ("2026/01/05", "2026-01-05"),
            ("2026-01-05T09:30Z", "2026-01-05T09:30:00Z"),
            ("2026-01-05 09:30 UTC", "2026-01-05T09:30:00 UTC"),
            ("2026-01-05 09:30+01", "2026-01-05T09:30:00+01"),
        ] {
            assert_eq!(time(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["2026-01-05", "2026-01-05 09:30:00", "2026-01-05T09:30:00.123Z", "", "now", "2026-01/05", "2026-01-05T09"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_leaves_out_the_time_of_day() {
        assert_eq!(date("2026-01-05 09:30").as_deref(), Some("2026-01-05"));
        assert_eq!(date("2026/1/5").as_deref(), Some("2026-01-05"));
        for text in ["2026-01-05", "2026-01-05 25:00", "2026-01-05 x"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
