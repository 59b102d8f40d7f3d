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
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;
use futures::future::BoxFuture;

use super::empty::EMPTY;
use super::relations::{self, Relation};
use super::{CATALOG, DATABASE, SCHEMA};
use crate::engine;
use crate::serve::settings::Settings;
use crate::serve::types::{self, Shown};

const NAMESPACE_PG: u32 = 11;
const NAMESPACE_PUBLIC: u32 = 2200;
const NAMESPACE_INFORMATION: u32 = 13_000;
const OWNER: u32 = 10;
const DATABASE_OID: u32 = 5;
const HEAP: u32 = 2;

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
struct Table {
    columns: Vec<Field>,
    rows: Vec<Vec<ScalarValue>>,
}

/// A value for a column.
type Cell<'a> = (&'a str, ScalarValue);

impl Table {
    fn described(name: &str) -> Option<Table> {
        let columns = described(name)?.split(", ").filter_map(|column| column.split_once(' '));
        let columns = columns.map(|(name, kind)| Field::new(name, data_type(kind), true)).collect();
        Some(Table { columns, rows: Vec::new() })
    }

    /// Adds a row. Columns that are not given are NULL.
    fn push(&mut self, cells: &[Cell<'_>]) {
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

fn text(value: &str) -> ScalarValue {
    ScalarValue::from(value)
}

fn fill(name: &str, table: &mut Table, relations: &[Relation]) {
    match name {
        "pg_namespace" => {
            for (oid, name) in
                [(NAMESPACE_PG, CATALOG), (NAMESPACE_PUBLIC, SCHEMA), (NAMESPACE_INFORMATION, "information_schema")]
            {
                table.push(&[("oid", oid.into()), ("nspname", text(name)), ("nspowner", OWNER.into())]);
            }
        }
        "pg_class" => relations.iter().for_each(|relation| push_class(table, relation)),
        "pg_attribute" => relations.iter().for_each(|relation| push_attributes(table, relation)),
        "pg_type" => push_types(table),
        "pg_proc" => {
            // Clients tell arrays by the functions that read and write them.
            for name in ["array_in", "array_out", "array_recv", "array_send"] {
                table.push(&[
                    ("oid", relations::oid(name).into()),
                    ("proname", text(name)),
                    ("pronamespace", NAMESPACE_PG.into()),
                    ("proowner", OWNER.into()),
                    ("prokind", text("f")),
                    ("proretset", false.into()),
                    ("provolatile", text("s")),
                ]);
            }
        }
        "pg_get_keywords" => {
            for word in ALL_KEYWORDS {
                let word = word.to_lowercase();
                let kind = [("catcode", text("U")), ("barelabel", true.into()), ("catdesc", text("unreserved"))];
                table.push(&[&[("word", text(&word))], kind.as_slice()].concat());
            }
        }
        "squall_views" => {
            for relation in relations.iter().filter(|relation| relation.view) {
                let definition = relation.definition.as_deref().map_or(ScalarValue::Utf8(None), text);
                table.push(&[("oid", relation.oid.into()), ("definition", definition)]);
            }
        }
        "pg_database" => table.push(&[
            ("oid", DATABASE_OID.into()),
            ("datname", text(DATABASE)),
            ("datdba", OWNER.into()),
            ("encoding", 6i32.into()),
            ("datlocprovider", text("c")),
            ("datistemplate", false.into()),
            ("datallowconn", true.into()),
            ("datconnlimit", (-1i32).into()),
            ("dattablespace", 1663u32.into()),
            ("datcollate", text("C")),
            ("datctype", text("C")),
        ]),
        "pg_roles" | "pg_authid" | "pg_user" => table.push(&[
            ("oid", OWNER.into()),
            ("usesysid", OWNER.into()),
            ("rolname", text(DATABASE)),
            ("usename", text(DATABASE)),
            ("rolsuper", false.into()),
            ("usesuper", false.into()),
            ("usecreatedb", false.into()),
            ("rolinherit", true.into()),
            ("rolcreaterole", false.into()),
            ("rolcreatedb", false.into()),
            ("rolcanlogin", true.into()),
            ("rolreplication", false.into()),
            ("rolbypassrls", false.into()),
            ("rolconnlimit", (-1i32).into()),
        ]),
        "pg_tablespace" => {
            table.push(&[("oid", 1663u32.into()), ("spcname", text("pg_default")), ("spcowner", OWNER.into())]);
        }
        "pg_am" => table.push(&[("oid", HEAP.into()), ("amname", text("heap")), ("amtype", text("t"))]),
        "pg_settings" => {
            for (name, value) in Settings::new(None).all() {
                table.push(&[
                    ("name", text(name)),
                    ("setting", text(&value)),
                    ("boot_val", text(&value)),
                    ("reset_val", text(&value)),
                    ("context", text("user")),
                    ("vartype", text("string")),
                    ("source", text("default")),
                    ("pending_restart", false.into()),
                ]);
            }
        }
        "pg_tables" | "pg_views" => {
            for relation in relations.iter().filter(|relation| relation.view == (name == "pg_views")) {
                table.push(&[
                    ("schemaname", text(SCHEMA)),
                    ("tablename", text(&relation.name)),
                    ("viewname", text(&relation.name)),
                    ("tableowner", text(DATABASE)),
                    ("viewowner", text(DATABASE)),
                    ("definition", relation.definition.as_deref().map_or(ScalarValue::Utf8(None), text)),
                    ("hasindexes", false.into()),
                    ("hasrules", false.into()),
                    ("hastriggers", false.into()),
                    ("rowsecurity", false.into()),
                ]);
            }
        }
        "information_schema_schemata" => {
            for name in [CATALOG, "information_schema", SCHEMA] {
                let owner = ("schema_owner", text(DATABASE));
                table.push(&[("catalog_name", text(DATABASE)), ("schema_name", text(name)), owner]);
            }
        }
        "information_schema_tables" | "information_schema_views" => {
            for relation in relations.iter().filter(|relation| relation.view || name == "information_schema_tables") {
                table.push(&[
                    ("table_catalog", text(DATABASE)),
                    ("table_schema", text(SCHEMA)),
                    ("table_name", text(&relation.name)),
                    ("table_type", text(if relation.view { "VIEW" } else { "BASE TABLE" })),
                    ("is_insertable_into", text("NO")),
                    ("is_updatable", text("NO")),
                    ("is_typed", text("NO")),
                    ("check_option", text("NONE")),
                    ("view_definition", relation.definition.as_deref().map_or(ScalarValue::Utf8(None), text)),
                ]);
            }
        }
        "information_schema_columns" => relations.iter().for_each(|relation| push_columns(table, relation)),
        _ => {}
    }
}

fn push_class(table: &mut Table, relation: &Relation) {
    let columns = relation.schema.as_ref().map_or(0, |schema| schema.fields().len());
    let zeros = ["reltype", "reloftype", "relfilenode", "reltablespace", "reltoastrelid", "relrewrite", "relchecks"];
    let zeros = zeros.map(|name| (name, ScalarValue::from(0i32)));
    let no = ["relhasindex", "relisshared", "relhasrules", "relhastriggers", "relhassubclass", "relrowsecurity"];
    let no = no.into_iter().chain(["relforcerowsecurity", "relispartition"]);
    let mut cells: Vec<Cell<'_>> = vec![
        ("oid", relation.oid.into()),
        ("relname", text(&relation.name)),
        ("relnamespace", NAMESPACE_PUBLIC.into()),
        ("relowner", OWNER.into()),
        ("relam", if relation.view { 0 } else { HEAP }.into()),
        ("relpages", 0i32.into()),
        // PostgreSQL's word for a table whose rows were never counted.
        ("reltuples", (-1f32).into()),
        ("relallvisible", 0i32.into()),
        ("relpersistence", text("p")),
        ("relkind", text(if relation.view { "v" } else { "r" })),
        ("relnatts", (columns as i16).into()),
        ("relispopulated", true.into()),
        ("relreplident", text("n")),
    ];
    cells.extend(zeros);
    cells.extend(no.map(|name| (name, false.into())));
    table.push(&cells);
}

fn push_attributes(table: &mut Table, relation: &Relation) {
    let Some(schema) = &relation.schema else { return };
    for (at, field) in schema.fields().iter().enumerate() {
        let shown = Shown::of(field.data_type());
        table.push(&[
            ("attrelid", relation.oid.into()),
            ("attname", text(field.name())),
            ("atttypid", shown.oid().into()),
            ("attstattarget", (-1i32).into()),
            ("attlen", shown.size().into()),
            ("attnum", (at as i16 + 1).into()),
            ("attndims", i32::from(shown.array).into()),
            ("atttypmod", types::modifier(field.data_type()).into()),
            ("attbyval", (shown.size() > 0).into()),
            ("attstorage", text("p")),
            ("attcompression", text("")),
            ("attalign", text("i")),
            ("attnotnull", (!field.is_nullable()).into()),
            ("atthasdef", false.into()),
            ("atthasmissing", false.into()),
            ("attidentity", text("")),
            ("attgenerated", text("")),
            ("attisdropped", false.into()),
            ("attislocal", true.into()),
            ("attinhcount", 0i32.into()),
            ("attcollation", 0u32.into()),
        ]);
    }
}

fn push_types(table: &mut Table) {
    for known in types::all() {
        let array = format!("_{}", known.name);
        let both = [
            (known.oid, known.name, known.size, known.category, 0, known.array),
            (known.array, array.as_str(), -1, "A", known.oid, 0),
        ];
        for (oid, name, size, category, element, array) in both {
            let function = |ending: &str| text(&format!("{}{ending}", if element > 0 { "array_" } else { known.name }));
            table.push(&[
                ("oid", oid.into()),
                ("typname", text(name)),
                ("typnamespace", NAMESPACE_PG.into()),
                ("typowner", OWNER.into()),
                ("typlen", size.into()),
                ("typbyval", (size > 0).into()),
                ("typtype", text("b")),
                ("typcategory", text(category)),
                ("typispreferred", false.into()),
                ("typisdefined", true.into()),
                ("typdelim", text(",")),
                ("typrelid", 0u32.into()),
                ("typelem", element.into()),
                ("typarray", array.into()),
                ("typinput", function("in")),
                ("typoutput", function("out")),
                ("typreceive", function("recv")),
                ("typsend", function("send")),
                ("typalign", text("i")),
                ("typstorage", text("p")),
                ("typnotnull", false.into()),
                ("typbasetype", 0u32.into()),
                ("typtypmod", (-1i32).into()),
                ("typndims", 0i32.into()),
                ("typcollation", 0u32.into()),
            ]);
        }
    }
}

fn push_columns(table: &mut Table, relation: &Relation) {
    let Some(schema) = &relation.schema else { return };
    for (at, field) in schema.fields().iter().enumerate() {
        let shown = Shown::of(field.data_type());
        let array = if shown.array { "_" } else { "" };
        let (precision, scale) = match types::modifier(field.data_type()) {
            -1 => (None, None),
            modifier => (Some((modifier - 4) >> 16), Some((modifier - 4) & 0x7ff)),
        };
        table.push(&[
            ("table_catalog", text(DATABASE)),
            ("table_schema", text(SCHEMA)),
            ("table_name", text(&relation.name)),
            ("column_name", text(field.name())),
            ("ordinal_position", (at as i32 + 1).into()),
            ("is_nullable", text(if field.is_nullable() { "YES" } else { "NO" })),
            ("data_type", text(shown.long_name())),
            ("numeric_precision", precision.into()),
            ("numeric_scale", scale.into()),
            ("udt_catalog", text(DATABASE)),
            ("udt_schema", text(CATALOG)),
            ("udt_name", text(&format!("{array}{}", shown.of.known().name))),
            ("is_identity", text("NO")),
            ("is_generated", text("NEVER")),
            ("is_updatable", text("NO")),
        ]);
    }
}
