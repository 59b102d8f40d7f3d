//! What is true for any log and any interruption.

use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use proptest::test_runner::Config;

use super::memory::{Data, MemoryLog, envelope, flat};

/// A message of any kind: ticks with and without numbers, several ticks in one, control, garbage; times jump back and forth.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let product = || prop_oneof![Just("BTC-USD"), Just("ETH-USD"), Just("SOL-USD")];
    let text = prop_oneof![
        8 => (product(), 0..20_000i64, 1..50u32).prop_map(|(product, millis, cents)| flat(product, millis / 10 * 10, 100 + cents)),
        4 => (0..30i64, 0..20i64, product(), product())
            .prop_map(|(number, second, a, b)| envelope(number, second * 1000, &[a, b, a])),
        2 => (0..30i64).prop_map(|number| format!(
            r#"{{"type":"ticker","sequence":{number},"product_id":"BTC-USD","price":"5","best_bid":"4","best_bid_size":"1","best_ask":"6","best_ask_size":"1","side":"buy","time":"2026-04-01T00:00:0{}.5Z","trade_id":1,"last_size":"1"}}"#,
            number % 10
        )),
        1 => (0..30i64).prop_map(|number| format!(
            r#"{{"channel":"subscriptions","timestamp":"2026-04-01T00:00:00Z","sequence_num":{number},"events":[]}}"#
        )),
        1 => Just(r#"{"product_id":"BTC-USD"}"#.to_string()),
    ];
    prop_oneof![15 => text.prop_map(String::into_bytes), 1 => proptest::collection::vec(proptest::num::u8::ANY, 0..20)]
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    /// Landing in one run gives the same rows, dead letters and gaps as landing in several runs with any flush size.
    #[test]
    fn rows_do_not_depend_on_interruptions(
        payloads in proptest::collection::vec(payload(), 1..120),
        cuts in proptest::collection::vec((0..120usize, 1..40usize), 0..6),
        dedup_s in prop_oneof![Just(3i64), Just(172_800i64)],
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (mut whole, mut pieces) = (Data::new(), Data::new());
            (whole.rules.dedup_ns, pieces.rules.dedup_ns) = (dedup_s * 1_000_000_000, dedup_s * 1_000_000_000);
            let log = MemoryLog::of(payloads.clone());
            let landing = whole.land(&log, 1_000_000).await.unwrap();
            assert_eq!(landing.files.len(), 1);

            let growing = MemoryLog::of(Vec::<Vec<u8>>::new());
            let mut cuts: Vec<(usize, usize)> = cuts.into_iter().map(|(end, flush)| (end.min(payloads.len()), flush)).collect();
            cuts.sort();
            cuts.push((payloads.len(), 7));
            let mut from = 0;
            for (end, flush) in cuts {
                for payload in &payloads[from..end] {
                    growing.push(0, super::memory::record(payload.clone()));
                }
                from = end;
                pieces.land(&growing, flush).await.unwrap();
            }
            assert_eq!(pieces.rows().await, whole.rows().await);
            assert_eq!(pieces.dead_letters().len(), whole.dead_letters().len());
            let summary = pieces.summary().await;
            assert_eq!(summary, whole.summary().await);
            assert_eq!(summary.messages as usize, payloads.len());
        });
    }
}
