//! Decimals beside doubles in VALUES.
//!
//! The engine gives such a column DECIMAL(30, 15), in which `1e-20` is 0, before a rule for plans sees it. In: a statement. Out: the same
//! statement, in which such a column has one type. If all its doubles are numbers that are written, they become decimals; otherwise its decimals
//! become doubles. The engine is asked for the types of what is neither a number nor a cast.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    DataType as Written, ExactNumberInfo, Expr, Query, Select, SelectItem, SetExpr, Statement, UnaryOperator, Value,
    Values,
};

use super::calls::call;
use super::number_types::{beside_doubles, places};
use super::probe::{Ask, answer};
use super::scopes::{Part, everything, walk};
use super::wide_literals;

/// The types of some cells, by row and column.
type Types = HashMap<(usize, usize), DataType>;

/// Gives the numbers of each column one type. What the engine cannot plan alone stays as it is.
pub async fn unify(state: &SessionState, statement: &mut Statement) {
    // Rows that go into a table get the types of its columns.
    match statement {
        Statement::Insert(_) => return,
        Statement::CreateTable(create) if !create.columns.is_empty() => return,
        _ => {}
    }
    let mut questions = Vec::new();
    each(statement, &mut |values, ask| questions.push(question(values, ask)));
    if questions.is_empty() {
        return;
    }
    let mut answers = Vec::with_capacity(questions.len());
    for (cells, query) in questions {
        let mut types = Types::new();
        if let Some(query) = query
            && let Ok(answer) = answer(state, Ask { query, rows: false }).await
        {
            types.extend(cells.into_iter().zip(answer.types));
        }
        answers.push(types);
    }
    let mut answers = answers.into_iter();
    each(statement, &mut |values, _| write(values, &answers.next().unwrap_or_default()));
}

/// Visits each VALUES of a statement, with a function that returns the query that selects some expressions in its place.
fn each(statement: &mut Statement, visit: &mut impl FnMut(&mut Values, &dyn Fn(Vec<Expr>) -> Query)) {
    // Nothing ends the walk early.
    let _ = walk(statement, &mut |part, scope| {
        if let Part::Query(query) = part {
            let ask = |cells: Vec<Expr>| {
                let cell = |(place, expr): (usize, Expr)| SelectItem::ExprWithAlias {
                    expr,
                    alias: format!("squall_{place}").as_str().into(),
                };
                let projection = cells.into_iter().enumerate().map(cell).collect();
                scope.query(Select { projection, ..everything(Vec::new()) })
            };
            in_body(&mut query.body, &mut |values| visit(values, &ask));
        }
        ControlFlow::Continue(())
    });
}

fn in_body(body: &mut SetExpr, visit: &mut impl FnMut(&mut Values)) {
    match body {
        SetExpr::Values(values) => visit(values),
        SetExpr::SetOperation { left, right, .. } => {
            in_body(left, visit);
            in_body(right, visit);
        }
        _ => {}
    }
}

/// Returns the columns that may hold decimals beside doubles.
fn mixed(values: &Values) -> Vec<usize> {
    let width = values.rows.iter().map(|row| row.content.len()).min().unwrap_or_default();
    let may_mix = |column: &usize| {
        let mut has = (false, false);
        for row in &values.rows {
            let found = known(&row.content[*column]);
            has.0 |= found.as_ref().is_none_or(DataType::is_decimal);
            has.1 |= found.as_ref().is_none_or(DataType::is_floating);
        }
        values.rows.len() > 1 && has == (true, true)
    };
    (0..width).filter(may_mix).collect()
}

/// Returns the cells whose types the engine has to be asked for, and the query that does.
fn question(values: &Values, ask: &dyn Fn(Vec<Expr>) -> Query) -> (Vec<(usize, usize)>, Option<Query>) {
    let columns = mixed(values);
    let (mut cells, mut written) = (Vec::new(), Vec::new());
    for (row, content) in values.rows.iter().enumerate() {
        for column in &columns {
            let cell = &content.content[*column];
            if known(cell).is_none() {
                cells.push((row, *column));
                written.push(cell.clone());
            }
        }
    }
    let query = (!cells.is_empty()).then(|| ask(written));
    (cells, query)
}

fn write(values: &mut Values, asked: &Types) {
    for column in mixed(values) {
        let rows = values.rows.iter().enumerate();
        let types =
            rows.map(|(row, cells)| known(&cells.content[column]).or_else(|| asked.get(&(row, column)).cloned()));
        let Some(types) = types.collect::<Option<Vec<DataType>>>() else { continue };
        let mut cells: Vec<&mut Expr> = values.rows.iter_mut().map(|row| &mut row.content[column]).collect();
        unify_column(&mut cells, &types);
    }
}

fn unify_column(cells: &mut [&mut Expr], types: &[DataType]) {
    // There may be many rows, but there are few types.
    let all: Vec<&DataType> = types.iter().collect::<HashSet<_>>().into_iter().collect();
    let wanted: Vec<Option<DataType>> = types.iter().map(|own| beside_doubles(own, &all)).collect();
    if wanted.iter().all(Option::is_none) {
        return;
    }
    let doubles = || types.iter().enumerate().filter(|(_, found)| found.is_floating()).map(|(row, _)| row);
    let digits: Option<Vec<(usize, usize)>> =
        doubles().map(|row| literal(cells[row]).and_then(wide_literals::digits)).collect();
    if let Some(digits) = digits.filter(|digits| !digits.is_empty()) {
        let whole =
            digits.iter().map(|(digits, fraction)| digits - fraction).chain(all.iter().map(|own| places(own).0));
        let fraction = digits.iter().map(|(_, fraction)| *fraction).chain(all.iter().map(|own| places(own).1));
        if whole.max().unwrap_or_default() + fraction.max().unwrap_or_default() <= wide_literals::MOST_DIGITS {
            for (row, (digits, fraction)) in doubles().zip(digits) {
                wide_literals::make_decimal(number(cells[row]), digits, fraction);
            }
            return;
        }
    }
    for (cell, wanted) in cells.iter_mut().zip(wanted) {
        if let Some(wanted) = wanted {
            let name = Expr::Value(Value::SingleQuotedString(wanted.to_string()).into());
            let cell = &mut **cell;
            *cell = call("arrow_cast", vec![cell.clone(), name]);
        }
    }
}

/// Returns the text of a number behind signs and within parentheses.
fn literal(cell: &Expr) -> Option<&str> {
    match cell {
        Expr::Nested(expr) | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => literal(expr),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the number within signs and parentheses.
fn number(cell: &mut Expr) -> &mut Expr {
    match cell {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => number(inner),
        cell => cell,
    }
}

/// Returns what is known of a cell's type: a DECIMAL, DOUBLE or BIGINT, and NULL for what is neither; `None` if the engine has to be asked.
fn known(cell: &Expr) -> Option<DataType> {
    if let Some(text) = literal(cell) {
        return Some(match wide_literals::decimal(text) {
            Some((digits, fraction)) => decimal_of(digits as u64, fraction as i64),
            None if text.contains(['.', 'e', 'E']) => DataType::Float64,
            None => DataType::Int64,
        });
    }
    match cell {
        Expr::Nested(inner) => known(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(_) => None,
            _ => Some(DataType::Null),
        },
        Expr::TypedString(_) | Expr::Interval(_) => Some(DataType::Null),
        Expr::Cast { data_type, .. } => match data_type {
            Written::Decimal(info) | Written::Numeric(info) | Written::Dec(info) => Some(match info {
                ExactNumberInfo::None => decimal_of(38, 10),
                ExactNumberInfo::Precision(precision) => decimal_of(*precision, 0),
                ExactNumberInfo::PrecisionAndScale(precision, scale) => decimal_of(*precision, *scale),
            }),
            Written::Float(_)
            | Written::Float4
            | Written::Float8
            | Written::Real
            | Written::Double(_)
            | Written::DoublePrecision => Some(DataType::Float64),
            Written::SmallInt(_)
            | Written::Int(_)
            | Written::Integer(_)
            | Written::BigInt(_)
            | Written::Boolean
            | Written::Varchar(_)
            | Written::Text
            | Written::Date
            | Written::Time(..)
            | Written::Timestamp(..) => Some(DataType::Null),
            _ => None,
        },
        _ => None,
    }
}

fn decimal_of(precision: u64, scale: i64) -> DataType {
    DataType::Decimal128(u8::try_from(precision).unwrap_or(38), i8::try_from(scale).unwrap_or_default())
}
