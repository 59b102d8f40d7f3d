//! Disk space, and how long it lasts at the rate of the last days.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, Utc};

use super::{Examined, Finding};
use crate::cli::prune::files;

/// With less than this the disk is full before somebody looks: a day of a busy market.
const FEW_MB: u64 = 2_000;
/// Space for fewer days than this is worth a warning.
const FEW_DAYS: f64 = 14.0;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    let data = settings.local_dir();
    let Some(free) = free_mb(&data) else { return Vec::new() };
    let rate = mb_a_day(&settings.raw_dir());
    let remedy = "free some space, or set [retention] and run squall prune";
    let days = rate.filter(|rate| *rate > 0.0).map(|rate| free as f64 / rate);
    let says = match (rate, days) {
        (Some(rate), Some(days)) => {
            format!(
                "{free} MB are free in {}; at {rate:.0} MB of raw messages a day, enough for {days:.0} days",
                data.display()
            )
        }
        _ => format!("{free} MB are free in {}", data.display()),
    };
    vec![match (free, days) {
        (free, _) if free < FEW_MB / 10 => Finding::wrong(says, remedy),
        (free, days) if free < FEW_MB || days.is_some_and(|days| days < FEW_DAYS) => Finding::warning(says, remedy),
        _ => Finding::ok(says),
    }]
}

/// Returns the free space of the file system that holds a folder, or will hold it.
fn free_mb(dir: &Path) -> Option<u64> {
    let dir = std::path::absolute(dir).ok()?;
    let existing = dir.ancestors().find(|dir| dir.exists())?;
    let status = rustix::fs::statvfs(existing).ok()?;
    Some(status.f_bavail.saturating_mul(status.f_frsize) / 1_000_000)
}

/// Returns the size of the newest whole day of raw messages, over all logs; `None` before the first whole day.
fn mb_a_day(raw: &Path) -> Option<f64> {
    let today = Utc::now().date_naive();
    let folders = files(raw).unwrap_or_default().into_iter().filter(|path| path.is_dir());
    let days: Vec<(NaiveDate, PathBuf)> = folders
        .chain([raw.to_path_buf()])
        .flat_map(|dir| files(&dir).unwrap_or_default())
        .filter_map(|path| Some((day(&path)?, path)))
        .filter(|(day, _)| *day < today)
        .collect();
    let newest = days.iter().map(|(day, _)| *day).max()?;
    let of = days.iter().filter(|(day, _)| *day == newest);
    let bytes: u64 = of.filter_map(|(_, path)| Some(std::fs::metadata(path).ok()?.len())).sum();
    Some(bytes as f64 / 1e6)
}

fn day(path: &Path) -> Option<NaiveDate> {
    let stem = path.file_name()?.to_str()?.split_once('.').filter(|(_, rest)| rest.starts_with("ndjson"))?.0;
    NaiveDate::parse_from_str(stem, "%Y%m%d").ok()
}
