//! Bytes from outside: the fuzz targets with the files of their corpus, and with mutations of them.

use std::path::Path;
use std::time::{Duration, Instant};

use datafusion::arrow::util::pretty::pretty_format_batches;
use squall::catalog::{Options, Session};
use squall::error::with_causes;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, Target};

/// The longest time that one input may take, in an unoptimised build and beside other tests.
const LONGEST: Duration = Duration::from_secs(20);
/// The most memory that this process may take, in KiB.
const MOST_KIB: u64 = 512 << 10;

/// Returns the files of a target's corpus, ordered by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = format!("{target}/{}", path.file_name().expect("a name").to_string_lossy());
        (name, std::fs::read(path).expect("an input"))
    };
    let mut files: Vec<(String, Vec<u8>)> = entries.map(read).collect();
    files.sort();
    files
}

#[test]
fn the_corpus_neither_panics_nor_hangs() {
    for (target, run) in TARGETS {
        let files = corpus(target);
        assert!(!files.is_empty(), "{target} has a corpus");
        for (name, bytes) in files {
            let began = Instant::now();
            run(&bytes);
            assert!(began.elapsed() < LONGEST, "{name} takes {:?}", began.elapsed());
        }
    }
}

/// Queries a folder that has one landed file with these bytes.
async fn queried(bytes: &[u8]) -> Result<String, String> {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let folder = temp.path().join("ticks");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("ticks.raw-0-0-2.parquet"), bytes).expect("write a file");
    let options = Options {
        ticks_dir: folder,
        tables_dir: temp.path().join("tables"),
        models_dir: temp.path().join("models"),
        threads: 1,
        batch_size: 1000,
        memory_limit_mb: 0,
        rolling: true,
    };
    let session = Session::open(options).await.expect("a session");
    let query = "SELECT * FROM landed_ticks WHERE price > 0 ORDER BY product_id, ts";
    let frame = session.sql(query).await.map_err(|error| with_causes(&error))?;
    let rows = frame.collect().await.map_err(|error| with_causes(&error))?;
    Ok(pretty_format_batches(&rows).expect("a table").to_string())
}

#[tokio::test]
async fn queries_read_the_corpus_of_landed_files_or_name_the_file() {
    let files = corpus("landed_rows");
    let whole = files.iter().find(|(name, _)| name == "landed_rows/landed").expect("a file that is whole");
    let expected = queried(&whole.1).await.expect("its rows");
    for (name, bytes) in &files {
        match queried(bytes).await {
            // Damage to what squall does not read changes nothing.
            Ok(rows) => assert_eq!(rows, expected, "{name}"),
            Err(error) => assert!(error.contains("ticks.raw-0-0-2.parquet"), "{name}: {error}"),
        }
    }
    let arrow_schema = files.iter().find(|(name, _)| name == "landed_rows/arrow-schema").expect("a file");
    assert!(queried(&arrow_schema.1).await.is_ok(), "its columns are those of the Parquet schema");
}

/// A generator of numbers that needs no more than to be different each time: xorshift64 (Marsaglia,
/// <https://doi.org/10.18637/jss.v008.i14>).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("a number") % bound.max(1)
    }
}

/// Parts that readers treat specially.
const PARTS: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-0",
    b"1e999",
    b"9223372036854775807",
    b"18446744073709551616",
    b"NaN",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0\0\0\0",
    b"\x50\x2a\x4d\x18",
    b"\x28\xb5\x2f\xfd",
    b"PAR1",
];

/// Returns an input that is made from another one by a few changes.
fn mutated(dice: &mut Dice, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.splice(at..end, [])),
            4 => drop(bytes.splice(at..at, PARTS[dice.below(PARTS.len())].iter().copied())),
            5 => {
                let copy = bytes[at..end].to_vec();
                let again = 1 + dice.below(4).pow(5);
                bytes.splice(at..at, copy.repeat(again));
            }
            6 => {
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(200)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            7 => {
                let digits = bytes.iter().position(u8::is_ascii_digit).unwrap_or(at.min(bytes.len()));
                bytes.splice(digits..digits, b"9".repeat(1 + dice.below(30)));
            }
            _ => bytes.extend_from_slice(other),
        }
        bytes.truncate(1 << 16);
    }
    bytes
}

fn fuzz(target: &str, run: Target, time: Duration, seed: u64) -> u64 {
    let (files, mut dice, began, mut inputs) = (corpus(target), Dice(seed | 1), Instant::now(), 0);
    while began.elapsed() < time {
        let (input, other) = (&files[dice.below(files.len())].1, &files[dice.below(files.len())].1);
        let bytes = mutated(&mut dice, input, other);
        let this = Instant::now();
        let outcome = std::panic::catch_unwind(|| run(&bytes));
        let took = this.elapsed();
        if outcome.is_err() || took > LONGEST {
            let path = std::env::temp_dir().join(format!("squall-{target}-{seed}-{inputs}"));
            std::fs::write(&path, &bytes).expect("keep the input");
            panic!("{target} panicked or took {took:?}; the input is {}", path.display());
        }
        inputs += 1;
    }
    inputs
}

/// The most memory that the process has taken so far, in KiB; `None` where the system does not tell.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// `SQUALL_FUZZ_SECONDS` is the time for each target, and `SQUALL_FUZZ_SEED` a number.
#[test]
#[ignore = "takes as long as it is told to"]
fn mutations_of_the_corpus_neither_panic_nor_hang() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(number("SQUALL_FUZZ_SECONDS").unwrap_or(10));
    let seed = number("SQUALL_FUZZ_SEED").unwrap_or(1);
    for (target, run) in TARGETS {
        let inputs = fuzz(target, run, time, seed);
        println!("{target}: {inputs} inputs in {} s, at most {:?} KiB", time.as_secs(), peak_kib());
        assert!(peak_kib().is_none_or(|peak| peak < MOST_KIB), "{target} takes {:?} KiB", peak_kib());
    }
}
