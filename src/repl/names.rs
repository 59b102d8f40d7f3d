//! The names that a session knows: tables, their columns, functions.
//!
//! In: a session. Out: names for help, completion and suggestions.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;

use crate::text::documentation::Kind;

/// The schema in which the session describes itself.
const INFORMATION_SCHEMA: &str = "information_schema";

/// A table or view.
#[derive(Debug, Clone)]
pub struct Relation {
    pub name: String,
    pub is_view: bool,
    pub schema: SchemaRef,
}

/// A function of squall or of the engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    pub name: String,
    pub kind: Kind,
    /// How it is called, with its arguments.
    pub signature: String,
    /// The documentation's first sentence; empty if there is none.
    pub summary: String,
}

/// Returns the names of tables and views, ascending.
pub fn tables(context: &SessionContext) -> Vec<String> {
    let mut names = BTreeSet::new();
    for catalog in context.catalog_names().iter().filter_map(|name| context.catalog(name)) {
        for schema in catalog.schema_names() {
            if schema != INFORMATION_SCHEMA {
                names.extend(catalog.schema(&schema).map(|schema| schema.table_names()).unwrap_or_default());
            }
        }
    }
    names.into_iter().collect()
}

/// Returns tables and views with their columns, by name, ascending; a table that cannot be opened is left out.
pub async fn relations(context: &SessionContext) -> Vec<Relation> {
    let mut relations = Vec::new();
    for name in tables(context) {
        // A bare reference keeps the registered name, including its capitals.
        if let Ok(table) = context.table_provider(datafusion::common::TableReference::bare(name.as_str())).await {
            relations.push(Relation { name, is_view: table.table_type() == TableType::View, schema: table.schema() });
        }
    }
    relations
}

/// Returns every function, by name, ascending; aliases are left out.
pub fn functions(context: &SessionContext) -> Vec<Function> {
    let state = context.state();
    let mut functions = BTreeSet::new();
    let mut add = |name: &str, kind: Kind, documentation: Option<&datafusion::logical_expr::Documentation>| {
        let signature = documentation.and_then(|text| text.syntax_example.lines().next()).map(str::trim);
        let signature = signature.filter(|signature| signature.starts_with(&format!("{name}(")));
        functions.insert(Function {
            name: name.into(),
            kind,
            signature: signature.map_or_else(|| format!("{name}(…)"), Into::into),
            summary: first_sentence(documentation.map_or("", |text| &text.description)),
        });
    };
    for function in state.scalar_functions().values() {
        add(function.name(), Kind::Scalar, function.documentation());
    }
    for function in state.aggregate_functions().values() {
        add(function.name(), Kind::Aggregate, function.documentation());
    }
    for function in state.window_functions().values() {
        add(function.name(), Kind::Window, function.documentation());
    }
    for name in state.table_functions().keys() {
        let own = crate::catalog::FUNCTIONS.documentation().find(|documentation| documentation.name == name);
        functions.insert(Function {
            name: name.clone(),
            kind: Kind::Table,
            signature: own.map_or_else(|| format!("{name}(…)"), |documentation| documentation.syntax()),
            summary: own.map(|documentation| first_sentence(documentation.summary)).unwrap_or_default(),
        });
    }
    functions.into_iter().collect()
}

/// Returns the first sentence of a description in Markdown, on one line.
fn first_sentence(description: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn relations_know_their_columns() {
        let context = SessionContext::new();
        context.sql("CREATE TABLE \"Mixed\" AS SELECT 1 AS a").await.unwrap();
        context.sql("CREATE VIEW seen AS SELECT 2 AS b, 3 AS c").await.unwrap();
        let relations = relations(&context).await;
        let described: Vec<_> =
            relations.iter().map(|one| (one.name.as_str(), one.is_view, one.schema.fields().len())).collect();
        assert_eq!(described, [("Mixed", false, 1), ("seen", true, 2)]);
    }

    #[test]
    fn functions_are_listed_once_with_a_summary() {
        let functions = functions(&SessionContext::new());
        let abs: Vec<_> = functions.iter().filter(|function| function.name == "abs").collect();
        assert_eq!(abs.len(), 1);
        assert_eq!((abs[0].kind, abs[0].summary.as_str()), (Kind::Scalar, "Returns the absolute value of a number"));
        assert_eq!(abs[0].signature, "abs(numeric_expression)");
        assert!(functions.is_sorted());
    }

    #[test]
    fn a_summary_is_one_sentence() {
        assert_eq!(first_sentence("Returns\n  it. NULL otherwise."), "Returns it");
        assert_eq!(first_sentence("Returns 0.5 of it."), "Returns 0.5 of it");
        assert_eq!(first_sentence(""), "");
    }
}
