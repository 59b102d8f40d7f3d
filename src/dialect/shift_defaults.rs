//! `lag(x, 1, y)` and `lead(x, 1, y)`, where `y` is computed for each row.
//!
//! The engine takes only a constant as the value for rows that have no other row at this distance. In: a parsed statement, in which each
//! OVER says all of its window. Out: the same statement, in which such a call is a CASE that also shifts the constant `true`. If that gives
//! NULL, no row is so far away, and CASE returns `y`.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, NullTreatment, Statement,
    Value,
};

use super::calls::filled;
use crate::error::Refused;

/// Writes such calls as CASE.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        if let Expr::Function(call) = expression
            && let Some(choice) = written(call)
        {
            *expression = Expr::Nested(Box::new(choice));
        }
    });
    Ok(())
}

fn written(call: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let [
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)),
        distance,
        FunctionArg::Unnamed(FunctionArgExpr::Expr(default)),
    ] = list.args.as_slice()
    else {
        return None;
    };
    let is_shift = ["lag", "lead"].contains(&call.name.to_string().to_lowercase().as_str());
    if !is_shift || call.over.is_none() || is_constant(default) {
        return None;
    }
    let shifted = |value: &Expr| {
        let mut call = call.clone();
        if let FunctionArguments::List(list) = &mut call.args {
            list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value.clone())), distance.clone()];
        }
        Expr::Function(call)
    };
    let ignore = NullTreatment::IgnoreNulls;
    if call.null_treatment == Some(ignore)
        || list.clauses.contains(&FunctionArgumentClause::IgnoreOrRespectNulls(ignore))
    {
        // A value that is found is not NULL.
        return filled("coalesce($1, $2)", &[shifted(value), default.clone()]);
    }
    let present = Expr::Value(Value::Boolean(true).into());
    filled("CASE WHEN $1 IS NULL THEN $2 ELSE $3 END", &[shifted(&present), default.clone(), shifted(value)])
}

/// Returns whether the engine can compute an expression once.
fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => true,
        Expr::Nested(inner) => is_constant(inner),
        Expr::UnaryOp { expr, .. } | Expr::Cast { expr, .. } => is_constant(expr),
        Expr::BinaryOp { left, right, .. } => is_constant(left) && is_constant(right),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn only_values_of_rows_need_a_choice() {
        for (text, expected) in [
            (
                "lag(x, 1, y) OVER (ORDER BY t)",
                "(CASE WHEN lag(true, 1) OVER (ORDER BY t) IS NULL THEN y ELSE lag(x, 1) OVER (ORDER BY t) END)",
            ),
            (
                "lead(x, 2, x + 1) IGNORE NULLS OVER (ORDER BY t)",
                "(coalesce(lead(x, 2) IGNORE NULLS OVER (ORDER BY t), x + 1))",
            ),
            ("lag(x, 1, -1.5::DOUBLE) OVER (ORDER BY t)", "lag(x, 1, -1.5::DOUBLE) OVER (ORDER BY t)"),
            ("nth_value(x, 1, y) OVER (ORDER BY t)", "nth_value(x, 1, y) OVER (ORDER BY t)"),
        ] {
            let mut statement =
                Parser::parse_sql(&GenericDialect {}, &format!("SELECT {text}")).expect("SQL").remove(0);
            write(&mut statement).expect("written");
            assert_eq!(statement.to_string(), format!("SELECT {expected}"));
        }
    }
}
