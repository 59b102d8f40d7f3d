//! Cells as people read them: floats with ten significant digits, NULL as the user wants it, and no control characters.
//!
//! Also cells with every digit, for programs.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthStr;

use super::Appearance;
use crate::text::grouped;

const SIGNIFICANT_DIGITS: i32 = 10;

/// Returns how many columns of a terminal a text takes; Chinese and Japanese characters take two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Returns the rows of a batch as text.
///
/// # Errors
/// A type cannot be written as text.
pub fn rows(batch: &RecordBatch, appearance: &Appearance) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        let mut cells = cells(column, &appearance.null)?;
        if appearance.separators && column.data_type().is_numeric() {
            cells.iter_mut().for_each(|cell| *cell = separated(cell));
        }
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    Ok(rows)
}

/// Returns the cells of a column as text.
fn cells(column: &dyn Array, null: &str) -> Result<Vec<String>, ArrowError> {
    let absent = || null.to_string();
    let cells = match column.data_type() {
        DataType::Float16 => {
            let values = column.as_primitive::<Float16Type>().iter();
            values.map(|value| value.map_or_else(absent, |value| readable(value.to_f64()))).collect()
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().iter();
            // Parse the shortest text, because 0.1 in 32 bits and 0.1 in 64 bits are different numbers.
            values.map(|value| value.map_or_else(absent, |value| value.to_string())).collect()
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter();
            values.map(|value| value.map_or_else(absent, readable)).collect()
        }
        _ => {
            let options = FormatOptions::default().with_null(null);
            let formatter = ArrayFormatter::try_new(column, &options)?;
            let cell = |row| formatter.value(row).try_to_string().map(|cell| printable(&cell));
            return (0..column.len()).map(cell).collect();
        }
    };
    Ok(cells)
}

/// Returns a float with ten significant digits, or more if its whole part has more. Very large and very small numbers have
/// an exponent.
pub fn readable(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        let text = format!("{value:.*e}", (SIGNIFICANT_DIGITS - 1) as usize);
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", without_trailing_zeros(digits)),
            None => text,
        };
    }
    let decimals = (SIGNIFICANT_DIGITS - 1 - magnitude).max(0) as usize;
    without_trailing_zeros(&format!("{value:.decimals$}")).to_string()
}

/// Returns a number with commas between the thousands of its whole part. Other texts stay as they are.
fn separated(number: &str) -> String {
    let digits = number.trim_start_matches('-');
    let whole = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let Ok(count) = digits[..whole].parse() else { return number.into() };
    let sign = &number[..number.len() - digits.len()];
    format!("{sign}{}{}", grouped(count), &digits[whole..])
}

fn without_trailing_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Returns the text with control characters escaped, so that a cell cannot break its line or control the terminal.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Returns the values of a column with every digit; `None` stands for NULL.
///
/// # Errors
/// A type cannot be written as text.
pub fn exact(column: &dyn Array) -> Result<Vec<Option<String>>, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    // A column of the type Null has no bit for each row.
    let nulls = column.logical_nulls();
    let cell = |row| match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
        true => Ok(None),
        false => formatter.value(row).try_to_string().map(Some),
    };
    (0..column.len()).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_of_every_type_are_nulls() {
        let nulls = datafusion::arrow::array::NullArray::new(2);
        assert_eq!(exact(&nulls).unwrap(), [None, None]);
    }

    #[test]
    fn thousands_are_separated_and_what_is_not_a_number_stays() {
        for (number, expected) in [
            ("1234567", "1,234,567"),
            ("-1234.5678", "-1,234.5678"),
            ("999", "999"),
            ("1.5e20", "1.5e20"),
            ("NaN", "NaN"),
            ("NULL", "NULL"),
            ("", ""),
        ] {
            assert_eq!(separated(number), expected);
        }
    }

    #[test]
    fn floats_are_readable() {
        for (value, expected) in [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (67223.495, "67223.495"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e10, "10000000000"),
            (1_764_000_000.25, "1764000000"),
            (9.999_999_999_99, "10"),
            (1.0 / 3.0, "0.3333333333"),
            (1.234_567_890_123e-7, "1.23456789e-7"),
            (5e-324, "4.940656458e-324"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(readable(value), expected);
        }
    }
}
