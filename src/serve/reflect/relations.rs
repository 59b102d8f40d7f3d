//! The tables and views that clients see, with their columns.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use datafusion::error::Result;
use datafusion::logical_expr::TableType;

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
        relations.push(Relation { oid: oid(&name), name, view, schema: table.map(|table| table.schema()) });
    }
    Ok(relations)
}
