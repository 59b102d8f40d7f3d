//! What drivers and tools ask about the database itself, as PostgreSQL answers it: `pg_catalog`, `information_schema`, `regclass`.
//!
//! In: a statement's syntax tree. Out: the same statement in words that the engine knows, over the tables of [`tables`]. Statements that
//! say nothing of PostgreSQL's own are left alone.

mod constants;
mod empty;
mod functions;
mod nothing;
mod relations;
mod rewrite;
mod rows;
mod syntax;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement;

use crate::catalog::Session;
pub use functions::register;
pub use relations::{Relation, all as relations};

/// The database's name.
pub const DATABASE: &str = "squall";

/// The schema of tables and views.
pub const SCHEMA: &str = "public";

/// The schema of PostgreSQL's own tables.
const CATALOG: &str = "pg_catalog";

/// What answers depend on besides the tables.
#[derive(Debug, Clone)]
pub struct Facts {
    pub user: String,
    pub process: i32,
    /// The settings of the connection, by their names in lowercase.
    pub settings: BTreeMap<String, String>,
}

/// Words of statements that ask about the database.
const WORDS: [&str; 27] = [
    "pg_",
    "information_schema",
    "regclass",
    "regtype",
    "regproc",
    "current_",
    "session_user",
    "user",
    "version",
    "quote_ident",
    "format_type",
    "parse_ident",
    "typreceive",
    "has_",
    "_description",
    "set_config",
    "array_lower",
    "array_upper",
    "operator",
    "collate",
    "escape",
    "::oid",
    "::name",
    "inet_",
    "txid_",
    "squall.",
    "to_reg",
];

/// Returns whether a statement may ask about the database.
pub fn may_concern(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// Adds the tables of `pg_catalog` to a session.
pub fn install(session: &Session) {
    let context = session.context();
    let names = context.copied_config().options().catalog.clone();
    if let Some(catalog) = context.catalog(&names.default_catalog) {
        let schema = tables::PgCatalog::new(context);
        // A catalog in memory takes every schema.
        let _ = catalog.register_schema(CATALOG, Arc::new(schema));
    }
}

/// Writes a statement in words that the engine knows.
pub async fn rewrite(session: &Session, statement: &mut Statement, facts: Facts) {
    let names = session.context().copied_config().options().catalog.clone();
    let schema = session.context().catalog(&names.default_catalog).and_then(|one| one.schema(&names.default_schema));
    let oids = schema.map(|schema| schema.table_names()).unwrap_or_default();
    let oids = oids.into_iter().map(|name| (relations::oid(&name), name)).collect();
    rewrite::Rewrite::new(facts, oids).statement(statement);
}
