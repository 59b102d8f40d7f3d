//! WITH inside WITH.
//!
//! The engine refuses a WITH query with the name of one around it. In: a statement. Out: the same statement, in which the inner one has a
//! name of its own, and hides the outer one where it is known.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, Statement, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::identifiers::folded;
use crate::error::Refused;

/// Renames inner WITH queries.
pub fn rename(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Renamer::default());
    Ok(())
}

/// Walks from inside to outside, so that a name which is left belongs to the query at hand.
#[derive(Default)]
struct Renamer {
    /// The names that each query around the place defines.
    around: Vec<Vec<String>>,
    renamed: usize,
}

impl VisitorMut for Renamer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.around
            .push(query.with.iter().flat_map(|with| &with.cte_tables).map(|cte| folded(&cte.alias.name)).collect());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let own = self.around.pop().unwrap_or_default();
        for (place, name) in own.iter().enumerate() {
            if self.around.iter().flatten().any(|outer| outer == name) {
                self.renamed += 1;
                replace(query, place, name, &format!("{name} {}", self.renamed));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Gives one WITH query of a query another name, also where it is read.
fn replace(query: &mut Query, place: usize, name: &str, other: &str) {
    let mut names = Names { name, other: Ident::with_quote('"', other) };
    if let Some(with) = &mut query.with {
        // Queries before it, and its own unless it is recursive, see the outer one.
        let first = if with.recursive { place } else { place + 1 };
        let later = with.cte_tables.iter_mut().skip(first);
        later.for_each(|cte| {
            // Nothing ends the visit early.
            let _ = cte.query.visit(&mut names);
        });
        with.cte_tables[place].alias.name = names.other.clone();
    }
    let _ = query.body.visit(&mut names);
    let _ = query.order_by.visit(&mut names);
}

struct Names<'a> {
    name: &'a str,
    other: Ident,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = table
            && let [ObjectNamePart::Identifier(only)] = name.0.as_slice()
            && folded(only) == self.name
        {
            // Columns are still called by the name that was typed.
            alias.get_or_insert(TableAlias { explicit: true, name: only.clone(), columns: Vec::new(), at: None });
            *name = ObjectName(vec![ObjectNamePart::Identifier(self.other.clone())]);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn inner_queries_get_names_of_their_own() {
        for (text, expected) in [
            (
                "WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM a) SELECT a.x FROM A, b), a",
                "WITH a AS (SELECT 1) SELECT * FROM (WITH \"a 1\" AS (SELECT * FROM a) SELECT a.x FROM \"a 1\" AS A, b), a",
            ),
            (
                "WITH a AS (WITH a AS (SELECT 1) SELECT * FROM a) SELECT * FROM a",
                "WITH a AS (WITH \"a 1\" AS (SELECT 1) SELECT * FROM \"a 1\" AS a) SELECT * FROM a",
            ),
            (
                "WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b",
                "WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b",
            ),
        ] {
            let mut statement = Parser::parse_sql(&GenericDialect {}, text).expect("SQL").remove(0);
            rename(&mut statement).expect("renamed");
            assert_eq!(statement.to_string(), expected);
        }
    }
}
