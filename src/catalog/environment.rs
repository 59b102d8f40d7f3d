//! Whether a query reads the environment.

use std::ops::ControlFlow;

use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, visit_expressions};

use crate::dialect;
use crate::functions::GETENV;

/// Returns whether a query calls `getenv`; `false` if it does not parse.
pub fn is_read(context: &SessionContext, query: &str) -> bool {
    let state = context.state();
    let Ok(Statement::Statement(parsed)) = dialect::parse(&state, query) else { return false };
    let visited = visit_expressions(&parsed, |expression| match expression {
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case(GETENV) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    visited.is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_wherever_they_are() {
        let context = SessionContext::new();
        for (query, expected) in [
            ("SELECT getenv('A')", true),
            ("SELECT 1 FROM t WHERE x IN (SELECT GetEnv(name) FROM u)", true),
            ("SELECT 'getenv(1)', getenv FROM t -- getenv('A')", false),
            ("SELEC", false),
        ] {
            assert_eq!(is_read(&context, query), expected, "{query}");
        }
    }
}
