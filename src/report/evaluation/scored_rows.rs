//! The query of the scored rows, which every other query of the report reads.
//!
//! It has the columns `label`, `time`, `clock`, `split`, `part`, `by_value`, `fold`, `value_1` to `value_3`, and a score of each model.

use datafusion::arrow::datatypes::DataType;

use super::arguments as given;
use super::columns::{Columns, Facts};
use super::subject::{ALL_ROWS, Scored, Value};
use crate::report::query::{Literal, Query, Rows};
use crate::report::{Error, Request};
use crate::text::{identifier, literal};

/// The column of the product in every table of ticks: alerts of different products are separate.
pub const PART: &str = "product_id";
/// The column in which `squall evaluate --protocol walk_forward` writes the fold.
pub const FOLD: &str = "fold";
/// The columns of rows that are scored already, one row a model.
pub const SCORED: [&str; 2] = ["model", "score"];
/// How many columns are drawn over time.
const MOST_VALUES: usize = 3;

/// Returns the columns that are drawn over time: those asked for, or else the first that hold fractions and are neither used
/// otherwise nor constant by their nature.
pub async fn values(
    request: &Request<'_>,
    columns: &Columns,
    facts: &Facts,
) -> Result<(Vec<Value>, Option<Query>), Error> {
    if facts.time.is_none() {
        return Ok((Vec::new(), None));
    }
    let names: Vec<String> = match request.argument(given::SHOW) {
        Some(list) => {
            let named = list.split(',').map(str::trim).filter(|name| !name.is_empty()).take(MOST_VALUES);
            named.map(|name| columns.find_number(name, "show")).collect::<Result<_, _>>()?
        }
        None => {
            let used = [Some(&facts.label), facts.time.as_ref(), facts.split.as_ref()];
            let free = |(name, data_type): &&(String, DataType)| {
                let taken = used.contains(&Some(name)) || SCORED.contains(&name.as_str()) || name == "tau";
                data_type.is_floating() && !taken
            };
            columns.columns.iter().filter(free).take(MOST_VALUES).map(|(name, _)| name.clone()).collect()
        }
    };
    let mut units = None;
    let mut unit_rows = Rows::default();
    if request.context.table_exist("squall_columns").unwrap_or(false) && !names.is_empty() {
        let query = request.query("eval/units.sql", &[("on", Literal::Text(&columns.relation))])?;
        unit_rows = query.rows(request.context).await?;
        units = Some(query);
    }
    let value = |name: String| Value {
        unit: unit_rows.find("name", &name).and_then(|row| row.text("unit")).map(str::to_string),
        is_target: facts.target.as_ref() == Some(&name),
        name,
    };
    Ok((names.into_iter().map(value).collect(), units))
}

/// Returns the query of the rows.
pub fn body(
    facts: &Facts,
    columns: &Columns,
    source: &str,
    scores: &[Scored],
    by: Option<&str>,
    values: &[Value],
    pivoted: bool,
) -> String {
    let label = identifier(&facts.label);
    let text = |name: Option<&str>| match name {
        Some(name) => format!("CAST({} AS VARCHAR)", identifier(name)),
        None => "CAST(NULL AS VARCHAR)".into(),
    };
    let split = facts.split.as_ref().map_or(literal(ALL_ROWS), |name| text(Some(name)));
    let part = if columns.has(PART) { text(Some(PART)) } else { "''".into() };
    let time = facts.time.as_ref().map_or("CAST(NULL AS TIMESTAMP)".into(), |name| {
        format!("arrow_cast({}, 'Timestamp(Nanosecond, None)')", identifier(name))
    });
    let label = match columns.type_of(&facts.label) {
        Some(DataType::Boolean) => label,
        // NaN is neither, and other numbers were refused.
        _ => format!("CASE CAST({label} AS DOUBLE) WHEN 1 THEN true WHEN 0 THEN false END"),
    };
    let mut first = vec![
        format!("{label} AS label"),
        format!("{time} AS time"),
        format!("{split} AS split"),
        format!("{part} AS part"),
        format!("{} AS by_value", text(by)),
        format!("{} AS fold", text(columns.has(FOLD).then_some(FOLD))),
    ];
    first.extend((0..MOST_VALUES).map(|place| {
        let value = values.get(place).map_or("NULL".into(), |value| identifier(&value.name));
        format!("CAST({value} AS DOUBLE) AS value_{}", place + 1)
    }));
    let known = "label, time, split, part, by_value, fold, value_1, value_2, value_3";
    let column = |scored: &Scored| {
        let score = match &scored.expression {
            Some(expression) => {
                format!("CASE WHEN abs({expression}) < CAST('Infinity' AS DOUBLE) THEN {expression} END")
            }
            None => format!("max(score) FILTER (WHERE model = {})", literal(&scored.name)),
        };
        format!("{score} AS {}", scored.column())
    };
    let scored = scores.iter().map(column).collect::<Vec<_>>().join(",\n    ");
    let inner = match pivoted {
        false => format!("SELECT {},\n    {scored}\nFROM {source}", first.join(", ")),
        true => {
            let own: Vec<String> = scores
                .iter()
                .filter_map(|scored| Some((scored.column(), scored.expression.as_ref()?)))
                .map(|(name, expression)| format!(", {expression} AS {name}"))
                .collect();
            let names = scores.iter().filter(|scored| scored.expression.is_none());
            let maxima: Vec<String> = names.map(column).collect();
            let kept: Vec<String> = scores
                .iter()
                .filter(|scored| scored.expression.is_some())
                .map(|scored| format!(", {}", scored.column()))
                .collect();
            let (own, kept) = (own.concat(), kept.concat());
            format!(
                "SELECT {known}{kept},\n    {}\nFROM (\n    SELECT *, row_number() OVER (PARTITION BY model, {known}{kept} ORDER BY score) AS twin\n    \
                 FROM (SELECT {}{own}, CAST(model AS VARCHAR) AS model,\n        CASE WHEN abs(CAST(score AS DOUBLE)) < CAST('Infinity' AS DOUBLE) THEN CAST(score AS DOUBLE) END AS score\n    FROM {source})\n)\n\
                 GROUP BY {known}{kept}, twin",
                maxima.join(",\n    "),
                first.join(", ")
            )
        }
    };
    let all = scores.iter().map(Scored::column).collect::<Vec<_>>();
    let all = all.join(", ");
    if facts.time.is_some() {
        return format!(
            "SELECT {known}, {all},\n    time AS clock\nFROM (\n{inner}\n)\nWHERE split IS NOT NULL AND time IS NOT NULL"
        );
    }
    // Blocks of time are drawn for intervals. Rows without a time stand a tenth of a second apart, so that a block of one second holds ten of
    // them, in an order that means nothing and is the same each time: that of the scores' last digits. Rows with the same scores are spread by
    // the golden ratio, so that those of one label do not stand together.
    let shuffled =
        scores.iter().map(|scored| format!("CAST({} AS VARCHAR)", scored.column())).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {known}, {all},\n    arrow_cast(100000000 * CAST(row_number() OVER (ORDER BY reverse(concat_ws(',', {shuffled})), \
         0.618033988749895 * place - floor(0.618033988749895 * place), label, by_value) AS BIGINT), 'Timestamp(Nanosecond, None)') AS clock\n\
         FROM (SELECT *, row_number() OVER (PARTITION BY {all}, label ORDER BY by_value) AS place FROM (\n{inner}\n))\nWHERE split IS NOT NULL"
    )
}
