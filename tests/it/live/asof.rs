//! ASOF joins of ticks with ticks: a row waits until the product on its right has passed it, and has the bits of batch then.

use std::sync::atomic::AtomicBool;

use squall::live::Until;

use super::super::land::memory::{MemoryLog, flat, record};
use super::Place;
use super::parity::pieces;

/// Joins with another product and with the row's own, with windows on either side, below and above, and all of them together.
const OWN: [(&str, &str); 9] = [
    (
        "sql/features/led.sql",
        "-- description: What another product did.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   b_price: USD\n\
         SELECT t.product_id, t.ts, t.rv_10s, b.ts AS b_ts, b.rv_60s AS b_rv_60s, b.ticks_60s AS b_ticks_60s\n\
         FROM spike_features AS t ASOF LEFT JOIN (SELECT ts, rv_60s, ticks_60s FROM spike_features WHERE product_id = 'B-USD') AS b\n\
         ON b.ts <= t.ts\n",
    ),
    (
        "sql/features/before.sql",
        "-- description: Strictly before, ticks of a part of a product, and windows over the joined rows.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   price, b_price, change: USD\n\
         SELECT product_id, ts, price, b_price, b_price - lag(b_price) OVER (PARTITION BY product_id ORDER BY ts) AS change,\n\
         corr(price, b_price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '20 seconds' PRECEDING) AS correlation,\n\
         row_number() OVER (PARTITION BY product_id ORDER BY ts) AS place\n\
         FROM (SELECT t.product_id, t.ts, t.price, b.price AS b_price FROM ticks AS t\n\
         ASOF JOIN (SELECT ts, price FROM ticks WHERE log_offset % 3 > 0 AND product_id = 'B-USD') AS b ON t.ts > b.ts)\n",
    ),
    (
        "sql/features/near.sql",
        "-- description: A tolerance, and the age of the match.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   age: s\n\
         SELECT ticks.product_id, ticks.ts, CAST(CAST(ticks.ts - b.ts AS BIGINT) AS DOUBLE) / 1e9 AS age, b.midprice_return\n\
         FROM ticks ASOF LEFT JOIN (SELECT ts, midprice_return FROM tick_features WHERE product_id = 'C-USD') AS b\n\
         ON b.ts <= ticks.ts TOLERANCE INTERVAL '700 milliseconds'\n",
    ),
    (
        "sql/features/alike.sql",
        "-- description: The last tick of the product's own whose offset was even or odd too, before this one.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   last_price: USD\n\
         SELECT t.product_id, t.ts, s.ts AS last_ts, s.price AS last_price,\n\
         stddev_samp(s.price) OVER (PARTITION BY t.product_id ORDER BY t.ts ROWS 5 PRECEDING) AS deviation\n\
         FROM (SELECT product_id, ts, log_offset % 2 AS odd FROM ticks) AS t\n\
         ASOF LEFT JOIN (SELECT product_id, ts, price, log_offset % 2 AS odd FROM ticks) AS s ON t.odd = s.odd AND t.product_id = s.product_id AND t.ts > s.ts\n",
    ),
    (
        "sql/features/alone.sql",
        "-- description: The last large step of the product's own.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   step: USD\n\
         SELECT t.product_id, t.ts, c.ts AS step_ts, c.change AS step\n\
         FROM ticks AS t ASOF JOIN (SELECT * FROM (SELECT product_id, ts, price - lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS change\n\
         FROM ticks) WHERE change > 0.01) AS c ON t.product_id = c.product_id AND t.ts >= c.ts\n",
    ),
    (
        "sql/features/sided.sql",
        "-- description: Another product's last tick whose offset has the same remainder.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   b_price: USD\n\
         SELECT t.product_id, t.ts, b.ts AS b_ts, b.price AS b_price\n\
         FROM (SELECT product_id, ts, log_offset % 3 AS third FROM ticks) AS t\n\
         ASOF LEFT JOIN (SELECT ts, price, log_offset % 3 AS third FROM ticks WHERE product_id = 'B-USD') AS b ON t.third = b.third AND b.ts < t.ts\n",
    ),
    (
        "sql/features/leader.sql",
        "-- description: The product that each one follows, and a window over the joined rows.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   spread: USD\n\
         SELECT t.product_id, t.ts, l.ts AS l_ts, l.rv_60s AS l_rv_60s,\n\
         stddev_samp(l.rv_60s) OVER (PARTITION BY t.product_id ORDER BY t.ts ROWS 9 PRECEDING) AS deviation\n\
         FROM (SELECT product_id, ts, CASE product_id WHEN 'A-USD' THEN 'B-USD' WHEN 'B-USD' THEN 'C-USD' ELSE 'A-USD' END AS leader\n\
         FROM spike_features) AS t\n\
         ASOF LEFT JOIN (SELECT product_id, ts, rv_60s FROM spike_features WHERE product_id IN ('B-USD', 'C-USD')) AS l\n\
         ON t.leader = l.product_id AND l.ts <= t.ts\n",
    ),
    (
        "sql/features/close.sql",
        "-- description: Another product's last tick of the last five seconds, and the mean of its last minute.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   mean: USD\n\
         SELECT t.product_id, t.ts, c.mean\n\
         FROM ticks AS t ASOF LEFT JOIN (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts\n\
         RANGE INTERVAL '1 minute' PRECEDING) AS mean FROM ticks WHERE product_id = 'C-USD') AS c\n\
         ON c.ts <= t.ts TOLERANCE INTERVAL '5 seconds'\n",
    ),
    (
        "sql/features/all_of_them.sql",
        "-- description: The others, joined by their grain.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   last_price: USD\n\
         SELECT l.product_id, l.ts, l.b_rv_60s, n.age, a.last_price, t.rv_60s, b.correlation\n\
         FROM led AS l JOIN near AS n ON l.product_id = n.product_id AND l.ts = n.ts\n\
         JOIN alike AS a ON a.product_id = l.product_id AND a.ts = l.ts\n\
         JOIN spike_features AS t ON t.product_id = l.product_id AND t.ts = l.ts\n\
         LEFT JOIN before AS b ON b.product_id = l.product_id AND b.ts = l.ts\n",
    ),
];

#[tokio::test]
async fn joined_rows_have_the_bits_of_batch_for_any_polls_and_restarts() {
    pieces(
        20,
        1,
        &OWN,
        &["led", "before", "near", "alike", "alone", "sided", "leader", "close", "all_of_them", "spike_features"],
    )
    .await;
}

#[tokio::test]
async fn joined_rows_have_the_bits_of_batch_over_several_partitions() {
    pieces(30, 3, &OWN, &["led", "before", "alone", "sided", "leader", "close", "all_of_them"]).await;
}

/// Runs to the end of a log, and returns how many rows each query has emitted.
async fn emitted<const N: usize>(place: &Place, log: &std::sync::Arc<MemoryLog>, names: [&str; N]) -> [u64; N] {
    let mut live = place.open(log, &names, &mut |folder| Box::new(folder)).await.unwrap();
    live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 1).await.unwrap();
    names.map(|name| live.counts().emitted.get(name).copied().unwrap_or_default())
}

#[tokio::test]
async fn a_row_waits_for_the_other_product_and_holds_those_behind_it_of_its_query_alone() {
    let place = Place::with(&OWN).await;
    let log =
        MemoryLog::of([flat("B-USD", 0, 100), flat("A-USD", 10, 200), flat("B-USD", 5, 150), flat("A-USD", 12, 200)]);
    let names = ["led", "alone", "spike_features"];
    assert_eq!(emitted(&place, &log, names).await, [1, 1, 4], "A's first row waits, and B's second one is behind it");
    // They are not lost at the end of a run, not given twice, and not missing: they wait.
    place.data.land(&log, 1000).await.unwrap();
    let found = place.parity("led", &place.out()).await.unwrap();
    assert_eq!((found.same, found.difference), (1, None));
    log.push(0, record(flat("B-USD", 10, 150)));
    assert_eq!(emitted(&place, &log, names).await, [2, 1, 1], "a tick at the same time is enough");
    log.push(0, record(flat("B-USD", 60_000, 150)));
    assert_eq!(emitted(&place, &log, names).await, [3, 1, 1]);
    place.data.land(&log, 1000).await.unwrap();
    let found = place.parity("led", &place.out()).await.unwrap();
    assert_eq!((found.same, found.waiting, found.difference), (6, 0, None));
    assert_eq!(place.count("led").await, 6);
}

#[tokio::test]
async fn rows_are_compared_once_the_other_product_has_landed() {
    let place = Place::with(&OWN).await;
    let log = MemoryLog::of([flat("B-USD", 0, 100), flat("A-USD", 10, 200)]);
    let live = place.open(&log, &["led"], &mut |folder| Box::new(folder)).await.unwrap();
    drop(live);
    place.data.land(&log, 1000).await.unwrap();
    log.push(0, record(flat("B-USD", 7, 105)));
    log.push(0, record(flat("B-USD", 11, 106)));
    assert_eq!(emitted(&place, &log, ["led"]).await, [4]);
    // Batch would give A's row the older row of B.
    let found = place.parity("led", &place.out()).await.unwrap();
    assert_eq!((found.same, found.waiting, found.difference), (1, 3, None));
    place.data.land(&log, 1000).await.unwrap();
    let found = place.parity("led", &place.out()).await.unwrap();
    assert_eq!((found.same, found.waiting, found.difference), (4, 0, None));
}

#[tokio::test]
async fn a_plan_says_what_its_rows_wait_for() {
    let place = Place::with(&OWN).await;
    let plan = place.plan("all_of_them").await.unwrap();
    assert_eq!(plan.waits_for(), ["B-USD", "C-USD"]);
    let rights = plan.describe().rights;
    assert_eq!(rights.len(), 4, "{rights:?}");
    assert!(rights.iter().any(|right| right.waits_for.is_none()), "{rights:?}");
    assert!(rights.iter().any(|right| right.input.contains("the ticks as they come")), "{rights:?}");
    assert_eq!(place.plan("leader").await.unwrap().waits_for(), ["B-USD", "C-USD"]);
    assert_eq!(place.plan("sided").await.unwrap().waits_for(), ["B-USD"]);
    assert!(place.plan("alike").await.unwrap().waits_for().is_empty());
    assert!(place.plan("spike_features").await.unwrap().waits_for().is_empty());
}

#[tokio::test]
async fn a_join_with_a_tolerance_starts_from_as_many_ticks_as_it_looks_back() {
    let place = Place::with(&OWN).await;
    // About three hours of two products.
    let messages = (0..12_000).map(|at| flat(["B-USD", "C-USD"][at % 2], at as i64 * 1_000, 100 + at as u32 % 7));
    let log = MemoryLog::of(messages);
    place.data.land(&log, 100_000).await.unwrap();
    let live = place.open(&log, &["close"], &mut |folder| Box::new(folder)).await.unwrap();
    let warmed = live.counts().warmed;
    assert!((60..80).contains(&warmed), "it looks back a minute, and a few seconds more: {warmed}");
}
