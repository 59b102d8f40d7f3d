//! A key that comes twice: with different values it is a problem, in every shape and wherever the shape reads it.

use super::exchanges::{BYBIT, KRAKEN, OKX};
use super::{ADVANCED, EXCHANGE, FLAT, problem, read, ticks};
use crate::tick::Problem;

const FUTURES: &str = r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.3519","B":"31.21","a":"25.3652","A":"40.66"}"#;
const ROW: &str = r#"{"history":"map","product_id":"H","time_ns":"1764385200123456789","bid":"1","bid_size":"5","ask":"2","price":"1.5","side":"buy","size":"3","id":"x"}"#;
const HEARTBEAT: &str = r#"{"channel":"heartbeats","timestamp":"2026-04-07T14:30:10Z","sequence_num":9,"events":[{"heartbeat_counter":42}]}"#;
const ANSWER: &str = r#"{"success":true,"ret_msg":"","conn_id":"1","op":"subscribe"}"#;

/// Returns a message with a member written again behind itself.
fn again(message: &str, member: &str, second: &str) -> String {
    assert!(message.contains(member), "{message} lacks {member}");
    message.replacen(member, &format!("{member},{second}"), 1)
}

#[test]
fn a_key_that_comes_twice_has_one_value() {
    let stream = format!(r#"{{"stream":"bnbusdt@bookTicker","data":{FUTURES}}}"#);
    let other = format!(r#""data":{}"#, FUTURES.replace("25.3519", "25"));
    let data = format!(r#""data":{FUTURES}"#);
    let kraken_data = &KRAKEN[KRAKEN.find(r#""data""#).expect("data")..KRAKEN.len() - 1];
    let bybit_data = &BYBIT[BYBIT.find(r#""data""#).expect("data")..BYBIT.find(r#","cts""#).expect("cts")];
    let okx_data = &OKX[OKX.find(r#""data""#).expect("data")..OKX.len() - 1];
    let events = &ADVANCED[ADVANCED.find(r#""events""#).expect("events")..ADVANCED.len() - 1];
    let batch = ADVANCED.replace(r#""channel":"ticker""#, r#""channel":"ticker_batch""#);
    for (message, member, second, field) in [
        (FUTURES, r#""b":"25.3519""#, r#""b":"24""#, "best_bid"),
        (FUTURES, r#""a":"25.3652""#, r#""a":"26""#, "best_ask"),
        (FUTURES, r#""B":"31.21""#, r#""B":31"#, "B"),
        (FUTURES, r#""s":"BNBUSDT""#, r#""s":"ETHUSDT""#, "s"),
        (FUTURES, r#""E":1568014460893"#, r#""E":1568014460999"#, "E"),
        (FUTURES, r#""u":400900217"#, r#""u":null"#, "u"),
        (FUTURES, r#""e":"bookTicker""#, r#""e":"trade""#, "e"),
        (&stream, r#""stream":"bnbusdt@bookTicker""#, r#""stream":"bnbusdt@trade""#, "stream"),
        (&stream, &data, &other, "data"),
        (KRAKEN, r#""bid":108359.8"#, r#""bid":99"#, "bid"),
        (KRAKEN, r#""last":108359.8"#, r#""last":108359.9"#, "last"),
        (KRAKEN, r#""symbol":"BTC/USD""#, r#""symbol":"ETH/USD""#, "symbol"),
        (KRAKEN, r#""channel":"ticker""#, r#""channel":"trade""#, "channel"),
        (KRAKEN, kraken_data, r#""data":[]"#, "data"),
        (BYBIT, r#""b":[["16493.50","0.006"]]"#, r#""b":[["16493.00","0.006"]]"#, "best_bid"),
        (BYBIT, r#""cts":1672304484976"#, r#""cts":1672304484975"#, "cts"),
        (BYBIT, r#""topic":"orderbook.1.BTCUSDT""#, r#""topic":"orderbook.50.BTCUSDT""#, "topic"),
        (BYBIT, r#""type":"snapshot""#, r#""type":"delta""#, "type"),
        (BYBIT, bybit_data, r#""data":{"s":"BTCUSDT"}"#, "data"),
        (ANSWER, r#""success":true"#, r#""success":false"#, "success"),
        (OKX, r#""instId":"BCH-USDT-SWAP""#, r#""instId":"ETH-USDT""#, "instId"),
        (OKX, r#""seqId":363996337"#, r#""seqId":363996338"#, "seqId"),
        (OKX, r#""ts":"1670324386802""#, r#""ts":"1670324386803""#, "ts"),
        (OKX, r#""asks":[["111.06","55154","0","2"]]"#, r#""asks":[["111.07","55154","0","2"]]"#, "best_ask"),
        (OKX, r#""arg":{"channel":"bbo-tbt","instId":"BCH-USDT-SWAP"}"#, r#""arg":{"channel":"bbo-tbt"}"#, "arg"),
        (OKX, okx_data, r#""data":[]"#, "data"),
        (ROW, r#""product_id":"H""#, r#""product_id":"G""#, "product_id"),
        (ROW, r#""bid":"1""#, r#""bid":"1.25""#, "bid"),
        (ROW, r#""time_ns":"1764385200123456789""#, r#""time_ns":"1764385200123456780""#, "time_ns"),
        (ROW, r#""id":"x""#, r#""id":"y""#, "id"),
        (ROW, r#""side":"buy""#, r#""side":"sell""#, "side"),
        (ADVANCED, events, r#""events":[]"#, "events"),
        (&batch, events, r#""events":[]"#, "events"),
        (ADVANCED, r#""best_bid":"67223.49""#, r#""best_bid":"67223.48""#, "best_bid"),
        (ADVANCED, r#""channel":"ticker""#, r#""channel":"heartbeats""#, "channel"),
        (
            ADVANCED,
            r#""tickers":[{"product_id":"SOL-USD","price":"80","best_bid":"79.5","best_ask":"80.5"}]"#,
            r#""tickers":[]"#,
            "tickers",
        ),
        (HEARTBEAT, r#""events":[{"heartbeat_counter":42}]"#, r#""events":[{"heartbeat_counter":43}]"#, "events"),
        (HEARTBEAT, r#""heartbeat_counter":42"#, r#""heartbeat_counter":43"#, "heartbeat_counter"),
        (EXCHANGE, r#""price":"86468.04""#, r#""price":null"#, "price"),
        (FLAT, r#""price":66863.0"#, r#""price":66864.0"#, "price"),
        (FLAT, r#""price":66863.0"#, r#""pri\u0063e":66864.0"#, "price"),
    ] {
        let told = problem(&again(message, member, second));
        assert_eq!(told.to_string(), format!("{field} comes twice, with different values"), "{second} in {message}");
        let reversed = message.replacen(member, &format!("{second},{member}"), 1);
        assert!(matches!(problem(&reversed), Problem::Twice { .. }), "{reversed}");
        assert_eq!(read(&again(message, member, member)), read(message), "one value twice");
    }
    // A recorder's clock counts only where the message has none.
    let line = |message: &str| format!(r#"{{"ts":1764385200,"ts":1764385300,"raw":{message}}}"#);
    assert_eq!(read(&line(EXCHANGE)), read(EXCHANGE));
    let spot = r#"{"u":9,"s":"BTCUSDT","b":"25","B":"31","a":"26","A":"40"}"#;
    assert_eq!(problem(&line(spot)), Problem::Twice { field: "ts" });
}

#[test]
fn a_key_means_what_it_says_without_its_backslashes() {
    for (message, from, to) in [
        (FLAT, r#""price""#, r#""pri\u0063e""#),
        (FUTURES, r#""b""#, r#""\u0062""#),
        (BYBIT, r#""data""#, r#""\u0064at\u0061""#),
        (ADVANCED, r#""events""#, r#""event\u0073""#),
    ] {
        assert_eq!(ticks(&message.replace(from, to)), ticks(message), "{to}");
    }
    // Half of a surrogate pair is no character, so it is in no shape's key.
    let half = FLAT.replace(r#"{"ts""#, r#"{"\ud83d":1,"\ud83d":2,"ts""#);
    assert_eq!(read(&half), read(FLAT));
}
