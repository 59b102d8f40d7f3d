//! Which table a statement wanted and there is none of, and which one it may have meant.

use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use crate::text::did_you_mean;

/// A table that a statement names and the session does not have.
#[derive(Debug)]
pub struct Missing {
    pub table: String,
    /// A question that names known tables like it, if there are any.
    pub suggestion: Option<String>,
}

impl Missing {
    /// Returns whether the name is that of a file, which can be read like a table.
    pub fn is_file(&self) -> bool {
        self.table.contains(['/', '.'])
    }
}

/// Returns a table that `statement` names and `context` does not have; `None` where it has them all, and where the
/// statement does not parse.
pub async fn missing_table(context: &SessionContext, statement: &str) -> Option<Missing> {
    let state = context.state();
    let dialect = state.config_options().sql_parser.dialect;
    let parsed = state.sql_to_statement(statement, &dialect).ok()?;
    for reference in state.resolve_table_references(&parsed).ok()? {
        // A table function is resolved by another path, and an information_schema table by its schema.
        if !matches!(reference, TableReference::Bare { .. })
            || state.table_functions().contains_key(reference.table())
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
    async fn a_table_there_is_none_of_is_named_with_those_like_it() {
        let found = missing("SELECT * FROM ticks JOIN tikcs USING (price)").await.unwrap();
        assert_eq!((found.table.as_str(), found.suggestion.as_deref()), ("tikcs", Some("did you mean `ticks`?")));
        assert!(!found.is_file());
    }

    #[tokio::test]
    async fn what_is_there_is_not_missing() {
        for statement in [
            "SELECT nothing FROM ticks",
            "WITH quotes AS (SELECT 1) SELECT * FROM quotes",
            "SELECT nothing FROM generate_series(1, 2)",
            "SELEC",
        ] {
            assert!(missing(statement).await.is_none(), "{statement}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_known_for_one() {
        assert!(missing("SELECT * FROM 'folder/file.parquet'").await.unwrap().is_file());
    }
}
