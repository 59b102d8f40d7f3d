//! `squall replay` on tables of history, from the file to SQL.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;

pub const QUOTES: &str = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n\
    huobi-dm-swap,BTC-USD,1585699201147000,1585699202147000,86,6423,6422.9,112\n\
    huobi-dm-swap,BTC-USD,1585699202147123,1585699203147000,88,6424,6423.9,114\n";
const TRADES: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
    bitmex,XBTUSD,1585699202957000,1585699203957000,aaa,buy,6425.5,12\n\
    bitmex,XBTUSD,1585699203957000,1585699204957000,bbb,unknown,6425,150\n";
/// As the spot market's files: no header, and microseconds.
pub const SPOT_TRADES: &str = "4359006960,93576.00000000,0.00059000,55.20984000,1735689600004123,False,True\n\
    4359006961,93575.99000000,0.01000000,935.75990000,1735689600004200,True,True\n";
const SPOT_AGG_TRADES: &str = "3358110000,93576.00000000,0.00059000,4359006960,4359006960,1735689600004,False,True\n";
const FUTURES_QUOTES: &str = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n\
    4305780439193,61155.60000000,4.41700000,61155.70000000,6.29300000,1709251200010,1709251200014\n";

pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("compressed");
    encoder.finish().expect("compressed")
}

/// Makes an archive of one file with Python's standard library; `None` where there is no Python.
fn zip(dir: &Path, archive: &str, name: &str, text: &str) -> Option<()> {
    std::fs::write(dir.join(name), text).expect("written");
    let status = Command::new("python3").args(["-m", "zipfile", "-c", archive, name]).current_dir(dir).status().ok()?;
    std::fs::remove_file(dir.join(name)).expect("removed");
    status.success().then_some(())
}

/// Runs squall in a folder, without the developer's own settings.
fn squall(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(dir).env_clear().args(arguments).output().expect("squall runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

pub fn done(dir: &Path, arguments: &[&str]) -> String {
    let output = squall(dir, arguments);
    let said = text(output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    text(output.stdout)
}

pub fn refusal(dir: &Path, arguments: &[&str]) -> String {
    let output = squall(dir, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    text(output.stderr)
}

/// Replays, lands, and returns what `replay` said and the ticks that are `ok`.
pub fn land(dir: &Path, replay: &[&str]) -> (String, String) {
    let said = done(dir, &[&["replay"], replay].concat());
    done(dir, &["land"]);
    let query =
        "SELECT product_id, arrow_cast(event_time, 'Int64') AS event_time, best_bid, best_bid_quantity, best_ask,
        best_ask_quantity, price, last_size, side, sequence_num FROM landed_ticks WHERE status = 'ok' ORDER BY ts";
    let rows = done(dir, &["sql", "--format", "csv", query]);
    (said, rows.split_once('\n').map_or("", |(_, rows)| rows).into())
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn files_of_tardis_are_read() {
    let temp = folder();
    std::fs::write(temp.path().join("quotes.csv.gz"), gzip(QUOTES)).expect("written");
    let (said, rows) = land(temp.path(), &["quotes.csv.gz"]);
    assert!(said.contains("history") && said.contains("2 messages appended"), "{said}");
    assert_eq!(
        rows,
        "BTC-USD,1585699201147000000,6422.9,112.0,6423.0,86.0,,,,\n\
         BTC-USD,1585699202147123000,6423.9,114.0,6424.0,88.0,,,,\n"
    );

    let temp = folder();
    std::fs::write(temp.path().join("trades.csv"), TRADES.replace('\n', "\r\n")).expect("written");
    let (said, rows) = land(temp.path(), &["trades.csv"]);
    assert!(said.contains("trades have no quotes; best bid and best ask are the trade's price"), "{said}");
    assert_eq!(
        rows,
        "XBTUSD,1585699202957000000,6425.5,,6425.5,,6425.5,12.0,buy,-4065769613710325\n\
         XBTUSD,1585699203957000000,6425.0,,6425.0,,6425.0,150.0,,-4610136814615\n"
    );
}

#[test]
fn files_of_binance_are_read_with_and_without_a_header() {
    let temp = folder();
    if zip(temp.path(), "BTCUSDT-trades-2025-01-01.zip", "BTCUSDT-trades-2025-01-01.csv", SPOT_TRADES).is_none() {
        eprintln!("skipped: there is no python3 to make an archive");
        return;
    }
    let (said, rows) = land(temp.path(), &["BTCUSDT-trades-2025-01-01.zip"]);
    assert!(said.contains("trades have no quotes"), "{said}");
    assert_eq!(
        rows,
        "BTCUSDT,1735689600004123000,93576.0,,93576.0,,93576.0,0.00059,buy,4359006960\n\
         BTCUSDT,1735689600004200000,93575.99,,93575.99,,93575.99,0.01,sell,4359006961\n"
    );

    let temp = folder();
    zip(temp.path(), "BTCUSDT-bookTicker-2024-03-01.zip", "BTCUSDT-bookTicker-2024-03-01.csv", FUTURES_QUOTES)
        .expect("made");
    std::fs::write(temp.path().join("ETHUSDT-aggTrades-2024-12-31.csv"), SPOT_AGG_TRADES).expect("written");
    let (_, rows) = land(temp.path(), &["BTCUSDT-bookTicker-2024-03-01.zip", "ETHUSDT-aggTrades-2024-12-31.csv"]);
    assert_eq!(
        rows,
        "BTCUSDT,1709251200010000000,61155.6,4.417,61155.7,6.293,,,,4305780439193\n\
         ETHUSDT,1735689600004000000,93576.0,,93576.0,,93576.0,0.00059,buy,3358110000\n"
    );

    // Without its name, a file does not say what it holds.
    std::fs::write(temp.path().join("a.csv"), SPOT_TRADES).expect("written");
    let said = refusal(temp.path(), &["replay", "a.csv"]);
    assert!(said.contains("a.csv is a table whose columns are not known") && said.contains("--map"), "{said}");
    std::fs::write(temp.path().join("b.csv"), FUTURES_QUOTES).expect("written");
    let said = refusal(temp.path(), &["replay", "b.csv"]);
    assert!(said.contains("b.csv does not say its product in its name"), "{said}");
}

#[test]
fn rows_that_cannot_be_read_are_dead_letters_with_file_and_line() {
    let temp = folder();
    let rows = [
        "a,BTC-USD,1585699201147000,1,86,6423,6422.9,112",
        "a,BTC-USD,1585699201147001,1,86,6423,6422.9",
        "a,BTC-USD,1585699201147002,1,86,64x3,6422.9,112",
        "a,BTC-USD,1585699201147003,1,,,6422.9,112",
        "a,BTC-USD,7,1,86,6423,6422.9,112",
        "",
        "a,\"BTC-USD,1,1,86,6423,6422.9,112",
        "a,BTC-USD,1585699201147004,1,86,6422,6422.9,112",
        "a,BTC-USD,1585699201147005,1,86,6423,6422.9,112",
    ];
    let header = QUOTES.lines().next().expect("a header");
    std::fs::write(temp.path().join("q.csv"), format!("{header}\n{}\n", rows.join("\n"))).expect("written");
    let (said, ticks) = land(temp.path(), &["q.csv"]);
    assert!(said.contains("2 with a problem, kept for the dead letters: row of a table cannot be read"), "{said}");
    assert_eq!(ticks.lines().count(), 2, "{ticks}");
    let dead = done(temp.path(), &["sql", "--format", "csv", "SELECT reason FROM dead_letters"]);
    let reasons: Vec<&str> = dead.lines().skip(1).map(|reason| reason.trim_matches('"')).collect();
    assert_eq!(
        reasons,
        [
            "line 3 of q.csv: it has 7 cells instead of 8",
            "ask is `64x3`, which is not a number",
            "ask is missing",
            "time is `7`, which is not a time between the years 2009 and 2100",
            "line 8 of q.csv: a quote does not end",
            "quote is crossed: best_bid 6422.9 is above best_ask 6422",
        ]
    );
}

#[test]
fn any_table_is_read_with_a_map() {
    let temp = folder();
    let map = "time = 'ts_event'\nproduct = 'symbol'\nbid = 'bid_px_00'\nask = 'ask_px_00'\nbid_size = 'bid_sz_00'\n\
        time_unit = 'ns'\nprice_decimals = 9\n";
    std::fs::write(temp.path().join("databento.toml"), map).expect("written");
    let csv = "ts_recv,ts_event,symbol,bid_px_00,ask_px_00,bid_sz_00\n\
        1,1709251200000000123,ESH4,5100250000000,5100500000000,12\n\
        1,1709251200000000124,ESH4,5100250000000,9223372036854775807,12\n";
    std::fs::write(temp.path().join("mbp-1.csv"), csv).expect("written");
    let (_, rows) = land(temp.path(), &["mbp-1.csv", "--map", "databento.toml"]);
    assert_eq!(rows, "ESH4,1709251200000000123,5100.25,12.0,5100.5,,,,,\n");
    let dead = done(temp.path(), &["sql", "--format", "csv", "SELECT reason FROM dead_letters"]);
    assert_eq!(dead.lines().nth(1), Some("ask is missing"));

    let said = refusal(temp.path(), &["replay", "mbp-1.csv"]);
    assert!(said.contains("columns are not known: ts_recv,ts_event,symbol"), "{said}");
    std::fs::write(temp.path().join("wrong.toml"), map.replace("ts_event", "ts_evnt")).expect("written");
    let said = refusal(temp.path(), &["replay", "mbp-1.csv", "--map", "wrong.toml"]);
    assert!(said.contains("mbp-1.csv has no column `ts_evnt`") && said.contains("ts_event"), "{said}");

    // Neither a header nor commas, and one product.
    let temp = folder();
    let map =
        "header = ['when', 'b', 'a']\nseparator = ';'\ntime = 'when'\nproduct_name = 'EURUSD'\nbid = 'b'\nask = 'a'\n";
    std::fs::write(temp.path().join("m.toml"), map).expect("written");
    std::fs::write(temp.path().join("fx.txt"), "2024-03-01 00:00:00.5;1.0801;1.0802\n").expect("written");
    let (_, rows) = land(temp.path(), &["fx.txt", "--map", "m.toml"]);
    assert_eq!(rows, "EURUSD,1709251200500000000,1.0801,,1.0802,,,,,\n");
}

pub fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

#[test]
fn parquet_gives_the_same_bits() {
    let temp = folder();
    let bids = [0.1 + 0.2, 6_423.900_000_000_001];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("venue", Arc::new(StringArray::from(vec!["x", "x"]))),
        ("ask", Arc::new(Float64Array::from(vec![0.5, 6424.0]))),
        ("bid", Arc::new(Float64Array::from(bids.to_vec()))),
        ("n", Arc::new(Int64Array::from(vec![Some(7), None]))),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![1_709_251_200_123, 1_709_251_201_000]))),
        ("sym", Arc::new(StringArray::from(vec!["A", "A"]))),
    ];
    parquet(&temp.path().join("q.parquet"), columns);
    let map = "time = 't'\nproduct = 'sym'\nbid = 'bid'\nask = 'ask'\nsequence = 'n'\n";
    std::fs::write(temp.path().join("m.toml"), map).expect("written");
    let (_, rows) = land(temp.path(), &["q.parquet", "--map", "m.toml"]);
    let expected =
        format!("A,1709251200123000000,{},,0.5,,,,,7\nA,1709251201000000000,{},,6424.0,,,,,\n", bids[0], bids[1]);
    assert_eq!(rows, expected);
    let said = refusal(temp.path(), &["replay", "q.parquet"]);
    assert!(said.contains("columns are not known: venue, ask, bid, n, t, sym"), "{said}");

    // A table of a known format needs no map.
    let temp = folder();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("exchange", Arc::new(StringArray::from(vec!["x"]))),
        ("symbol", Arc::new(StringArray::from(vec!["BTC-USD"]))),
        ("timestamp", Arc::new(Int64Array::from(vec![1_585_699_201_147_000]))),
        ("ask_amount", Arc::new(Float64Array::from(vec![86.0]))),
        ("ask_price", Arc::new(Float64Array::from(vec![6423.0]))),
        ("bid_price", Arc::new(Float64Array::from(vec![6422.9]))),
        ("bid_amount", Arc::new(Float64Array::from(vec![112.0]))),
    ];
    parquet(&temp.path().join("t"), columns);
    let (_, rows) = land(temp.path(), &["t"]);
    assert_eq!(rows, "BTC-USD,1585699201147000000,6422.9,112.0,6423.0,86.0,,,,\n");
}

#[test]
fn files_of_several_formats_are_merged_and_repeated_rows_left_out() {
    let temp = folder();
    std::fs::write(temp.path().join("quotes.csv"), QUOTES).expect("written");
    std::fs::write(temp.path().join("again.csv.gz"), gzip(QUOTES)).expect("written");
    std::fs::write(temp.path().join("trades.csv"), TRADES).expect("written");
    let (said, rows) = land(temp.path(), &["--merge", "trades.csv", "quotes.csv", "again.csv.gz"]);
    assert!(said.contains("4 messages appended"), "{said}");
    let products: Vec<&str> = rows.lines().filter_map(|row| row.split(',').next()).collect();
    assert_eq!(products, ["BTC-USD", "BTC-USD", "XBTUSD", "XBTUSD"]);
    // The same file again gives duplicates.
    let (_, again) = land(temp.path(), &["quotes.csv"]);
    assert_eq!(again, rows);
}

#[test]
fn a_download_that_broke_off_counts_to_there() {
    let temp = folder();
    let row = |number: u64| {
        format!("a,BTC-USD,{},1,86,6423,6422.{},112\n", 1_585_699_201_147_000 + number, number * 7919 % 1000)
    };
    let header = QUOTES.lines().next().expect("a header");
    let table = format!("{header}\n{}", (0..20_000).map(row).collect::<String>());
    let whole = gzip(&table);
    std::fs::write(temp.path().join("q.csv.gz"), &whole[..whole.len() / 2]).expect("written");
    let said = done(temp.path(), &["replay", "q.csv.gz"]);
    assert!(said.contains("the compressed data end in the middle"), "{said}");
    assert!(!said.contains("with a problem"), "{said}");
}

/// Serves one file to one client; any other path is not found.
fn serve(path: &'static str, content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = BufReader::new(stream.try_clone().expect("a stream"));
        let (mut first, mut line) = (String::new(), String::new());
        request.read_line(&mut first).expect("a request");
        while request.read_line(&mut line).expect("a header") > 2 {
            line.clear();
        }
        let found = first.split(' ').nth(1) == Some(path);
        let (status, body) = if found { ("200 OK", content) } else { ("404 Not Found", Vec::new()) };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("sent");
        let _ = stream.read(&mut [0]);
    });
    address
}

#[test]
fn an_address_is_downloaded_and_removed_again() {
    let temp = folder();
    let server = serve("/v1/BTCUSDT-bookTicker-2024-03-01.csv.gz", gzip(FUTURES_QUOTES));
    let address = format!("{server}/v1/BTCUSDT-bookTicker-2024-03-01.csv.gz");
    let (said, rows) = land(temp.path(), &[&address]);
    assert!(said.contains("BTCUSDT-bookTicker-2024-03-01.csv.gz"), "{said}");
    assert_eq!(rows, "BTCUSDT,1709251200010000000,61155.6,4.417,61155.7,6.293,,,,4305780439193\n");
    let left = std::fs::read_dir(temp.path().join("data")).expect("the data folder");
    let names: Vec<String> =
        left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.contains("download")), "{names:?}");

    let server = serve("/there", Vec::new());
    let said = refusal(temp.path(), &["replay", &format!("{server}/secret/a.csv?key=secret2")]);
    assert!(said.contains("cannot download http://127.0.0.1") && said.contains("404"), "{said}");
    assert!(!said.contains("secret2"), "{said}");
    let said = refusal(temp.path(), &["replay", "http://"]);
    assert!(said.contains("is not an address of a file"), "{said}");
}
