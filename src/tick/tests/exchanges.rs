//! What exchanges send beside quotes, under keys that mean something else in each message; and names that come from messages.

use super::{ADVANCED, EXCHANGE, FLAT, problem, read, string, ticks};
use crate::tick::shapes::binance_bookticker;
use crate::tick::{Content, Control, Problem, parse};

fn control(message: &str) -> Control {
    match read(message).content {
        Content::Control(control) => control,
        Content::Ticks(ticks) => panic!("{message} gives {ticks:?}"),
    }
}

/// Messages of Binance's other streams, as its documentation shows them, each with the stream's name and what it is called.
const BINANCE_STREAMS: [(&str, &str, &str); 12] = [
    (
        "btcusdt@trade",
        "trade",
        r#"{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":12345,"p":"0.001","q":"100","b":88,"a":50,"T":1672515782136,"m":true,"M":true}"#,
    ),
    (
        "btcusdt@aggTrade",
        "aggTrade",
        r#"{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}"#,
    ),
    (
        "btcusdt@depth@100ms",
        "depthUpdate",
        r#"{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}"#,
    ),
    (
        "btcusdt@kline_1m",
        "kline",
        r#"{"e":"kline","E":1672515782136,"s":"BTCUSDT","k":{"t":1672515780000,"s":"BTCUSDT","i":"1m","o":"0.0010","c":"0.0020","x":false}}"#,
    ),
    (
        "btcusdt@ticker",
        "24hrTicker",
        r#"{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"0.0015","P":"250.00","w":"0.0018","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","v":"10000"}"#,
    ),
    (
        "btcusdt@miniTicker",
        "24hrMiniTicker",
        r#"{"e":"24hrMiniTicker","E":1672515782136,"s":"BTCUSDT","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}"#,
    ),
    (
        "btcusdt@ticker_1h",
        "1hTicker",
        r#"{"e":"1hTicker","E":1672515782136,"s":"BTCUSDT","p":"0.0015","o":"0.0010","v":"10000"}"#,
    ),
    (
        "btcusdt@avgPrice",
        "avgPrice",
        r#"{"e":"avgPrice","E":1672515782136,"s":"BTCUSDT","i":"5m","w":"25776.86","T":1672515782136}"#,
    ),
    (
        "btcusdt@markPrice",
        "markPriceUpdate",
        r#"{"e":"markPriceUpdate","E":1672515782136,"s":"BTCUSDT","p":"11794.15","i":"11784.62","r":"0.00038"}"#,
    ),
    (
        "btcusdt@forceOrder",
        "forceOrder",
        r#"{"e":"forceOrder","E":1672515782136,"o":{"s":"BTCUSDT","S":"SELL","q":"0.014","p":"9910"}}"#,
    ),
    ("btcusdt@depth5", "depth5", r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#),
    ("btcusdt@trade", "trade", r#"{"s":"BTCUSDT","t":12345,"p":"0.001","q":"100","b":88,"a":50}"#),
];

#[test]
fn only_the_book_ticker_of_binance_is_a_quote() {
    for (stream, name, data) in BINANCE_STREAMS {
        for line in [
            format!(r#"{{"stream":"{stream}","data":{data}}}"#),
            format!(r#"1723161254087891268 {{"data":{data},"stream":"{stream}"}}"#),
            format!(r#"{{"ts":1723161254,"raw":{}}}"#, string(&format!(r#"{{"stream":"{stream}","data":{data}}}"#))),
        ] {
            assert_eq!(control(&line).name, name, "{line}");
            assert_eq!(read(&line).shape, &binance_bookticker::SHAPE);
        }
        if data.contains("\"e\"") {
            assert_eq!(
                (control(data).name.as_str(), control(data).event_time),
                (name, Some(1_672_515_782_136_000_000))
            );
        }
    }
    // Without its type, a trade is not told from anything else; it is not a quote in any case.
    assert_eq!(problem(BINANCE_STREAMS[11].2), Problem::UnknownShape);
    assert_eq!(control(BINANCE_STREAMS[10].2).name, "depth");
    assert_eq!(control(r#"{"result":null,"id":1}"#).name, "result");
    let list =
        r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","b":"1","a":"2"}]}"#;
    assert_eq!(control(list).name, "ticker@arr");
    // The type is more exact than the stream's name, and each of them alone is enough to say that it is not a quote.
    let quote = r#"{"u":1,"s":"BTCUSDT","b":"1","B":"3","a":"2","A":"4"}"#;
    assert_eq!(control(&format!(r#"{{"stream":"btcusdt@trade","data":{quote}}}"#)).name, "trade");
    let other = BINANCE_STREAMS[4].2;
    assert_eq!(control(&format!(r#"{{"stream":"btcusdt@bookTicker","data":{other}}}"#)).name, "24hrTicker");
}

#[test]
fn binances_quotes_are_read_in_and_out_of_streams() {
    let spot =
        r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
    let futures = r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.3519","B":"31.21","a":"25.3652","A":"40.66"}"#;
    let second = 1_763_000_000_000_000_000;
    for (data, time) in [(spot, second), (futures, 1_568_014_460_893_000_000)] {
        for message in [
            data.to_string(),
            format!(r#"{{"stream":"bnbusdt@bookTicker","data":{data}}}"#),
            format!(r#"{{"stream":"bnbusdt@bookticker","data":{data}}}"#),
            format!(r#"{{"stream":"!bookTicker","data":{data}}}"#),
            // A recorder's own name for the stream, and the message as a text.
            format!(r#"{{"stream":"quotes","data":{data}}}"#),
            format!(r#"{{"stream":"bnbusdt@bookTicker","data":{}}}"#, string(data)),
        ] {
            let tick = ticks(&format!("1763000000000 {message}")).remove(0);
            assert_eq!((tick.event_time, tick.best_bid, tick.best_ask), (time, 25.3519, 25.3652), "{message}");
            assert_eq!((tick.best_bid_quantity, tick.sequence_num), (Some(31.21), Some(400900217)));
        }
    }
    assert_eq!(problem(spot), Problem::Missing { field: "recorder's time" });
}

#[test]
fn a_batch_of_tickers_without_quotes_is_a_control_message() {
    // As in the exchange's documentation of the channel.
    let batch = r#"{"channel":"ticker_batch","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":0,"events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"21932.98","volume_24_h":"16038.28770938","low_24_h":"21835.29","high_24_h":"23011.18","low_52_w":"15460","high_52_w":"48240","price_percent_chg_24_h":"-4.15775596190603"}]}]}"#;
    let batch_read = read(batch);
    assert_eq!((control(batch).name.as_str(), batch_read.sequence_num), ("ticker_batch", Some(0)));
    let quoted = ADVANCED.replace(r#""channel":"ticker""#, r#""channel":"ticker_batch""#);
    assert_eq!(ticks(&quoted), ticks(ADVANCED));
    let half = batch.replace(r#""price":"21932.98""#, r#""price":"21932.98","best_bid":"21932.98""#);
    assert_eq!(problem(&half), Problem::Missing { field: "best_ask" });
    let ticker = batch.replace("ticker_batch", "ticker");
    assert_eq!(problem(&ticker), Problem::Missing { field: "best_bid" });
}

#[test]
fn messages_of_other_exchanges_are_not_taken_for_a_known_shape() {
    for message in [
        // Bybit, Kraken, OKX, KuCoin, Deribit, FTX, dYdX, Gemini, BitMEX.
        r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","bid1Price":"1","ask1Price":"2"},"cs":1,"ts":1672515782136}"#,
        r#"{"topic":"orderbook.1.BTCUSDT","type":"delta","ts":1672515782136,"data":{"s":"BTCUSDT","b":[["1","2"]],"a":[["3","4"]],"u":1,"seq":2}}"#,
        r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50"}]}"#,
        r#"{"success":true,"ret_msg":"","conn_id":"1","op":"subscribe"}"#,
        r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1,"ask":2}]}"#,
        r#"{"channel":"heartbeat"}"#,
        r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","bidPx":"1","askPx":"2"}]}"#,
        r#"{"type":"message","topic":"/market/ticker:BTC-USDT","subject":"trade.ticker","data":{"sequence":"1","price":"1","bestAsk":"2"}}"#,
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{"timestamp":1,"best_bid_price":1}}}"#,
        r#"{"channel":"trades","market":"BTC-USD","type":"update","data":[{"id":1,"price":1}]}"#,
        r#"{"type":"channel_data","connection_id":"x","message_id":1,"channel":"v3_trades","id":"BTC-USD","contents":{}}"#,
        r#"{"type":"update","eventId":1,"events":[{"type":"trade","price":"1"}]}"#,
        r#"{"table":"quote","action":"insert","data":[{"symbol":"XBTUSD","bidPrice":1,"askPrice":2}]}"#,
        // cryptofeed, tardis.
        r#"{"exchange":"COINBASE","symbol":"BTC-USD","bid":"1","ask":"2","timestamp":1672515782.1,"receipt_timestamp":1672515782.2}"#,
        r#"{"type":"book_change","symbol":"XBTUSD","exchange":"bitmex","isSnapshot":false,"bids":[],"asks":[],"timestamp":"2019-05-23T15:15:46.693Z"}"#,
        r#"{"type":"trade","symbol":"XBTUSD","exchange":"bitmex","price":1,"amount":2,"side":"buy","timestamp":"2019-06-01T00:00:00Z"}"#,
    ] {
        assert_eq!(problem(message), Problem::UnknownShape, "{message}");
        assert_eq!(problem(&format!("2020-06-01T00:00:00.1234567Z {message}")), Problem::UnknownShape, "{message}");
    }
    // The lines of tardis hold the exchanges' messages, after its own time.
    assert_eq!(ticks(&format!("2020-06-01T00:00:00.1234567Z {EXCHANGE}")), ticks(EXCHANGE));
}

#[test]
fn names_from_messages_are_short_and_can_be_printed() {
    let named = |product: &str| parse(FLAT.replace(r#""BTC-USD""#, &string(product)).as_bytes());
    assert!(named(&"B".repeat(128)).is_ok());
    assert!(named("ÄÖ-€").is_ok());
    let told = |product: &str| named(product).map(drop).expect_err("the name is refused").to_string();
    assert_eq!(
        told(&"B".repeat(70_000)),
        format!("product_id is `{}…`, which is longer than 128 bytes", "B".repeat(60))
    );
    assert_eq!(told("BTC\u{1b}[31m"), "product_id is `BTC\\u{1b}[31m`, which is not printable text");
    let message = |name: &str| format!(r#"{{"type":{},"product_id":"BTC-USD"}}"#, string(name));
    assert_eq!(control(&message("a\u{1b}[2Jb")).name, "a\\u{1b}[2Jb");
    assert_eq!(control(&message(&"x".repeat(500))).name.chars().count(), 61);
    let error = r#"{"type":"error","message":"\u001b]0;title\u0007"}"#;
    assert_eq!(problem(error).to_string(), r"the exchange answers with an error: \u{1b}]0;title\u{7}");
}
