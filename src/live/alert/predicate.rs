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

use crate::live::error::Error;
use crate::pipeline::sql_type;
use crate::text::{Excerpt, did_you_mean};

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
    hint: Option<String>,
}

impl Wrong {
    fn new(problem: impl Into<String>) -> Wrong {
        Wrong { problem: problem.into(), name: None, hint: None }
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
            let at = wrong.name.as_deref().and_then(|name| place(text, name));
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

    /// Returns for which rows the condition is true.
    ///
    /// # Errors
    /// It cannot be computed.
    pub fn of(&self, rows: &RecordBatch) -> Result<Vec<bool>, DataFusionError> {
        let found = self.expression.evaluate(rows)?.into_array(rows.num_rows())?;
        let found = found.as_boolean();
        Ok((0..found.len()).map(|row| found.is_valid(row) && found.value(row)).collect())
    }
}

fn plan(text: &str, schema: &Schema, context: &SessionContext) -> Result<Predicate, Wrong> {
    let columns = DFSchema::try_from(schema.clone()).map_err(|error| explained(&error))?;
    if closes_too_early(text) {
        return Err(Wrong::new("it has a closing parenthesis too many"));
    }
    // In parentheses, nothing may follow the condition; the line break ends a comment.
    let expression = context.parse_sql_expr(&format!("({text}\n)"), &columns).map_err(|error| explained(&error))?;
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
            hint: Some("compare it with something, such as `score >= 0.5`".into()),
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
    let message = error.strip_backtrace();
    let message = message.split(" at Line: ").next().unwrap_or(&message).to_string();
    Wrong::new(message.lines().next().unwrap_or_default())
}

/// Returns whether a parenthesis closes that none opens.
fn closes_too_early(text: &str) -> bool {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap_or_default();
    let mut depth = 0;
    tokens.iter().any(|token| {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        depth < 0
    })
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
