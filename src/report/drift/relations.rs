//! Which two relations are compared, and what is known of them: how many rows, and of which period.

use datafusion::arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::column::{Column, shown_name};
use super::{AGAINST, CURRENT, EARLY_LATE, ON, REFERENCE, TEST, TIME, TRAIN_TEST};
use crate::report::format::{self, instant, span};
use crate::report::query::Query;
use crate::report::{Error, Request, require};
use crate::text::{counted, did_you_mean, identifier, literal};

/// Names that a time column has by custom, the first one first.
const TIMES: [&str; 5] = ["ts", "event_time", "time", "timestamp", "at"];

/// The relations that are compared.
#[derive(Debug)]
pub struct Relations {
    reference: String,
    current: String,
    /// The table of the comparison, as SQL.
    pub comparison: String,
    /// The tests that somebody chose, as `drift` takes them.
    pub tests: String,
    /// One sentence that says what is compared.
    pub how: String,
    /// Of what both are parts; `None` if they are two relations.
    split: Option<Split>,
}

/// How one relation was split into two.
#[derive(Debug)]
struct Split {
    /// The argument that splits, as it is typed.
    argument: String,
    relation: String,
    /// The column whose values decide.
    column: String,
}

/// One side of the comparison, for readers.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    pub name: &'static str,
    pub rows: String,
    pub period: String,
    /// The number of rows.
    #[serde(skip)]
    pub count: f64,
    /// The first and the last instant.
    #[serde(skip)]
    pub from_to: Option<(i64, i64)>,
}

/// The time column.
#[derive(Debug, Default)]
pub struct Period {
    pub column: Option<String>,
    pub reference: Option<(i64, i64)>,
    pub current: Option<(i64, i64)>,
}

impl Relations {
    /// Finds out from the arguments what is compared.
    ///
    /// # Errors
    /// Arguments contradict each other, a share is not between 0 and 0.5, or a table is missing.
    pub async fn find(request: &Request<'_>) -> Result<Relations, Error> {
        let tests = request.argument(TEST).unwrap_or_default();
        let given = |name| request.argument(name);
        let relation = |name| request.relation(name);
        let reference = relation(REFERENCE).or_else(|| relation(AGAINST));
        let one = given(ON).is_some() || given(EARLY_LATE).is_some() || given(TRAIN_TEST).is_some();
        if one && (reference.is_some() || given(CURRENT).is_some()) {
            return Err(wrong(
                "--on, --early-late and --train-test compare parts of one relation".into(),
                "give --reference and --current instead, or neither of them",
            ));
        }
        if given(EARLY_LATE).is_some() && given(TRAIN_TEST).is_some() {
            return Err(wrong("--early-late and --train-test are two ways to split".into(), "give one of them"));
        }
        if one {
            return if given(TRAIN_TEST).is_some() {
                Relations::train_test(request, relation(ON).as_deref().unwrap_or("spike_training"), tests).await
            } else {
                Relations::early_late(request, relation(ON).as_deref(), given(EARLY_LATE), tests).await
            };
        }
        if reference.is_none() && given(CURRENT).is_none() && tests.is_empty() {
            require(request.context, &["spike_drift"])?;
            let how = "The training rows are compared with the test rows.".to_string();
            return Ok(Relations {
                comparison: "spike_drift".into(),
                ..Relations::of("drift_reference", "drift_current", tests, how)
            });
        }
        let (reference, current) =
            (reference.unwrap_or("drift_reference".into()), relation(CURRENT).unwrap_or("drift_current".into()));
        let how = match reference.strip_prefix("model:") {
            Some(model) => format!(
                "The current rows are compared with what the model {} was trained on. Its artifact holds the quantiles or the categories of each column, so the reference is rounded to those.",
                shown_name(model)
            ),
            None => "Columns are matched by their names.".into(),
        };
        Ok(Relations::of(&reference, &current, tests, how))
    }

    fn of(reference: &str, current: &str, tests: &str, how: String) -> Relations {
        let tests_argument = if tests.is_empty() { String::new() } else { format!(", {}", literal(tests)) };
        Relations {
            comparison: format!("drift({}, {}{tests_argument})", literal(reference), literal(current)),
            reference: reference.into(),
            current: current.into(),
            tests: tests.into(),
            how,
            split: None,
        }
    }

    async fn train_test(request: &Request<'_>, relation: &str, tests: &str) -> Result<Relations, Error> {
        let columns = columns_of(request.context, relation).await?;
        let names = || columns.iter().map(|(name, _)| name.as_str());
        if !names().any(|name| name == "split") {
            return Err(Error::NoColumn {
                role: TRAIN_TEST,
                column: "split".into(),
                relation: shown_name(relation),
                suggestion: Some(did_you_mean("split", names()).unwrap_or_else(|| {
                    "--early-late divides the rows by time, and --reference and --current take any two queries".into()
                })),
            });
        }
        let part = |split: &str| format!("SELECT * EXCEPT (split) FROM {} WHERE split = '{split}'", from(relation));
        let how = "The reference is the rows with split = 'train', the current sample those with split = 'test'.";
        let split = Split { argument: format!("--{TRAIN_TEST}"), relation: relation.into(), column: "split".into() };
        Ok(Relations { split: Some(split), ..Relations::of(&part("train"), &part("test"), tests, how.into()) })
    }

    async fn early_late(
        request: &Request<'_>,
        relation: Option<&str>,
        share: Option<&str>,
        tests: &str,
    ) -> Result<Relations, Error> {
        let share = share.unwrap_or("0.5");
        let number: f64 = share.parse().unwrap_or(f64::NAN);
        if !(number > 0.0 && number <= 0.5) {
            return Err(wrong(
                format!("--early-late is `{share}`: it is the share of the rows at either end, above 0 and up to 0.5"),
                "such as --early-late 0.35",
            ));
        }
        let Some(relation) = relation else {
            return Err(wrong(
                "--early-late needs the relation whose rows are compared".into(),
                "such as --on spike_training",
            ));
        };
        let column = time_of(request.context, relation, request.argument(TIME)).await?;
        let time = identifier(&column);
        // Rows of one time are all in a part or all outside of it, so the parts do not depend on the order of the rows. No part is larger
        // than its share, so no row is in both.
        let part = |order: &str| {
            format!(
                "SELECT * FROM {} WHERE {time} IS NOT NULL QUALIFY cume_dist() OVER (ORDER BY {time}{order}) <= {number:?}",
                from(relation)
            )
        };
        let how = format!(
            "The reference is the first {} of the rows by {}, the current sample the last {}; a time whose rows would be divided is left out.",
            format::percent(Some(number)),
            shown_name(&column),
            format::percent(Some(number))
        );
        let split = Split { argument: format!("--{EARLY_LATE} {share}"), relation: relation.into(), column };
        Ok(Relations { split: Some(split), ..Relations::of(&part(""), &part(" DESC"), tests, how) })
    }

    /// Checks that both parts of one relation have rows.
    ///
    /// # Errors
    /// A part has none; the error says how many rows there are.
    pub async fn check_parts(&self, request: &Request<'_>, columns: &[Column<'_>]) -> Result<(), Error> {
        let Some(Split { argument, relation, column }) = &self.split else { return Ok(()) };
        let sides = [("reference", "the reference"), ("current", "the current sample")];
        let empty: Vec<&str> =
            sides.iter().filter(|(key, _)| rows(columns, key) == 0.0).map(|(_, name)| *name).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let counts = format!(
            "SELECT count(*) AS rows, count(DISTINCT {}) AS different FROM {}",
            identifier(column),
            from(relation)
        );
        let counts = Query::new(ON, &counts, &[]).rows(request.context).await?;
        let count = |name: &str| counts.first().and_then(|row| row.number(name)).unwrap_or(0.0) as u64;
        let hint = if column == "split" {
            "the reference is the rows with split = 'train', the current sample those with split = 'test'; --reference and --current take any two queries"
        } else {
            "a part is never larger than its share, and rows of one time stay together: take a larger share, or two queries with --reference and --current"
        };
        Err(wrong(
            format!(
                "{argument} leaves no rows for {}: {} has {}, with {} of `{}`",
                empty.join(" and "),
                shown_name(relation),
                counted(count("rows"), "row"),
                counted(count("different"), "value"),
                shown_name(column)
            ),
            hint,
        ))
    }

    /// Returns both relations, if the rows of both can be read.
    pub fn both(&self) -> Option<(&str, &str)> {
        (!self.reference.starts_with("model:")).then_some((self.reference.as_str(), self.current.as_str()))
    }

    /// Returns what readers have to know of both sides before anything else.
    pub fn sides(&self, columns: &[Column<'_>], period: &Period) -> Vec<Side> {
        let side = |name, key: &str, from_to: Option<(i64, i64)>| {
            let count = rows(columns, key);
            Side {
                name,
                rows: counted(count as u64, "row"),
                period: match (from_to, &period.column) {
                    (Some((from, to)), Some(column)) => format!(
                        "{} to {} ({}, by {})",
                        instant(Some(from)),
                        instant(Some(to)),
                        span(Some(to.saturating_sub(from))),
                        shown_name(column)
                    ),
                    (None, Some(column)) => format!("{} holds no time", shown_name(column)),
                    _ => "the period is not known: both sides share no time column".into(),
                },
                count,
                from_to,
            }
        };
        vec![side("Reference", "reference", period.reference), side("Current", "current", period.current)]
    }
}

impl Period {
    /// Finds the time column among the compared ones, and the periods of both sides.
    ///
    /// # Errors
    /// The column that somebody named is not a time in both relations.
    pub fn find(columns: &[Column<'_>], named: Option<&str>) -> Result<Period, Error> {
        let times: Vec<&Column<'_>> = columns.iter().filter(|column| column.row.text("kind") == Some("time")).collect();
        let names: Vec<&str> = times.iter().map(|column| column.name).collect();
        let Some(name) = choose(&names, named)? else { return Ok(Period::default()) };
        let of = |side: &str| {
            let column = times.iter().find(|column| column.name == name)?;
            Some((column.row.integer(&format!("{side}_from"))?, column.row.integer(&format!("{side}_to"))?))
        };
        Ok(Period { column: Some(name.into()), reference: of("reference"), current: of("current") })
    }

    /// Returns the whole period of both sides.
    pub fn whole(&self) -> Option<(i64, i64)> {
        match (self.reference, self.current) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (either, other) => either.or(other),
        }
    }
}

fn choose<'a>(names: &[&'a str], named: Option<&str>) -> Result<Option<&'a str>, Error> {
    match named {
        None => {
            let by_custom = TIMES.iter().find_map(|time| names.iter().find(|name| *name == time));
            Ok(by_custom.or(names.first()).copied())
        }
        Some(named) => match names.iter().find(|name| **name == named) {
            Some(name) => Ok(Some(*name)),
            None => Err(wrong(
                format!("--time names `{named}`, which is not a column of times"),
                &did_you_mean(named, names.iter().copied()).unwrap_or_else(|| match names {
                    [] => "no column holds times; convert one with to_timestamp(…) in a query".into(),
                    names => format!("columns of times: {}", names.join(", ")),
                }),
            )),
        },
    }
}

/// Returns the number of rows of a side.
fn rows(columns: &[Column<'_>], side: &str) -> f64 {
    columns.iter().filter_map(|column| column.rows(side)).fold(0.0, f64::max)
}

/// Returns the names and types of the columns of the relation of --on.
async fn columns_of(context: &SessionContext, relation: &str) -> Result<Vec<(String, DataType)>, Error> {
    Query::new(ON, &format!("SELECT * FROM {} LIMIT 0", from(relation)), &[]).columns(context).await
}

/// Returns the time column of a relation.
async fn time_of(context: &SessionContext, relation: &str, named: Option<&str>) -> Result<String, Error> {
    let is_time =
        |data_type: &DataType| matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let columns = columns_of(context, relation).await?;
    let names: Vec<&str> =
        columns.iter().filter(|(_, data_type)| is_time(data_type)).map(|(name, _)| name.as_str()).collect();
    choose(&names, named)?.map(str::to_string).ok_or_else(|| {
        wrong(
            format!("{} has no column of times, so no rows are early or late", shown_name(relation)),
            "convert one in a query, such as --on \"SELECT *, to_timestamp(seconds) AS ts FROM …\"",
        )
    })
}

/// Returns a relation in the form that FROM takes.
pub fn from(relation: &str) -> String {
    let first: String = relation.trim_start().chars().take_while(|letter| letter.is_ascii_alphabetic()).collect();
    match first.to_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "FROM" => format!("({relation}) AS rows"),
        _ => relation.to_string(),
    }
}

fn wrong(problem: String, hint: &str) -> Error {
    Error::Argument { problem, hint: hint.into() }
}
