//! The columns of the rows, and what each of them is: from the arguments, or else from the training of the model.

use datafusion::arrow::datatypes::DataType;

use super::arguments as given;
use crate::report::query::{Literal, Query, Row, Rows};
use crate::report::{Error, Request};
use crate::text::{did_you_mean, identifier};

/// The column that names a row's split, if the model does not name one.
const SPLIT: &str = "split";

/// The columns of the rows.
pub struct Columns {
    pub relation: String,
    pub columns: Vec<(String, DataType)>,
}

impl Columns {
    /// Returns a column's type; `None` if there is no such column.
    pub fn type_of(&self, name: &str) -> Option<&DataType> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, data_type)| data_type)
    }

    pub fn has(&self, name: &str) -> bool {
        self.type_of(name).is_some()
    }

    /// Returns the name of a column that was asked for.
    pub fn find(&self, name: &str, role: &'static str) -> Result<String, Error> {
        if self.has(name) {
            return Ok(name.into());
        }
        let known = self.columns.iter().map(|(known, _)| known.as_str());
        let suggestion = did_you_mean(name, known);
        let column = name.into();
        Err(Error::NoColumn { role, column, relation: self.relation.clone(), suggestion })
    }

    /// Returns the name of a column of numbers that was asked for.
    pub fn find_number(&self, name: &str, role: &'static str) -> Result<String, Error> {
        let column = self.find(name, role)?;
        match self.type_of(&column).filter(|data_type| !is_number(data_type)) {
            None => Ok(column),
            Some(data_type) => Err(Error::Argument {
                problem: format!("--{role} is `{column}`, whose values are {data_type} and not numbers"),
                hint: format!("--{role} names a column of numbers"),
            }),
        }
    }
}

/// Returns whether values of a type can be read as numbers.
fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        DataType::Boolean | DataType::Null => true,
        other => other.is_numeric(),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        _ => false,
    }
}

/// What the arguments and the model say about the columns.
pub struct Facts {
    pub label: String,
    pub time: Option<String>,
    pub split: Option<String>,
    pub target: Option<String>,
    pub horizon_s: Option<u64>,
    pub tau: Option<f64>,
    /// The rows without a time, if there is a time column. They are left out, because nobody knows which rows are their neighbours.
    pub untimed: u64,
    pub queries: Vec<Query>,
}

/// Reads what the columns are: from the arguments, or else from the model's training.
pub async fn facts(
    request: &Request<'_>,
    columns: &Columns,
    source: &str,
    model: Option<Row<'_>>,
) -> Result<Facts, Error> {
    let mut queries = Vec::new();
    let mut options = Rows::default();
    if let Some(reference) = model.and_then(|row| row.text("reference")) {
        let query = request.query("eval/options.sql", &[("model", Literal::Text(reference))])?;
        options = query.rows(request.context).await?;
        queries.push(query);
    }
    let option = |name: &str| options.find("name", name).and_then(|row| row.text("text")).map(str::to_string);
    let label = match (request.argument(given::LABEL), model.and_then(|row| row.text("label"))) {
        (Some(label), _) | (None, Some(label)) => columns.find(label, "label")?,
        (None, None) => return Err(Error::NoLabel { relation: columns.relation.clone() }),
    };
    let data_type = columns.type_of(&label).unwrap_or(&DataType::Null);
    if !(data_type.is_numeric() || *data_type == DataType::Boolean || *data_type == DataType::Null) {
        return Err(Error::NotALabel { column: label, given: data_type.to_string() });
    }
    if data_type.is_numeric() {
        let column = identifier(&label);
        let values = [("label", Literal::Sql(&column)), ("relation", Literal::Sql(source))];
        let query = request.query("eval/labels.sql", &values)?;
        let rows = query.rows(request.context).await?;
        let wrong = rows.first().filter(|row| row.number("wrong").is_some_and(|wrong| wrong > 0.0));
        if let Some(row) = wrong {
            return Err(Error::NotLabels { column: label, example: row.shown("example") });
        }
        queries.push(query);
    }
    let time = match request.argument(given::TIME) {
        Some(time) => Some(columns.find(time, "time")?),
        None => option("time_col").filter(|name| columns.has(name)),
    };
    if let Some(column) = &time {
        let data_type = columns.type_of(column).unwrap_or(&DataType::Null);
        if !(data_type.is_temporal() || is_text(data_type)) {
            return Err(Error::NotATime { column: column.clone(), given: data_type.to_string() });
        }
    }
    let mut untimed = 0;
    if let Some(time) = &time {
        let values = [("time", identifier(time)), ("relation", source.to_string())];
        let values = values.each_ref().map(|(name, sql)| (*name, Literal::Sql(sql)));
        let query = request.query("eval/untimed.sql", &values)?;
        let rows = query.rows(request.context).await?;
        untimed = rows.first().and_then(|row| row.integer("untimed")).map_or(0, i64::unsigned_abs);
        queries.push(query);
    }
    let split = option("data_split_col").unwrap_or(SPLIT.into());
    let split = Some(split).filter(|name| columns.type_of(name).is_some_and(is_text));
    let horizon_s = match request.argument(given::HORIZON) {
        Some(text) => match text.parse::<u64>() {
            Ok(seconds) if (1..=1_000_000_000).contains(&seconds) => Some(seconds),
            _ => return Err(Error::NotANumber { argument: given::HORIZON, given: text.into() }),
        },
        None => model.and_then(|row| row.text("horizon")).and_then(seconds),
    };
    let tau = model.and_then(|row| row.number("tau"));
    Ok(Facts { label, time, split, target: option("target_col"), horizon_s, tau, untimed, queries })
}

/// Returns the longest time in a text such as `60 s` or `5 min`, in seconds.
pub fn seconds(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let length = |pair: &[&str]| {
        let unit = match pair[1] {
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        pair[0].parse::<f64>().ok().map(|number| (number * unit).ceil() as u64)
    };
    words.windows(2).filter_map(length).max().filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn horizons_are_read_as_seconds() {
        assert_eq!(seconds("60 s"), Some(60));
        assert_eq!(seconds("60 s, 5 min"), Some(300));
        assert_eq!(seconds("1 tick"), None);
    }
}
