//! Arguments with names, in calls of table functions.
//!
//! The engine drops the names. In: `read_csv('f.csv', header => true, types => {'a': 'DOUBLE'})`. Out: each name as an argument before its
//! value, `read_csv('f.csv', 'header', true, 'types.a', 'DOUBLE')`, for functions that take options; for others, an error.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, Statement, TableFactor, Value, VisitMut, VisitorMut,
};

use crate::error::Refused;

/// Before the names of functions that take options.
const READERS: &str = "read_";

/// Writes names as arguments.
///
/// # Errors
/// The function takes no names.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Writer))
}

struct Writer;

impl VisitorMut for Writer {
    type Break = Refused;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refused> {
        let (name, arguments) = match factor {
            TableFactor::Table { name, args: Some(arguments), .. } => (name, &mut arguments.args),
            TableFactor::Function { name, args, .. } => (name, args),
            _ => return ControlFlow::Continue(()),
        };
        let reads = name.to_string().to_lowercase().starts_with(READERS);
        let mut written = Vec::with_capacity(arguments.len());
        for argument in arguments.drain(..) {
            match named(&argument) {
                None => written.push(argument),
                Some((option, value)) if reads => written.extend(pairs(&option, value)),
                Some((option, _)) => {
                    return ControlFlow::Break(Refused {
                        message: format!("`{name}` takes no argument by name, such as `{option}`"),
                        hint: Some("write the arguments in their order, without names".into()),
                    });
                }
            }
        }
        *arguments = written;
        ControlFlow::Continue(())
    }
}

/// Returns the name and the value of an argument with a name; `delim = ';'` is one too.
fn named(argument: &FunctionArg) -> Option<(String, Expr)> {
    match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => Some((name.value.clone(), value.clone())),
        FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
            Some((name.value.clone(), value.clone()))
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) => {
            match left.as_ref() {
                Expr::Identifier(Ident { value: name, .. }) => Some((name.clone(), right.as_ref().clone())),
                _ => None,
            }
        }
        _ => None,
    }
}

fn pairs(name: &str, value: Expr) -> Vec<FunctionArg> {
    let argument = |expression: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expression));
    let text = |text: String| argument(Expr::Value(Value::SingleQuotedString(text).into()));
    match value {
        Expr::Dictionary(fields) => fields
            .into_iter()
            .flat_map(|field| {
                let key = field.key.value;
                [text(format!("{name}.{key}")), argument(*field.value)]
            })
            .collect(),
        // A type without quotes reads as a column's name.
        Expr::Identifier(word) => vec![text(name.to_string()), text(word.value)],
        value => vec![text(name.to_string()), argument(value)],
    }
}
