//! What happens to bytes from outside, as one function for each way in. None of them may panic, hang, or take much memory.
//!
//! In: any bytes. Out: nothing; a function fails if something that squall promises does not hold. cargo-fuzz calls these
//! functions, and so does tests/it/hostile.rs with the files in `corpus/`. A new way in is one function, one line of
//! [`TARGETS`], one file in `fuzz_targets/` and one entry in `Cargo.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use squall::land::{self, Folder, Landed, LandedFile, Summary};
use squall::log::{FileLog, Log};
use squall::recording::{Options, Replay};
use squall::tick::{self, Columns, Content, Parsed, Reader, Sink};

/// A function that is called with any bytes.
pub type Target = fn(&[u8]);

/// Every target; the files of its corpus are in the folder with its name.
pub const TARGETS: [(&str, Target); 6] = [
    ("parser", parser),
    ("recording", recording),
    ("log_line", log_line),
    ("landed_names", landed_names),
    ("footer", footer),
    ("landed_rows", landed_rows),
];

/// Reads a message, as a list of ticks and as columns.
pub fn parser(bytes: &[u8]) {
    let mut columns = Columns::default();
    let message = Reader::default().read(bytes, &mut columns);
    match (tick::parse(bytes), message) {
        (Ok(Parsed { shape, sequence_num, content }), Ok(message)) => {
            assert_eq!((shape, sequence_num), (message.shape, message.sequence_num));
            match content {
                Content::Ticks(ticks) => {
                    assert!(!ticks.is_empty() && message.control.is_none());
                    assert_eq!(ticks.len(), columns.count());
                    for (row, tick) in ticks.iter().enumerate() {
                        let same = columns.tick(row);
                        assert_eq!((same.product_id, same.event_time), (tick.product_id.as_str(), tick.event_time));
                        assert_eq!(same.numbers(), tick.numbers());
                        assert!(0.0 < tick.best_bid && tick.best_bid <= tick.best_ask && tick.best_ask.is_finite());
                        assert!((1..=128).contains(&tick.product_id.len()) && is_plain(&tick.product_id));
                    }
                }
                Content::Control(control) => {
                    assert_eq!(columns.count(), 0);
                    assert!(is_plain(&control.name));
                }
            }
        }
        (Err(problem), Err(same)) => {
            assert_eq!(problem.to_string(), same.to_string());
            assert!(is_plain(&problem.to_string()) && problem.to_string().len() < 8000);
            assert_eq!(columns.count(), 0, "a message that has a problem leaves no tick");
        }
        (list, columns) => panic!("{list:?} and {columns:?} differ"),
    }
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Reads a file as a recording: checks it, and sorts its messages.
pub fn recording(bytes: &[u8]) {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let path = temp.path().join("recording");
    fs::write(&path, bytes).expect("write a recording");
    let options = Options {
        files: vec![path],
        map: None,
        products: Vec::new(),
        merge: true,
        strict: bytes.len().is_multiple_of(2),
        spill_dir: temp.path().to_path_buf(),
        read: Arc::new(|_| {}),
    };
    // Any error will do.
    let _ = block_on(Replay::prepare(options)).map(drop);
}

/// Reads a file as the only day of a file log.
pub fn log_line(bytes: &[u8]) {
    let temp = tempfile::tempdir().expect("a temporary folder");
    fs::write(temp.path().join("20260101.ndjson"), bytes).expect("write a day");
    block_on(async {
        let Ok(log) = FileLog::open(temp.path()).await else { return };
        let Ok(offsets) = log.offsets(0).await else { return };
        let mut next = offsets.start;
        while next < offsets.end {
            let Ok(messages) = log.read(0, next, 1000).await else { return };
            let Some(last) = messages.last() else { return };
            next = next.max(last.offset) + 1;
        }
    });
}

/// Judges a folder by the names of its files, one a line.
pub fn landed_names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for name in text.lines() {
        if let Some(file) = LandedFile::parse(name) {
            assert_eq!(file.to_string(), name, "a range has one name");
            assert!(file.first <= file.last && file.last < file.next_offset());
        }
    }
    let Ok(landed) = Landed::from_names(text.lines()) else { return };
    let mut ends: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for file in landed.visible() {
        let end = ends.entry((&file.topic, file.partition)).or_insert(i64::MIN);
        assert!(file.first > *end, "no offset is seen twice");
        *end = file.last;
    }
}

/// Reads a file as a landed one: its footer; and the summary that a footer holds.
pub fn footer(bytes: &[u8]) {
    if let Ok(summary) = serde_json::from_slice::<Summary>(bytes) {
        let mut sum = Summary::default();
        sum.add(&summary);
        sum.add(&summary);
        assert!(sum.gaps.iter().all(|gap| gap.missing() > i64::MIN));
    }
    // Any error will do.
    let _ = with_landed(bytes, async |folder, file| land::read_footer(&folder, &file).await.map(drop));
}

/// Reads a file as a landed one: all of its rows, and whether they are those that its footer counts.
pub fn landed_rows(bytes: &[u8]) {
    // Any error will do.
    let _ = with_landed(bytes, async |folder, file| land::inspect(&folder, &file).await.map(drop));
}

/// Calls a function with a folder that has one landed file.
fn with_landed(
    bytes: &[u8],
    read: impl AsyncFnOnce(Folder, LandedFile) -> Result<(), land::Error>,
) -> Result<(), land::Error> {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let file = LandedFile::parse("ticks.raw-0-0-2.parquet").expect("the name of a landed file");
    fs::write(temp.path().join(file.to_string()), bytes).expect("write a file");
    block_on(read(Folder::new(temp.path())?, file))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
