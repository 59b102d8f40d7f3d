//! Every shape, every problem, and that reading is total.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::{Content, Parsed, Problem, Shape, Side, Tick, parse};

const ADVANCED: &str = r#"{"channel":"ticker","client_id":"","timestamp":"2026-04-04T21:13:43.291084825Z","sequence_num":7,"events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"67223.5","volume_24_h":"2401.16054813","low_24_h":"66770.64","high_24_h":"67535.2","low_52_w":"60001","high_52_w":"126296","price_percent_chg_24_h":"-0.54672614199923","best_bid":"67223.49","best_ask":"67223.5","best_bid_quantity":"0.56309243","best_ask_quantity":"0.25094364"},{"product_id":"ETH-USD","price":"2055.05","best_bid":"2055.48","best_ask":"2055.48"}]},{"type":"update","tickers":[{"product_id":"SOL-USD","price":"80","best_bid":"79.5","best_ask":"80.5"}]}]}"#;
const EXCHANGE: &str = r#"{"type":"ticker","sequence":116681060283,"product_id":"BTC-USD","price":"86468.04","open_24h":"87046.02","volume_24h":"11500.40434547","low_24h":"85213.17","high_24h":"88100","volume_30d":"292316.97626696","best_bid":"86468.03","best_bid_size":"0.15818534","best_ask":"86468.04","best_ask_size":"0.05782483","side":"sell","time":"2025-11-24T15:08:18.223332Z","trade_id":910348374,"last_size":"0.02454085"}"#;
const INNER: &str = r#"{"timestamp":"2025-11-08T15:12:31.463496","product_id":"BTC-USD","price":"102020.48","raw":{"type":"ticker","product_id":"BTC-USD","price":"102020.48","low_52_w":"74420.69","best_bid":"102020.47","best_ask":"102020.48","best_bid_quantity":"0.02944129"}}"#;
const FLAT: &str = r#"{"ts":"2026-04-03T22:13:41.421126+00:00","product_id":"BTC-USD","price":66863.0,"best_bid":66865.48,"best_ask":66865.49,"volume_24h":0.0}"#;
const IN_STRING: &str = r#"{"ts":1762932011.629353,"pair":"BTC-USD","raw":"{\"type\":\"ticker\",\"sequence\":115498669093,\"product_id\":\"BTC-USD\",\"price\":\"103472.28\",\"best_bid\":\"103472.27\",\"best_ask\":\"103472.28\",\"side\":\"buy\",\"time\":\"2025-11-12T07:20:11.615272Z\"}"}"#;
const BINANCE: &str = r#"1723161254087891268 {"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;

fn read(message: &str) -> Parsed {
    parse(message.as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {message}"))
}

fn ticks(message: &str) -> Vec<Tick> {
    match read(message).content {
        Content::Ticks(ticks) => ticks,
        Content::Control(control) => panic!("{} is no tick", control.name),
    }
}

fn problem(message: &str) -> Problem {
    parse(message.as_bytes()).expect_err("the message has a problem")
}

#[test]
fn advanced_envelope_holds_several_events_and_tickers() {
    let parsed = read(ADVANCED);
    assert_eq!((parsed.shape, parsed.sequence_num), (Shape::AdvancedEnvelope, Some(7)));
    let ticks = ticks(ADVANCED);
    let products: Vec<&str> = ticks.iter().map(|tick| tick.product_id.as_str()).collect();
    assert_eq!(products, ["BTC-USD", "ETH-USD", "SOL-USD"]);
    assert!(ticks.iter().all(|tick| tick.event_time == 1_775_337_223_291_084_825 && tick.sequence_num == Some(7)));
    let expected = Tick {
        product_id: "BTC-USD".into(),
        event_time: 1_775_337_223_291_084_825,
        price: Some(67223.5),
        best_bid: 67223.49,
        best_bid_quantity: Some(0.56309243),
        best_ask: 67223.5,
        best_ask_quantity: Some(0.25094364),
        volume_24_h: Some(2401.16054813),
        low_24_h: Some(66770.64),
        high_24_h: Some(67535.2),
        low_52_w: Some(60001.0),
        high_52_w: Some(126296.0),
        price_percent_chg_24_h: Some(-0.54672614199923),
        side: None,
        last_size: None,
        sequence_num: Some(7),
    };
    assert_eq!(ticks[0], expected);
    assert_eq!((ticks[1].volume_24_h, ticks[1].best_bid_quantity), (None, None));
}

#[test]
fn control_messages_keep_their_number() {
    let subscriptions = r#"{"channel":"subscriptions","timestamp":"2026-04-05T22:35:13.925350911Z","sequence_num":1,"events":[{"subscriptions":{"ticker":["BTC-USD"]}}]}"#;
    let Parsed { sequence_num, content: Content::Control(control), .. } = read(subscriptions) else {
        panic!("subscriptions are control messages");
    };
    assert_eq!((sequence_num, control.name.as_str(), control.heartbeat_counter), (Some(1), "subscriptions", None));
    assert_eq!(control.event_time, Some(1_775_428_513_925_350_911));
    for counter in ["42", "\"42\""] {
        let heartbeat = format!(
            r#"{{"channel":"heartbeats","timestamp":"2026-04-07T14:30:10Z","sequence_num":9,"events":[{{"current_time":"2026-04-07 14:30:10.000000000+00:00","heartbeat_counter":{counter}}}]}}"#
        );
        let Content::Control(control) = read(&heartbeat).content else { panic!("heartbeats are control messages") };
        assert_eq!((control.name.as_str(), control.heartbeat_counter), ("heartbeats", Some(42)));
    }
    let Content::Control(control) = read(r#"{"type":"subscriptions","channels":[]}"#).content else {
        panic!("subscriptions are control messages");
    };
    assert_eq!(control.name, "subscriptions");
}

#[test]
fn exchange_ticker_has_side_and_size() {
    let ticks = ticks(EXCHANGE);
    assert_eq!(read(EXCHANGE).shape, Shape::Exchange);
    assert_eq!((ticks[0].side, ticks[0].last_size), (Some(Side::Sell), Some(0.02454085)));
    assert_eq!((ticks[0].sequence_num, ticks[0].event_time), (Some(116681060283), 1_763_996_898_223_332_000));
    assert_eq!((ticks[0].best_bid_quantity, ticks[0].volume_24_h), (Some(0.15818534), Some(11500.40434547)));
}

#[test]
fn recorders_shapes() {
    let inner = ticks(INNER);
    assert_eq!(read(INNER).shape, Shape::InnerUnderRaw);
    assert_eq!((inner[0].event_time, inner[0].sequence_num), (1_762_614_751_463_496_000, None));
    assert_eq!((inner[0].low_52_w, inner[0].best_bid_quantity), (Some(74420.69), Some(0.02944129)));

    let flat = ticks(FLAT);
    assert_eq!(read(FLAT).shape, Shape::Flat);
    assert_eq!((flat[0].event_time, flat[0].best_bid), (1_775_254_421_421_126_000, 66865.48));
    assert_eq!((flat[0].price, flat[0].volume_24_h), (Some(66863.0), Some(0.0)));

    let in_string = ticks(IN_STRING);
    assert_eq!(read(IN_STRING).shape, Shape::ExchangeInString);
    assert_eq!((in_string[0].event_time, in_string[0].side), (1_762_932_011_615_272_000, Some(Side::Buy)));

    let binance = ticks(BINANCE);
    assert_eq!(read(BINANCE).shape, Shape::BinanceBookTicker);
    assert_eq!((binance[0].price, binance[0].sequence_num), (None, Some(50093239212)));
    assert_eq!((binance[0].event_time, binance[0].best_ask), (1_723_161_254_087_891_268, 61837.64));
}

#[test]
fn each_problem_names_field_and_value() {
    let flat = |fields: &str| format!(r#"{{"product_id":"BTC-USD","timestamp":"2026-04-06T15:02:34Z",{fields}}}"#);
    for (message, expected) in [
        (String::new(), "message is empty"),
        (FLAT[..60].to_string(), "message ends in the middle, after 60 bytes"),
        ("1723161254087891268".into(), "message ends in the middle, after 19 bytes"),
        ("[1]".into(), "message has none of the known shapes"),
        ("{\"a\":1}}".into(), "message is no JSON of a known shape: trailing characters at line 1 column 8"),
        ("{}".into(), "message has none of the known shapes"),
        (flat(r#""best_bid":"1","best_ask":"2""#), "price is missing"),
        (flat(r#""price":"","best_bid":"1","best_ask":"2""#), "price is missing"),
        (flat(r#""price":"1","best_ask":"2""#), "best_bid is missing"),
        (flat(r#""price":"abc","best_bid":"1","best_ask":"2""#), "price is `abc`, which is no number"),
        (flat(r#""price":true,"best_bid":"1","best_ask":"2""#), "price is true, which is no number"),
        (flat(r#""price":[1],"best_bid":"1","best_ask":"2""#), "price is a list, which is no number"),
        (flat(r#""price":"NaN","best_bid":"1","best_ask":"2""#), "price is `NaN`, which is not finite"),
        (flat(r#""price":"1e999","best_bid":"1","best_ask":"2""#), "price is `1e999`, which is not finite"),
        (flat(r#""price":"1","best_bid":"-1","best_ask":"2""#), "best_bid is `-1`, which is not above zero"),
        (flat(r#""price":"1","best_bid":0,"best_ask":"2""#), "best_bid is 0, which is not above zero"),
        (flat(r#""price":"1","best_bid":"2.5","best_ask":"2""#), "quote is crossed: best_bid 2.5 is above best_ask 2"),
        (flat(r#""price":"1","best_bid":"1","best_ask":"2","volume":-3"#), "volume_24_h is -3, which is negative"),
        (flat(r#""price":"1","best_bid":"1","best_ask":"2","side":"both""#), "side is `both`, neither buy nor sell"),
        (
            flat(r#""price":"1","best_bid":"1","best_ask":"2","sequence":1.5"#),
            "sequence_num is 1.5, which is no whole number",
        ),
        (FLAT.replace("2026-04-03", "yesterday "), "ts is `yesterday T22:13:41.421126+00:00`, which is no time"),
        (FLAT.replace(r#""ts":"2026-04-03T22:13:41.421126+00:00","#, ""), "timestamp is missing"),
        (FLAT.replace(r#""BTC-USD""#, "7"), "product_id is 7, which is no text"),
        (FLAT.replace(r#""BTC-USD""#, r#""""#), "product_id is missing"),
        (r#"{"channel":"ticker","timestamp":"2026-04-04T21:13:43Z","events":[]}"#.into(), "tickers is missing"),
        (
            r#"{"type":"error","message":"Failed to subscribe","reason":"no such product"}"#.into(),
            "the exchange answers with an error: Failed to subscribe: no such product",
        ),
        (r#"{"type":"error"}"#.into(), "the exchange answers with an error: it gives no reason"),
    ] {
        assert_eq!(problem(&message).to_string(), expected, "{message}");
    }
    assert_eq!(parse(b"{\"price\":\"\xff\"}"), Err(Problem::NotText { valid_bytes: 10 }));
    let long = format!(r#"{{"product_id":"{}","timestamp":1,"price":"x","best_bid":1,"best_ask":2}}"#, "B".repeat(9));
    assert_eq!(
        problem(&long.replace("\"x\"", &format!("\"{}\"", "€".repeat(500)))).to_string().chars().count(),
        "price is `…`, which is no number".chars().count() + 60
    );
}

#[test]
fn one_bad_ticker_makes_the_envelope_a_dead_letter() {
    assert_eq!(problem(&ADVANCED.replace(r#""price":"80","#, "")), Problem::Missing { field: "price" });
}

/// Cuts a good message short, or replaces one byte of it, so that the readers' depths are reached.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let message = prop_oneof![Just(ADVANCED), Just(EXCHANGE), Just(INNER), Just(FLAT), Just(IN_STRING), Just(BINANCE)];
    (message, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(message, index, byte, cut)| {
        let mut bytes = message.as_bytes().to_vec();
        let at = index.index(bytes.len());
        if cut {
            bytes.truncate(at)
        } else {
            bytes[at] = byte
        }
        bytes
    })
}

proptest! {
    #[test]
    fn parse_never_panics(bytes in prop_oneof![damaged(), prop::collection::vec(any::<u8>(), 0..200)]) {
        if let Ok(Parsed { content: Content::Ticks(ticks), .. }) = parse(&bytes) {
            assert!(!ticks.is_empty());
            for tick in ticks {
                assert!(tick.best_bid > 0.0 && tick.best_bid <= tick.best_ask && tick.best_ask.is_finite());
                assert!(tick.price.is_none_or(|price| price > 0.0 && price.is_finite()));
            }
        }
    }
}
