//! Arguments of functions on models: a model's name and a relation, both as constant text.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use tokio::runtime::Handle;

use super::documentation::{Argument, Documentation};
use crate::model::{self, Artifact, Registry};

/// The documentation of a model's name.
pub const MODEL: Argument = Argument {
    name: "model",
    sql_type: "VARCHAR",
    meaning: "a model's name, constant; 'name' is its latest version, 'name@2' version 2",
    required: true,
};

/// The documentation of a relation.
pub const RELATION: Argument = Argument {
    name: "relation",
    sql_type: "VARCHAR",
    meaning: "the name of a table or view, or a query, constant; it has the model's features among its columns",
    required: true,
};

/// The documentation of a relation whose labels are known.
pub const LABELLED: Argument = Argument {
    name: "relation",
    sql_type: "VARCHAR",
    meaning: "the name of a table or view, or a query, constant; it has the model's features and label among its columns",
    required: true,
};

/// Returns the text of a constant expression.
pub fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), _) => {
            text.clone()
        }
        _ => None,
    }
}

/// Reads the constant arguments of a table function as text; numbers are written out.
///
/// # Errors
/// A wrong number of them, or one that is neither constant text nor a number.
pub fn texts(documentation: &Documentation, expressions: &[Expr]) -> Result<Vec<String>> {
    let required = documentation.arguments.iter().filter(|argument| argument.required).count();
    let syntax = documentation.syntax();
    if !(required..=documentation.arguments.len()).contains(&expressions.len()) {
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

/// Loads a model.
pub fn load(models: &Registry, name: &str) -> Result<Arc<Artifact>> {
    models.load(name).map(Arc::new).map_err(external)
}

/// Wraps a model's error, so that its hint can be found again.
pub fn external(error: model::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Returns a relation as a query: a query stays as it is, a name becomes `SELECT * FROM name`.
pub fn query(relation: &str) -> String {
    let first: String = relation.trim_start().chars().take_while(|letter| letter.is_ascii_alphabetic()).collect();
    match first.to_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "FROM" => relation.to_string(),
        // An opening parenthesis.
        "" if relation.trim_start().starts_with('(') => relation.to_string(),
        _ => format!("SELECT * FROM {relation}"),
    }
}

/// Plans a relation.
///
/// Table functions are called outside of async code, yet a table may be looked up with I/O (a quoted path, for one): so
/// planning waits on a thread of its own, where it holds up neither the caller's executor nor its I/O.
pub fn plan(state: &SessionState, relation: &str) -> Result<LogicalPlan> {
    let sql = query(relation);
    let runtime = Handle::try_current();
    std::thread::scope(|scope| {
        let planning = scope.spawn(|| {
            let _entered = runtime.as_ref().map(Handle::enter);
            futures::executor::block_on(state.create_logical_plan(&sql))
        });
        planning.join().unwrap_or_else(|_| plan_err!("planning `{relation}` failed"))
    })
}
