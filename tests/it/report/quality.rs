//! `squall report quality` and `squall report eda`: the figures are those of the ticks, and what is wrong comes first.

use std::path::Path;

use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;
use squall::report::Page;

use super::{keep, make};
use crate::model::commands::Folder;

/// Returns a session with the tables of landing, of which `landed_ticks` has these rows.
async fn session(rows: &[String]) -> SessionContext {
    let context = SessionContext::new();
    FUNCTIONS.register(&context, Path::new("no/models/here"));
    let ticks = "CREATE TABLE landed_ticks (product_id VARCHAR, ts TIMESTAMPTZ, event_time TIMESTAMPTZ, ingest_time TIMESTAMPTZ, \
                 best_bid DOUBLE, best_ask DOUBLE, connection VARCHAR, status VARCHAR) AS VALUES ";
    let silences =
        format!("CREATE VIEW landed_silences AS {}", include_str!("../../../src/catalog/landed_silences.sql"));
    for sql in [
        &format!("{ticks} {}", rows.join(", ")),
        silences.as_str(),
        "CREATE TABLE landed_files (topic VARCHAR, log_partition INT, first_offset BIGINT, last_offset BIGINT, messages BIGINT, \
         control BIGINT, dead BIGINT, absent BIGINT) AS VALUES ('raw', 0, 0, 99, 100, 3, 2, 0), ('raw', 0, 105, 149, 45, 0, 0, 1)",
        "CREATE TABLE landed_gaps (ingest_time TIMESTAMPTZ, topic VARCHAR, connection VARCHAR, after_sequence_num BIGINT, \
         next_sequence_num BIGINT, missing BIGINT, log_offset BIGINT) AS VALUES ('2026-01-01T00:00:09Z', 'raw', 'c1', 5, 9, 3, 12)",
        "CREATE TABLE dead_letters (reason VARCHAR, ingest_time TIMESTAMPTZ, payload VARCHAR, payload_hex VARCHAR) AS VALUES \
         ('a price of 1.5 is bad', '2026-01-01T00:00:01Z', '<script>', NULL), ('a price of 2.5 is bad', '2026-01-01T00:00:02Z', NULL, 'ff')",
        "CREATE TABLE feed_events (time TIMESTAMPTZ, kind VARCHAR, reason VARCHAR) AS VALUES \
         ('2026-01-01T00:00:03Z', 'reconnecting', 'reset'), ('2026-01-01T00:00:04Z', 'reconnecting', 'reset')",
        "CREATE TABLE squall_queries (name VARCHAR, kind VARCHAR, sql VARCHAR) AS VALUES \
         ('quotes_sane', 'audit', 'SELECT * FROM landed_ticks WHERE status = ''ok'' AND best_bid > best_ask')",
    ] {
        context.sql(sql).await.unwrap().collect().await.unwrap();
    }
    context
}

/// Returns a row of `landed_ticks`; times are seconds.
fn tick(product: &str, second: u32, bid: f64, ask: f64, status: &str) -> String {
    let time = format!("'2026-01-01T00:{:02}:{:02}Z'", second / 60, second % 60);
    format!("('{product}', {time}, {time}, {time}, {bid:?}, {ask:?}, 'c1', '{status}')")
}

async fn quality(rows: &[String]) -> Page {
    make("quality", &session(rows).await, &[]).await.unwrap()
}

#[tokio::test]
async fn what_is_wrong_comes_first_with_its_figures() {
    let mut rows: Vec<String> = (0..100).map(|second| tick("A", second, 100.0, 101.0, "ok")).collect();
    rows[20] = tick("A", 20, 102.0, 101.0, "ok");
    rows[30] = tick("A", 30, 101.0, 101.0, "ok");
    rows[40] = tick("A", 40, 110.0, 111.0, "ok");
    rows.extend((0..4).map(|step| tick("B", step * 40, 7.0, 8.0, "ok")));
    rows.push(tick("A", 50, 100.0, 101.0, "late"));
    rows.extend((0..2).map(|second| tick("B", 51 + second, 7.0, 8.0, "duplicate")));
    rows.push(tick("B", 54, 7.0, 8.0, "ahead"));
    let page = quality(&rows).await;
    keep("quality.html", &page).await;
    assert_eq!(page.verdict, "9 faults in the 104 ticks of 2 products.");
    let mut place = 0;
    for text in [
        "5 offsets of the log did not land",
        "The exchange numbered 3 messages that never came, in 1 gap.",
        "2 messages could not be read, 1.38 % of all; the most frequent reason: a price of 1.5 is bad.",
        "The bid is above the ask in 1 tick, all of A.",
        "The midprice jumps by over 0.5 % and is back at the next tick in 2 ticks, all of A.",
        "1 row is dated after its own receipt, all of B.",
        "1 row is late, 0.926 % of all, all of A.",
        "2 rows were seen before, 1.85 % of all, all of B.",
        // Three steps of 40 s: 120 of 219 s.
        "3 silences of over 10 s take 54.8 % of the time; the longest is 40 s.",
        "squall ingest reconnected 2 times.",
        "Bid and ask are equal in 1 tick, all of A.",
    ] {
        let found = page.html[place..].find(text);
        place += found.unwrap_or_else(|| panic!("{text} is missing, or not in its place"));
    }
    assert!(page.html.contains("&lt;script&gt;") && !page.html.contains("<script"));
    // The audit that has the same figure.
    assert!(page.html.contains("<th scope=\"row\">quotes_sane</th><td class=\"left\">every tick has a positive bid that is not above its ask</td><td>1</td>"));
    assert!(!page.html.contains("NaN"));
}

#[tokio::test]
async fn three_hundred_products_fit_on_a_page() {
    let rows: Vec<String> = (0..300)
        .flat_map(|product| (0..5).map(move |step| tick(&format!("P{product}-USD"), step * 9, 1.0, 2.0, "ok")))
        .collect();
    let page = quality(&rows).await;
    keep("quality-wide.html", &page).await;
    assert!(page.html.contains("240 further products are left out of this table"));
}

#[tokio::test]
async fn rows_without_a_tick_decide_nothing() {
    let page = quality(&[tick("A", 1, 1.0, 2.0, "late")]).await;
    assert_eq!(page.verdict, "None of the 1 row is a tick: all are duplicate, late or ahead.");
    assert!(!page.html.contains("NaN"));
}

#[test]
fn both_reports_are_made_from_landed_ticks() {
    let folder = Folder::new();
    folder.succeed(&["replay", concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/btc-usd.ndjson.zst")]);
    folder.succeed(&["land"]);
    folder.succeed(&["init"]);
    let printed = folder.succeed(&["report", "quality", "--out", "quality.html"]);
    assert!(printed.contains(" ticks of ") && printed.ends_with("quality.html\n"), "{printed}");
    let page = std::fs::read_to_string(folder.path().join("quality.html")).unwrap();
    for audit in ["quotes_sane", "ticks_unique", "ticks_increase", "ticks_complete"] {
        assert!(page.contains(audit), "{audit} is missing");
    }
    // Whole numbers are written as such.
    let row = page.split(">log_offset</th>").nth(1).and_then(|rest| rest.split("</tr>").next()).unwrap();
    assert!(row.split("<td").skip(3).take(5).all(|cell| !cell.contains(".0")), "{row}");

    let printed = folder.succeed(&["report", "eda", "--out", "eda.html"]);
    assert!(printed.contains("of high volatility.") || printed.contains("no training rows"), "{printed}");
    let page = std::fs::read_to_string(folder.path().join("eda.html")).unwrap();
    assert!(page.len() < super::LARGEST && !page.contains("NaN"));
    // The candidate at the project's own quantile is the project's tau, and makes its spikes.
    let found = folder.succeed(&[
        "sql",
        "--format",
        "csv",
        "SELECT max(tau) AS tau, count(*) FILTER (WHERE spike) AS spikes FROM spike_training",
    ]);
    let (tau, spikes) = found.lines().nth(1).and_then(|line| line.split_once(',')).unwrap();
    let tau: f64 = tau.parse().unwrap();
    let row = page.split("<tr>").find(|row| row.contains(">95.0 %<")).unwrap_or_default();
    let cells: Vec<&str> =
        row.split("<td>").skip(1).filter_map(|cell| cell.split_once('<')).map(|(text, _)| text).collect();
    assert_eq!(cells[1].replace(',', ""), spikes, "{row}");
    let shown: f64 = cells[0].replace('−', "-").parse().unwrap();
    assert!((shown / tau - 1.0).abs() < 1e-2, "{shown}, not {tau}");

    folder.succeed(&["report", "eda", "--on", "SELECT product_id, best_bid FROM ticks", "--out", "on.html"]);
    let refused = folder.fail(&["report", "eda", "--on", "tikcs"]);
    assert!(refused.contains("tikcs"), "{refused}");

    let empty = Folder::new();
    for report in ["quality", "eda"] {
        let refused = empty.fail(&["report", report]);
        assert!(refused.contains("no message is landed") && refused.contains("squall land"), "{refused}");
    }
}
