//! Finds the table that a statement names but the session does not have, and tables with similar names.

use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as Ast;

use crate::dialect;
use crate::text::did_you_mean;

/// A table that a statement names but the session does not have.
#[derive(Debug)]
pub struct Missing {
    pub table: String,
    /// A question that names known tables with similar names, if there are any.
    pub suggestion: Option<String>,
}

impl Missing {
    /// Returns whether the name looks like the name of a file that can be read as a table.
    pub fn is_file(&self) -> bool {
        self.table.contains(['/', '.'])
    }
}

/// Returns a table that `statement` names but `context` does not have; `None` if it has them all, or if the statement does
/// not parse.
pub async fn missing_table(context: &SessionContext, statement: &str) -> Option<Missing> {
    let state = context.state();
    let parsed = dialect::parse(&state, statement).ok()?;
    // What a statement makes is not missing.
    let made = match &parsed {
        Statement::Statement(statement) => match statement.as_ref() {
            Ast::CreateTable(create) => Some(&create.name),
            Ast::CreateView(create) => Some(&create.name),
            _ => None,
        },
        _ => None,
    };
    for reference in state.resolve_table_references(&parsed).ok()? {
        // A pattern of files, such as `ticks/*.parquet`, or an address is read by the engine, which says what is wrong with it.
        if reference.table().contains(['*', '?', '[']) || reference.table().contains("://") {
            continue;
        }
        if made.is_some_and(|made| made.to_string().trim_matches('"').eq_ignore_ascii_case(reference.table())) {
            continue;
        }
        // Table functions are resolved elsewhere, and information_schema tables by their schema.
        if !matches!(reference, TableReference::Bare { .. })
            || state.table_functions().contains_key(reference.table())
            || context.table_exist(reference.clone()).unwrap_or(false)
            || std::path::Path::new(reference.table()).exists()
            || context.table_provider(reference.clone()).await.is_ok()
        {
            continue;
        }
        let table = reference.table().to_string();
        let suggestion = did_you_mean(&table, tables(context).iter().map(String::as_str));
        return Some(Missing { table, suggestion });
    }
    None
}

/// Returns the names of the session's tables and views, ascending.
fn tables(context: &SessionContext) -> Vec<String> {
    let schemas = context.catalog_names().into_iter().filter_map(|name| context.catalog(&name)).flat_map(|catalog| {
        let names = catalog.schema_names();
        names.into_iter().filter_map(move |name| catalog.schema(&name))
    });
    let mut names: Vec<String> = schemas.flat_map(|schema| schema.table_names()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn missing(statement: &str) -> Option<Missing> {
        let context = SessionContext::new();
        context.sql("CREATE TABLE ticks AS SELECT 1 AS price").await.unwrap();
        missing_table(&context, statement).await
    }

    #[tokio::test]
    async fn a_missing_table_is_named_with_similar_ones() {
        let found = missing("SELECT * FROM ticks JOIN tikcs USING (price)").await.unwrap();
        assert_eq!((found.table.as_str(), found.suggestion.as_deref()), ("tikcs", Some("did you mean `ticks`?")));
        assert!(!found.is_file());
    }

    #[tokio::test]
    async fn tables_that_exist_are_not_missing() {
        for statement in [
            "SELECT nothing FROM ticks",
            "WITH quotes AS (SELECT 1) SELECT * FROM quotes",
            "SELECT nothing FROM generate_series(1, 2)",
            "CREATE TABLE made AS SELECT nothing FROM ticks",
            "CREATE VIEW made AS SELECT nothing FROM ticks",
            "SELEC",
        ] {
            assert!(missing(statement).await.is_none(), "{statement}");
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_known_as_a_file() {
        assert!(missing("SELECT * FROM 'folder/file.parquet'").await.unwrap().is_file());
    }
}
