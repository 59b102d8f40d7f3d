//! What a session knows by name: tables, their columns, functions.
//!
//! In: a session. Out: names for help, completion and suggestions.

use std::collections::BTreeSet;

use datafusion::prelude::SessionContext;

/// The schema that holds the session's description of itself.
const INFORMATION_SCHEMA: &str = "information_schema";

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
