//! `squall serve`: who is let in, what statements answer, what ends them.

pub mod client;
mod flight;
mod hostile;
mod reflect;

use std::time::{Duration, Instant};

use client::{Client, PASSWORD, Server, bound, message, squall};

/// A query that runs until something ends it.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 100000000) AS a, generate_series(1, 100000000) AS b";

fn number(text: &str) -> Option<String> {
    Some(text.into())
}

#[test]
fn only_the_right_password_is_let_in() {
    let server = Server::start(&[]);
    assert_eq!(server.client().query("SELECT 1").one(), "1");
    for (user, password) in [("squall", "wrong"), ("squall", ""), ("another", PASSWORD)] {
        let refused = Client::connect(server.address, user, Some(password), false).err().unwrap();
        assert_eq!((refused[&'S'].as_str(), refused[&'C'].as_str()), ("FATAL", "28P01"));
        assert!(!refused[&'M'].contains(PASSWORD));
    }
    let open = Server::start(&["--no-password"]);
    let mut client = Client::connect(open.address, "ann", None, false).unwrap();
    assert_eq!(client.query("SELECT current_user").one(), "ann");
    assert_eq!(client.parameters["server_encoding"], "UTF8");
}

#[test]
fn what_would_be_open_to_others_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "one");
    let (_, other) = certificate(folder.path(), "two");
    std::fs::write(folder.path().join("open"), PASSWORD).unwrap();
    for (arguments, expected) in [
        (vec!["127.0.0.1:0", "--flight", "0.0.0.0:0"], "other machines reach 0.0.0.0:0, and there is no TLS"),
        (vec!["0.0.0.0:0", "--no-password"], "other machines reach 0.0.0.0:0, and there is no password"),
        (vec!["0.0.0.0:0"], "other machines reach 0.0.0.0:0, and there is no TLS"),
        (vec!["127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &other], "the key is another certificate's"),
        (vec!["127.0.0.1:0", "--tls-cert", "nothing.pem", "--tls-key", &key], "cannot read nothing.pem"),
        (vec!["127.0.0.1:0", "--tls-cert", "open", "--tls-key", &key], "is not a certificate with its key"),
        (vec!["127.0.0.1:0", "--password-file", "open"], "others may read the password in open"),
    ] {
        let mut command = squall(folder.path(), &["serve", "--pg"]);
        let output = command.args(&arguments).env("SQUALL_SERVE_PASSWORD", PASSWORD).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    let output = squall(folder.path(), &["serve", "--pg", "127.0.0.1:0"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("no password is set for clients"));
}

/// Makes a certificate and its key; returns their files.
pub fn certificate(folder: &std::path::Path, name: &str) -> (String, String) {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::{X509, X509NameBuilder};
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", "localhost").unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let path = |ending: &str| folder.join(format!("{name}.{ending}")).display().to_string();
    std::fs::write(path("pem"), builder.build().to_pem().unwrap()).unwrap();
    // OpenSSL's older form of keys is read as well.
    std::fs::write(path("key"), key.rsa().unwrap().private_key_to_pem().unwrap()).unwrap();
    (path("pem"), path("key"))
}

#[test]
fn with_a_certificate_the_server_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "own");
    let server = Server::start_in(folder, &["--tls-cert", &cert, "--tls-key", &key]);
    let mut client = Client::connect(server.address, "squall", Some(PASSWORD), true).unwrap();
    assert_eq!(client.query("SELECT 'é'").one(), "é");
    let refused = Client::connect(server.address, "squall", Some(PASSWORD), false).err().unwrap();
    assert_eq!(refused[&'C'], "28000");
}

#[test]
fn errors_have_a_code_a_place_and_a_hint() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for (text, code, place, hint) in [
        ("SELECT 1;\nSELEC 2", "42601", Some("11"), None),
        ("SELECT 'é', prise FROM landed_ticks", "42703", Some("13"), Some("did you mean `price`?")),
        ("SELECT * FROM feed_event", "42P01", Some("15"), Some("did you mean `feed_events`?")),
        ("SELECT no_such_function(1)", "42883", Some("8"), None),
        ("SELECT 1 / value FROM generate_series(0, 1)", "22012", None, None),
        ("SELECT CAST('x' AS BIGINT)", "22P02", Some("13"), None),
        ("SELECT $1", "42P02", None, None),
        ("SET statement_timeot = 1", "42704", None, Some("did you mean `statement_timeout`?")),
    ] {
        let answer = client.query(text);
        let error = answer.error.as_ref().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(error[&'C'], code, "{text}: {error:?}");
        assert_eq!(error.get(&'P').map(String::as_str), place, "{text}: {error:?}");
        if hint.is_some() {
            assert_eq!(error.get(&'H').map(String::as_str), hint, "{text}");
        }
    }
    assert_eq!(client.query("SELECT 2").one(), "2");
}

#[test]
fn types_are_written_in_both_formats() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let cases: [(&str, u32, &str, Vec<u8>); 12] = [
        ("true", 16, "t", vec![1]),
        ("CAST(-2 AS SMALLINT)", 21, "-2", (-2i16).to_be_bytes().into()),
        ("CAST(3 AS INT)", 23, "3", 3i32.to_be_bytes().into()),
        ("9007199254740993", 20, "9007199254740993", 9_007_199_254_740_993i64.to_be_bytes().into()),
        ("CAST(1.5 AS REAL)", 700, "1.5", 1.5f32.to_be_bytes().into()),
        ("CAST('-inf' AS DOUBLE)", 701, "-Infinity", f64::NEG_INFINITY.to_be_bytes().into()),
        ("CAST('12.50' AS DECIMAL(6, 2))", 1700, "12.50", vec![0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 19, 136]),
        ("'é'", 25, "é", "é".into()),
        ("X'00ff'", 17, "\\x00ff", vec![0, 255]),
        ("DATE '2000-01-02'", 1082, "2000-01-02", 1i32.to_be_bytes().into()),
        (
            "CAST('2000-01-01T00:00:01.123456789Z' AS TIMESTAMP WITH TIME ZONE)",
            1184,
            "2000-01-01 00:00:01.123456+00",
            1_123_456i64.to_be_bytes().into(),
        ),
        ("INTERVAL '1 month 2 days'", 1186, "1 mon 2 days", {
            [&0i64.to_be_bytes()[..], &2i32.to_be_bytes(), &1i32.to_be_bytes()].concat()
        }),
    ];
    for (sql, oid, text, binary) in cases {
        let text_answer = client.query(&format!("SELECT {sql} AS v, NULL AS n"));
        assert_eq!((text_answer.columns[0].clone(), text_answer.one().as_str()), (("v".into(), oid, 0), text), "{sql}");
        assert_eq!(text_answer.rows[0][1], None);
        let binary_answer = client.run(&format!("SELECT {sql} AS v"), &[], &[], 1);
        assert_eq!(binary_answer.columns, [("v".to_string(), oid, 1)], "{sql}");
        assert_eq!(binary_answer.rows, [[Some(binary)]], "{sql}");
    }
}

#[test]
fn values_have_the_types_that_the_client_or_the_statement_gives_them() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let rows = client.run("SELECT $1 + 1, $2", &[20, 25], &[Some(b"41"), Some(b"it's")], 0).texts();
    assert_eq!(rows, [[number("42"), number("it's")]]);
    let rows = client.run("SELECT $1::DOUBLE / 2", &[], &[Some(&3f64.to_be_bytes())], 1).rows;
    assert_eq!(rows, [[Some(1.5f64.to_be_bytes().to_vec())]]);
    let text = "SELECT value FROM generate_series(1, 9) WHERE value > $1 AND value = ANY($2) ORDER BY value LIMIT $3";
    let answer = client.run(text, &[0, 1016, 20], &[Some(b"2"), Some(b"{2,3,5}"), Some(b"1")], 0);
    assert_eq!(answer.texts(), [[number("3")]]);
    assert_eq!(client.run("SELECT $1 = ANY($2)", &[25, 0], &[Some(b"b"), Some(b"{a,b}")], 0).one(), "t");
    assert_eq!(client.run("SELECT $1", &[23], &[Some(b"x")], 0).code(), "22P02");
    assert_eq!(client.run("SELECT $1", &[23], &[], 0).code(), "08P01");
    // A client that asked for the types gets values of these types.
    let parse = message('P', b"s\0SELECT $1 AS a, $2 AS b\0\0\x02\0\0\0\x17\0\0\0\x15");
    client.send(&[parse, message('D', b"Ss\0"), message('S', b"")].concat());
    let described = client.answer();
    assert_eq!(described.parameter_types, [23, 21]);
    let oids: Vec<u32> = described.columns.iter().map(|column| column.1).collect();
    assert_eq!(oids, [23, 21]);
    let bind = message('B', b"\0s\0\0\0\0\x02\0\0\0\x017\0\0\0\x018\0\x01\0\x01");
    client.send(&[bind, message('E', b"\0\0\0\0\0"), message('S', b"")].concat());
    assert_eq!(client.answer().rows, [[Some(7i32.to_be_bytes().to_vec()), Some(8i16.to_be_bytes().to_vec())]]);
}

#[test]
fn nothing_is_changed_unless_it_is_allowed() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for text in [
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE MODEL m AS SELECT 1 AS a",
        "CREATE TABLE t AS SELECT 1 AS a",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x.csv'",
        "COPY (SELECT 1 AS a) TO 'x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO 'x.csv'",
        "INSERT INTO landed_ticks SELECT * FROM landed_ticks",
        "DROP VIEW landed_silences",
        "/* c */ DELETE FROM landed_ticks",
        "SELECT 1 AS a INTO t",
    ] {
        assert_eq!(client.query(text).code(), "25006", "{text}");
        assert_eq!(client.run(text, &[], &[], 0).code(), "25006", "{text}");
    }
    assert!(!server.folder.path().join("x.csv").exists());
    let server = Server::start(&["--allow-create"]);
    let mut client = server.client();
    assert_eq!(client.query("CREATE VIEW v AS SELECT 41 + 1 AS a").tags, ["CREATE VIEW"]);
    assert_eq!(server.client().query("SELECT a FROM v").one(), "42");
    assert_eq!(client.query("CREATE TABLE t AS SELECT 1 AS a").code(), "25006");
    assert_eq!(client.query("COPY (SELECT 1 AS a) TO 'x.csv'").code(), "25006");
    assert_eq!(client.query("DROP VIEW v").tags, ["DROP VIEW"]);
}

#[test]
fn a_cancel_request_ends_the_statement_and_not_the_connection() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let (address, key) = (client.address, client.key);
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        Client::cancel(address, (key.0, key.1 ^ 1));
        std::thread::sleep(Duration::from_millis(300));
        Client::cancel(address, key);
    });
    let began = Instant::now();
    let answer = client.query(ENDLESS);
    assert_eq!(answer.code(), "57014");
    assert!(began.elapsed() >= Duration::from_millis(500), "a wrong secret cancels nothing");
    canceller.join().unwrap();
    assert_eq!(client.query("SELECT 1").one(), "1");
}

#[test]
fn a_statement_has_a_time_limit_of_the_server_and_of_the_client() {
    let server = Server::start(&["--statement-timeout", "200ms"]);
    let mut client = server.client();
    assert_eq!(client.query(ENDLESS).error.unwrap()[&'M'], "the statement took longer than 200 ms");
    assert_eq!(client.query("SHOW statement_timeout").one(), "200ms");
    client.query("SET statement_timeout = '300ms'");
    assert_eq!(client.run(ENDLESS, &[], &[], 0).error.unwrap()[&'M'], "the statement took longer than 300 ms");
    assert_eq!(client.query("SELECT 1").one(), "1");
}

#[test]
fn a_client_that_goes_away_ends_its_statement() {
    let mut server = Server::start(&["--max-connections", "1"]);
    let mut client = server.client();
    client.send(&message('Q', format!("{ENDLESS}\0").as_bytes()));
    std::thread::sleep(Duration::from_millis(300));
    let refused = Client::connect(server.address, "squall", Some(PASSWORD), false).err().unwrap();
    assert_eq!(refused[&'C'], "53300");
    drop(client);
    let began = Instant::now();
    while Client::connect(server.address, "squall", Some(PASSWORD), false).is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "the place of the client is free");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(server.terminate());
}

#[test]
fn sigterm_ends_statements_and_tells_clients() {
    let mut server = Server::start(&[]);
    let (mut idle, mut busy) = (server.client(), server.client());
    busy.send(&message('Q', format!("{ENDLESS}\0").as_bytes()));
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.terminate());
    for client in [&mut idle, &mut busy] {
        let (mut kind, mut body) = client.read();
        while kind != 'E' {
            assert_ne!(kind, 'Z', "a client that is told that the server is ready takes its statement for done");
            (kind, body) = client.read();
        }
        assert!(String::from_utf8_lossy(&body).contains("57P01"));
    }
}

#[test]
fn transactions_cursors_and_parts_of_a_result() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_eq!(client.query("BEGIN").state, 'T');
    let failed = client.query("SELECT nothing");
    assert_eq!((failed.code(), failed.state), ("42703", 'E'));
    assert_eq!(client.query("SELECT 1").code(), "25P02");
    assert_eq!(client.query("ROLLBACK").state, 'I');
    assert_eq!(client.query("DECLARE c CURSOR FOR SELECT 1").code(), "25P01");
    let answer = client.query("BEGIN; DECLARE c CURSOR FOR SELECT value FROM generate_series(1, 20000)");
    assert_eq!(answer.tags, ["BEGIN", "DECLARE CURSOR"]);
    assert_eq!(client.query("FETCH 2 FROM c").texts(), [[number("1")], [number("2")]]);
    assert_eq!(client.query("MOVE FORWARD 10000 IN c").tags, ["MOVE 10000"]);
    assert_eq!(client.query("FETCH c").one(), "10003");
    assert_eq!(client.query("FETCH ALL FROM c").tags, ["FETCH 9997"]);
    let end = client.query("FETCH 5 FROM c");
    assert_eq!((end.tags, end.columns.len(), end.rows.len()), (vec!["FETCH 0".to_string()], 1, 0));
    assert_eq!(client.query("COMMIT").state, 'I');
    assert_eq!(client.query("FETCH c").code(), "34000");
    // The extended protocol returns a result in parts within a transaction.
    client.query("BEGIN");
    client.send(&[bound("SELECT value FROM generate_series(1, 5)", &[], &[], 0, 2), message('S', b"")].concat());
    let part = client.answer();
    assert_eq!((part.rows.len(), part.suspended, part.tags.len()), (2, true, 0));
    client.send(&[message('E', b"\0\0\0\0\0"), message('S', b"")].concat());
    let rest = client.answer();
    assert_eq!((rest.rows.len(), rest.tags), (3, vec!["SELECT 3".to_string()]));
}

#[test]
fn memory_is_limited_and_results_are_not_held() {
    let server = Server::start(&["--set", "engine.memory_limit_mb=64"]);
    let mut client = server.client();
    let greedy = "SELECT array_agg(repeat('x', 1000)) AS a FROM generate_series(1, 300000)";
    assert_eq!(client.query(greedy).code(), "53200");
    let before = server.memory_kib();
    client.send(&message('Q', b"SELECT value, repeat('x', 100) AS t FROM generate_series(1, 100000000)\0"));
    // The client reads nothing, so the server computes nothing more after a moment.
    std::thread::sleep(Duration::from_secs(2));
    assert!(server.memory_kib() < before + (200 << 10), "the result waits for the client");
}

#[test]
fn values_of_types_that_squall_does_not_have_are_texts_or_refused() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let id: Vec<u8> = (0..16).collect();
    let same = client.run("SELECT $1 = '00010203-0405-0607-0809-0a0b0c0d0e0f'", &[2950], &[Some(&id)], 1);
    assert_eq!(same.rows, [[Some(vec![1])]]);
    let json = client.run("SELECT $1", &[3802], &[Some(b"\x01{}")], 1);
    assert_eq!(json.rows, [[Some(b"{}".to_vec())]]);
    let range = client.run("SELECT $1", &[3904], &[Some(b"\x01")], 1);
    assert_eq!(range.code(), "0A000");
    assert_eq!(range.error.unwrap()[&'M'], "$1: values of type int4range are not supported in binary");
    assert_eq!(client.run("SELECT $1", &[70_000], &[Some(b"\x01")], 1).code(), "0A000");
    assert_eq!(client.run("SELECT $1", &[3904], &[Some(b"[1,2)")], 0).texts(), [[number("[1,2)")]]);
}

#[test]
fn a_table_that_is_missing_in_a_schema_has_the_code_of_one() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for name in ["nosuch", "public.nosuch", "other.nosuch", "information_schema.nosuch", "pg_catalog.nosuch"] {
        let answer = client.query(&format!("SELECT * FROM {name}"));
        assert_eq!(answer.code(), "42P01", "{name}");
        assert!(!answer.error.as_ref().unwrap()[&'H'].contains("repl"), "{name}: {answer:?}");
    }
}

#[test]
fn settings_follow_their_transaction() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let shown = |client: &mut Client| client.query("SHOW statement_timeout").one();
    client.query("SET statement_timeout = '7s'; BEGIN; SET LOCAL statement_timeout = '8s'");
    assert_eq!(shown(&mut client), "8s");
    client.query("COMMIT");
    assert_eq!(shown(&mut client), "7s");
    client.query("BEGIN; SET statement_timeout = '9s'; SAVEPOINT s; SET statement_timeout = '10s'; ROLLBACK TO s");
    assert_eq!(shown(&mut client), "9s");
    client.query("ROLLBACK");
    assert_eq!(shown(&mut client), "7s");
    client.query("BEGIN; SET application_name = 'one'");
    // The transaction fails, so COMMIT rolls it back.
    assert_eq!(client.query("SELECT nothing").code(), "42703");
    assert_eq!(client.query("COMMIT").tags, ["ROLLBACK"]);
    assert_eq!(client.query("SHOW application_name").one(), "");
    assert_eq!(client.query("SET LOCAL statement_timeout = '1s'").notices[0][&'C'], "25P01");
    assert_eq!(shown(&mut client), "7s");
}
