//! `squall dead` and the table `dead_letters` show what landing could not read.

use std::path::Path;
use std::process::Command;

fn squall(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "--data"]).arg(data).args(arguments).current_dir(data).env_clear();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn dead_letters_are_counted_by_reason_and_printed_whole() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    assert_eq!(squall(data, &["dead"]), "no dead letters\n");
    let raw = data.join("raw");
    std::fs::create_dir_all(&raw).unwrap();
    let ticker = r#"{"type":"ticker","product_id":"BTC-USD","price":"2","best_ask":"3","time":"2026-01-01T00:00:01Z"}"#;
    let other = ticker.replace(r#""price":"2""#, r#""price":"2x""#).replace("best_ask", "best_bid\":\"1\",\"best_ask");
    let lines = [
        format!(r#"{{"offset":0,"ingest_time":1767225600000000000,"message":{ticker}}}"#),
        r#"{"offset":1,"ingest_time":1767225601000000000,"text":"red \u001b[31m"}"#.to_string(),
        format!(r#"{{"offset":2,"ingest_time":1767225602000000000,"message":{ticker}}}"#),
        format!(r#"{{"offset":3,"ingest_time":1767225603000000000,"message":{other}}}"#),
        format!(r#"{{"offset":4,"ingest_time":1767225604000000000,"message":{}}}"#, other.replace("2x", "9y")),
        format!(r#"{{"offset":5,"ingest_time":1767225605000000000,"message":{ticker}}}"#),
    ];
    std::fs::write(raw.join("20260101.ndjson"), lines.map(|line| line + "\n").concat()).unwrap();
    squall(data, &["land"]);
    let said = squall(data, &["dead"]);
    assert!(said.contains("6 dead letters for 3 reasons"), "{said}");
    assert!(said.contains("raw 0 0   {\"type\":\"ticker\"") && said.contains("red \\u{1b}[31m"), "{said}");
    assert!(said.lines().nth(1).unwrap().ends_with('3'), "the most frequent reason comes first: {said}");
    let shown = squall(data, &["dead", "--show", "--reason", "best_bid", "--limit", "1"]);
    let letter: serde_json::Value = serde_json::from_str(shown.trim()).unwrap();
    assert_eq!((letter["log_offset"].as_i64(), letter["payload"].as_str()), (Some(0), Some(ticker)));
    let count = squall(data, &["sql", "--format", "csv", "SELECT count(*) AS n FROM dead_letters"]);
    assert_eq!(count, "n\n6\n");
}

#[test]
fn messages_that_can_be_read_after_all_land_at_their_places() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    let raw = data.join("raw");
    std::fs::create_dir_all(&raw).unwrap();
    let line = |offset: usize| {
        let bid = if offset == 1 { "x" } else { "1" };
        let message = format!(
            r#"{{"type":"ticker","product_id":"BTC-USD","price":"2","best_bid":"{bid}","best_ask":"3","time":"2026-01-01T00:00:0{offset}Z"}}"#
        );
        format!("{{\"offset\":{offset},\"ingest_time\":176722560{offset}000000000,\"message\":{message}}}\n")
    };
    let lines: String = (0..3).map(line).collect();
    std::fs::write(raw.join("20260101.ndjson"), &lines).unwrap();
    squall(data, &["land"]);
    assert!(squall(data, &["dead"]).contains("1 dead letter for 1 reason"));
    // A later squall reads what this one could not: here the log itself changes.
    std::fs::write(raw.join("20260101.ndjson"), lines.replace(r#""best_bid":"x""#, r#""best_bid":"1""#)).unwrap();
    squall(data, &["dead", "--replay"]);
    assert_eq!(squall(data, &["dead"]), "no dead letters\n");
    let sql = "SELECT log_offset, ts, status FROM landed_ticks ORDER BY log_offset";
    let rows = squall(data, &["sql", "--format", "csv", sql]);
    assert_eq!(rows.lines().count(), 4, "{rows}");
    assert!(rows.contains("1,2026-01-01T00:00:01Z,ok"), "{rows}");
}
