//! Tables that are cut off, unusual or wrong: what `squall replay` takes of them, and what it says.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, ListArray, StringArray};
use datafusion::arrow::datatypes::Float64Type;

use super::history::{QUOTES, SPOT_TRADES, done, folder, gzip, land, parquet, refusal};

const HEADER: &str = "exchange,symbol,timestamp,ask_amount,ask_price,bid_price,bid_amount\n";

/// Writes files, and returns what `squall replay` refuses them with.
fn refused(files: &[(&str, &[u8])], replay: &[&str]) -> String {
    let temp = folder();
    for (name, content) in files {
        std::fs::write(temp.path().join(name), content).expect("written");
    }
    refusal(temp.path(), &[&["replay"], replay].concat())
}

fn dead(dir: &Path) -> Vec<String> {
    let dead = done(dir, &["sql", "--format", "csv", "SELECT reason FROM dead_letters"]);
    dead.lines().skip(1).map(|reason| reason.trim_matches('"').into()).collect()
}

/// Lands one table, and returns bid, ask and product of its ticks.
fn quotes(table: &[u8], map: &str) -> Vec<String> {
    let temp = folder();
    std::fs::write(temp.path().join("t.csv"), table).expect("written");
    std::fs::write(temp.path().join("m.toml"), map).expect("written");
    land(temp.path(), &["t.csv", "--map", "m.toml"]);
    let query = "SELECT product_id, best_bid, best_ask FROM landed_ticks ORDER BY ts";
    done(temp.path(), &["sql", "--format", "csv", query]).lines().skip(1).map(String::from).collect()
}

const MAP: &str = "time = 't'\nproduct = 's'\nbid = 'b'\nask = 'a'\n";

#[test]
fn trades_that_differ_only_in_a_text_are_not_duplicates() {
    let temp = folder();
    let table = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
        bitmex,XBTUSD,1585699202957000,1,0f1c2d3e-aaaa,buy,6425.5,12\n\
        bitmex,XBTUSD,1585699202957000,1,0f1c2d3e-bbbb,buy,6425.5,12\n";
    std::fs::write(temp.path().join("trades.csv"), table).expect("written");
    let count = |query: &str| done(temp.path(), &["sql", "--format", "csv", query]).lines().nth(1).map(String::from);
    land(temp.path(), &["trades.csv"]);
    let ok = "SELECT count(*) FROM landed_ticks WHERE status = 'ok'";
    assert_eq!(count(ok).as_deref(), Some("2"));
    // The same file again is known, also after its identities were computed again from the landed rows.
    land(temp.path(), &["trades.csv"]);
    assert_eq!(count(ok).as_deref(), Some("2"));
    assert_eq!(count("SELECT count(*) FROM landed_ticks WHERE status = 'duplicate'").as_deref(), Some("2"));
}

#[test]
fn a_last_cell_that_may_be_cut_off_is_a_dead_letter() {
    let whole = format!(
        "{HEADER}a,BTC-USD,1585699201147000,86,6423,6422.9,112\na,BTC-USD,1585699201147001,86,6423,6422.9,112\n"
    );
    let reason = "line 3 of q.csv: its last cell may be cut off, because the file ends here without a line end";
    for (length, expected) in [(whole.len(), None), (whole.len() - 1, Some(reason)), (whole.len() - 2, Some(reason))] {
        let temp = folder();
        std::fs::write(temp.path().join("q.csv"), &whole[..length]).expect("written");
        land(temp.path(), &["q.csv"]);
        assert_eq!(dead(temp.path()), expected.into_iter().collect::<Vec<_>>(), "{length} bytes");
    }
    // The compressed data say where they end. A last cell that is not read does not matter.
    let temp = folder();
    std::fs::write(temp.path().join("q.csv.gz"), gzip(whole.trim_end())).expect("written");
    std::fs::write(temp.path().join("BTCUSDT-trades-2025-01-01.csv"), SPOT_TRADES.trim_end()).expect("written");
    land(temp.path(), &["q.csv.gz", "BTCUSDT-trades-2025-01-01.csv"]);
    assert!(dead(temp.path()).is_empty(), "{:?}", dead(temp.path()));
}

#[test]
fn empty_first_names_do_not_shift_the_columns() {
    let row = "7|BTC|1709251200000|1|2\n";
    for (name, separator) in [("\\t", "\t"), (";", ";"), ("|", "|"), (",", ","), (" ", " ")] {
        let table = format!("|s|t|b|a\n{row}").replace('|', separator);
        let map = format!("{MAP}separator = \"{name}\"\n");
        assert_eq!(quotes(table.as_bytes(), &map), ["BTC,1.0,2.0"], "{name}");
    }
}

#[test]
fn tables_may_begin_unusually() {
    let rows = "BTC,1709251200000,1,2\n";
    let given = format!("{MAP}header = ['s', 't', 'b', 'a']\n");
    for (table, map) in [
        (format!("\u{feff}{rows}"), given.as_str()),
        (format!("\u{feff}s,t,b,a\n{rows}"), MAP),
        (format!("\r\n\n  \ns,t,b,a\n{rows}"), MAP),
        (format!("\n\n{rows}"), &given),
    ] {
        assert_eq!(quotes(table.as_bytes(), map), ["BTC,1.0,2.0"], "{table:?}");
    }
    // A brace in the first row does not make it a message.
    let table = "{BTC},1709251200000,1,2\n";
    assert_eq!(quotes(table.as_bytes(), &given), ["{BTC},1.0,2.0"]);
    let table = "s,t,b,a,{note}\nBTC,1709251200000,1,2,\n";
    assert_eq!(quotes(table.as_bytes(), MAP), ["BTC,1.0,2.0"]);
    // Lines are counted with the blank ones.
    let temp = folder();
    std::fs::write(temp.path().join("q.csv"), format!("\n\n{}", QUOTES.replace("6423,", "x,"))).expect("written");
    std::fs::write(temp.path().join("r.csv"), format!("\n{QUOTES}1,2\n")).expect("written");
    land(temp.path(), &["q.csv", "r.csv"]);
    assert_eq!(
        dead(temp.path()),
        ["ask is `x`, which is not a number", "line 5 of r.csv: it has 2 cells instead of 8"]
    );
}

#[test]
fn messages_about_tables_are_those_of_tables() {
    let short = format!("{HEADER}1,2,3\n");
    let said = refused(&[("q.csv", short.as_bytes())], &["q.csv"]);
    assert!(said.contains("no row of q.csv can be read; line 2: it has 3 cells instead of 7"), "{said}");
    assert!(said.contains("docs/history.md") && !said.contains("JSON"), "{said}");
    let wrong = format!("{HEADER}a,BTC-USD,1585699201147000,86,x,6422.9,112\n");
    let said = refused(&[("q.csv", wrong.as_bytes())], &["q.csv"]);
    assert!(said.contains("no row of q.csv can be read; row 1: ask is `x`, which is not a number"), "{said}");
    let said = refused(&[("q.csv", HEADER.as_bytes())], &["q.csv"]);
    assert!(said.contains("q.csv is a table without rows"), "{said}");
    let packed = gzip(QUOTES);
    for length in [5, 20, packed.len() / 2] {
        let said = refused(&[("q.csv.gz", &packed[..length])], &["q.csv.gz"]);
        assert!(said.contains("q.csv.gz is cut off before the end of its first line"), "{length}: {said}");
    }
    let said = refused(&[("a.csv", SPOT_TRADES.as_bytes())], &["a.csv"]);
    assert!(said.contains("such as BTCUSDT-trades-2025-01-01.csv") && said.contains("header = ["), "{said}");
    let long = format!("{},b\n", "a,".repeat(10_000));
    let said = refused(&[("a.csv", long.as_bytes())], &["a.csv"]);
    assert!(said.len() < 1000, "{} bytes", said.len());
}

#[test]
fn a_parquet_column_of_another_type_is_named() {
    let temp = folder();
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.0)])]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("t", Arc::new(Float64Array::from(vec![1_709_251_200_123.0]))),
        ("s", Arc::new(StringArray::from(vec!["BTC"]))),
        ("b", Arc::new(list)),
        ("a", Arc::new(Float64Array::from(vec![2.0]))),
        ("c", Arc::new(Float64Array::from(vec![1.0]))),
    ];
    parquet(&temp.path().join("q.parquet"), columns);
    std::fs::write(temp.path().join("m.toml"), MAP).expect("written");
    let said = refusal(temp.path(), &["replay", "q.parquet", "--map", "m.toml"]);
    assert!(said.contains("q.parquet has the column `b` of the type List"), "{said}");
    assert!(said.contains("which is not one value a row") && !said.contains("damaged"), "{said}");
    // A time that is a double has a unit too.
    std::fs::write(temp.path().join("m.toml"), MAP.replace("'b'", "'c'") + "time_unit = 'ms'\n").expect("written");
    let (_, rows) = land(temp.path(), &["q.parquet", "--map", "m.toml"]);
    assert_eq!(rows, "BTC,1709251200123000000,1.0,,2.0,,,,,\n");
}
