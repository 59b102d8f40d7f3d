//! Criterion benchmarks of reading messages: bytes in, ticks in columns out, on one core.
//!
//! `cargo bench --bench parsing`. `columns` reads into columns that are used again and allocates nothing for a message; `ticks`
//! makes a list of ticks for each message.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall::tick::{self, Columns, Reader};

const MESSAGES: usize = 10_000;

/// One message of each shape, as its exchange or recorder wrote it.
const SHAPES: [(&str, &str); 5] = [
    (
        "exchange",
        r#"{"type":"ticker","sequence":116681060283,"product_id":"BTC-USD","price":"86468.04","open_24h":"87046.02","volume_24h":"11500.40434547","low_24h":"85213.17","high_24h":"88100","volume_30d":"292316.97626696","best_bid":"86468.03","best_bid_size":"0.15818534","best_ask":"86468.04","best_ask_size":"0.05782483","side":"sell","time":"2025-11-24T15:08:18.223332Z","trade_id":910348374,"last_size":"0.02454085"}"#,
    ),
    (
        "advanced-envelope",
        r#"{"channel":"ticker","client_id":"","timestamp":"2026-04-04T21:13:43.291084825Z","sequence_num":7,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"67223.5","volume_24_h":"2401.16054813","low_24_h":"66770.64","high_24_h":"67535.2","low_52_w":"60001","high_52_w":"126296","price_percent_chg_24_h":"0.54672614199923","best_bid":"67223.49","best_ask":"67223.5","best_bid_quantity":"0.56309243","best_ask_quantity":"0.25094364"}]}]}"#,
    ),
    (
        "flat",
        r#"{"product_id":"BTC-USD","price":"69705.9","best_bid":"69705.9","best_ask":"69705.91","volume_24_h":"7640.30532225","timestamp":"2026-04-06T15:02:34.590029066Z"}"#,
    ),
    (
        "exchange-in-string",
        r#"{"ts":1762932011.629353,"pair":"BTC-USD","raw":"{\"type\":\"ticker\",\"sequence\":115498669093,\"product_id\":\"BTC-USD\",\"price\":\"103472.28\",\"open_24h\":\"105046.02\",\"volume_24h\":\"9500.40434547\",\"low_24h\":\"102213.17\",\"high_24h\":\"105100\",\"best_bid\":\"103472.27\",\"best_bid_size\":\"0.15818534\",\"best_ask\":\"103472.28\",\"best_ask_size\":\"0.05782483\",\"side\":\"buy\",\"time\":\"2025-11-12T07:20:11.615272Z\",\"trade_id\":900000000,\"last_size\":\"0.0001\"}"}"#,
    ),
    (
        "binance-bookticker",
        r#"1723161254087891268 {"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
    ),
];

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for (name, message) in SHAPES {
        // Each message lies elsewhere in memory, as in a batch that was read from a log.
        let messages = vec![message.as_bytes().to_vec(); MESSAGES];
        group.bench_function(format!("columns/{name}"), |bencher| {
            let (mut reader, mut columns) = (Reader::default(), Columns::default());
            bencher.iter(|| {
                columns.clear();
                for message in &messages {
                    reader.read(message, &mut columns).expect("a message of a known shape");
                }
                black_box(&columns);
            });
        });
        group.bench_function(format!("ticks/{name}"), |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    black_box(tick::parse(message).expect("a message of a known shape"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
