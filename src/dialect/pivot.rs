//! PIVOT: a column for each value of a column.
//!
//! In: `t PIVOT (sum(b) FOR a IN (1, 2))`, also with `IN (ANY)`, which asks the engine for the values. Out: a subquery that computes each
//! column with FILTER.

use datafusion::arrow::array::Array;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, PivotValueSource,
    Query, Select, SelectItem, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use crate::error::Refused;
use crate::text::{identifier, literal};

/// The word's entry in the list.
pub const NEED: Need = Need { asks, write };

/// Stands among the calls for GROUP BY, for which the parser has no place.
pub const GROUP_BY: &str = "squall_group_by";

/// More values are refused: they are hardly what was meant.
const MOST_VALUES: usize = 2_000;

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Select(select) = part else { return None };
    let (table, column, source) = select.from.iter().flat_map(factors).find_map(parts)?;
    let from = || vec![TableWithJoins { relation: table.clone(), joins: Vec::new() }];
    let mut asks = vec![Ask { query: scope.query(everything(from())), rows: false }];
    match source {
        PivotValueSource::List(_) => {}
        PivotValueSource::Any(_) => {
            let mut values = everything(from());
            values.distinct = Some(datafusion::sql::sqlparser::ast::Distinct::Distinct);
            values.projection = vec![SelectItem::UnnamedExpr(column.clone())];
            values.selection = Some(Expr::IsNotNull(Box::new(column.clone())));
            asks.push(Ask { query: ordered(scope.query(values)), rows: true });
        }
        PivotValueSource::Subquery(query) => {
            asks.push(Ask { query: scope.around(Query::clone(query)), rows: true });
        }
    }
    Some(asks)
}

fn ordered(mut query: Query) -> Query {
    let order = Parser::new(&GenericDialect {}).try_with_sql("SELECT 1 ORDER BY 1").and_then(|mut p| p.parse_query());
    query.order_by = order.ok().and_then(|query| query.order_by);
    query
}

fn factors(from: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
}

fn parts(factor: &TableFactor) -> Option<(&TableFactor, &Expr, &PivotValueSource)> {
    match factor {
        // Several columns are refused where the word is written out.
        TableFactor::Pivot { table, value_column, value_source, .. } => {
            Some((table, value_column.first()?, value_source))
        }
        _ => None,
    }
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let Part::Select(Select { from, .. }) = part else { return Ok(()) };
    let all = from.iter_mut().flat_map(|from| {
        std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation))
    });
    for factor in all {
        if parts(factor).is_some() {
            *factor = written(factor, answers)?;
            return Ok(());
        }
    }
    Ok(())
}

fn written(factor: &TableFactor, answers: &[Answer]) -> Result<TableFactor, Refused> {
    let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } = factor
    else {
        return Ok(factor.clone());
    };
    let (Some(columns), [column], None) = (answers.first(), value_column.as_slice(), default_on_null) else {
        return Err(refused("PIVOT takes one column after FOR, and no DEFAULT ON NULL"));
    };
    let values: Vec<(String, String)> = match value_source {
        PivotValueSource::List(values) => values.iter().map(listed).collect(),
        _ => {
            let found = answers.get(1).map(|answer| answer.values.as_slice()).unwrap_or_default();
            found.iter().map(named).collect::<Option<_>>().ok_or_else(|| {
                refused("PIVOT takes a column of numbers, texts, times or lists of them, not of structs")
            })?
        }
    };
    if values.len() > MOST_VALUES {
        return Err(refused(&format!("PIVOT would make {} columns; at most {MOST_VALUES} are possible", values.len())));
    }
    let mut groups: Option<Vec<String>> = None;
    let mut calls = Vec::new();
    for call in aggregate_functions {
        match group_by(&call.expr) {
            Some(columns) => groups = Some(columns),
            None => calls.push(call),
        }
    }
    let groups = groups.unwrap_or_else(|| others(columns, &calls, column));
    let mut items = groups.clone();
    for (name, value) in &values {
        for call in &calls {
            let name = match (&call.alias, calls.len()) {
                (Some(alias), _) => format!("{name}_{}", alias.value),
                (None, 1) => name.clone(),
                (None, _) => format!("{name}_{}", call.expr),
            };
            items.push(format!("{} AS {}", filtered(&call.expr, column, value)?, identifier(&name)));
        }
    }
    let mut text = format!("SELECT {} FROM {table}", items.join(", "));
    if !groups.is_empty() {
        text += &format!(" GROUP BY {}", groups.join(", "));
    }
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut parser| parser.parse_query());
    let subquery = parsed.map_err(|error| refused(&format!("PIVOT: {error}")))?;
    Ok(TableFactor::Derived { lateral: false, subquery, alias: alias.clone(), sample: None })
}

/// Returns the name and the SQL of a value in the list.
fn listed(value: &ExprWithAlias) -> (String, String) {
    let name = match (&value.alias, &value.expr) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Value(literal)) => literal.value.clone().into_string().unwrap_or_else(|| literal.to_string()),
        (None, other) => other.to_string(),
    };
    (name, value.expr.to_string())
}

/// Returns the name and the SQL of a value that the engine found; `None` if it cannot be written.
fn named(value: &ScalarValue) -> Option<(String, String)> {
    let name = array_value_to_string(&value.to_array().ok()?, 0).ok()?;
    Some((name, value_in_sql(value)?))
}

fn value_in_sql(value: &ScalarValue) -> Option<String> {
    if value.is_null() {
        return Some("NULL".into());
    }
    Some(match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            literal(text)
        }
        ScalarValue::Boolean(Some(value)) => value.to_string(),
        ScalarValue::List(list) => {
            let elements = list.value(0);
            let elements =
                (0..elements.len()).map(|at| value_in_sql(&ScalarValue::try_from_array(&elements, at).ok()?));
            format!("[{}]", elements.collect::<Option<Vec<_>>>()?.join(", "))
        }
        value if value.data_type().is_numeric() => value.to_string(),
        value if value.data_type().is_nested() => return None,
        // The text of other values, such as times, is read back with their type.
        value => {
            let text = array_value_to_string(&value.to_array().ok()?, 0).ok()?;
            format!("arrow_cast({}, {})", literal(&text), literal(&value.data_type().to_string()))
        }
    })
}

fn group_by(call: &Expr) -> Option<Vec<String>> {
    let Expr::Function(function) = call else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    (function.name.to_string() == GROUP_BY).then(|| list.args.iter().map(ToString::to_string).collect())
}

/// Returns the columns by which rows are grouped: those that neither the calls nor FOR name.
fn others(columns: &Answer, calls: &[&ExprWithAlias], column: &Expr) -> Vec<String> {
    let mut used = names(column);
    calls.iter().for_each(|call| used.extend(names(&call.expr)));
    let is_used = |name: &String| used.iter().any(|used| used.eq_ignore_ascii_case(name));
    columns.columns.iter().filter(|(_, name)| !is_used(name)).map(|(_, name)| identifier(name)).collect()
}

fn names(expression: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    // Nothing ends the visit early.
    let _ = datafusion::sql::sqlparser::ast::visit_expressions(expression, |expression| {
        match expression {
            Expr::Identifier(name) => names.push(name.value.clone()),
            Expr::CompoundIdentifier(parts) => names.extend(parts.last().map(|part: &Ident| part.value.clone())),
            _ => {}
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    names
}

/// Returns a call over the rows in which the column has a value.
fn filtered(call: &Expr, column: &Expr, value: &str) -> Result<Expr, Refused> {
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(value).and_then(|mut parser| parser.parse_expr());
    let value = parsed.map_err(|error| refused(&format!("PIVOT: {error}")))?;
    let is_value = Expr::IsNotDistinctFrom(Box::new(column.clone()), Box::new(value));
    let Expr::Function(function) = call else {
        return Err(refused("PIVOT takes calls of aggregate functions, such as sum(price)"));
    };
    let mut function = function.clone();
    let condition = match function.filter.take() {
        Some(own) => {
            Expr::BinaryOp { left: Box::new(Expr::Nested(own)), op: BinaryOperator::And, right: Box::new(is_value) }
        }
        None => is_value,
    };
    function.filter = Some(Box::new(condition));
    if let FunctionArguments::List(list) = &mut function.args
        && list.args.is_empty()
        && function.name.to_string().eq_ignore_ascii_case("count")
    {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    }
    Ok(Expr::Function(function))
}

fn refused(message: &str) -> Refused {
    Refused { message: message.into(), hint: Some("write FROM t PIVOT (sum(b) FOR a IN (1, 2)), or IN (ANY)".into()) }
}
