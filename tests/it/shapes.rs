//! Recorded messages of every shape give the same ticks as before.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use squall::tick::{self, Content, Tick};

/// How many lines of a recording are read, because an unoptimised build takes long for the large files.
const LINES: usize = 20_000;

/// For each recording: its shape, its ticks and control messages, and a fingerprint of every field of every tick. They were
/// taken from squall 0.1.0, which had one reader per recorder. The whole files gave the same ticks then and now.
const RECORDINGS: [(&str, &str, usize, usize, u64); 15] = [
    ("advanced-envelope-15min.ndjson", "advanced-envelope", 3_108, 0, 0xc949_146a_6ea8_a272),
    ("coinbase-exchange-2025-11-24.ndjson.zst", "exchange", 20_000, 0, 0x0f00_40b9_bcb2_baae),
    ("coinbase-exchange-2025-11-25.ndjson.zst", "exchange", 20_000, 0, 0x8a1a_a8d8_5c38_05dd),
    ("coinbase-exchange-2025-11-26.ndjson.zst", "exchange", 20_000, 0, 0x370d_5e4b_9c10_8457),
    ("coinbase-exchange-2025-11-27.ndjson.zst", "exchange", 16_239, 0, 0x89b5_ea3a_77c8_7c60),
    ("coinbase-exchange-2025-11-28.ndjson.zst", "exchange", 20_000, 0, 0xffc9_20b9_8a46_a8da),
    ("exchange-in-string-7min.ndjson", "exchange", 5_996, 4, 0x50c3_b589_4f37_79ae),
    ("flat-10min-doubled.ndjson", "flat", 7_156, 0, 0x418f_44f8_c850_8f67),
    ("flat-10min.ndjson", "flat", 3_578, 0, 0xab9b_3cec_0c19_932a),
    ("flat-1min.ndjson", "flat", 330, 0, 0x0a35_0694_41fa_b959),
    ("flat-65min.ndjson", "flat", 10_881, 0, 0x345a_68a5_d587_c784),
    ("flat-floats-two-products-15min.ndjson", "flat", 5_028, 0, 0xe3b4_a555_5f4e_2cfa),
    ("inner-under-raw-43s.ndjson", "flat", 223, 0, 0xf24b_cb0c_24c5_a821),
    ("standx-btc-2026-01.ndjson.zst", "flat", 20_000, 0, 0x694a_38f2_2534_2cf0),
    ("binance-spot-bookticker.zst", "binance-bookticker", 20_000, 0, 0x640c_c9ed_0996_9ce1),
];

/// FNV-1a, continued.
fn mix(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

fn mix_tick(hash: &mut u64, tick: &Tick) {
    mix(hash, tick.product_id.as_bytes());
    mix(hash, &tick.event_time.to_le_bytes());
    let numbers = [
        tick.price,
        Some(tick.best_bid),
        tick.best_bid_quantity,
        Some(tick.best_ask),
        tick.best_ask_quantity,
        tick.volume_24_h,
        tick.low_24_h,
        tick.high_24_h,
        tick.low_52_w,
        tick.high_52_w,
        tick.price_percent_chg_24_h,
        tick.last_size,
    ];
    for number in numbers {
        mix(hash, &number.map_or(u64::MAX, f64::to_bits).to_le_bytes());
    }
    mix(hash, tick.side.map_or("", |side| side.as_str()).as_bytes());
    mix(hash, &tick.sequence_num.unwrap_or(i64::MIN).to_le_bytes());
}

#[test]
fn recordings_give_the_ticks_that_they_always_gave() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !dir.is_dir() {
        let _ = writeln!(std::io::stderr(), "skipped shapes: there are no recordings in ../shared/data");
        return;
    }
    for (name, shape, ticks, control, fingerprint) in RECORDINGS {
        let file = std::fs::File::open(dir.join(name)).expect("a recording");
        let reader: Box<dyn Read> = match name.ends_with(".zst") {
            true => Box::new(zstd::Decoder::new(file).expect("zstd")),
            false => Box::new(file),
        };
        let (mut found, mut hash) = ((0, 0), 0xcbf2_9ce4_8422_2325);
        for line in BufReader::new(reader).split(b'\n').take(LINES) {
            let parsed = tick::parse(&line.expect("a line")).expect("a message");
            assert_eq!(parsed.shape.name, shape, "{name}");
            match parsed.content {
                Content::Ticks(ticks) => {
                    found.0 += ticks.len();
                    ticks.iter().for_each(|tick| mix_tick(&mut hash, tick));
                }
                Content::Control(control) => {
                    found.1 += 1;
                    mix(&mut hash, control.name.as_bytes());
                    mix(&mut hash, &control.event_time.unwrap_or(0).to_le_bytes());
                }
            }
        }
        assert_eq!((found, hash), ((ticks, control), fingerprint), "{name}");
    }
}
