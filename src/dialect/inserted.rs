//! VALUES within INSERT.
//!
//! The engine gives every VALUES within `INSERT INTO t SELECT …` and `CREATE TABLE t (…) AS SELECT …` the columns of `t`, whatever the
//! query does with them. In: a parsed statement. Out: the same statement, in which such rows come from UNNEST of a list for each column. The
//! rows that are inserted directly stay as they are.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, Query, SetExpr, Statement, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, Values, VisitMut,
    VisitorMut,
};

use super::calls::call;
use super::scopes::everything;
use crate::error::Refused;

/// Writes such rows as UNNEST.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    let source = match &*statement {
        Statement::Insert(insert) => insert.source.as_deref(),
        Statement::CreateTable(create) if !create.columns.is_empty() => create.query.as_deref(),
        _ => None,
    };
    if let Some(own_at) = source.map(depth_of_values) {
        // Nothing ends the visit early.
        let _ = statement.visit(&mut Writer { own_at, depth: 0 });
    }
    Ok(())
}

/// Returns how many queries stand around the rows that are the whole of a query; `None` if it is something else.
fn depth_of_values(query: &Query) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Values(_) => Some(1),
        SetExpr::Query(inner) => depth_of_values(inner).map(|depth| depth + 1),
        _ => None,
    }
}

struct Writer {
    /// How many queries stand around the rows that are inserted as they are, if these are the whole source.
    own_at: Option<usize>,
    depth: usize,
}

impl VisitorMut for Writer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        let is_own = self.own_at == Some(self.depth);
        self.write(&mut query.body, is_own);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

impl Writer {
    fn write(&self, body: &mut SetExpr, is_own: bool) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.write(left, false);
                self.write(right, false);
            }
            SetExpr::Values(values) if !is_own => {
                if let Some(table) = unnested(values) {
                    let from = vec![TableWithJoins { relation: table, joins: Vec::new() }];
                    *body = SetExpr::Select(Box::new(everything(from)));
                }
            }
            _ => {}
        }
    }
}

/// Returns a list for each column; `None` if the rows differ in length.
fn unnested(values: &Values) -> Option<TableFactor> {
    let width = values.rows.first()?.content.len();
    if values.rows.iter().any(|row| row.content.len() != width) {
        return None;
    }
    let column = |place: usize| call("make_array", values.rows.iter().map(|row| row.content[place].clone()).collect());
    let name = |place: usize| TableAliasColumnDef { name: Ident::new(format!("column{}", place + 1)), data_type: None };
    Some(TableFactor::UNNEST {
        alias: Some(TableAlias {
            explicit: true,
            name: Ident::new("squall_rows"),
            columns: (0..width).map(name).collect(),
            at: None,
        }),
        array_exprs: (0..width).map(column).collect(),
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn rows_that_are_not_inserted_as_they_are_come_from_lists() {
        let rows = "SELECT * FROM UNNEST(make_array(1, 2), make_array(3, 4)) AS squall_rows (column1, column2)";
        for (text, expected) in [
            ("INSERT INTO t VALUES (1, 3), (2, 4)", "INSERT INTO t VALUES (1, 3), (2, 4)".to_string()),
            (
                "INSERT INTO t SELECT a FROM (VALUES (1, 3), (2, 4)) AS v (a, b)",
                format!("INSERT INTO t SELECT a FROM ({rows}) AS v (a, b)"),
            ),
            ("SELECT * FROM (VALUES (1)) AS v", "SELECT * FROM (VALUES (1)) AS v".to_string()),
        ] {
            let mut statement = Parser::parse_sql(&GenericDialect {}, text).expect("SQL").remove(0);
            write(&mut statement).expect("written");
            assert_eq!(statement.to_string(), expected);
        }
    }
}
