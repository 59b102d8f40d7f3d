//! Clients that want more than they may have, or that would take the server away from others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::client::{Server, bound, message};

#[test]
fn a_cursor_does_not_change_anything_either() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for inner in [
        "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', label = 'y') AS SELECT 1.0 AS x, true AS y",
        "EXPORT MODEL m TO 'm.onnx'",
        "DROP MODEL m",
        "CREATE VIEW v AS SELECT 1 AS a",
        "COPY (SELECT 1 AS a) TO 'x.csv'",
    ] {
        client.query("BEGIN");
        let text = format!("DECLARE c CURSOR FOR {inner}");
        assert_eq!(client.query(&text).code(), "42601", "{text}");
        client.query("ROLLBACK");
        client.query("BEGIN");
        assert_eq!(client.run(&text, &[], &[], 0).code(), "42601", "{text}");
        client.query("ROLLBACK");
    }
    assert!(!server.folder.path().join("data/models").exists());
}

#[test]
fn a_statement_that_is_too_large_is_an_error_for_its_client_alone() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let other = &mut server.client();
    let chain = |part: &str, count: usize| format!("SELECT {}", vec!["1"; count].join(part));
    let large = format!("SELECT '{}'", "x".repeat(2 << 20));
    for (text, code) in [
        ("SELECT $100000000000".to_string(), "42P02"),
        ("SELECT $18446744073709551615".to_string(), "42P02"),
        ("SELECT $65536".to_string(), "42P02"),
        (chain(" UNION ALL SELECT ", 5000), "42000"),
        (chain(" OR 1 = ", 5000), "42000"),
        (chain("::int + ", 5000), "42000"),
        (large, "54000"),
    ] {
        let start = &text[..text.len().min(40)];
        let simple = client.query(&text);
        assert_eq!(simple.code(), code, "{start}");
        assert_eq!(client.run(&text, &[], &[], 0).code(), code, "{start}");
        assert_eq!(other.query("SELECT 1").one(), "1");
    }
    // As deep as it may be, also in a build without optimizations.
    assert_eq!(client.query(&chain(" UNION ALL SELECT ", 1500)).rows.len(), 1500);
    assert_eq!(client.query(&chain("::INT + ", 900)).one(), "900");
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let server = Server::start(&["--max-connections", "2"]);
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.client().query("SELECT 1").one(), "1");
    drop(silent);
    // Beyond a number of them, the next are sent away at once.
    let mut many: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let mut last = many.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(last.read(&mut [0]), Ok(0) | Err(_)));
    drop(many);
}

#[test]
fn planning_does_not_hold_up_others() {
    let server = Server::start(&["--statement-timeout", "1s"]);
    let terms = vec!["abs(1)"; 1500].join(" + ");
    let text = format!("SELECT {terms}");
    let mut busy: Vec<_> = (0..4).map(|_| server.client()).collect();
    busy.iter_mut().for_each(|client| client.send(&message('Q', format!("{text}\0").as_bytes())));
    let mut other = server.client();
    other.query("SET statement_timeout = 0");
    assert_eq!(other.query("SELECT 1").one(), "1");
    // Each is answered, with the sum or because its time is up.
    for client in &mut busy {
        let answer = client.answer();
        assert!(answer.rows.len() == 1 || answer.code() == "57014");
    }
}

#[test]
fn nulls_are_nulls_in_every_type() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for format in [0, 1] {
        let answer = client.run("SELECT arrow_cast(NULL, 'Dictionary(Int32, Utf8)') AS d", &[], &[], format);
        assert_eq!(answer.rows, [[None]]);
    }
    assert_eq!(client.query("SELECT [NULL, NULL]").one(), "{NULL,NULL}");
    assert_eq!(client.query("SELECT [NULL]").one(), "{NULL}");
}

#[test]
fn columns_that_changed_after_they_were_told_are_an_error() {
    let server = Server::start(&["--allow-create"]);
    let mut client = server.client();
    client.query("CREATE VIEW v AS SELECT CAST(1 AS INT) AS a");
    let parse = message('P', b"s\0SELECT a FROM v\0\0\0");
    client.send(&[parse, message('D', b"Ss\0"), message('S', b"")].concat());
    assert_eq!(client.answer().columns[0].1, 23);
    client.query("CREATE OR REPLACE VIEW v AS SELECT CAST(1 AS BIGINT) AS a");
    let run = [message('B', b"\0s\0\0\0\0\0\0\x01\0\x01"), message('E', b"\0\0\0\0\0"), message('S', b"")].concat();
    client.send(&run);
    assert_eq!(client.answer().code(), "26000");
    assert_eq!(client.run("SELECT a FROM v", &[], &[], 0).one(), "1");
}

#[test]
fn what_is_read_ahead_takes_little_memory() {
    let server = Server::start(&["--no-password"]);
    let mut client = TcpStream::connect(server.address).unwrap();
    client.write_all(b"\0\0\0\x14\0\x03\0\0user\0squall\0\0").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let before = server.memory_kib();
    let endless = "SELECT count(*) FROM generate_series(1, 100000000) AS a, generate_series(1, 100000000) AS b";
    client.write_all(&message('Q', format!("{endless}\0").as_bytes())).unwrap();
    let value = vec![b'x'; 4 << 20];
    let values = bound("SELECT $1", &[25], &[Some(&value)], 0, 0);
    std::thread::spawn(move || {
        for _ in 0..50 {
            // The server ends before it has read everything.
            if client.write_all(&values).is_err() {
                return;
            }
        }
    });
    std::thread::sleep(Duration::from_secs(2));
    let grown = server.memory_kib() - before;
    assert!(grown < 60_000, "the server holds {grown} KiB more");
}
