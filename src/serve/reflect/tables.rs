//! The tables of `pg_catalog`, and those of `information_schema` in PostgreSQL's own form.
//!
//! In: the session's tables and views. Out: a table for each name, made when a statement names it. Source: part "System Catalogs" of
//! PostgreSQL's manual. Columns that no tested client asks for are left out.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;

use super::empty::EMPTY;
use super::relations;
use super::rows::fill;
use crate::engine;

/// The schema `pg_catalog` over the tables and views of another schema.
pub struct PgCatalog {
    /// Returns the other schema, as long as the session lives. The session holds this schema, so this schema must not hold the session.
    schema: Box<dyn Fn() -> Option<Arc<dyn SchemaProvider>> + Send + Sync>,
}

impl fmt::Debug for PgCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgCatalog").finish_non_exhaustive()
    }
}

impl PgCatalog {
    pub fn new(context: &SessionContext) -> PgCatalog {
        let state = context.state_weak_ref();
        let names = context.copied_config().options().catalog.clone();
        let schema = move || {
            let state = state.upgrade()?;
            let catalogs = Arc::clone(state.read().catalog_list());
            catalogs.catalog(&names.default_catalog)?.schema(&names.default_schema)
        };
        PgCatalog { schema: Box::new(schema) }
    }

    fn boxed_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            let Some(mut table) = Table::described(name) else { return Ok(None) };
            if let Some(schema) = (self.schema)() {
                let with_columns = WITH_COLUMNS.contains(&name);
                fill(name, &mut table, &relations::all(&schema, with_columns).await?);
            }
            Ok(Some(table.provider()?))
        })
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    /// Lists nothing, so that SHOW TABLES shows the user's tables.
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    engine::table!();

    fn table_exist(&self, name: &str) -> bool {
        is_known(name)
    }
}

/// The tables that have rows, with their columns.
const FILLED: [(&str, &str); 19] = [
    ("pg_namespace", "oid oid, nspname text, nspowner oid, nspacl text[]"),
    (
        "pg_class",
        "oid oid, relname text, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid, relfilenode oid, reltablespace oid, relpages int4, reltuples float4, relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence text, relkind text, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool, relforcerowsecurity bool, relispopulated bool, relreplident text, relispartition bool, relrewrite oid, relacl text[], reloptions text[], relpartbound text",
    ),
    (
        "pg_attribute",
        "attrelid oid, attname text, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4, atttypmod int4, attbyval bool, attstorage text, attcompression text, attalign text, attnotnull bool, atthasdef bool, atthasmissing bool, attidentity text, attgenerated text, attisdropped bool, attislocal bool, attinhcount int4, attcollation oid, attacl text[], attoptions text[], attfdwoptions text[]",
    ),
    (
        "pg_type",
        "oid oid, typname text, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype text, typcategory text, typispreferred bool, typisdefined bool, typdelim text, typrelid oid, typelem oid, typarray oid, typinput text, typoutput text, typreceive text, typsend text, typalign text, typstorage text, typnotnull bool, typbasetype oid, typtypmod int4, typndims int4, typcollation oid, typdefault text, typacl text[]",
    ),
    (
        "pg_database",
        "oid oid, datname text, datdba oid, encoding int4, datlocprovider text, datistemplate bool, datallowconn bool, datconnlimit int4, dattablespace oid, datcollate text, datctype text, daticulocale text, daticurules text, datacl text[]",
    ),
    (
        "pg_roles",
        "oid oid, rolname text, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolvaliduntil text, rolbypassrls bool, rolconfig text[]",
    ),
    ("pg_authid", "oid oid, rolname text, rolsuper bool, rolcanlogin bool"),
    ("pg_user", "usename text, usesysid oid, usecreatedb bool, usesuper bool"),
    ("pg_tablespace", "oid oid, spcname text, spcowner oid, spcacl text[], spcoptions text[]"),
    ("pg_am", "oid oid, amname text, amhandler text, amtype text"),
    (
        "pg_tables",
        "schemaname text, tablename text, tableowner text, tablespace text, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool",
    ),
    ("pg_views", "schemaname text, viewname text, viewowner text, definition text"),
    (
        "pg_settings",
        "name text, setting text, unit text, category text, short_desc text, context text, vartype text, source text, min_val text, max_val text, enumvals text[], boot_val text, reset_val text, pending_restart bool",
    ),
    (
        "pg_proc",
        "oid oid, proname text, pronamespace oid, proowner oid, prolang oid, prokind text, prosecdef bool, proleakproof bool, proisstrict bool, proretset bool, provolatile text, proparallel text, pronargs int2, prorettype oid, proargtypes oid[], proargmodes text[], proargnames text[], proallargtypes oid[], prosrc text, proacl text[]",
    ),
    ("pg_get_keywords", "word text, catcode text, barelabel bool, catdesc text, baredesc text"),
    // Not one of PostgreSQL's: what its function pg_get_viewdef reads.
    ("squall_views", "oid oid, definition text"),
    ("information_schema_schemata", "catalog_name text, schema_name text, schema_owner text"),
    (
        "information_schema_tables",
        "table_catalog text, table_schema text, table_name text, table_type text, is_insertable_into text, is_typed text",
    ),
    (
        "information_schema_columns",
        "table_catalog text, table_schema text, table_name text, column_name text, ordinal_position int4, column_default text, is_nullable text, data_type text, character_maximum_length int4, character_octet_length int4, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, udt_catalog text, udt_schema text, udt_name text, is_identity text, is_generated text, is_updatable text",
    ),
];

/// The views of information_schema.
const VIEWS: (&str, &str) = (
    "information_schema_views",
    "table_catalog text, table_schema text, table_name text, view_definition text, check_option text, is_updatable text, is_insertable_into text",
);

/// The tables for which views are planned, to find their columns and definitions.
const WITH_COLUMNS: [&str; 6] =
    ["pg_attribute", "information_schema_columns", "pg_class", "pg_views", "squall_views", "information_schema_views"];

/// Returns whether there is a table of this name.
pub fn is_known(name: &str) -> bool {
    described(name).is_some()
}

fn described(name: &str) -> Option<&'static str> {
    let mut all = FILLED.iter().chain(&EMPTY).chain(std::iter::once(&VIEWS));
    all.find(|(known, _)| *known == name).map(|(_, columns)| *columns)
}

/// A table as it is made: columns, and rows of the columns that are named.
pub struct Table {
    columns: Vec<Field>,
    rows: Vec<Vec<ScalarValue>>,
}

/// A value for a column.
pub type Cell<'a> = (&'a str, ScalarValue);

impl Table {
    fn described(name: &str) -> Option<Table> {
        let columns = described(name)?.split(", ").filter_map(|column| column.split_once(' '));
        let columns = columns.map(|(name, kind)| Field::new(name, data_type(kind), true)).collect();
        Some(Table { columns, rows: Vec::new() })
    }

    /// Adds a row. Columns that are not given are NULL.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        let row = self.columns.iter().map(|column| {
            let cell = cells.iter().find(|(name, _)| name == column.name());
            let value = cell.and_then(|(_, value)| value.cast_to(column.data_type()).ok());
            // Every type has a NULL.
            value.or_else(|| ScalarValue::try_from(column.data_type()).ok()).unwrap_or(ScalarValue::Null)
        });
        self.rows.push(row.collect());
    }

    fn provider(self) -> Result<Arc<dyn TableProvider>> {
        let schema = Arc::new(Schema::new(self.columns));
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            arrays.push(match self.rows.is_empty() {
                true => new_empty_array(field.data_type()),
                false => ScalarValue::iter_to_array(self.rows.iter().map(|row| row[at].clone()))?,
            });
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

fn data_type(kind: &str) -> DataType {
    match kind {
        "oid" => DataType::UInt32,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" => DataType::Int64,
        "float4" => DataType::Float32,
        "bool" => DataType::Boolean,
        list if list.ends_with("[]") => DataType::new_list(data_type(&list[..list.len() - 2]), true),
        _ => DataType::Utf8,
    }
}
