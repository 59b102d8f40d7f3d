//! Arguments of table functions: constant text, whole numbers, and a relation given by the name of a table or as a query.

use std::collections::BTreeSet;

use datafusion::common::{Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use tokio::runtime::Builder;

use crate::dialect;
use crate::text::documentation::Documentation;

/// Returns the text of a constant expression.
pub fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), _) => {
            text.clone()
        }
        _ => None,
    }
}

/// Reads the constant arguments of a table function as text; numbers become digits.
///
/// # Errors
/// The number of arguments is wrong, or an argument is neither constant text nor a whole number.
pub fn texts(documentation: &Documentation, expressions: &[Expr]) -> Result<Vec<String>> {
    let syntax = documentation.syntax();
    if !(documentation.required()..=documentation.arguments.len()).contains(&expressions.len()) {
        return plan_err!("{syntax} was given {} arguments", expressions.len());
    }
    let texts = documentation.arguments.iter().zip(expressions).map(|(argument, expression)| match expression {
        Expr::Literal(value, _) if argument.sql_type == "BIGINT" && value.data_type().is_integer() => {
            Ok(value.to_string())
        }
        _ if argument.sql_type == "BIGINT" => plan_err!("{} of {syntax} must be a whole number", argument.name),
        _ => text(expression)
            .ok_or_else(|| plan_datafusion_err!("{} of {syntax} must be text in single quotes", argument.name)),
    });
    texts.collect()
}

/// Returns a relation as a query: a query stays as it is, a name becomes `SELECT * FROM name`.
pub fn query(relation: &str) -> String {
    let first: String =
        relation.trim_start().chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    match first.to_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "FROM" | "PIVOT" | "UNPIVOT" => relation.to_string(),
        // In parentheses stands a query, or the first table of a join.
        "" if is_query(relation) => relation.to_string(),
        _ => format!("SELECT * FROM {relation}"),
    }
}

fn is_query(text: &str) -> bool {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(text);
    parser.is_ok_and(|mut parser| parser.parse_query().is_ok() && parser.peek_token().token == Token::EOF)
}

/// Returns the tables, views and files that a query reads by name; empty if it does not parse.
pub fn tables(sql: &str) -> BTreeSet<String> {
    let Ok(statements) = DFParser::parse_sql(sql) else { return BTreeSet::new() };
    let references = statements.iter().filter_map(|statement| resolve_table_references(statement, true).ok());
    references.flat_map(|(tables, _)| tables).map(|table| table.table().to_string()).collect()
}

/// Plans a relation.
///
/// Table functions are called outside of async code, but looking up a table may need I/O: for example, a quoted path is a
/// table too. So planning runs on its own thread, where it blocks neither the caller's executor nor its I/O.
pub fn plan(state: &SessionState, relation: &str) -> Result<LogicalPlan> {
    let sql = query(relation);
    block_on(|| dialect::plan_text(state, &sql), relation)
}

/// Waits for a result on a thread with a runtime of its own, because the caller may hold the last thread of the runtime that called it;
/// `what` names the result if the thread panics.
pub fn block_on<T, F>(make: impl FnOnce() -> F + Send, what: &str) -> Result<T>
where
    T: Send,
    F: Future<Output = Result<T>>,
{
    std::thread::scope(|scope| {
        let planning = scope.spawn(|| Builder::new_current_thread().enable_all().build()?.block_on(make()));
        planning.join().unwrap_or_else(|_| plan_err!("planning `{what}` failed"))
    })
}
