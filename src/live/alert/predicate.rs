//! The condition of an alert: SQL over a row, planned by the engine.
//!
//! In: the condition as the user wrote it, and the columns of the rows. Out: for each row whether it is true. NULL is not true.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::dialect::{one_expression, said};
use crate::live::error::Error;
use crate::pipeline::sql_type;
use crate::text::{Excerpt, did_you_mean};

/// What a condition may look like.
const EXAMPLE: &str = "score >= 0.5";

/// A condition over rows.
#[derive(Debug, Clone)]
pub struct Predicate {
    expression: Arc<dyn PhysicalExpr>,
    columns: Vec<String>,
}

/// What is wrong with a condition, and which name in it.
struct Wrong {
    problem: String,
    name: Option<String>,
    /// Where it is in the first line, counted from 1, if no name says it.
    at: Option<usize>,
    hint: Option<String>,
}

impl Wrong {
    fn new(problem: impl Into<String>) -> Wrong {
        Wrong { problem: problem.into(), name: None, at: None, hint: None }
    }
}

impl Predicate {
    /// Plans a condition over rows with these columns; `option` is how the user gave it.
    ///
    /// # Errors
    /// It is not SQL, names a column that the rows do not have, is not true or false, or changes by itself.
    pub fn new(
        option: &'static str,
        text: &str,
        schema: &Schema,
        context: &SessionContext,
    ) -> Result<Predicate, Error> {
        plan(text, schema, context).map_err(|wrong| {
            let at = wrong.name.as_deref().and_then(|name| place(text, name)).or(wrong.at);
            let excerpt = Excerpt {
                number: 1,
                line: text.lines().next().unwrap_or_default(),
                column: at,
                length: wrong.name.as_ref().map_or(1, |name| name.chars().count()),
            };
            Error::Condition { option, problem: wrong.problem, excerpt: excerpt.to_string(), hint: wrong.hint }
        })
    }

    /// Returns the columns that the condition reads.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns for each row whether the condition is true. A row of which it cannot be computed counts as not true, and is added to
    /// `wrong`, with the problem; the other rows are decided as if it were not there.
    pub fn of(&self, rows: &RecordBatch, wrong: &mut Vec<(usize, String)>) -> Vec<bool> {
        let mut found = vec![false; rows.num_rows()];
        self.decide(rows, 0, &mut found, wrong);
        found
    }

    /// Decides rows, the first of which has the number `first`. If that fails, each half is decided by itself.
    fn decide(&self, rows: &RecordBatch, first: usize, found: &mut [bool], wrong: &mut Vec<(usize, String)>) {
        let count = rows.num_rows();
        if count == 0 {
            return;
        }
        match self.expression.evaluate(rows).and_then(|values| values.into_array(count)) {
            Ok(values) => {
                let values = values.as_boolean();
                for (row, found) in found.iter_mut().enumerate() {
                    *found = values.is_valid(row) && values.value(row);
                }
            }
            Err(error) if count == 1 => wrong.push((first, said(&error))),
            Err(_) => {
                let half = count / 2;
                let (before, after) = found.split_at_mut(half);
                self.decide(&rows.slice(0, half), first, before, wrong);
                self.decide(&rows.slice(half, count - half), first + half, after, wrong);
            }
        }
    }
}

fn plan(text: &str, schema: &Schema, context: &SessionContext) -> Result<Predicate, Wrong> {
    let columns = DFSchema::try_from(schema.clone()).map_err(|error| explained(&error))?;
    one_expression(text).map_err(|complaint| Wrong {
        hint: Some(format!("write one condition, such as `{EXAMPLE}`")),
        at: complaint.at.filter(|(line, _)| *line == 1).map(|(_, column)| column),
        ..Wrong::new(complaint.message)
    })?;
    // The line break ends a comment.
    let expression = context.parse_sql_expr(&format!("({text}\n)"), &columns).map_err(|error| explained(&error))?;
    if let Some((name, problem)) = needs_more_than_a_row(&expression) {
        let hint = "compute it in the query, and name its column in the condition".to_string();
        return Err(Wrong { name, hint: Some(hint), ..Wrong::new(problem) });
    }
    let changes = |expression: &Expr| match expression {
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
            Some(call.func.name().to_string())
        }
        _ => None,
    };
    let mut changing = None;
    let _ = expression.exists(|part| {
        changing = changing.take().or_else(|| changes(part));
        Ok(changing.is_some())
    });
    if let Some(function) = changing {
        let problem = format!("it calls `{function}`, whose value can change from run to run");
        return Err(Wrong { name: Some(function), ..Wrong::new(problem) });
    }
    let read: BTreeSet<String> = expression.column_refs().into_iter().map(|column| column.name.clone()).collect();
    let expression = context.create_physical_expr(expression, &columns).map_err(|error| explained(&error))?;
    match expression.data_type(schema) {
        Ok(DataType::Boolean) => Ok(Predicate { expression, columns: read.into_iter().collect() }),
        Ok(other) => Err(Wrong {
            hint: Some(format!("compare it with something, such as `{EXAMPLE}`")),
            ..Wrong::new(format!("it is a {}, and an alert needs a condition that is true or false", sql_type(&other)))
        }),
        Err(error) => Err(explained(&error)),
    }
}

fn explained(error: &DataFusionError) -> Wrong {
    if let DataFusionError::SchemaError(missing, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = missing.as_ref()
    {
        let known: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
        let hint = did_you_mean(&field.name, known.iter().copied());
        return Wrong {
            name: Some(field.name.clone()),
            hint: Some(hint.unwrap_or_else(|| format!("the columns are {}", known.join(", ")))),
            ..Wrong::new(format!("the rows have no column `{}`", field.name))
        };
    }
    let hint = format!("a condition is SQL over the columns of one row, such as `{EXAMPLE}`");
    Wrong { hint: Some(hint), ..Wrong::new(said(error)) }
}

/// Returns the part of a condition that cannot be computed of one row: its name, and what is wrong with it.
fn needs_more_than_a_row(expression: &Expr) -> Option<(Option<String>, String)> {
    let mut found = None;
    let _ = expression.exists(|part| {
        let call = |name: &str| {
            (Some(name.to_string()), format!("`{name}` needs several rows, and an alert is decided by one row"))
        };
        found = match part {
            Expr::AggregateFunction(aggregate) => Some(call(aggregate.func.name())),
            Expr::WindowFunction(window) => Some(call(window.fun.name())),
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                Some((None, "it has a subquery, and an alert is decided by one row".to_string()))
            }
            _ => None,
        };
        Ok(found.is_some())
    });
    found
}

/// Returns the column of a name in a text of one line, counted from 1.
fn place(text: &str, name: &str) -> Option<usize> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().ok()?;
    let found = tokens
        .iter()
        .find(|token| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(name)))?;
    let at = found.span.start;
    (at.line == 1).then_some(usize::try_from(at.column).ok()?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, Int64Array};
    use datafusion::arrow::datatypes::Field;

    use super::*;
    use crate::error::Hint as _;

    fn schema() -> Schema {
        Schema::new(vec![Field::new("size", DataType::Int64, true), Field::new("mid", DataType::Float64, true)])
    }

    fn rows() -> RecordBatch {
        let size = Int64Array::from(vec![Some(4), Some(0), None, Some(5), Some(0), Some(50)]);
        let mid = Float64Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        RecordBatch::try_new(Arc::new(schema()), vec![Arc::new(size), Arc::new(mid)]).unwrap()
    }

    #[test]
    fn a_row_that_cannot_be_computed_is_not_true_and_the_others_are_decided() {
        let condition = Predicate::new("--alert", "20 / size >= 4", &schema(), &SessionContext::new()).unwrap();
        let mut wrong = Vec::new();
        let found = condition.of(&rows(), &mut wrong);
        assert_eq!(found, [true, false, false, true, false, false]);
        assert_eq!(wrong, [(1, "divide by zero error".to_string()), (4, "divide by zero error".to_string())]);
    }

    #[test]
    fn a_wrong_condition_is_explained_in_plain_words() {
        for (text, expected) in [
            ("avg(mid) > 1", "`avg` needs several rows, and an alert is decided by one row"),
            ("lag(mid) OVER () > 1", "`lag` needs several rows, and an alert is decided by one row"),
            ("mid > (SELECT 1)", "it has a subquery, and an alert is decided by one row"),
            ("mid >", "expected an expression, found the end of the condition"),
            ("mid > 1) OR (true", "the condition ends before `)`"),
            ("mid > 1 mid", "the condition ends before `mid`"),
        ] {
            let error = Predicate::new("--alert", text, &schema(), &SessionContext::new()).unwrap_err();
            let told = error.to_string();
            assert!(told.starts_with(&format!("--alert: {expected}\n")), "{told}");
            assert!(error.hint().is_some(), "{text}");
        }
        for text in ["lag(mid) > 1", "nosuch(mid) > 1", "mid AND true", "sum(mid", "mid > '2"] {
            let error = Predicate::new("--alert", text, &schema(), &SessionContext::new()).unwrap_err();
            let told = error.to_string();
            assert!(!told.contains(['{', '}']) && !told.contains("DataFusion"), "{told}");
        }
    }
}
