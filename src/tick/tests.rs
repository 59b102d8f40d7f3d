//! Every shape and every problem; and that reading returns a result for every input.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::shapes::{SHAPES, advanced_envelope, binance_bookticker, exchange, flat};
use super::{Content, Fault, Parsed, Problem, Sequence, Side, Tick, parse};

mod exchanges;
mod twice;

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
        Content::Control(control) => panic!("{} is not a tick", control.name),
    }
}

fn problem(message: &str) -> Problem {
    parse(message.as_bytes()).expect_err("the message has a problem")
}

#[test]
fn advanced_envelope_holds_several_events_and_tickers() {
    let parsed = read(ADVANCED);
    assert_eq!((parsed.shape, parsed.sequence_num), (&advanced_envelope::SHAPE, Some(7)));
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
    assert_eq!(read(EXCHANGE).shape, &exchange::SHAPE);
    assert_eq!((ticks[0].side, ticks[0].last_size), (Some(Side::Sell), Some(0.02454085)));
    assert_eq!((ticks[0].sequence_num, ticks[0].event_time), (Some(116681060283), 1_763_996_898_223_332_000));
    assert_eq!((ticks[0].best_bid_quantity, ticks[0].volume_24_h), (Some(0.15818534), Some(11500.40434547)));
}

#[test]
fn recorders_shapes() {
    let inner = ticks(INNER);
    assert_eq!(read(INNER).shape, &flat::SHAPE);
    assert_eq!((inner[0].event_time, inner[0].sequence_num), (1_762_614_751_463_496_000, None));
    assert_eq!((inner[0].low_52_w, inner[0].best_bid_quantity), (Some(74420.69), Some(0.02944129)));

    let flat = ticks(FLAT);
    assert_eq!(read(FLAT).shape, &flat::SHAPE);
    assert_eq!((flat[0].event_time, flat[0].best_bid), (1_775_254_421_421_126_000, 66865.48));
    assert_eq!((flat[0].price, flat[0].volume_24_h), (Some(66863.0), Some(0.0)));

    let in_string = ticks(IN_STRING);
    assert_eq!(read(IN_STRING).shape, &exchange::SHAPE);
    assert_eq!((in_string[0].event_time, in_string[0].side), (1_762_932_011_615_272_000, Some(Side::Buy)));

    let binance = ticks(BINANCE);
    assert_eq!(read(BINANCE).shape, &binance_bookticker::SHAPE);
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
        ("{\"a\":1}}".into(), "message is not JSON of a known shape: trailing characters at line 1 column 8"),
        ("{}".into(), "message has none of the known shapes"),
        (flat(r#""best_bid":"1","best_ask":"2""#), "price is missing"),
        (flat(r#""price":"","best_bid":"1","best_ask":"2""#), "price is missing"),
        (flat(r#""price":"1","best_ask":"2""#), "best_bid is missing"),
        (flat(r#""price":"abc","best_bid":"1","best_ask":"2""#), "price is `abc`, which is not a number"),
        (flat(r#""price":true,"best_bid":"1","best_ask":"2""#), "price is true, which is not a number"),
        (flat(r#""price":[1],"best_bid":"1","best_ask":"2""#), "price is a list, which is not a number"),
        (flat(r#""price":"NaN","best_bid":"1","best_ask":"2""#), "price is `NaN`, which is not finite"),
        (flat(r#""price":"1e999","best_bid":"1","best_ask":"2""#), "price is `1e999`, which is not finite"),
        (flat(r#""price":"1","best_bid":"-1","best_ask":"2""#), "best_bid is `-1`, which is not above zero"),
        (flat(r#""price":"1","best_bid":0,"best_ask":"2""#), "best_bid is 0, which is not above zero"),
        (flat(r#""price":"1","best_bid":"2.5","best_ask":"2""#), "quote is crossed: best_bid 2.5 is above best_ask 2"),
        (flat(r#""price":"1","best_bid":"1","best_ask":"2","volume":-3"#), "volume is -3, which is negative"),
        (
            flat(r#""price":"1","best_bid":"1","best_ask":"2","side":"both""#),
            "side is `both`, which is neither buy nor sell",
        ),
        (
            flat(r#""price":"1","best_bid":"1","best_ask":"2","sequence":1.5"#),
            "sequence is 1.5, which is not a whole number",
        ),
        (FLAT.replace("2026-04-03", "yesterday "), "ts is `yesterday T22:13:41.421126+00:00`, which is not a time"),
        (FLAT.replace(r#""ts":"2026-04-03T22:13:41.421126+00:00","#, ""), "timestamp is missing"),
        (FLAT.replace(r#""BTC-USD""#, "7"), "product_id is 7, which is not text"),
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
    let long =
        format!(r#"{{"product_id":"{}","timestamp":1775337223,"price":"x","best_bid":1,"best_ask":2}}"#, "B".repeat(9));
    assert_eq!(
        problem(&long.replace("\"x\"", &format!("\"{}\"", "€".repeat(500)))).to_string().chars().count(),
        "price is `…`, which is not a number".chars().count() + 60
    );
}

#[test]
fn a_kind_of_problem_has_no_particulars() {
    for (problem, expected) in [
        (Problem::Missing { field: "price" }, "price is missing"),
        (Problem::Value { field: "price", value: "`x`".into(), fault: Fault::NotANumber }, "price is not a number"),
        (Problem::Truncated { bytes: 7 }, "message ends in the middle"),
        (Problem::UnknownShape, "message has none of the known shapes"),
    ] {
        assert_eq!(problem.kind(), expected);
    }
}

/// Returns a JSON string that holds the text.
fn string(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

#[test]
fn a_message_is_read_below_any_key_as_an_object_or_a_string() {
    let binance = BINANCE.split_once(' ').expect("a time and a message").1;
    for message in [ADVANCED, EXCHANGE, FLAT, BINANCE] {
        for key in ["raw", "payload", "message", "data", "text", "msg", r"b\u00fc"] {
            let clock = r#""ingest_time":1763000000000000000,"product_id":"BTC-USD""#;
            // Binance's line is a recorder's time and a message, so only a string can hold it.
            let nested = if message == BINANCE { string(message) } else { message.to_string() };
            for line in [
                format!(r#"{{{clock},"{key}":{nested}}}"#),
                format!(r#"{{"{key}":{}}}"#, string(message)),
                format!(r#"{{{clock},"{key}":{},"host":{{"name":"a"}}}}"#, string(&format!(" {message}\n"))),
                format!(r#"{{"offset":7,"ingest_time":1,"line":{{"{key}":{nested}}}}}"#),
                format!(r#"1763000000000000000 {{"{key}":{nested}}}"#),
                format!(r#"{{"a":{{"{key}":{nested}}}}}"#),
            ] {
                assert_eq!(read(&line), read(message), "{line}");
            }
        }
    }
    let beside = format!(r#"{{"ts":1723161254.087891,"message":{binance}}}"#);
    assert_eq!(ticks(&beside)[0].event_time, 1_723_161_254_087_891_000);
}

#[test]
fn a_file_log_of_our_own_is_a_recording() {
    let wrapped =
        |payload: &str| format!(r#"{{"offset":0,"ingest_time":1763000000000000000,"connection":"c1",{payload}}}"#);
    assert_eq!(parse(wrapped(&format!(r#""key":"BTC-USD","message":{ADVANCED}"#)).as_bytes()), Ok(read(ADVANCED)));
    let torn = wrapped(&format!(r#""text":{}"#, string(&ADVANCED[..100])));
    assert_eq!(problem(&torn), Problem::Truncated { bytes: 100 });
    assert_eq!(problem(&wrapped(r#""message":{}"#)), Problem::UnknownShape);
    assert_eq!(problem(&wrapped(r#""text":"hello""#)), Problem::UnknownShape);
    let refusal = wrapped(r#""message":{"type":"error","message":"no"}"#);
    assert_eq!(problem(&refusal), Problem::Exchange { message: "no".into() });
}

#[test]
fn the_recorders_clock_counts_only_where_the_message_has_none() {
    let inner = INNER.split_once(r#""raw":"#).expect("a nested message").1.trim_end_matches('}').to_string() + "}";
    let event_time = |line: &str| {
        parse(line.as_bytes()).map(|parsed| match parsed.content {
            Content::Ticks(ticks) => ticks[0].event_time,
            Content::Control(control) => control.event_time.unwrap_or(0),
        })
    };
    let second = 1_763_000_000_000_000_000;
    for clock in ["timestamp", "ts", "time", "received_at", "recorded_at", "ingest_time"] {
        assert_eq!(event_time(&format!(r#"{{"{clock}":1763000000,"raw":{inner}}}"#)), Ok(second), "{clock}");
        let own = event_time(&format!(r#"{{"{clock}":1763000000,"raw":{EXCHANGE}}}"#));
        assert_eq!(own, Ok(1_763_996_898_223_332_000), "{clock}");
    }
    let nearer = format!(r#"{{"ts":1762999999,"a":{{"ingest_time":1763000000,"raw":{inner}}}}}"#);
    assert_eq!(event_time(&nearer), Ok(second));
    assert_eq!(event_time(&format!(r#"{{"ts":1763000000,"a":{{"raw":{inner}}}}}"#)), Ok(second));
    assert_eq!(event_time(&format!(r#"{{"raw":{inner}}}"#)), Err(Problem::Missing { field: "timestamp" }));
    // A recorder's time that cannot be read matters only to messages that need it.
    let fault = Problem::Value { field: "ts", value: "`noon`".into(), fault: Fault::NotATime };
    assert_eq!(event_time(&format!(r#"{{"ts":"noon","raw":{inner}}}"#)), Err(fault));
    assert_eq!(event_time(&format!(r#"{{"ts":"noon","raw":{EXCHANGE}}}"#)), Ok(1_763_996_898_223_332_000));
    assert_eq!(event_time(&format!(r#"{{"timestamp":"noon","ts":1763000000,"raw":{inner}}}"#)), Ok(second));
    let subscriptions = r#"{"type":"subscriptions","channels":[{"name":"ticker"}]}"#;
    assert_eq!(event_time(&format!(r#"{{"ts":1763000000,"raw":{}}}"#, string(subscriptions))), Ok(second));
}

#[test]
fn one_rule_reads_times_wherever_they_stand() {
    let own = FLAT.replace(r#""2026-04-03T22:13:41.421126+00:00""#, "TIME");
    let binance = BINANCE.split_once(' ').expect("a time and a message").1;
    let event_time = |line: &str| parse(line.as_bytes()).map(|_| ticks(line)[0].event_time);
    for (time, expected) in [
        ("1723161254", 1_723_161_254_000_000_000),
        ("1723161254087", 1_723_161_254_087_000_000),
        ("1723161254087891", 1_723_161_254_087_891_000),
        ("1723161254087891268", 1_723_161_254_087_891_268),
        ("1723161254087.25", 1_723_161_254_087_250_000),
        ("1723161254.087891268", 1_723_161_254_087_891_268),
    ] {
        for line in [
            format!("{time} {binance}"),
            format!("{time}: {binance}"),
            format!("{time}\t{binance}"),
            format!(r#"{{"ts":{time},"raw":{binance}}}"#),
            format!(r#"{{"received_at":"{time}","raw":{}}}"#, string(binance)),
            own.replace("TIME", time),
            own.replace("TIME", &format!("\"{time}\"")),
        ] {
            assert_eq!(event_time(&line), Ok(expected), "{line}");
        }
    }
    let text = "2024-08-08 23:54:14.087891268 UTC";
    for line in [format!("{text} {binance}"), own.replace("TIME", &format!("\"{text}\""))] {
        assert_eq!(event_time(&line), Ok(1_723_161_254_087_891_268), "{line}");
    }
    for implausible in ["17231612", "-1723161254", "9223372036854775807"] {
        let problem = |line: &str| problem(line).to_string();
        let expected = format!("ts is {implausible}, which is not a time between the years 2009 and 2100");
        assert_eq!(problem(&own.replace("TIME", implausible)), expected);
    }
    let expected = "recorder's time is `17231612`, which is not a time between the years 2009 and 2100";
    assert_eq!(problem(&format!("17231612 {binance}")).to_string(), expected);
}

#[test]
fn a_field_with_several_names_is_read_under_the_more_specific_one() {
    let with = |fields: &str| ticks(&FLAT.replace(r#""volume_24h":0.0"#, fields)).remove(0);
    let tick =
        with(r#""volume":"1","volume_24h":"2","sequence":3,"sequence_num":4,"best_bid_size":5,"best_bid_quantity":6"#);
    assert_eq!((tick.volume_24_h, tick.sequence_num, tick.best_bid_quantity), (Some(2.0), Some(4), Some(6.0)));
    let tick = with(r#""volume_24_h":"1","volume":"2","sequence_num":null,"sequence":3"#);
    assert_eq!((tick.volume_24_h, tick.sequence_num), (Some(1.0), Some(3)));
    // One key twice has one meaning if the values are the same.
    assert_eq!(with(r#""volume":"2","volume":"2""#).volume_24_h, Some(2.0));
    let twice = FLAT.replace(r#""volume_24h":0.0"#, r#""volume":"2","volume":"3""#);
    assert_eq!(problem(&twice).to_string(), "volume comes twice, with different values");
}

#[test]
fn what_could_be_several_messages_is_said_and_copies_give_way() {
    assert_eq!(problem(&format!(r#"{{"a":{EXCHANGE},"b":{EXCHANGE}}}"#)), Problem::SeveralMessages);
    // The message itself counts, not a recorder's selection of it.
    for line in [
        format!(r#"{{"raw":{EXCHANGE},"selected":{FLAT}}}"#),
        format!(r#"{{"selected":{FLAT},"raw":{EXCHANGE}}}"#),
        FLAT.replace(r#"{"ts""#, &format!(r#"{{"raw":{EXCHANGE},"ts""#)),
    ] {
        assert_eq!(read(&line), read(EXCHANGE), "{line}");
    }
    // Values beside a recorder's quote change nothing unless they are its message.
    let beside =
        FLAT.replace(r#"{"ts""#, r#"{"host":{"name":"a"},"note":"{torn","channel":{"type":"subscriptions"},"ts""#);
    assert_eq!(read(&beside), read(FLAT));
}

#[test]
fn nesting_costs_in_proportion_to_length() {
    let nest = |depth: usize| format!("{}{FLAT}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    assert_eq!(read(&nest(3)), read(FLAT));
    assert_eq!(problem(&nest(4)), Problem::UnknownShape);
    assert_eq!(problem(&nest(200_000)), Problem::UnknownShape);
    let mut strings = FLAT.to_string();
    for _ in 0..3 {
        strings = format!(r#"{{"raw":{}}}"#, string(&strings));
    }
    assert_eq!(read(&strings), read(FLAT));
    assert_eq!(problem(&format!(r#"{{"raw":{}}}"#, string(&strings))), Problem::UnknownShape);
    // A megabyte of values that could be messages. Twice as many values take about twice as long.
    let many = |count: usize| format!(r#"{{"a":{{{}"b":1}}}}"#, r#""c":{"d":{"e":{}}},"#.repeat(count));
    assert_eq!(problem(&many(50_000)), Problem::UnknownShape);
    let took = |count: usize| {
        let line = many(count);
        let fastest = (0..3).map(|_| {
            let began = std::time::Instant::now();
            assert!(parse(line.as_bytes()).is_err());
            began.elapsed()
        });
        fastest.min().expect("three runs")
    };
    let (short, long) = (took(5_000), took(50_000));
    assert!(long < 40 * short, "{short:?} for 5,000 values, {long:?} for 50,000");
}

#[test]
fn every_shape_has_a_name_of_its_own_and_stands_in_the_documentation() {
    let documentation = include_str!("../../docs/formats.md");
    for (number, shape) in SHAPES.iter().enumerate() {
        let row = format!(
            "| `{}` | {} | {} | {} | {} |\n",
            shape.name,
            shape.what,
            shape.told_by,
            shape.event_time,
            shape.sequence()
        );
        assert!(documentation.contains(&row), "docs/formats.md lacks\n{row}");
        assert!(SHAPES[..number].iter().all(|other| other.name != shape.name), "{}", shape.name);
    }
    let rows = documentation.lines().skip_while(|line| !line.starts_with("| shape |")).skip(2);
    assert_eq!(rows.take_while(|line| line.starts_with('|')).count(), SHAPES.len());
    assert_eq!(advanced_envelope::SHAPE.sequence(), Sequence::Connection);
}

#[test]
fn one_bad_ticker_makes_the_envelope_a_dead_letter() {
    assert_eq!(problem(&ADVANCED.replace(r#""price":"80","#, "")), Problem::Missing { field: "price" });
}

/// Cuts a good message short, or replaces one byte of it, so that all parts of the readers are tested.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let message = prop_oneof![
        Just(ADVANCED),
        Just(EXCHANGE),
        Just(INNER),
        Just(FLAT),
        Just(IN_STRING),
        Just(BINANCE),
        Just(exchanges::KRAKEN),
        Just(exchanges::BYBIT),
        Just(exchanges::OKX)
    ];
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
