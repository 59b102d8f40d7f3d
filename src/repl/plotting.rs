//! `.plot`: from a query to a drawing.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::asked;
use super::complaint::Complaint;
use super::plot::{MOST_SERIES, Plot, Scale, Series};
use super::shell::{Error, Shell};
use super::statement::tokens;

/// The size of a drawing that does not go to a terminal.
const SIZE: (usize, usize) = (80, 24);

/// The terminal's rows that stay free for the command and the next prompt.
const SPARE_ROWS: usize = 2;

/// Returns whether the text names a table in FROM, outside parentheses and quotes.
pub fn has_from(text: &str) -> bool {
    let mut depth = 0;
    tokens(text).0.iter().any(|token| {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Word(word) => return depth == 0 && word.keyword == Keyword::FROM,
            _ => {}
        }
        false
    })
}

/// Draws the columns of a query: the first is x, the others are lines.
///
/// # Errors
/// The drawing cannot be shown.
pub async fn plot(shell: &mut Shell<'_>, query: &str) -> Result<(), Error> {
    let Some(batches) = shell.collect(query).await? else { return Ok(()) };
    let read = asked::tables(query);
    let unit = |column: &str| read.iter().find_map(|table| shell.project.unit(table, column));
    let plot = match plot_of(&batches, unit) {
        Ok(plot) => plot,
        Err(complaint) => return shell.answer(Err(complaint)),
    };
    let on_screen = shell.terminal && shell.target.is_standard_output();
    let size = shell.screen.map_or(SIZE, |(columns, rows)| (columns, rows.saturating_sub(SPARE_ROWS)));
    let colours = on_screen && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match plot.draw(if on_screen { size } else { SIZE }, colours) {
        None => shell.answer(Err(Complaint::new("there is nothing to draw").with_hint("the query returned no values"))),
        Some(text) => shell.put(&text),
    }
}

fn plot_of(batches: &[RecordBatch], unit: impl Fn(&str) -> Option<String>) -> Result<Plot, Complaint> {
    let wrong = |error: &dyn std::fmt::Display| Complaint::new(format!("cannot draw: {error}"));
    let Some(first) = batches.first() else {
        return Err(Complaint::new("there is nothing to draw").with_hint("the query returned no rows"));
    };
    let schema = first.schema();
    let batch = concat_batches(&schema, batches).map_err(|error| wrong(&error))?;
    if !(2..=MOST_SERIES + 1).contains(&batch.num_columns()) {
        let most = MOST_SERIES;
        return Err(Complaint::new(format!("a plot has one x and 1 to {most} lines"))
            .with_hint("write .plot ts, price FROM ticks"));
    }
    let labelled = |index: usize| {
        let name = schema.field(index).name();
        unit(name).map_or_else(|| name.clone(), |unit| format!("{name} ({unit})"))
    };
    let (scale, x) = x_of(batch.column(0)).ok_or_else(|| not_drawable(&batch, 0, "x is a number or a time"))?;
    let mut order: Vec<usize> = (0..x.len()).filter(|row| x[*row].is_some_and(f64::is_finite)).collect();
    order.sort_by(|a, b| x[*a].partial_cmp(&x[*b]).unwrap_or(std::cmp::Ordering::Equal));
    let mut series = Vec::new();
    for index in 1..batch.num_columns() {
        let values = numbers(batch.column(index)).ok_or_else(|| not_drawable(&batch, index, "a line is of numbers"))?;
        series.push(Series { label: labelled(index), values: order.iter().map(|row| values[*row]).collect() });
    }
    // A time has no unit.
    let x_label = if scale == Scale::Number { labelled(0) } else { schema.field(0).name().clone() };
    Ok(Plot { x_label, scale, x: order.iter().filter_map(|row| x[*row]).collect(), series })
}

fn not_drawable(batch: &RecordBatch, index: usize, rule: &str) -> Complaint {
    let schema = batch.schema();
    let field = schema.field(index);
    Complaint::new(format!("cannot draw `{}`, which is {}", field.name(), field.data_type())).with_hint(rule)
}

/// Returns a column of numbers or times, times as nanoseconds after the first one; `None` if it is neither.
fn x_of(column: &ArrayRef) -> Option<(Scale, Vec<Option<f64>>)> {
    if !matches!(column.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) {
        return numbers(column).map(|values| (Scale::Number, values));
    }
    let times = cast(column, &DataType::Timestamp(TimeUnit::Nanosecond, None)).ok()?;
    let times = cast(&times, &DataType::Int64).ok()?;
    let times = times.as_primitive::<Int64Type>();
    let base = times.iter().flatten().min().unwrap_or_default();
    Some((Scale::Time { base }, times.iter().map(|time| time.map(|time| (time - base) as f64)).collect()))
}

fn numbers(column: &ArrayRef) -> Option<Vec<Option<f64>>> {
    if !column.data_type().is_numeric() && *column.data_type() != DataType::Boolean {
        return None;
    }
    let values = cast(column, &DataType::Float64).ok()?;
    Some(values.as_primitive::<Float64Type>().iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn a_table_is_found_outside_parentheses_and_quotes() {
        for (text, expected) in [
            ("ts, price", false),
            ("ts, price FROM ticks", true),
            ("ts, extract(hour FROM ts)", false),
            ("ts, 'a FROM b'", false),
        ] {
            assert_eq!(has_from(text), expected, "{text}");
        }
    }

    #[test]
    fn points_are_sorted_and_rows_without_a_time_are_left_out() {
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(5), None, Some(3)]));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None]));
        let batch = RecordBatch::try_from_iter([("ts", times), ("price", values.clone())]).unwrap();
        let plot = plot_of(&[batch], |column| (column == "price").then(|| "USD".into())).unwrap();
        assert_eq!((plot.scale, plot.x), (Scale::Time { base: 3000 }, vec![0.0, 2000.0]));
        assert_eq!(plot.series, [Series { label: "price (USD)".into(), values: vec![None, Some(1.0)] }]);
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let batch = RecordBatch::try_from_iter([("name", text), ("price", values)]).unwrap();
        let problem = plot_of(&[batch], |_| None).unwrap_err().to_string();
        assert_eq!(problem, "cannot draw `name`, which is Utf8\nHint: x is a number or a time");
    }
}
