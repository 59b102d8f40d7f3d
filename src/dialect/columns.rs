//! `COLUMNS(*)`, `COLUMNS(* EXCLUDE a)`, `COLUMNS('re')`, `COLUMNS(['a', 'b'])`: an expression for each of several columns.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Select, SelectItem, Value, VisitMut,
    VisitorMut,
};
use regex::Regex;

use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use super::star_options;
use crate::error::Refused;

/// The word's entry in the list.
pub const NEED: Need = Need { asks, write };

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Select(select) = part else { return None };
    let mut found = false;
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } = item {
            found |= call(expression).is_some();
        }
    }
    found.then(|| vec![Ask { query: scope.query(everything(select.from.clone())), rows: false }])
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let (Part::Select(select), [answer]) = (part, answers) else { return Ok(()) };
    let Select { projection, .. } = select;
    let mut items = Vec::with_capacity(projection.len());
    for item in std::mem::take(projection) {
        let (expression, alias) = match &item {
            SelectItem::UnnamedExpr(expression) => (expression, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
            _ => {
                items.push(item);
                continue;
            }
        };
        let Some(chosen) = call(expression) else {
            items.push(item);
            continue;
        };
        for index in matching(&chosen, answer)? {
            let mut written = expression.clone();
            let column = answer.column(index);
            // Nothing ends the visit early.
            let _ = written.visit(&mut Replace { with: &column });
            let name = match alias {
                // Several columns cannot have the same name, so the column's name is added.
                Some(alias) => Ident::with_quote('"', format!("{}_{}", alias.value, answer.columns[index].1)),
                None if written == column => Ident::with_quote('"', answer.columns[index].1.clone()),
                None => {
                    let mut plain = expression.clone();
                    let _ = plain.visit(&mut Replace { with: &bare(&answer.columns[index].1) });
                    Ident::with_quote('"', plain.to_string())
                }
            };
            items.push(SelectItem::ExprWithAlias { expr: written, alias: name });
        }
    }
    *projection = items;
    Ok(())
}

fn bare(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

struct Replace<'a> {
    with: &'a Expr,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if is_columns(expression) {
            *expression = self.with.clone();
        }
        ControlFlow::Continue(())
    }
}

fn is_columns(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(call) if call.over.is_none() && call.name.to_string().eq_ignore_ascii_case("columns"))
}

/// Returns the first such call of an expression.
fn call(expression: &Expr) -> Option<Function> {
    let mut found = None;
    // Only a call ends the visit.
    let _ = datafusion::sql::sqlparser::ast::visit_expressions(expression, |expression| match expression {
        Expr::Function(call) if is_columns(&Expr::Function(call.clone())) => {
            found = Some(call.clone());
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found
}

/// Returns the positions of the columns that a call chooses.
fn matching(call: &Function, answer: &Answer) -> Result<Vec<usize>, Refused> {
    let refused = |message: String| Refused {
        message,
        hint: Some("write COLUMNS(*), COLUMNS('a regular expression') or COLUMNS(['a', 'b'])".into()),
    };
    let argument = match &call.args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(argument)] => argument,
            _ => return Err(refused("COLUMNS takes one argument".into())),
        },
        _ => return Err(refused("COLUMNS takes one argument".into())),
    };
    let names = || answer.columns.iter().map(|(_, name)| name.as_str());
    let position = |wanted: &str| {
        let found = names().position(|name| name.eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| refused(format!("COLUMNS: no column is named `{wanted}`")))
    };
    let chosen: Vec<usize> = match argument {
        FunctionArgExpr::Wildcard => (0..answer.columns.len()).collect(),
        FunctionArgExpr::WildcardWithOptions(options) => match star_options::kept(options, answer)? {
            Some(kept) => kept,
            None => return Err(refused("a star in COLUMNS has no other option than EXCLUDE".into())),
        },
        FunctionArgExpr::Expr(Expr::Value(value)) if text(&value.value).is_some() => {
            let pattern = text(&value.value).unwrap_or_default();
            let pattern = Regex::new(pattern).map_err(|error| refused(format!("COLUMNS: {error}")))?;
            names().enumerate().filter(|(_, name)| pattern.is_match(name)).map(|(index, _)| index).collect()
        }
        FunctionArgExpr::Expr(Expr::Array(array)) => {
            let mut chosen = Vec::with_capacity(array.elem.len());
            for element in &array.elem {
                match element {
                    Expr::Value(value) if text(&value.value).is_some() => {
                        chosen.push(position(text(&value.value).unwrap_or_default())?);
                    }
                    _ => return Err(refused("COLUMNS takes names in quotes".into())),
                }
            }
            // In the order of the table.
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        }
        _ => return Err(refused("COLUMNS takes `*`, a regular expression or a list of names".into())),
    };
    if chosen.is_empty() {
        return Err(refused(format!("{call} matches no column")));
    }
    Ok(chosen)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}
