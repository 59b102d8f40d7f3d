//! The rows of the tables of [`tables`](super::tables).

use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;

use super::relations::{self, Relation};
use super::tables::{Cell, Table};
use super::{CATALOG, DATABASE, SCHEMA};
use crate::serve::settings::Settings;
use crate::serve::types::{self, Shown};

const NAMESPACE_PG: u32 = 11;
const NAMESPACE_PUBLIC: u32 = 2200;
const NAMESPACE_INFORMATION: u32 = 13_000;
const OWNER: u32 = 10;
const DATABASE_OID: u32 = 5;
const HEAP: u32 = 2;

fn text(value: &str) -> ScalarValue {
    ScalarValue::from(value)
}

/// Adds the rows that a table has.
pub fn fill(name: &str, table: &mut Table, relations: &[Relation]) {
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
