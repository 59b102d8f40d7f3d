//! How the rows of two queries differ.
//!
//! In: two queries, and the columns by which their rows are paired. Out: a [`Difference`]: columns, numbers of rows, rows that
//! only one has, and the columns whose values differ with the largest differences. NaN equals NaN; all other floating-point
//! numbers are equal only bit by bit, unless a tolerance says otherwise.

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use futures::TryStreamExt;

use super::describe::sql_type;
use super::profile::count;
use crate::dialect;
use crate::error::Hint;
use crate::text::{grouped, identifier};

/// How many rows are shown as examples of one difference.
const SAMPLES: usize = 3;

/// The most columns for which examples are shown.
const MOST_SAMPLED: usize = 5;

/// How to compare.
#[derive(Debug, Clone, Default)]
pub struct By {
    /// The columns that pair a row of one side with a row of the other; empty to compare whole rows.
    pub keys: Vec<String>,
    /// Numbers are equal if they differ by at most this share of the larger one.
    pub tolerance: f64,
}

/// How two queries differ.
#[derive(Debug)]
pub struct Difference {
    /// One sentence for each difference of the columns.
    pub schema: Vec<String>,
    pub rows: [u64; 2],
    /// Rows that only one side has, with examples.
    pub only: [u64; 2],
    pub only_samples: [Option<RecordBatch>; 2],
    /// Rows that both sides have, by their keys; `None` if whole rows were compared.
    pub paired: Option<u64>,
    /// Columns whose values differ in paired rows.
    pub columns: Vec<ColumnDifference>,
    /// Columns that cannot be compared, because of their type.
    pub not_compared: Vec<String>,
}

/// How the values of a column differ.
#[derive(Debug)]
pub struct ColumnDifference {
    pub name: String,
    pub rows: u64,
    /// The largest difference of two numbers; `None` if they are not numbers, or each differing row has NULL, NaN or infinity.
    pub worst: Option<Worst>,
    /// The rows that differ most, with the keys and both values.
    pub sample: Option<RecordBatch>,
}

/// The largest difference between the two sides of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    pub absolute: f64,
    /// In units in the last place: how many doubles lie between the two, and one. `None` if a side does not hold doubles.
    pub ulp: Option<u64>,
}

impl std::fmt::Display for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.absolute)?;
        self.ulp.map_or(Ok(()), |ulp| write!(f, " and {} ulp", grouped(ulp)))
    }
}

impl Difference {
    /// Returns whether the two are the same.
    pub fn is_none(&self) -> bool {
        self.schema.is_empty() && self.only == [0, 0] && self.columns.is_empty()
    }
}

/// Why two queries cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error("{side} has no column `{key}` by which to pair rows")]
    NoKey { side: String, key: String },
    #[error("{} of {side} share their `{keys}` with another row, so rows cannot be paired", if *rows == 1 { "1 row".into() } else { format!("{} rows", grouped(*rows)) })]
    Repeated { side: String, keys: String, rows: u64 },
    #[error("the two have no column in common")]
    NothingShared,
    #[error("without columns that pair rows, there is nothing to which a tolerance applies")]
    Tolerance,
    #[error("cannot compare")]
    Query(#[from] DataFusionError),
}

impl Hint for CompareError {
    fn hint(&self) -> Option<String> {
        match self {
            CompareError::NoKey { .. } => Some("name columns that both have with --keys COLUMN,COLUMN".into()),
            CompareError::Repeated { .. } | CompareError::Tolerance => {
                Some("name columns that tell rows apart with --keys COLUMN,COLUMN".into())
            }
            CompareError::NothingShared => {
                Some("rename columns in a query: squall diff 'SELECT x AS y FROM …' …".into())
            }
            CompareError::Query(_) => None,
        }
    }
}

/// A column that both sides have.
struct Shared {
    name: String,
    is_double: bool,
    is_float: bool,
    is_number: bool,
}

/// Compares two queries, each given as its name and its SQL.
///
/// # Errors
/// A query fails, or its rows cannot be paired.
pub async fn compare(sides: [(&str, &str); 2], by: &By, context: &SessionContext) -> Result<Difference, CompareError> {
    let mut schemas: Vec<Schema> = Vec::new();
    let mut rows = [0, 0];
    for (side, (name, sql)) in sides.iter().enumerate() {
        schemas.push(dialect::run(context, sql).await?.schema().as_arrow().clone());
        rows[side] = count(&all(&format!("SELECT count(*) FROM ({sql}) AS relation"), context).await?, 0);
        if let Some(key) = by.keys.iter().find(|key| schemas[side].index_of(key).is_err()) {
            return Err(CompareError::NoKey { side: name.to_string(), key: key.clone() });
        }
    }
    let (schema, shared, not_compared) = columns([&schemas[0], &schemas[1]], sides.map(|(name, _)| name), &by.keys);
    let found = Difference {
        schema,
        rows,
        only: [0, 0],
        only_samples: [None, None],
        paired: None,
        columns: Vec::new(),
        not_compared,
    };
    if by.keys.is_empty() {
        return match (shared.is_empty(), by.tolerance > 0.0) {
            (true, _) => Err(CompareError::NothingShared),
            (_, true) => Err(CompareError::Tolerance),
            _ => whole_rows(sides.map(|(_, sql)| sql), &shared, found, context).await,
        };
    }
    let keys = by.keys.iter().map(|key| identifier(key)).collect::<Vec<_>>().join(", ");
    for (name, sql) in sides {
        let repeated = format!(
            "SELECT coalesce(sum(rows), 0) FROM (SELECT count(*) AS rows FROM ({sql}) AS relation GROUP BY {keys}) AS keys WHERE rows > 1"
        );
        let rows = count(&all(&repeated, context).await?, 0);
        if rows > 0 {
            let keys = by.keys.join(", ");
            return Err(CompareError::Repeated { side: name.to_string(), keys, rows });
        }
    }
    paired(sides.map(|(_, sql)| sql), &shared, by, found, context).await
}

/// Returns how the columns differ, those that can be compared, and those that both have and that cannot.
fn columns(schemas: [&Schema; 2], names: [&str; 2], keys: &[String]) -> (Vec<String>, Vec<Shared>, Vec<String>) {
    let (mut told, mut shared, mut not_compared) = (Vec::new(), Vec::new(), Vec::new());
    for (own, other, name) in [(0, 1, names[0]), (1, 0, names[1])] {
        for field in schemas[own].fields() {
            if schemas[other].index_of(field.name()).is_err() {
                told.push(format!("only {name} has `{}`, {}", field.name(), sql_type(field.data_type())));
            }
        }
    }
    for field in schemas[0].fields() {
        let Ok(other) = schemas[1].field_with_name(field.name()) else { continue };
        let (one, two) = (field.data_type(), other.data_type());
        if one != two {
            told.push(format!(
                "`{}` is {} in {} and {} in {}",
                field.name(),
                sql_type(one),
                names[0],
                sql_type(two),
                names[1]
            ));
        }
        if keys.contains(field.name()) {
            continue;
        }
        let alike = |is: fn(&DataType) -> bool| is(one) && is(two);
        let is_number = alike(DataType::is_numeric);
        let comparable = one == two || is_number || alike(DataType::is_string) || alike(DataType::is_temporal);
        if comparable {
            let is_float = is_number && (one.is_floating() || two.is_floating());
            let is_double = alike(|data_type| *data_type == DataType::Float64);
            shared.push(Shared { name: field.name().clone(), is_double, is_float, is_number });
        } else {
            not_compared.push(field.name().clone());
        }
    }
    (told, shared, not_compared)
}

/// Compares the rows as a whole: how often each comes.
async fn whole_rows(
    sides: [&str; 2],
    shared: &[Shared],
    mut found: Difference,
    context: &SessionContext,
) -> Result<Difference, CompareError> {
    let names = shared.iter().map(|column| identifier(&column.name)).collect::<Vec<_>>().join(", ");
    let values = shared.iter().map(|column| {
        let name = identifier(&column.name);
        match column.is_float {
            // There are several NaNs, and they are one here.
            true => {
                format!("CASE WHEN isnan({name}) THEN CAST('NaN' AS DOUBLE) ELSE CAST({name} AS DOUBLE) END AS {name}")
            }
            false => name,
        }
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let [a, b] = sides;
    let counted = format!(
        "SELECT {names}, sum(squall_a) AS squall_a, sum(squall_b) AS squall_b FROM (\
         SELECT {values}, 1 AS squall_a, 0 AS squall_b FROM ({a}) AS a UNION ALL \
         SELECT {values}, 0 AS squall_a, 1 AS squall_b FROM ({b}) AS b) AS both \
         GROUP BY {names} HAVING sum(squall_a) <> sum(squall_b)"
    );
    let more = |one: &str, other: &str| format!("coalesce(sum(CASE WHEN {one} > {other} THEN {one} - {other} END), 0)");
    let (only_a, only_b) = (more("squall_a", "squall_b"), more("squall_b", "squall_a"));
    let sums = all(&format!("SELECT {only_a}, {only_b} FROM ({counted}) AS counted"), context).await?;
    found.only = [count(&sums, 0), count(&sums, 1)];
    for (side, (own, other)) in [("squall_a", "squall_b"), ("squall_b", "squall_a")].into_iter().enumerate() {
        if found.only[side] > 0 {
            let sql = format!(
                "SELECT {names} FROM ({counted}) AS counted WHERE {own} > {other} ORDER BY {names} LIMIT {SAMPLES}"
            );
            found.only_samples[side] = Some(all(&sql, context).await?);
        }
    }
    Ok(found)
}

/// Compares the rows that have the same keys.
async fn paired(
    sides: [&str; 2],
    shared: &[Shared],
    by: &By,
    mut found: Difference,
    context: &SessionContext,
) -> Result<Difference, CompareError> {
    let keys: Vec<String> = by.keys.iter().map(|key| identifier(key)).collect();
    let on: Vec<String> = keys.iter().map(|key| format!("(a.{key} IS NOT DISTINCT FROM b.{key})")).collect();
    let [a, b] = sides;
    let joined = format!(
        "(SELECT *, true AS squall_row FROM ({a}) AS a) AS a FULL JOIN (SELECT *, true AS squall_row FROM ({b}) AS b) AS b ON {}",
        on.join(" AND ")
    );
    let both = "a.squall_row AND b.squall_row";
    let mut select = vec![
        "count(*) FILTER (WHERE b.squall_row IS NULL) AS only_a".to_string(),
        "count(*) FILTER (WHERE a.squall_row IS NULL) AS only_b".into(),
        format!("count(*) FILTER (WHERE {both}) AS paired"),
    ];
    for (number, column) in shared.iter().enumerate() {
        let differs = differs(column, by.tolerance);
        select.push(format!("count(*) FILTER (WHERE {both} AND {differs}) AS differing_{number}"));
    }
    let counts = all(&format!("SELECT {} FROM {joined}", select.join(", ")), context).await?;
    found.only = [count(&counts, 0), count(&counts, 1)];
    found.paired = Some(count(&counts, 2));
    for (side, (own, other)) in [("a", "b"), ("b", "a")].into_iter().enumerate() {
        if found.only[side] > 0 {
            let names: Vec<String> = keys.iter().map(|key| format!("{own}.{key} AS {key}")).collect();
            let (names, order) = (names.join(", "), keys.join(", "));
            let sql = format!(
                "SELECT {names} FROM {joined} WHERE {other}.squall_row IS NULL ORDER BY {order} LIMIT {SAMPLES}"
            );
            found.only_samples[side] = Some(all(&sql, context).await?);
        }
    }
    for (number, column) in shared.iter().enumerate() {
        let rows = count(&counts, 3 + number);
        if rows == 0 {
            continue;
        }
        let mut sample = None;
        if found.columns.len() < MOST_SAMPLED {
            let name = identifier(&column.name);
            let names: Vec<String> = keys.iter().map(|key| format!("a.{key} AS {key}")).collect();
            // NULL and NaN beside a number differ most.
            let largest = match column.is_number {
                true => format!("abs(CAST(a.{name} AS DOUBLE) - CAST(b.{name} AS DOUBLE)) DESC NULLS FIRST, "),
                false => String::new(),
            };
            let order: Vec<String> = keys.iter().map(|key| format!("a.{key}")).collect();
            let sql = format!(
                "SELECT {}, a.{name} AS a, b.{name} AS b FROM {joined} WHERE {both} AND {} ORDER BY {largest}{} LIMIT {SAMPLES}",
                names.join(", "),
                differs(column, by.tolerance),
                order.join(", ")
            );
            sample = Some(all(&sql, context).await?);
        }
        let worst = match column.is_number {
            true => {
                let name = identifier(&column.name);
                let sql = format!(
                    "SELECT CAST(a.{name} AS DOUBLE), CAST(b.{name} AS DOUBLE) FROM {joined} WHERE {both} AND {}",
                    differs(column, by.tolerance)
                );
                worst(&sql, column.is_double, context).await?
            }
            false => None,
        };
        found.columns.push(ColumnDifference { name: column.name.clone(), rows, worst, sample });
    }
    Ok(found)
}

/// Returns the largest difference of two columns of doubles.
async fn worst(sql: &str, is_double: bool, context: &SessionContext) -> Result<Option<Worst>, DataFusionError> {
    let mut stream = dialect::run(context, sql).await?.execute_stream().await?;
    let mut worst: Option<Worst> = None;
    while let Some(rows) = stream.try_next().await? {
        let (a, b) = (rows.column(0).as_primitive::<Float64Type>(), rows.column(1).as_primitive::<Float64Type>());
        for (a, b) in a.iter().zip(b).filter_map(|(a, b)| Some((a?, b?))) {
            if !a.is_finite() || !b.is_finite() {
                continue;
            }
            let apart = ordered(a).abs_diff(ordered(b));
            let ulp = is_double.then(|| worst.and_then(|worst| worst.ulp).map_or(apart, |known| known.max(apart)));
            let absolute = worst.map_or(0.0, |worst| worst.absolute).max((a - b).abs());
            worst = Some(Worst { absolute, ulp });
        }
    }
    Ok(worst)
}

/// Returns a number such that neighbouring doubles have neighbouring numbers; the two zeros are neighbours.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    if bits < 0 { i64::MIN.wrapping_sub(bits).wrapping_sub(1) } else { bits }
}

/// Returns the condition that the two values of a column differ.
fn differs(column: &Shared, tolerance: f64) -> String {
    let name = identifier(&column.name);
    let (a, b) = (format!("a.{name}"), format!("b.{name}"));
    // Without the parentheses, the parser takes what follows for a part of the second value.
    let mut differs = format!("({a} IS DISTINCT FROM {b})");
    if column.is_float {
        let is_nan = |value: &str| format!("coalesce(isnan(CAST({value} AS DOUBLE)), false)");
        differs.push_str(&format!(" AND NOT ({} AND {})", is_nan(&a), is_nan(&b)));
    }
    if column.is_float && tolerance == 0.0 {
        // The engine takes the two zeros for one value.
        let inverse = |value: &str| format!("1.0 / CAST({value} AS DOUBLE)");
        differs.push_str(&format!(" OR coalesce({a} = 0 AND {b} = 0 AND {} <> {}, false)", inverse(&a), inverse(&b)));
    }
    if column.is_number && tolerance > 0.0 {
        let (a, b) = (format!("CAST({a} AS DOUBLE)"), format!("CAST({b} AS DOUBLE)"));
        let apart = format!("abs({a} - {b})");
        // Infinity is not near any number.
        differs.push_str(&format!(
            " AND NOT coalesce({apart} <= {tolerance:?} * greatest(abs({a}), abs({b})) AND {apart} < CAST('inf' AS DOUBLE), false)"
        ));
    }
    format!("({differs})")
}

async fn all(sql: &str, context: &SessionContext) -> Result<RecordBatch, DataFusionError> {
    let frame = dialect::run(context, sql).await?;
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    Ok(concat_batches(&schema, &frame.collect().await?)?)
}
