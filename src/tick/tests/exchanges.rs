//! What exchanges send beside quotes, under keys that mean something else in each message; and names that come from messages.

use super::{ADVANCED, EXCHANGE, FLAT, problem, read, string, ticks};
use crate::tick::shapes::{binance_bookticker, bybit_orderbook, kraken_ticker, okx_bbo};
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
    assert_eq!(control(r#"{"result":["btcusdt@bookTicker"],"id":3}"#).name, "result");
    assert_eq!(control(r#"{"result":[],"id":3}"#).name, "result");
    assert_eq!(problem(r#"{"jsonrpc":"2.0","result":["quote.BTC"],"id":3}"#), Problem::UnknownShape);
    let list =
        r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","b":"1","a":"2"}]}"#;
    assert_eq!(control(list).name, "ticker@arr");
    // The same stream outside a combined stream.
    let (_, bare) = list.strip_suffix('}').and_then(|list| list.split_once(r#""data":"#)).expect("a list");
    for line in [
        bare.to_string(),
        format!("\u{feff} {bare}\n"),
        format!("1723161254087891268 {bare}"),
        format!(r#"{{"ts":1723161254,"raw":{bare}}}"#),
        format!(r#"{{"ts":1723161254,"raw":{}}}"#, string(bare)),
    ] {
        let control = control(&line);
        assert_eq!(
            (control.name.as_str(), control.event_time),
            ("24hrTicker", Some(1_672_515_782_136_000_000)),
            "{line}"
        );
    }
    for other in [bare.replace(r#""E""#, r#""F""#), bare.replace("24hrTicker", "bookTicker"), bare.replace(']', ",1]")]
    {
        assert_eq!(problem(&other), Problem::UnknownShape, "{other}");
    }
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
fn binances_errors_are_told_as_such() {
    let expected = Problem::Exchange { message: "Invalid request".into() };
    for error in [
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
        r#"{"code":2,"msg":"Invalid request"}"#,
        r#"{"code":2,"msg":"Invalid request","id":"a"}"#,
        r#"{"ts":1723161254,"raw":{"code":2,"msg":"Invalid request"}}"#,
    ] {
        assert_eq!(problem(error), expected, "{error}");
    }
    for other in [
        r#"{"jsonrpc":"2.0","error":{"code":2,"message":"Invalid request"},"id":1}"#,
        r#"{"code":2,"msg":"Invalid request","level":"info"}"#,
        r#"{"code":"2","msg":"Invalid request"}"#,
        r#"{"error":"Invalid request","id":1}"#,
    ] {
        assert_eq!(problem(other), Problem::UnknownShape, "{other}");
    }
    // A recorder's own words beside a message change nothing.
    assert_eq!(ticks(&format!(r#"{{"code":0,"msg":{}}}"#, string(EXCHANGE))), ticks(EXCHANGE));
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

pub const KRAKEN: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":108359.8,"bid_qty":0.01362603,"ask":108359.9,"ask_qty":17.17988863,"last":108359.8,"volume":2158.32346723,"vwap":108894.5,"low":106824,"high":111300,"change":-2679.9,"change_pct":-2.41,"timestamp":"2025-06-13T09:04:31.742648Z"}]}"#;
pub const BYBIT: &str = r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"#;
pub const OKX: &str = r#"{"arg":{"channel":"bbo-tbt","instId":"BCH-USDT-SWAP"},"data":[{"asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#;

#[test]
fn krakens_tickers_are_whole_quotes() {
    let tick = ticks(KRAKEN).remove(0);
    assert_eq!(read(KRAKEN).shape, &kraken_ticker::SHAPE);
    assert_eq!((tick.product_id.as_str(), tick.event_time), ("BTC/USD", 1_749_805_471_742_648_000));
    assert_eq!((tick.price, tick.best_bid, tick.best_ask), (Some(108_359.8), 108_359.8, 108_359.9));
    assert_eq!((tick.best_bid_quantity, tick.best_ask_quantity), (Some(0.013_626_03), Some(17.179_888_63)));
    assert_eq!(
        (tick.volume_24_h, tick.low_24_h, tick.high_24_h),
        (Some(2_158.323_467_23), Some(106_824.0), Some(111_300.0))
    );
    assert_eq!((tick.price_percent_chg_24_h, tick.sequence_num), (Some(-2.41), None));
    assert_eq!(ticks(&KRAKEN.replace("update", "snapshot")), ticks(KRAKEN));
    let strings =
        KRAKEN.replace(r#""bid":108359.8"#, r#""bid":"108359.8""#).replace(":17.17988863", r#":"17.17988863""#);
    assert_eq!(ticks(&strings), ticks(KRAKEN));
    // A product that was not traded for a day, and a message from before tickers had a time.
    let quiet = KRAKEN.replace(r#""last":108359.8,"#, "");
    assert_eq!(ticks(&quiet)[0].price, None);
    assert_eq!(ticks(&KRAKEN.replace(r#""last":108359.8"#, r#""last":0"#))[0].price, None);
    let old = KRAKEN.replace(r#","timestamp":"2025-06-13T09:04:31.742648Z""#, "");
    assert_eq!(problem(&old), Problem::Missing { field: "recorder's time" });
    assert_eq!(ticks(&format!("1749805471742648000 {old}")), ticks(KRAKEN));
    let several =
        KRAKEN.replace("}]}", r#"},{"symbol":"ETH/USD","bid":1,"ask":2,"timestamp":"2025-06-13T09:04:31Z"}]}"#);
    assert_eq!(ticks(&several).len(), 2);
    for (cut, expected) in [
        (r#""bid":108359.8,"#, "bid is missing"),
        (r#""ask":108359.9,"#, "ask is missing"),
        (r#""symbol":"BTC/USD","#, "symbol is missing"),
    ] {
        assert_eq!(problem(&several.replace(cut, "")).to_string(), expected, "no ticker of the message is read");
    }
    let crossed = KRAKEN.replace(r#""bid":108359.8"#, r#""bid":108360"#);
    assert!(matches!(problem(&crossed), Problem::Crossed { .. }));
    assert_eq!(problem(r#"{"channel":"ticker","type":"update","data":[]}"#), Problem::Missing { field: "data" });
}

#[test]
fn krakens_other_messages_hold_no_ticks() {
    for (message, name) in [
        (r#"{"channel":"heartbeat"}"#, "heartbeat"),
        (
            r#"{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":15268345203137103392,"system":"online","version":"2.0.0"}]}"#,
            "status",
        ),
        (
            r#"{"channel":"book","type":"update","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5657,"qty":1098.3947558}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#,
            "book",
        ),
        (
            r#"{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#,
            "trade",
        ),
        (
            r#"{"method":"subscribe","result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#,
            "subscribe",
        ),
        (
            r#"{"method":"pong","req_id":101,"time_in":"2023-09-24T14:10:23.799685Z","time_out":"2023-09-24T14:10:23.799703Z"}"#,
            "pong",
        ),
    ] {
        assert_eq!(control(message).name, name);
        assert_eq!(read(message).shape, &kraken_ticker::SHAPE);
    }
    let error = r#"{"error":"Currency pair not supported DOGE/XYZ","method":"subscribe","success":false,"symbol":"DOGE/XYZ","time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#;
    assert_eq!(problem(error), Problem::Exchange { message: "Currency pair not supported DOGE/XYZ".into() });
}

#[test]
fn bybits_snapshots_of_one_level_are_whole_quotes() {
    let tick = ticks(BYBIT).remove(0);
    assert_eq!(read(BYBIT).shape, &bybit_orderbook::SHAPE);
    assert_eq!((tick.product_id.as_str(), tick.event_time), ("BTCUSDT", 1_672_304_484_976_000_000));
    assert_eq!((tick.best_bid, tick.best_ask, tick.price), (16493.5, 16611.0, None));
    assert_eq!((tick.best_bid_quantity, tick.best_ask_quantity), (Some(0.006), Some(0.029)));
    assert_eq!(tick.sequence_num, Some(18_521_288));
    let without_cts = BYBIT.replace(r#","cts":1672304484976"#, "");
    assert_eq!(ticks(&without_cts)[0].event_time, 1_672_304_484_978_000_000);
    // After a restart of the exchange's service.
    assert_eq!(ticks(&BYBIT.replace("18521288", "1"))[0].sequence_num, Some(1));
    // A change may leave out a side, or remove a level: it is never taken for a quote.
    let delta = BYBIT.replace("snapshot", "delta");
    for message in
        [delta.clone(), delta.replace(r#"[["16493.50","0.006"]]"#, "[]"), BYBIT.replace(r#""type":"snapshot","#, "")]
    {
        assert_eq!(problem(&message), Problem::PartOfABook, "{message}");
    }
    for (from, to, expected) in [
        (r#"[["16493.50","0.006"]]"#, "[]", "best_bid is missing"),
        (r#""a":[["16611.00","0.029"]],"#, "", "best_ask is missing"),
        (r#"["16493.50","0.006"]"#, r#"["16493.50","0"]"#, "best_bid_quantity is `0`, which is not above zero"),
        (
            r#"["16493.50","0.006"]"#,
            r#"["16493.50","0.006"],["16493","1"]"#,
            "best_bid is a list, which is not one level of an order book",
        ),
        (
            r#"["16493.50","0.006"]"#,
            r#""16493.50","0.006""#,
            "best_bid is a list, which is not one level of an order book",
        ),
        ("16611.00", "-1", "best_ask is `-1`, which is not above zero"),
        ("16611.00", "1.00", "quote is crossed: best_bid 16493.5 is above best_ask 1"),
        (r#""s":"BTCUSDT","#, "", "s is missing"),
    ] {
        assert_eq!(problem(&BYBIT.replace(from, to)).to_string(), expected);
    }
    for (message, name) in [
        (
            r#"{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT","b":[["1","2"]],"a":[["3","4"]],"u":1}}"#,
            "orderbook.50",
        ),
        (
            r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","bid1Price":"1","ask1Price":"2"},"cs":1,"ts":1672515782136}"#,
            "tickers",
        ),
        (
            r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50"}]}"#,
            "publicTrade",
        ),
        (r#"{"success":true,"ret_msg":"","conn_id":"1","op":"subscribe"}"#, "subscribe"),
        (r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}"#, "ping"),
    ] {
        assert_eq!(control(message).name, name);
    }
    let error = r#"{"success":false,"ret_msg":"error:handler not found","conn_id":"1","op":"subscribe"}"#;
    assert_eq!(problem(error), Problem::Exchange { message: "error:handler not found".into() });
}

#[test]
fn okxs_best_bids_and_offers_are_whole_quotes() {
    let tick = ticks(OKX).remove(0);
    assert_eq!(read(OKX).shape, &okx_bbo::SHAPE);
    assert_eq!((tick.product_id.as_str(), tick.event_time), ("BCH-USDT-SWAP", 1_670_324_386_802_000_000));
    assert_eq!((tick.best_bid, tick.best_ask, tick.price), (111.05, 111.06, None));
    assert_eq!((tick.best_bid_quantity, tick.best_ask_quantity), (Some(57745.0), Some(55154.0)));
    assert_eq!(tick.sequence_num, Some(363_996_337));
    assert_eq!(problem(&OKX.replace(r#"{"arg""#, r#"{"action":"update","arg""#)), Problem::PartOfABook);
    assert_eq!(problem(&OKX.replace(r#"[["111.06","55154","0","2"]]"#, "[]")).to_string(), "best_ask is missing");
    assert_eq!(problem(&OKX.replace("111.06", "nan")).to_string(), "best_ask is `nan`, which is not finite");
    assert_eq!(problem(&OKX.replace(r#","ts":"1670324386802""#, "")).to_string(), "ts is missing");
    for (message, name) in [
        ("pong", "pong"),
        (r#"{"offset":7,"ingest_time":1763000000000000000,"connection":"c1","text":"pong"}"#, "pong"),
        (r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#, "subscribe"),
        (
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#,
            "notice",
        ),
        (
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","bidPx":"1","askPx":"2"}]}"#,
            "tickers",
        ),
        (
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["1","2","0","1"]],"ts":"1597026383085","seqId":123457,"prevSeqId":123456}]}"#,
            "books",
        ),
    ] {
        assert_eq!(control(message).name, name);
    }
    let error = r#"{"event":"error","code":"60012","msg":"Invalid request","connId":"a4d3ae55"}"#;
    assert_eq!(problem(error), Problem::Exchange { message: "Invalid request (60012)".into() });
    // A recorder's word beside a message is not the message.
    assert_eq!(ticks(&format!(r#"{{"note":"pong","raw":{OKX}}}"#)), ticks(OKX));
    for message in ["ping", "pongs", "PONG"] {
        assert_eq!(problem(message), Problem::UnknownShape, "{message}");
    }
}

#[test]
fn the_same_message_from_a_log_gives_the_same_tick() {
    for message in [KRAKEN, BYBIT, OKX] {
        let line = format!(r#"{{"offset":7,"ingest_time":1763000000000000000,"connection":"c1","message":{message}}}"#);
        assert_eq!(read(&line), read(message));
    }
}

#[test]
fn messages_of_other_exchanges_are_not_taken_for_a_known_shape() {
    for message in [
        // KuCoin, Deribit, FTX, dYdX, Gemini, BitMEX, Bitget.
        r#"{"type":"message","topic":"/market/ticker:BTC-USDT","subject":"trade.ticker","data":{"sequence":"1","price":"1","bestAsk":"2"}}"#,
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{"timestamp":1,"best_bid_price":1}}}"#,
        r#"{"channel":"trades","market":"BTC-USD","type":"update","data":[{"id":1,"price":1}]}"#,
        r#"{"type":"channel_data","connection_id":"x","message_id":1,"channel":"v3_trades","id":"BTC-USD","contents":{}}"#,
        r#"{"type":"update","eventId":1,"events":[{"type":"trade","price":"1"}]}"#,
        r#"{"action":"snapshot","arg":{"instType":"SPOT","channel":"books1","instId":"BTCUSDT"},"data":[{"asks":[["2","1"]],"bids":[["1","1"]],"ts":"1695715383021"}]}"#,
        r#"{"channel":"ticker","market":"BTC-PERP","type":"update","data":{"bid":1,"ask":2,"time":1672515782.1}}"#,
        r#"{"table":"quote","action":"insert","data":[{"symbol":"XBTUSD","bidPrice":1,"askPrice":2}]}"#,
        // Gate.io, spot and futures.
        r#"{"time":1764385200,"time_ms":1764385200123,"channel":"spot.book_ticker","event":"update","result":{"t":1764385200123,"u":48733182,"s":"BTC_USDT","b":"100","B":"1","a":"101","A":"1"}}"#,
        r#"{"time":1764385200,"channel":"futures.book_ticker","event":"update","result":{"t":1764385200123,"u":2517661076,"s":"BTC_USD","b":"100","B":37000,"a":"101","A":47061}}"#,
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
    let half = FLAT.replace(r#""BTC-USD""#, r#""B\ud83dX""#);
    assert_eq!(problem(&half).to_string(), r"product_id is `B\ud83dX`, which is not printable text");
    assert_eq!(ticks(&FLAT.replace(r#""BTC-USD""#, r#""B\ud83d\ude00X""#))[0].product_id, "B😀X");
    let message = |name: &str| format!(r#"{{"type":{},"product_id":"BTC-USD"}}"#, string(name));
    assert_eq!(control(&message("a\u{1b}[2Jb")).name, "a\\u{1b}[2Jb");
    assert_eq!(control(&message(&"x".repeat(500))).name.chars().count(), 61);
    let error = r#"{"type":"error","message":"\u001b]0;title\u0007"}"#;
    assert_eq!(problem(error).to_string(), r"the exchange answers with an error: \u{1b}]0;title\u{7}");
}
