//! Parts of syntax trees that the words of PostgreSQL are found in and written with.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::serve::parameters;
use crate::serve::types;

/// The number of the type of arrays of texts.
const TEXTS: u32 = 1009;

/// Returns the parts of a name, such as `a` and `B` of `a."B"`.
pub fn identifiers(name: &str) -> Option<Vec<String>> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(name).ok()?;
    let parts = { parser }.parse_multipart_identifier().ok()?;
    let part = |part: Ident| if part.quote_style.is_some() { part.value } else { part.value.to_lowercase() };
    Some(parts.into_iter().map(part).collect())
}

/// Returns whether an expression is a cast to `regclass`, which is a number.
pub fn is_relation(expr: &Expr) -> bool {
    match expr {
        Expr::Cast { data_type: DataType::Regclass, .. } => true,
        Expr::Cast { data_type: DataType::Custom(name, _), .. } => last(name).as_deref() == Some("regclass"),
        Expr::Nested(inner) => is_relation(inner),
        _ => false,
    }
}

pub fn type_oid(name: &str) -> Option<u32> {
    let name = name.rsplit('.').next().unwrap_or(name);
    types::all().find(|known| known.name == name || known.long == name).map(|known| known.oid)
}

/// Reads an array that is written as text, such as `{a,b}`.
pub fn array(text: &str) -> Option<Expr> {
    parameters::expression(TEXTS, false, Some(text.as_bytes()), false).ok()
}

pub fn string(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text.clone()),
            _ => None,
        },
        // A cast of a text to text changes nothing.
        Expr::Cast { expr, data_type: DataType::Text | DataType::Varchar(_), .. } | Expr::Nested(expr) => string(expr),
        _ => None,
    }
}

pub fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let arguments = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    arguments.collect()
}

pub fn first(name: &ObjectName) -> Option<String> {
    Some(name.0.first()?.as_ident()?.value.to_lowercase())
}

pub fn last(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.to_lowercase())
}

pub fn object(parts: &[&str]) -> ObjectName {
    ObjectName(parts.iter().map(|part| ObjectNamePart::Identifier(Ident::new(*part))).collect())
}

/// Parses an expression of ours.
pub fn parsed(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}
