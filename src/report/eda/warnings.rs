//! What is conspicuous in a profile, worst first. The limits are those of ydata-profiling 4 where it has one.

use crate::report::exhibit::{Warning, name, value};
use crate::report::format::{count, number, percent};
use crate::report::query::{Row, Rows};
use crate::text::counted;

/// At least this share of missing values is worth a warning.
const MISSING: f64 = 0.05;
/// A value with this share makes a column almost constant.
const ALMOST_ALL: f64 = 0.99;
/// At least this share of zeros is worth a warning.
const ZEROS: f64 = 0.1;
/// A larger skewness is worth a warning.
const SKEWNESS: f64 = 20.0;
/// Text with more different values, and with more than half of them different, has many values.
const MANY_VALUES: f64 = 50.0;
/// Columns with at least this correlation, or its negative, are nearly the same.
const CORRELATION: f64 = 0.9;

/// A share of rows in the relation.
fn of(rows: f64, total: f64) -> String {
    format!("{} of the rows, {}", percent(Some(rows / total)), counted(rows as u64, "row"))
}

/// Returns the warnings, worst first. Column order decides between warnings of one rank.
pub fn warnings(columns: &Rows, pairs: &Rows) -> Vec<Warning> {
    let mut all: Vec<Warning> = Vec::new();
    let first = columns.first();
    let rows = first.and_then(|row| row.number("rows")).unwrap_or_default();
    if let Some(repeated) = first.and_then(|row| row.number("duplicate_rows")).filter(|count| *count > 0.0) {
        let equal = if repeated == 1.0 { "equals" } else { "equal" };
        let (repeated, share) = (counted(repeated as u64, "row"), percent(Some(repeated / rows)));
        all.push(Warning::new(2, "", format!("{repeated}, {share} of all, {equal} another row in every column")));
    }
    if rows > 0.0 {
        columns.iter().for_each(|row| of_column(row, rows, &mut all));
    }
    let mut close: Vec<(f64, String)> = Vec::new();
    for row in pairs.iter() {
        let (Some(correlation), Some(a), Some(b)) =
            (row.number("correlation"), row.text("column_a"), row.text("column_b"))
        else {
            continue;
        };
        if correlation.abs() >= CORRELATION {
            close.push((correlation, format!("{} and {}", name(a), name(b))));
        }
    }
    close.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    all.extend(
        close.into_iter().map(|(correlation, both)| {
            Warning::new(6, both, format!("highly correlated, {}", number(Some(correlation))))
        }),
    );
    all.sort_by_key(|warning| warning.rank);
    all
}

fn of_column(row: Row<'_>, rows: f64, all: &mut Vec<Warning>) {
    let Some(raw) = row.text("column_name") else { return };
    let about = name(raw);
    let mut warn = |rank: u8, text: String| all.push(Warning::new(rank, about.clone(), text));
    let figure = |column: &str| row.number(column).unwrap_or_default();
    let (nulls, nans, infinities) = (figure("nulls"), figure("nans"), figure("infinities"));
    if raw.chars().any(|letter| letter.is_control()) || about.contains("\\u{") {
        warn(3, "the name has invisible characters, which are spelled out here".into());
    }
    if nulls >= rows {
        return warn(0, "every value is NULL".into());
    }
    if row.text("kind") == Some("other") {
        warn(7, format!("not profiled, because its type is {}", row.shown("type")));
    }
    if nans > 0.0 {
        warn(1, format!("NaN in {}", of(nans, rows)));
    }
    if infinities > 0.0 {
        warn(1, format!("infinite in {}", of(infinities, rows)));
    }
    if nulls / rows >= MISSING {
        warn(3, format!("NULL in {}", of(nulls, rows)));
    }
    let distinct = row.number("distinct_values");
    let values = rows - nulls - nans - infinities;
    let top = row.numbers("frequent_shares").first().copied().unwrap_or_default();
    match distinct {
        Some(1.0) if values > 1.0 => warn(4, format!("constant: {}", value(row.text("min").unwrap_or_default()))),
        Some(_) if top >= ALMOST_ALL && values > 1.0 => {
            let most = row.texts("frequent").first().map(|text| value(text)).unwrap_or_default();
            warn(5, format!("almost constant: {most} is {} of the values", percent(Some(top))));
        }
        Some(distinct) if row.text("kind") == Some("text") && distinct > MANY_VALUES && distinct > values / 2.0 => {
            warn(7, format!("{} different texts in {} values", count(Some(distinct)), count(Some(values))));
        }
        _ => {}
    }
    let zeros = figure("zeros");
    if zeros / rows >= ZEROS && distinct.is_some_and(|distinct| distinct > 2.0) {
        let what = if row.text("kind") == Some("text") { "empty" } else { "0" };
        warn(8, format!("{what} in {}", of(zeros, rows)));
    }
    if let Some(skewness) = row.number("skewness").filter(|skewness| skewness.abs() > SKEWNESS) {
        warn(
            5,
            format!(
                "very skewed, {}: a few values are far {} all others",
                number(Some(skewness)),
                if skewness > 0.0 { "above" } else { "below" }
            ),
        );
    }
}
