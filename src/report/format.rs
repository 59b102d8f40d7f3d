//! Numbers and times in the form that readers see.
//!
//! In: values from queries. Out: text. An undefined value becomes an en dash, never 0 and never NaN.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use minijinja::{Environment, HtmlEscape, Output, State, Value, escape_formatter};

use crate::text;

/// The text for an unknown value.
pub const UNKNOWN: &str = "–";

/// Returns a number to four significant digits: `0.7712`, `87,250`, `3.2e-7`.
pub fn number(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return UNKNOWN.into() };
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return scientific(value);
    }
    let decimals = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
    text::decimals(value, decimals)
}

/// Returns a share as a percentage to three significant digits: `6.12 %`.
pub fn percent(share: Option<f64>) -> String {
    let Some(share) = share.filter(|share| share.is_finite()) else { return UNKNOWN.into() };
    let percentage = share * 100.0;
    let decimals = match percentage.abs() {
        size if size >= 99.95 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 || size == 0.0 => 2,
        _ => 3,
    };
    format!("{percentage:.decimals$} %")
}

/// Returns a count with thousands separators.
pub fn count(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(UNKNOWN.into(), |value| text::decimals(value, 0))
}

fn scientific(value: f64) -> String {
    format!("{value:.2e}").replace('-', "−")
}

/// Returns an instant given in nanoseconds since 1970 as `2025-11-28 14:03:07 UTC`.
pub fn instant(nanoseconds: Option<i64>) -> String {
    nanoseconds.map_or(UNKNOWN.into(), |nanoseconds| {
        DateTime::from_timestamp_nanos(nanoseconds).format("%Y-%m-%d %H:%M:%S UTC").to_string()
    })
}

/// Returns a clock reading as `2025-11-28 14:03 UTC`.
pub fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns a span of nanoseconds in its two largest units: `2 d 4 h`, `35 min`, `12 s`.
pub fn span(nanoseconds: Option<i64>) -> String {
    let Some(nanoseconds) = nanoseconds else { return UNKNOWN.into() };
    let seconds = nanoseconds / 1_000_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => [(seconds, "s"), (0, "")],
        (0, 0, _) => [(minutes, "min"), (seconds % 60, "s")],
        (0, _, _) => [(hours, "h"), (minutes, "min")],
        (_, _, _) => [(days, "d"), (hours, "h")],
    };
    let [first, second] = parts.map(|(value, unit)| format!("{value} {unit}"));
    if parts[1].0 == 0 { first } else { format!("{first} {second}") }
}

/// The most characters of a word that are shown; no name that people read is longer.
const LONGEST_WORD: usize = 100;

/// Returns text as pages show it: characters that turn the direction of writing, or act otherwise on their neighbours, are spelled out,
/// and very long words end in an ellipsis and the number of their characters.
pub fn shown(text: &str) -> Cow<'_, str> {
    let is_long = |word: &str| word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD;
    if visible(text).is_none() && !text.split_whitespace().any(is_long) {
        return text.into();
    }
    let short = |word: &str| {
        let end = word.trim_end();
        if !is_long(end) {
            return word.to_string();
        }
        let start: String = end.chars().take(LONGEST_WORD).collect();
        format!("{start}… ({} characters){}", text::grouped(end.chars().count() as u64), &word[end.len()..])
    };
    let words: String = text.split_inclusive(char::is_whitespace).map(short).collect();
    visible(&words).unwrap_or(words).into()
}

/// Spells out what acts on its neighbours; `None` if there is no such character.
fn visible(text: &str) -> Option<String> {
    let is_kept = |char: char| matches!(char, '\n' | '\t');
    let lines = |part: &str| text::printable(part, usize::MAX);
    (!text::is_printable(&text.replace(is_kept, " "))).then(|| {
        text.split_inclusive(is_kept)
            .map(|part| {
                let end = part.trim_end_matches(is_kept);
                lines(end) + &part[end.len()..]
            })
            .collect()
    })
}

/// Writes a value into a page, as [`shown`].
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(shown(text).into_owned())),
        _ => escape_formatter(out, state, value),
    }
}

/// Returns code for a page: whole, and with everything visible.
pub fn code(text: &str) -> Value {
    Value::from_safe_string(HtmlEscape(&visible(text).unwrap_or_else(|| text.into())).to_string())
}

/// Returns text as one paragraph of Markdown: names in it begin no line and no HTML.
fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

/// Adds the filters `number`, `percent`, `count`, `code` and `paragraph`, which templates use on the values of queries, and the way in which text is
/// written.
pub fn add_filters(environment: &mut Environment<'_>) {
    environment.set_formatter(write);
    environment.add_filter("code", code);
    environment.add_filter("paragraph", paragraph);
    environment.add_filter("number", number);
    environment.add_filter("percent", percent);
    environment.add_filter("count", count);
}

#[cfg(test)]
mod tests {
    use super::{code, count, number, paragraph, percent, shown, span};

    #[test]
    fn numbers_keep_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (0.771_234, "0.7712"),
            (87_250.4, "87,250"),
            (-0.05, "−0.05000"),
            (3.2e-7, "3.20e−7"),
            (12.345, "12.35"),
        ];
        for (value, text) in cases {
            assert_eq!(number(Some(value)), text, "{value}");
        }
        assert_eq!(number(None), "–");
        assert_eq!(number(Some(f64::NAN)), "–");
    }

    #[test]
    fn hostile_text_is_visible_and_bounded() {
        assert_eq!(shown("plain text\nof two lines"), "plain text\nof two lines");
        assert_eq!(shown("evil\u{202e}live"), r"evil\u{202e}live");
        assert_eq!(shown("a\tb\u{7}\n"), "a\tb\\u{7}\n");
        let long = format!("a {} b", "x".repeat(10_000));
        assert_eq!(shown(&long), format!("a {}… (10,000 characters) b", "x".repeat(100)));
        assert_eq!(code(&format!("<{}", "x".repeat(500))).as_str().unwrap(), format!("&lt;{}", "x".repeat(500)));
    }

    #[test]
    fn a_name_does_not_end_a_paragraph() {
        assert_eq!(paragraph("it reads a\n\n## Injected <b>, b"), "it reads a ## Injected &lt;b>, b");
    }

    #[test]
    fn shares_counts_and_spans_read_well() {
        assert_eq!(percent(Some(0.061_23)), "6.12 %");
        assert_eq!(percent(Some(1.0)), "100 %");
        assert_eq!(percent(Some(0.000_5)), "0.050 %");
        assert_eq!(count(Some(1_234_567.0)), "1,234,567");
        assert_eq!(span(Some(187_200_000_000_000)), "2 d 4 h");
        assert_eq!(span(Some(2_100_000_000_000)), "35 min");
    }
}
