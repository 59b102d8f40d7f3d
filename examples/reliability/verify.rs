//! Compares what was delivered with what the archive holds, and the archive with what landed, row by row.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::path::Path;

use serde_json::Value;
use squall::log::{self, Location, Record};

use super::processes::Squall;
use super::proxy::{Delivered, hash};

/// What the comparison counted.
#[derive(Debug, Default)]
pub struct Verdict {
    pub delivered: u64,
    pub archived: u64,
    /// Delivered to a process that was killed before it had archived them.
    pub in_flight: u64,
    pub rows: u64,
    pub marked_duplicate: u64,
    pub dead: u64,
    /// What must be empty.
    pub faults: Vec<String>,
}

/// A row, without what squall adds to it.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    event_time: i64,
    price: f64,
    best_bid: f64,
    best_ask: f64,
}

/// A row's connection, sequence number and product.
type Key = (String, i64, String);

/// Compares everything.
pub async fn verify(squall: &Squall, topic: &str, delivered: &[Delivered]) -> Result<Verdict, Box<dyn Error>> {
    let mut verdict = Verdict::default();
    let archive = squall.folder.join("data/raw").join(topic);
    let (messages, mut connections) = (read(&archive).await?, Vec::<(String, Vec<u64>)>::new());
    for (connection, payload) in &messages {
        match connections.last_mut() {
            Some((last, hashes)) if last == connection => hashes.push(hash(payload)),
            _ => connections.push((connection.clone(), vec![hash(payload)])),
        }
    }
    verdict.archived = messages.len() as u64;
    compare_connections(delivered, &connections, &mut verdict);
    let (expected, dead) = expected(&messages)?;
    compare_rows(squall, expected, &mut verdict)?;
    let letters = squall.run(&["sql", "--format", "csv", "SELECT count(DISTINCT payload) AS n FROM dead_letters"])?;
    verdict.dead = letters.lines().nth(1).unwrap_or_default().parse()?;
    if verdict.dead != dead {
        verdict.faults.push(format!("{dead} messages cannot be read, and {} are dead letters", verdict.dead));
    }
    if let Err(error) = squall.run(&["land", "--check"]) {
        verdict.faults.push(error.to_string());
    }
    Ok(verdict)
}

/// Reads the archive: each message's connection and bytes, in order.
async fn read(archive: &Path) -> Result<Vec<(String, Vec<u8>)>, Box<dyn Error>> {
    let log = log::open(&Location::Folder(archive.into()), &log::Options::default()).await?;
    let held = log.offsets(0).await?;
    let (mut messages, mut from) = (Vec::new(), held.start);
    while from < held.end {
        for message in log.read(0, from, 10_000).await? {
            if message.offset != from {
                return Err(io::Error::other(format!("offset {from} of the archive is missing")).into());
            }
            from += 1;
            let Record { connection, payload, .. } = message.record;
            messages.push((connection.map_or(String::new(), |name| name.to_string()), payload.into()));
        }
    }
    Ok(messages)
}

/// Checks that each connection was archived as it was delivered, up to the end of a receiver that was killed.
fn compare_connections(delivered: &[Delivered], archived: &[(String, Vec<u64>)], verdict: &mut Verdict) {
    let mut by_first: HashMap<u64, Vec<&(String, Vec<u64>)>> = HashMap::new();
    for connection in archived {
        by_first.entry(connection.1[0]).or_default().push(connection);
    }
    let mut matched = 0;
    for (number, connection) in delivered.iter().enumerate() {
        verdict.delivered += connection.messages.len() as u64;
        let Some(first) = connection.messages.first() else { continue };
        let found = by_first
            .get(first)
            .and_then(|candidates| candidates.iter().find(|(_, hashes)| connection.messages.starts_with(hashes)));
        let held = found.map_or(0, |(_, hashes)| hashes.len());
        matched += usize::from(held > 0);
        let missing = connection.messages.len() - held;
        match missing {
            0 => {}
            missing if connection.cut_short => verdict.in_flight += missing as u64,
            missing => verdict.faults.push(format!("connection {number}: {missing} of its last messages are lost")),
        }
    }
    if matched != archived.len() {
        let extra = archived.len() - matched;
        verdict.faults.push(format!("{extra} archived connections hold something else than was delivered"));
    }
}

/// Reads the messages without squall; returns their rows, and how many different ones cannot be read.
fn expected(messages: &[(String, Vec<u8>)]) -> Result<(HashMap<Key, Row>, u64), Box<dyn Error>> {
    let mut rows = HashMap::new();
    let mut dead = std::collections::HashSet::new();
    for (connection, payload) in messages {
        let Ok(message) = serde_json::from_slice::<Value>(payload) else {
            dead.insert(payload);
            continue;
        };
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
        for ticker in
            message["events"].as_array().into_iter().flatten().flat_map(|event| event["tickers"].as_array()).flatten()
        {
            let time = chrono::DateTime::parse_from_rfc3339(message["timestamp"].as_str().unwrap_or_default())?;
            let row = Row {
                event_time: time.timestamp_nanos_opt().unwrap_or_default(),
                price: number(&ticker["price"]).ok_or("no price")?,
                best_bid: number(&ticker["best_bid"]).ok_or("no best_bid")?,
                best_ask: number(&ticker["best_ask"]).ok_or("no best_ask")?,
            };
            let product = ticker["product_id"].as_str().unwrap_or_default().to_string();
            rows.insert((connection.clone(), message["sequence_num"].as_i64().unwrap_or(-1), product), row);
        }
    }
    Ok((rows, dead.len() as u64))
}

/// Checks that each row landed once with its values, and that nothing else landed.
fn compare_rows(squall: &Squall, mut expected: HashMap<Key, Row>, verdict: &mut Verdict) -> Result<(), Box<dyn Error>> {
    let sql =
        "SELECT connection, sequence_num, product_id, CAST(event_time AS BIGINT), price, best_bid, best_ask, status
        FROM landed_ticks";
    let output = squall.run(&["sql", "--format", "csv", sql])?;
    let (mut twice, mut wrong) = (0, 0);
    for line in output.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [connection, sequence_num, product, event_time, price, best_bid, best_ask, status] = cells.as_slice()
        else {
            return Err(format!("a row of other columns: {line}").into());
        };
        if *status == "duplicate" {
            verdict.marked_duplicate += 1;
            continue;
        }
        verdict.rows += 1;
        let row = Row {
            event_time: event_time.parse()?,
            price: price.parse()?,
            best_bid: best_bid.parse()?,
            best_ask: best_ask.parse()?,
        };
        match expected.remove(&(connection.to_string(), sequence_num.parse()?, product.to_string())) {
            None => twice += 1,
            Some(sent) if sent != row => wrong += 1,
            Some(_) => {}
        }
    }
    for (count, what) in [
        (expected.len(), "rows of the archive did not land"),
        (twice, "rows landed twice, or were never sent"),
        (wrong, "rows landed with other values"),
    ] {
        if count > 0 {
            verdict.faults.push(format!("{count} {what}"));
        }
    }
    Ok(())
}
