//! Which files of a folder log are old enough to delete.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::super::Error;
use super::days::{self, Day};

/// A day file, and one past its last offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDay {
    pub path: PathBuf,
    pub day: NaiveDate,
    /// One past the file's last offset.
    pub end: i64,
}

/// Returns the day files of the days before `day`, oldest first, without the newest file of the log: that one says which
/// offset comes next.
///
/// # Errors
/// A file cannot be read, or its first line is damaged.
pub fn before(dir: &Path, day: NaiveDate) -> Result<Vec<OldDay>, Error> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    days::steady(|| of(&days::list(dir)?, day))
}

fn of(files: &[Day], day: NaiveDate) -> Result<Vec<OldDay>, Error> {
    let mut old = Vec::new();
    // An empty file has no first offset. Its end is that of the files before it.
    let mut end = None;
    for pair in files.windows(2).rev() {
        end = pair[1].first_offset()?.or(end);
        if let (Some(of), Some(end)) = (pair[0].date(), end)
            && of < day
        {
            old.push(OldDay { path: pair[0].path.clone(), day: of, end });
        }
    }
    old.reverse();
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_before_a_day_end_where_the_next_file_begins() {
        let temp = tempfile::tempdir().unwrap();
        let line = |offset: i64| format!("{{\"offset\":{offset},\"ingest_time\":1,\"message\":{{}}}}\n");
        for (day, content) in [
            ("20260101", format!("{}{}", line(0), line(1))),
            ("20260102", String::new()),
            ("20260103", line(2)),
            ("20260104", line(3)),
        ] {
            std::fs::write(temp.path().join(format!("{day}.ndjson")), content).unwrap();
        }
        let ends = |day: &str| -> Vec<(String, i64)> {
            let old = before(temp.path(), day.parse().unwrap()).unwrap();
            old.into_iter().map(|old| (old.day.to_string(), old.end)).collect()
        };
        assert_eq!(ends("2026-01-01"), []);
        assert_eq!(ends("2026-01-03"), [("2026-01-01".to_string(), 2), ("2026-01-02".to_string(), 2)]);
        // The newest file stays, however old it is.
        assert_eq!(ends("2027-01-01").last(), Some(&("2026-01-03".to_string(), 3)));
        assert_eq!(before(&temp.path().join("absent"), "2026-01-01".parse().unwrap()).unwrap(), []);
    }
}
