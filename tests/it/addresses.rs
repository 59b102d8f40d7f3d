//! Addresses of object stores in SQL: `SELECT … FROM 's3://bucket/ticks/*.parquet'`.

use std::fs::write;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::serve::client::Server;
use crate::support::s3::{Faults, S3Server};

struct Place {
    server: S3Server,
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { server: S3Server::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, statements: &str) -> Command {
        let mut command = command(self.folder.path(), statements);
        command.envs(self.server.environment());
        command
    }

    /// Runs statements, and returns what the last one printed, without the header.
    fn rows(&self, statements: &str) -> Vec<String> {
        rows(&self.command(statements).output().unwrap())
    }

    /// Runs statements that fail, and returns what they said.
    fn error(&self, statements: &str) -> String {
        let said = error(&self.command(statements).output().unwrap());
        assert!(!said.contains(self.server.secret()), "{said}");
        said
    }
}

fn command(folder: &Path, statements: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "sql", "--format", "csv", statements]).current_dir(folder);
    command.env_clear().env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn rows(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.rsplit("\n\n").next().unwrap_or(&printed);
    last.lines().skip(1).map(str::to_owned).collect()
}

fn error(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

const TWO_FILES: &str = "COPY (SELECT i, i * 2.5 AS x FROM generate_series(1, 1000) t(i)) TO 's3://bucket/t/a.parquet';
                         COPY (SELECT i, i * 2.5 AS x FROM generate_series(1, 10) t(i)) TO 's3://bucket/t/b.parquet';";

#[test]
fn files_of_a_store_are_tables() {
    let place = Place::new();
    place.rows(TWO_FILES);
    place.rows("COPY (SELECT 1 AS d, 2 AS v) TO 's3://bucket/csv/' STORED AS CSV PARTITIONED BY (d)");
    for (from, expected) in [
        ("'s3://bucket/t/a.parquet'", "1000,1251250.0"),
        ("'S3://bucket/t/*.parquet'", "1010,1251387.5"),
        ("'s3a://bucket/t/'", "1010,1251387.5"),
        ("read_parquet('s3://bucket/t/[ab].parquet')", "1010,1251387.5"),
    ] {
        assert_eq!(place.rows(&format!("SELECT count(*), sum(x) FROM {from}")), [expected], "{from}");
    }
    for file in ["i.arrow", "i.csv.gz", "i.ndjson", "a b+ü%23.parquet"] {
        let copy = format!("COPY (SELECT i FROM generate_series(1, 3000) t(i)) TO 's3://bucket/{file}'");
        assert_eq!(place.rows(&copy), ["3000"], "{file}");
        let sum = format!("SELECT count(*), sum(i) FROM 's3://bucket/{file}'");
        assert_eq!(place.rows(&sum), ["3000,4501500"], "{file}");
    }
    assert!(place.server.path("a b+ü#.parquet").exists());
    assert_eq!(place.rows("SELECT v, d FROM 's3://bucket/csv/'"), ["2,1"]);
    let external = "CREATE EXTERNAL TABLE e STORED AS PARQUET LOCATION 's3://bucket/t/'; SELECT count(*) FROM e";
    assert_eq!(place.rows(external), ["1010"]);
}

#[test]
fn what_a_store_does_not_have_is_said() {
    let place = Place::new();
    place.server.put("empty.parquet", b"");
    place.server.put("notes", b"x");
    place.server.put("bad.parquet", b"not a Parquet file at all");
    for (from, expected) in [
        ("'s3://bucket/none.parquet'", "there is no file at s3://bucket/none.parquet"),
        ("read_parquet('s3://bucket/none.parquet')", "there is no file at s3://bucket/none.parquet"),
        ("'s3://bucket/none/*.csv'", "there is no file at s3://bucket/none/*.csv"),
        ("'s3://buckets/x.parquet'", "cannot read s3://buckets/x.parquet: NoSuchBucket"),
        ("'s3://bucket/empty.parquet'", "s3://bucket/empty.parquet is empty"),
        ("read_parquet('s3://bucket/empty.parquet')", "s3://bucket/empty.parquet is empty"),
        ("'s3://bucket/notes'", "the name of notes does not say what kind of file it is"),
        ("'s3://bucket/bad.parquet'", "Invalid Parquet file"),
        ("'s3://'", "is not complete"),
        ("'s3://me:word@bucket/x.parquet'", "the address of bucket has a user or a password in it"),
        ("'hdfs://bucket/x.parquet'", "squall cannot read addresses that begin with `hdfs://`"),
        ("'gs://bucket/x.parquet'", "no account is known for gs://bucket"),
    ] {
        let said = place.error(&format!("SELECT * FROM {from}"));
        assert!(said.contains(expected) && !said.contains("word@"), "{said}");
    }
    let said = place.error("COPY (SELECT 1 AS a) TO 's3://bucket/a#b.parquet'");
    assert!(said.contains("goes on with `#`") && said.contains("# is written %23"), "{said}");
    let said = place.error("COPY (SELECT 1 AS a) TO 'https://localhost/b.parquet'");
    assert!(said.contains("cannot write https://localhost/b.parquet: web servers only give files"), "{said}");
    let pattern = "CREATE EXTERNAL TABLE e STORED AS PARQUET LOCATION 's3://bucket/t/*.parquet'";
    let said = place.error(pattern);
    assert!(said.contains("is a pattern") && said.contains("CREATE VIEW e AS SELECT * FROM"), "{said}");
}

#[test]
fn an_account_that_is_wrong_or_missing_is_said() {
    let place = Place::new();
    place.rows(TWO_FILES);
    let query = "SELECT count(*) FROM 's3://bucket/t/a.parquet'";
    let wrong = place.command(query).env("AWS_SECRET_ACCESS_KEY", "another-secret").output().unwrap();
    let said = error(&wrong);
    assert!(said.contains("the store does not let squall read s3://bucket/t/a.parquet"), "{said}");
    assert!(said.contains("Hint: set AWS_ACCESS_KEY_ID") && !said.contains("another-secret"), "{said}");
    let none = place.command(query).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").output();
    let said = error(&none.unwrap());
    assert!(said.contains("no account is known for s3://bucket"), "{said}");
    let gone = place.command(query).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").output().unwrap();
    let said = error(&gone);
    assert!(said.contains("cannot read s3://bucket/t/a.parquet: Connection refused"), "{said}");
}

#[test]
fn a_profile_gives_the_account() {
    let place = Place::new();
    place.rows(TWO_FILES);
    let variables: std::collections::BTreeMap<String, String> = place.server.environment().into_iter().collect();
    let (id, secret) = (&variables["AWS_ACCESS_KEY_ID"], &variables["AWS_SECRET_ACCESS_KEY"]);
    let endpoint = &variables["AWS_ENDPOINT_URL"];
    let home = place.folder.path();
    std::fs::create_dir(home.join(".aws")).unwrap();
    let credentials = format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    write(home.join(".aws/credentials"), credentials).unwrap();
    let config =
        format!("[profile work]\nregion = us-east-1\nendpoint_url = {endpoint}\n[profile s]\nsso_session = x\n");
    write(home.join(".aws/config"), config).unwrap();
    let query = "SELECT count(*) FROM 's3://bucket/t/a.parquet'";
    let with = |profile: &str| command(home, query).env("AWS_PROFILE", profile).output().unwrap();
    assert_eq!(rows(&with("work")), ["1000"]);
    let empty = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"];
    let mut command = command(home, query);
    let with_empty = command.env("AWS_PROFILE", "work").envs(empty.map(|name| (name, ""))).output().unwrap();
    assert_eq!(rows(&with_empty), ["1000"], "variables that are empty count as absent");
    assert!(error(&with("none")).contains("the profile `none` of AWS is in neither"));
    let said = error(&with("s"));
    assert!(said.contains("gets its keys by sso_session") && said.contains("export-credentials --profile s"), "{said}");
}

#[test]
fn a_store_that_fails_for_now_changes_no_answer() {
    let place = Place::new();
    place.rows(TWO_FILES);
    let latency = Duration::from_millis(5);
    place.server.fail(Faults { slow_down: 0.15, error_after: 0.1, cut_after: 0.1, latency }, 3);
    for _ in 0..5 {
        assert_eq!(place.rows("SELECT count(*), sum(x) FROM 's3://bucket/t/*.parquet'"), ["1010,1251387.5"]);
        place.rows("COPY (SELECT i FROM generate_series(1, 100000) t(i)) TO 's3://bucket/w.parquet'");
        assert_eq!(place.rows("SELECT count(*), sum(i) FROM 's3://bucket/w.parquet'"), ["100000,5000050000"]);
    }
    let counts = place.server.counts();
    assert!(counts.slow_down > 0 && counts.error_after > 0 && counts.cut_after > 0, "{counts:?}");
}

#[test]
fn what_is_written_while_a_session_lasts_is_read() {
    let place = Place::new();
    let statements = |place: &str| {
        format!(
            "COPY (SELECT 1 AS a) TO '{place}/a.parquet'; SELECT sum(a) FROM '{place}/';
             COPY (SELECT 3 AS a) TO '{place}/a.parquet'; COPY (SELECT 4 AS a) TO '{place}/b.parquet';
             SELECT sum(a) AS s, min(a) AS least FROM '{place}/'"
        )
    };
    for folder in ["s3://bucket/now", "now"] {
        assert_eq!(place.rows(&statements(folder)).last().unwrap(), "7,3", "{folder}");
    }
}

#[test]
fn a_query_that_fails_leaves_no_object() {
    let place = Place::new();
    let said = place.error(
        "COPY (SELECT CAST(CASE WHEN i = 99999 THEN 'x' ELSE '1' END AS INT) AS a
                                  FROM generate_series(1, 100000) t(i)) TO 's3://bucket/half.parquet'",
    );
    assert!(said.contains("Cannot cast") || said.contains("cast"), "{said}");
    assert!(place.server.keys("").is_empty(), "{:?}", place.server.keys(""));
}

#[test]
fn web_servers_give_files() {
    let temp = tempfile::tempdir().unwrap();
    rows(&command(temp.path(), "COPY (SELECT i FROM generate_series(1, 50000) t(i)) TO 'a.parquet'").output().unwrap());
    let content = std::fs::read(temp.path().join("a.parquet")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let content = content.clone();
            std::thread::spawn(move || serve(client.unwrap(), &content));
        }
    });
    let run = |from: &str| command(temp.path(), &format!("SELECT count(*), sum(i) FROM {from}")).output().unwrap();
    assert_eq!(rows(&run(&format!("'{server}/a.parquet'"))), ["50000,1250025000"]);
    assert_eq!(rows(&run(&format!("read_parquet('{server}/a.parquet')"))), ["50000,1250025000"]);
    let said = error(&run(&format!("'{server}/b.parquet'")));
    assert!(
        said.contains(&format!("there is nothing at {server}/b.parquet")) || said.contains("there is no file"),
        "{said}"
    );
    assert!(error(&run(&format!("'{server}/*.parquet'"))).contains("web servers do not list their files"));
    let said = error(&run(&format!("'{server}/a.parquet?token=hidden'")));
    assert!(said.contains("goes on with `?`"), "{said}");
}

/// Answers HEAD and GET of `/a.parquet`, with ranges.
fn serve(stream: TcpStream, content: &[u8]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.to_lowercase());
        }
        if !lines[0].contains(" /a.parquet ") {
            writer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
            continue;
        }
        let range = lines.iter().find_map(|line| line.strip_prefix("range: bytes="));
        let range = range.and_then(|range| range.trim().split_once('-'));
        let (status, from, to) = match range {
            Some((from, to)) => ("206 Partial Content", from.parse().unwrap(), to.parse::<usize>().unwrap() + 1),
            None => ("200 OK", 0, content.len()),
        };
        let part = &content[from..to];
        let of = format!("Content-Range: bytes {from}-{}/{}\r\n", to - 1, content.len());
        let head = format!("HTTP/1.1 {status}\r\n{of}Content-Length: {}\r\n\r\n", part.len());
        writer.write_all(head.as_bytes()).unwrap();
        if !lines[0].starts_with("head") {
            writer.write_all(part).unwrap();
        }
    }
}

#[test]
fn clients_of_a_server_read_no_address_unless_they_may() {
    let query = "SELECT count(*) FROM 's3://bucket/t/a.parquet'";
    let said = |arguments: &[&str]| format!("{:?}", Server::start(arguments).client().query(query).error);
    let refused = said(&[]);
    assert!(refused.contains("statements may not read s3://bucket"), "{refused}");
    let allowed = said(&["--allow-addresses"]);
    assert!(!allowed.contains("may not read"), "{allowed}");
}
