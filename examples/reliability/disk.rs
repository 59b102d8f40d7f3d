//! A disk that is full for a time, and whether everything goes on afterwards.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use squall::land::LandedFile;
use squall::log::{self, Location};

/// A file system with more room than this is not filled.
const MOST_BYTES: u64 = 4 << 30;
/// How often a filler takes what became free.
const REFILL: Duration = Duration::from_millis(20);
/// How long it may take until messages are archived and land again: the longest wait of a retry, twice.
const GOES_ON_WITHIN: Duration = Duration::from_secs(40);

/// Keeps the folder's file system full for a time, then makes room again; `at_half_time` is called in between.
///
/// # Errors
/// The file system is too large to fill.
pub fn keep_full(
    folder: &Path,
    time: Duration,
    at_half_time: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let path = folder.join("filler");
    let mut file = File::create(&path)?;
    let result = (|| {
        let mut held = fill(&mut file)?;
        let began = Instant::now();
        let mut between = Some(at_half_time);
        while began.elapsed() < time {
            held += fill(&mut file)?;
            if held > MOST_BYTES {
                return Err("--folder is on a file system with more than 4 GB of room; see --help".into());
            }
            if began.elapsed() > time / 2
                && let Some(between) = between.take()
            {
                between()?;
            }
            std::thread::sleep(REFILL);
        }
        Ok(())
    })();
    std::fs::remove_file(path)?;
    result
}

/// Fills the disk, and returns how many bytes that took.
fn fill(file: &mut File) -> io::Result<u64> {
    let block = vec![0; 1 << 20];
    let mut written = 0;
    let mut size = block.len();
    while size > 0 && written <= MOST_BYTES {
        match file.write(&block[..size]) {
            Ok(bytes) => written += bytes as u64,
            Err(error) if error.kind() == ErrorKind::StorageFull => size /= 16,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// How far messages have come; nowhere before the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached {
    archived: i64,
    landed: i64,
}

impl Reached {
    /// Returns how far messages have come by now.
    pub async fn now(data: &Path, topic: &str) -> Result<Reached, Box<dyn Error>> {
        let archive = log::open(&Location::Folder(data.join("raw").join(topic)), &log::Options::default()).await?;
        let mut landed: BTreeMap<i32, i64> = BTreeMap::new();
        for entry in std::fs::read_dir(data.join("ticks"))? {
            if let Some(file) = entry?.file_name().to_str().and_then(LandedFile::parse) {
                let last = landed.entry(file.partition).or_default();
                *last = file.last.max(*last);
            }
        }
        Ok(Reached { archived: archive.offsets(0).await?.end, landed: landed.values().sum() })
    }

    /// Waits until more messages are archived and more have landed; returns what stands still, if anything does.
    pub async fn goes_on(self, data: &Path, topic: &str) -> Option<&'static str> {
        let began = Instant::now();
        loop {
            // A log may be busy, and a folder may not exist yet.
            let now = Reached::now(data, topic).await.unwrap_or(self);
            match (now.archived > self.archived, now.landed > self.landed) {
                (true, true) => return None,
                (false, _) if began.elapsed() > GOES_ON_WITHIN => return Some("nothing is archived"),
                (_, false) if began.elapsed() > GOES_ON_WITHIN => return Some("nothing lands"),
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}
