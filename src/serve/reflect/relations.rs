//! The tables and views that clients see, with their columns.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use datafusion::error::Result;
use datafusion::logical_expr::TableType;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::text::fnv1a;

/// PostgreSQL numbers what users make from here on.
const FIRST: u32 = 16_384;

/// A table or view.
pub struct Relation {
    pub oid: u32,
    pub name: String,
    pub view: bool,
    /// No columns if a view cannot be planned.
    pub schema: Option<SchemaRef>,
    /// The query of a view, if it is known.
    pub definition: Option<String>,
}

/// Returns a relation's number, which depends on its name alone, so that it stays the same over connections.
pub fn oid(name: &str) -> u32 {
    FIRST + (fnv1a(name.as_bytes()) % u64::from(i32::MAX as u32 - FIRST)) as u32
}

/// Returns the relations of a schema, by name.
pub async fn all(schema: &Arc<dyn SchemaProvider>, with_columns: bool) -> Result<Vec<Relation>> {
    let mut names = schema.table_names();
    names.sort();
    let mut relations = Vec::with_capacity(names.len());
    for name in names {
        let table = match with_columns {
            true => schema.table(&name).await.ok().flatten(),
            false => None,
        };
        let kind = schema.table_type(&name).await.ok().flatten();
        let view = kind == Some(TableType::View);
        let definition = table.as_ref().and_then(|table| table.get_table_definition()).map(query);
        relations.push(Relation { oid: oid(&name), name, view, schema: table.map(|table| table.schema()), definition });
    }
    Ok(relations)
}

/// Returns the query of a statement that makes a view.
fn query(definition: &str) -> String {
    match Parser::parse_sql(&GenericDialect {}, definition).as_deref() {
        Ok([Statement::CreateView(view)]) => view.query.to_string(),
        _ => definition.into(),
    }
}
