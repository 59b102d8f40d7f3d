//! UNPIVOT: a row for each of several columns.
//!
//! In: `t UNPIVOT (v FOR n IN (a, b))`. Out: a subquery that reads the table once for each column.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, Ident, NullInclusion, Statement, TableAlias, TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::Refused;
use crate::text::literal;

/// Writes every UNPIVOT as a subquery.
///
/// # Errors
/// It names something else than columns.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Writer))
}

struct Writer;

impl VisitorMut for Writer {
    type Break = Refused;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refused> {
        if let TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } = factor {
            let keeps_nulls = *null_inclusion == Some(NullInclusion::IncludeNulls);
            match subquery(table, value, name, columns, keeps_nulls, alias.clone()) {
                Ok(written) => *factor = written,
                Err(refused) => return ControlFlow::Break(refused),
            }
        }
        ControlFlow::Continue(())
    }
}

fn subquery(
    table: &TableFactor,
    value: &Expr,
    name: &Ident,
    columns: &[ExprWithAlias],
    keeps_nulls: bool,
    alias: Option<TableAlias>,
) -> Result<TableFactor, Refused> {
    let mut excluded = Vec::with_capacity(columns.len());
    for column in columns {
        match &column.expr {
            Expr::Identifier(column) => excluded.push(column.to_string()),
            _ => return Err(refused("UNPIVOT takes names of columns")),
        }
    }
    let excluded = excluded.join(", ");
    let queries = columns.iter().map(|column| {
        let title = match (&column.alias, &column.expr) {
            (Some(alias), _) => alias.value.clone(),
            (None, Expr::Identifier(column)) => column.value.clone(),
            (None, other) => other.to_string(),
        };
        let mut query = format!(
            "SELECT * EXCLUDE ({excluded}), {} AS {name}, {} AS {value} FROM {table}",
            literal(&title),
            column.expr
        );
        if !keeps_nulls {
            query += &format!(" WHERE {} IS NOT NULL", column.expr);
        }
        query
    });
    let text = queries.collect::<Vec<_>>().join(" UNION ALL ");
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut parser| parser.parse_query());
    let subquery = parsed.map_err(|error| refused(&format!("UNPIVOT: {error}")))?;
    Ok(TableFactor::Derived { lateral: false, subquery, alias, sample: None })
}

fn refused(message: &str) -> Refused {
    Refused { message: message.into(), hint: Some("write FROM t UNPIVOT (v FOR n IN (a, b))".into()) }
}
