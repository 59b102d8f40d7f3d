//! A disk that is full while messages arrive: a small file system in memory, which only the test's own processes see.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use squall::feed::server::{Faults, Served};
use squall::log::{FileLog, Log};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{exchange, serve};

/// Fills a disk of 6 MB, starts to receive, waits until squall says that the disk is full, and does what `$4` says: it makes
/// room, or stops squall. With `torn`, it makes room, and before all of it a crash has left a part of a line.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=6m none "$1" || exit 77
end=--until-close
if [ "$4" = torn ]; then
    "$3" --data "$1/data" ingest --from "$5" --max-messages 20 > "$2/first" 2>&1
    printf '{"offset":20' >> "$(echo "$1"/data/raw/*.ndjson)"
    cat /dev/zero > "$1/filler" 2> /dev/null
    end='--max-messages 40'
else
    head -c 6000000 /dev/zero > "$1/filler"
fi
"$3" --data "$1/data" ingest --from "$5" $end > "$2/out" 2> "$2/err" &
for i in $(seq 600); do grep -q 'the disk is full' "$2/err" && break; sleep 0.1; done
sleep 1.5
if [ "$4" = stop ]; then kill -TERM $!; else rm "$1/filler"; fi
wait $!
echo $? > "$2/code"
rm -f "$1/filler"
cp -r "$1/data" "$2/data"
"#;

/// What a receiver on a full disk left behind.
struct Ran {
    /// Its data and what it said.
    kept: PathBuf,
    out: String,
    err: String,
    /// Its exit code.
    code: String,
    server: JoinHandle<Served>,
    /// All of it is deleted with this.
    temporary: TempDir,
}

/// Receives messages of this many simulated seconds while the disk is full, and does what `then` says. Returns `None` where the
/// system does not let a test mount a file system.
async fn on_a_full_disk(seconds: u64, then: &str) -> Option<Ran> {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (url, server) = serve(exchange(seconds, Faults::default())).await;
    let (disk, kept) = (temporary.path().join("disk"), temporary.path().join("kept"));
    std::fs::create_dir(&disk).expect("made");
    std::fs::create_dir(&kept).expect("made");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]).args([&disk, &kept]);
    command.arg(env!("CARGO_BIN_EXE_squall")).args([then, &url]).current_dir(temporary.path());
    let status = tokio::task::spawn_blocking(move || command.status()).await.expect("no panic");
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system does not let a test mount a file system");
        server.abort();
        return None;
    }
    let [out, err, code] = ["out", "err", "code"].map(|name| read(&kept.join(name)));
    Some(Ran { kept, out, err, code: code.trim().to_string(), server, temporary })
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for_and_nothing_is_lost() {
    let Some(ran) = on_a_full_disk(120, "room").await else { return };
    let Ran { kept, out, err, code, server, temporary: _temporary } = ran;
    assert_eq!(code, "0", "{out}{err}");
    assert!(err.contains("wait in memory until there is room") && err.contains("messages are stored again"), "{err}");
    let served = server.await.expect("the server ends");
    let log = FileLog::open(&kept.join("data/raw")).await.expect("a log");
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..served.messages as i64, "{out}{err}");
    let mut read = Vec::new();
    while read.len() < served.messages as usize {
        read.extend(log.read(0, read.len() as i64, 1000).await.expect("read"));
    }
    // Each message once, in order: the numbers of the one connection.
    for (number, message) in read.iter().enumerate() {
        let parsed = squall::tick::parse(&message.record.payload).expect("a message of the exchange");
        assert_eq!(parsed.sequence_num, Some(number as i64));
    }
    let torn = std::fs::read_dir(kept.join("data/raw")).expect("listed").filter_map(Result::ok);
    assert!(torn.into_iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".torn")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_waits_for_room() {
    // The feed lasts so long that the first receiver cannot take all of it before it ends.
    let Some(ran) = on_a_full_disk(360_000, "torn").await else { return };
    let Ran { kept, err, code, server, temporary: _temporary, .. } = ran;
    server.abort();
    assert_eq!(code, "0", "{}{err}", read(&kept.join("first")));
    assert!(err.contains("squall opens ") && err.contains("were never acknowledged"), "{err}");
    let log = FileLog::open(&kept.join("data/raw")).await.expect("a log");
    assert!(log.offsets(0).await.expect("offsets").end > 20, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_does_not_hold_up_the_signal_to_stop() {
    let began = Instant::now();
    let Some(Ran { err, code, server, .. }) = on_a_full_disk(120, "stop").await else { return };
    server.abort();
    assert_eq!(code, "1", "{err}");
    assert!(err.contains("Error: stopped while") && err.contains("Hint: make room"), "{err}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
