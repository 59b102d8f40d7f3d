//! Table functions over columns of a table beside them.
//!
//! The engine knows UNNEST in FROM, but not `LATERAL unnest(t.l)`, and `generate_series(1, t.n)` only with constants. In: a parsed
//! statement. Out: the same statement, in which both are UNNEST. The rule `unnested` of `catalog::answers` plans it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Statement, TableAlias, TableAliasColumnDef, TableFactor,
    VisitMut, VisitorMut, visit_expressions,
};

use super::calls::call;
use crate::error::Refused;

/// Writes such functions as UNNEST.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        let (name, args, alias) = match table {
            TableFactor::Function { name, args, with_ordinality: false, alias, .. } => (name, &*args, alias),
            TableFactor::Table { name, args: Some(args), with_ordinality: false, alias, .. }
                if args.settings.is_none() =>
            {
                (name, &args.args, alias)
            }
            _ => return ControlFlow::Continue(()),
        };
        if let Some(lists) = lists(name, args) {
            let alias = alias.take().map(|alias| named(alias, name));
            *table = TableFactor::UNNEST {
                alias,
                array_exprs: lists,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: false,
            };
        }
        ControlFlow::Continue(())
    }
}

/// Returns the lists whose elements are the rows of a table function; `None` for another function, or one of constants.
fn lists(name: &ObjectName, args: &[FunctionArg]) -> Option<Vec<Expr>> {
    let values = args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    let values: Vec<Expr> = values.collect::<Option<_>>()?;
    let name = name.to_string().to_lowercase();
    match name.as_str() {
        "unnest" => Some(values),
        "generate_series" | "range" if values.iter().any(has_name) => Some(vec![call(&name, values)]),
        _ => None,
    }
}

fn has_name(value: &Expr) -> bool {
    let found = visit_expressions(value, |part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Names the column after the function if it has no name.
fn named(mut alias: TableAlias, function: &ObjectName) -> TableAlias {
    if alias.columns.is_empty() {
        let name = Ident::new(function.to_string().to_lowercase());
        alias.columns.push(TableAliasColumnDef { name, data_type: None });
    }
    alias
}
