//! What tools ask about the database, in the words in which they ask it.

use super::client::Server;
use super::number;

#[test]
fn drivers_get_answers_at_the_start() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for (text, expected) in [
        ("SELECT version()", "PostgreSQL 16.0 (squall 0.1.0)"),
        ("SELECT current_schema()", "public"),
        ("select current_database()", "squall"),
        ("SELECT pg_catalog.current_setting('server_version_num')::int / 100", "1600"),
        ("SHOW transaction isolation level", "read committed"),
        ("SHOW standard_conforming_strings", "on"),
        ("SELECT set_config('search_path', 'public', false)", "public"),
        ("SELECT 'landed_ticks'::regclass::oid = (SELECT oid FROM pg_class WHERE relname = 'landed_ticks')", "t"),
        ("SELECT c.oid::regclass FROM pg_class c WHERE relname = 'landed_gaps'", "landed_gaps"),
        ("SELECT format_type(1700, 655366)", "numeric(10,2)"),
        ("SELECT count(*) FROM pg_catalog.pg_index", "0"),
        ("SELECT quote_ident('a b')", "\"a b\""),
    ] {
        let answer = client.query(text);
        assert_eq!(answer.one(), expected, "{text}");
    }
    let named = client.query("SELECT version(), pg_catalog.pg_backend_pid()");
    let names: Vec<&str> = named.columns.iter().map(|column| column.0.as_str()).collect();
    assert_eq!(names, ["version", "pg_backend_pid"]);
    assert_eq!(client.query("SET extra_float_digits = 3; SET DateStyle = 'ISO'").tags, ["SET", "SET"]);
    assert_eq!(client.query("SET TimeZone = 'Europe/Berlin'").notices[0][&'M'], "times stay in UTC");
    assert_eq!(client.query("SET bytea_output = 'escape'").code(), "22023");
}

#[test]
fn tables_views_and_columns_are_listed_with_postgresqls_types() {
    let server = Server::start(&["--allow-create"]);
    let mut client = server.client();
    client.query("CREATE VIEW shown AS SELECT CAST('1.50' AS DECIMAL(10, 2)) AS amount, [1, 2] AS list, 'x' AS word");
    let tables =
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_name IN ('shown', 'landed_ticks')";
    let listed = client.query(&format!("{tables} ORDER BY 1")).texts();
    assert_eq!(listed, [[number("landed_ticks"), number("BASE TABLE")], [number("shown"), number("VIEW")]]);
    let columns = "SELECT column_name, data_type, udt_name, numeric_precision, numeric_scale FROM information_schema.columns WHERE table_name = 'shown' ORDER BY ordinal_position";
    let rows = client.query(columns).texts();
    assert_eq!(rows[0], ["amount", "numeric", "numeric", "10", "2"].map(number));
    assert_eq!(rows[1][..3], ["list", "ARRAY", "_int8"].map(number));
    assert_eq!(rows[2][..3], ["word", "text", "text"].map(number));
    let attributes = "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a \
                      JOIN pg_catalog.pg_class c ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
                      WHERE n.nspname = 'public' AND c.relname OPERATOR(pg_catalog.~) '^(shown)$' COLLATE pg_catalog.default \
                      AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let rows = client.query(attributes).texts();
    assert_eq!(rows[0], ["amount", "numeric(10,2)"].map(number));
    assert_eq!(rows[1], ["list", "bigint[]"].map(number));
    assert_eq!(client.query("SELECT amount FROM squall.public.shown").one(), "1.50");
    // SHOW TABLES shows what users have, not what PostgreSQL has.
    let shown = client.query("SHOW TABLES").texts();
    assert!(shown.iter().any(|row| row.contains(&number("shown"))) && !format!("{shown:?}").contains("pg_class"));
}

#[test]
fn queries_over_what_squall_does_not_have_return_nothing() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let keys = "SELECT result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ FROM (SELECT ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME, \
                (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, information_schema._pg_expandarray(i.indkey) AS KEYS \
                FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) \
                JOIN pg_catalog.pg_index i ON (a.attrelid = i.indrelid) WHERE i.indisprimary) result \
                WHERE result.KEY_SEQ = (result.KEYS).x ORDER BY result.table_name";
    let policies = "SELECT pol.polname, CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname \
                    from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1), ',') END, \
                    pg_catalog.pg_get_expr(pol.polqual, pol.polrelid), pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid) \
                    FROM pg_catalog.pg_policy pol WHERE pol.polrelid = '1' ORDER BY 1";
    for (text, columns) in [(keys, 3), (policies, 4), ("SELECT * FROM pg_catalog.pg_trigger", 16)] {
        let answer = client.query(text);
        assert_eq!((answer.error, answer.rows.len(), answer.columns.len()), (None, 0, columns), "{text}");
    }
}

/// What Grafana's source for PostgreSQL asks for the columns of a table.
const GRAFANA_COLUMNS: &str = r#"SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
    WHERE CASE WHEN array_length(parse_ident('TABLE'), 1) = 2
        THEN quote_ident(table_schema) = (parse_ident('TABLE'))[1] AND quote_ident(table_name) = (parse_ident('TABLE'))[2]
        ELSE quote_ident(table_name) = 'TABLE' AND quote_ident(table_schema) IN (
            SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
            FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1),
                array_upper(string_to_array(current_setting('search_path'),','),1)) as i,
                string_to_array(current_setting('search_path'),',') s)
      END"#;

#[test]
fn grafana_finds_columns_with_and_without_a_schema() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for table in ["landed_ticks", "public.landed_ticks"] {
        let columns = client.query(&GRAFANA_COLUMNS.replace("TABLE", table)).texts();
        assert!(columns.contains(&vec![number("price"), number("double precision")]), "{table}: {columns:?}");
    }
    assert_eq!(client.query(&GRAFANA_COLUMNS.replace("TABLE", "other.landed_ticks")).rows.len(), 0);
}

#[test]
fn types_are_listed_as_drivers_ask_for_them() {
    let server = Server::start(&[]);
    let mut client = server.client();
    // pgjdbc's getTypeInfo and getMaxColumnNameLength, and what ADBC and Npgsql read at the start.
    let of_jdbc = "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type \
                   LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join (select s.r, (current_schemas(false))[s.r] \
                   as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r)) as r using (nspname)) as sp \
                   ON sp.nspoid = typnamespace WHERE typname IN ('_int8', 'uuid') ORDER BY sp.r, pg_type.oid DESC";
    let rows = client.query(of_jdbc).texts();
    assert_eq!(rows, [["f", "b", "uuid", "2950"].map(number), ["t", "b", "_int8", "1016"].map(number)]);
    let length = "SELECT t.typlen FROM pg_catalog.pg_type t, pg_catalog.pg_namespace n WHERE t.typnamespace=n.oid AND t.typname='name' AND n.nspname='pg_catalog'";
    assert_eq!(client.query(length).one(), "64");
    let of_adbc = "SELECT oid, typname, typreceive, typbasetype, typarray, typrelid FROM pg_catalog.pg_type WHERE \
                   (typreceive != 0 OR typsend != 0) AND typtype != 'r' AND typreceive::TEXT != 'array_recv' AND typname = 'bool'";
    assert_eq!(client.query(of_adbc).texts(), [["16", "bool", "boolrecv", "0", "1000", "0"].map(number)]);
    let of_npgsql = "SELECT count(*) FROM pg_type AS typ LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive \
                     WHERE CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END = 'a' AND typ.typname = '_uuid'";
    assert_eq!(client.query(of_npgsql).one(), "1");
    let words =
        "SELECT count(*) FROM pg_catalog.pg_get_keywords() WHERE word = 'select' AND word <> ALL ('{a,abs}'::text[])";
    assert_eq!(client.query(words).one(), "1");
}

#[test]
fn the_query_of_a_view_is_shown() {
    let server = Server::start(&["--allow-create"]);
    let mut client = server.client();
    client.query("CREATE VIEW shown AS SELECT 1 AS one");
    for text in [
        "SELECT pg_catalog.pg_get_viewdef(c.oid, true) FROM pg_catalog.pg_class c WHERE c.relname = 'shown'",
        "SELECT pg_get_viewdef('shown'::regclass)",
        "SELECT definition FROM pg_views WHERE viewname = 'shown'",
        "SELECT view_definition FROM information_schema.views WHERE table_name = 'shown'",
    ] {
        assert_eq!(client.query(text).one(), "SELECT 1 AS one", "{text}");
    }
    let settings = "SELECT pg_catalog.current_setting(s.name) FROM pg_catalog.pg_settings s WHERE s.name = 'TimeZone'";
    assert_eq!(client.query(settings).one(), "UTC");
    let privileges = "SELECT CASE WHEN array_length(c.relacl, 1) = 0 THEN '(none)' ELSE pg_catalog.array_to_string(c.relacl, E'\\n') END, \
                      pg_catalog.array_to_string(ARRAY(SELECT attname FROM pg_catalog.pg_attribute a WHERE attrelid = c.oid), ',') \
                      FROM pg_catalog.pg_class c WHERE c.relname = 'shown'";
    let answer = client.query(privileges);
    assert_eq!((answer.error, answer.rows), (None, vec![vec![None, None]]));
}
