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
        ("SHOW transaction isolation level", "repeatable read"),
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
