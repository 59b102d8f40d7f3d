//! A recorded file: one message per line, plain or compressed.
//!
//! In: a path or an address. Out: a recording that was read once to its end, and its identity. The compression is detected from the first
//! bytes, not from the name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use super::fetch;
use super::format::{Compression, LOOKED_AT_BYTES, compression, foreign};
use super::history::Map;
use super::lines::{Ended, Lines, LocalFile, Place};
use crate::text::fnv1a;

/// A recording's identity is computed from this many first bytes, decompressed.
const IDENTITY_BYTES: u64 = 64 * 1024;

/// A file that was checked and holds messages.
#[derive(Debug, Clone)]
pub struct Recording {
    pub path: PathBuf,
    /// 16 hexadecimal digits that depend only on the content, not on the file's name or compression.
    pub identity: String,
    place: Place,
}

impl Recording {
    /// Checks a file, as [`Recording::look_at_with`] does, without a map and a network.
    ///
    /// # Errors
    /// The same.
    #[cfg(test)]
    pub fn look_at(path: &Path) -> Result<Recording, Error> {
        Recording::look_at_with(path, None, Path::new("."))
    }

    /// Checks a file; one that is named by an address is downloaded below `dir` first. It is read to its end, so that damage is
    /// found before anything is written.
    ///
    /// # Errors
    /// The file is missing, empty or damaged, cannot be downloaded, or no message of a known shape is among its first lines.
    pub fn look_at_with(path: &Path, map: Option<Arc<Map>>, dir: &Path) -> Result<Recording, Error> {
        let place = match fetch::address(path) {
            Some(address) => {
                let file = LocalFile::Downloaded(Arc::new(fetch::download(address, dir)?));
                Place { path: fetch::shown(address).into(), file, map }
            }
            None => Place { path: path.to_path_buf(), file: LocalFile::Given(path.to_path_buf()), map },
        };
        let path = place.path.clone();
        if place.file.path().is_dir() {
            return Err(Error::Folder { path });
        }
        // Only one decoder is open at a time, because each may hold a large window.
        let start = Lines::open(&place)?;
        let is_table = start.is_table();
        let (beginning, is_cut_off) = start.beginning(IDENTITY_BYTES)?;
        if beginning.is_empty() {
            return Err(match (is_cut_off, is_table) {
                (true, _) => Error::CutOff { path },
                (false, true) => Error::NoRows { path },
                (false, false) => Error::Empty { path },
            });
        }
        if let Some(foreign) = foreign(&beginning[..beginning.len().min(LOOKED_AT_BYTES)]) {
            let compression = File::open(place.file.path()).and_then(|mut file| compression(&mut file));
            let inside = match compression.map_err(|source| Error::Read { path: path.clone(), source })? {
                Compression::Plain | Compression::Parquet => "",
                Compression::Zip => " inside zip",
                Compression::Gzip => " inside gzip",
                Compression::Zstd { .. } => " inside zstd",
            };
            return Err(Error::Foreign { path, foreign, inside });
        }
        let mut lines = Lines::open(&place)?;
        lines.look_for_message()?;
        // If a recorder was killed, its last block is unfinished; everything before that block is used.
        let mut line = Vec::new();
        while lines.next(&mut line)? != Ended::File {}
        Ok(Recording { path, identity: format!("{:016x}", fnv1a(&beginning)), place })
    }

    /// Returns the lines from the beginning.
    pub fn lines(&self) -> Result<Lines, Error> {
        Lines::open(&self.place)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use super::super::lines::{LONGEST_LINE_BYTES, LONGEST_PASSED_OVER_BYTES};
    use super::{Ended, Recording};
    use crate::error::Hint;

    const LINE: &str =
        r#"{"product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"2","timestamp":"2026-04-06T15:02:34Z"}"#;

    fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("write a recording");
        path
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("compress");
        encoder.finish().expect("compress")
    }

    fn read(recording: &Recording) -> (Vec<String>, Ended, bool) {
        let mut lines = recording.lines().expect("the recording opens");
        let (mut all, mut line, mut last) = (Vec::new(), Vec::new(), Ended::Line);
        loop {
            match lines.next(&mut line).expect("the recording can be read") {
                Ended::File => return (all, last, lines.broken_off()),
                ended => {
                    last = ended;
                    all.push(String::from_utf8(line.clone()).expect("text"));
                }
            }
        }
    }

    #[test]
    fn compression_is_told_by_looking() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let text = format!("{LINE}\n{LINE}\r\n\n{LINE}");
        let zstd = zstd::encode_all(text.as_bytes(), 1).expect("compress");
        let recordings = [
            write(temp.path(), "plain.zst", text.as_bytes()),
            write(temp.path(), "gzip.ndjson", &gzip(text.as_bytes())),
            write(temp.path(), "zstd.gz", &zstd),
        ]
        .map(|path| Recording::look_at(&path).expect("a recording"));
        for recording in &recordings {
            let (lines, last, broken_off) = read(recording);
            assert_eq!(lines, [LINE, LINE, "", LINE]);
            assert_eq!((last, broken_off), (Ended::CutOff, false));
            assert_eq!(recording.identity, recordings[0].identity);
        }
    }

    #[test]
    fn compressed_data_that_break_off_count_to_there() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        // Several blocks of compressed data, so that whole blocks come before the one that is cut.
        let line =
            |number: u64| LINE.replace("02:34Z", &format!("02:34.{:09}Z", number * 314_159_265 % 1_000_000_007)) + "\n";
        let text: String = (0..4000).map(line).collect();
        let zstd = zstd::encode_all(text.as_bytes(), 1).expect("compress");
        for (name, bytes) in [("a.zst", &zstd), ("a.gz", &gzip(text.as_bytes()))] {
            let path = write(temp.path(), name, &bytes[..bytes.len() / 2]);
            let recording = Recording::look_at(&path).expect("a recording");
            let (lines, _, broken_off) = read(&recording);
            assert!(broken_off && (1..4000).contains(&lines.len()), "{name}: {}", lines.len());
        }
        let mut damaged = gzip(text.as_bytes());
        let end = damaged.len() - 6;
        damaged[end] ^= 1;
        let error = Recording::look_at(&write(temp.path(), "b.gz", &damaged)).expect_err("the checksum is wrong");
        assert!(error.to_string().ends_with("b.gz: it is damaged"), "{error}");
    }

    /// A frame that zstd skips, as pzstd writes one before each of its frames.
    fn skipped(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).expect("a short frame").to_le_bytes();
        [&[0x50, 0x2a, 0x4d, 0x18][..], &length, content].concat()
    }

    #[test]
    fn compressed_files_of_several_parts_are_read_whole() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let lines = [LINE, LINE, LINE];
        let line = format!("{LINE}\n");
        let (zstd, gzip) = (zstd::encode_all(line.as_bytes(), 1).expect("compress"), gzip(line.as_bytes()));
        let size = u32::try_from(zstd.len()).expect("a short frame").to_le_bytes();
        let padding = [0; 10_240];
        for (name, bytes) in [
            (
                "pzstd",
                [skipped(&size), zstd.clone(), skipped(&size), zstd.clone(), skipped(&size), zstd.clone()].concat(),
            ),
            ("frames.zst", [&zstd[..], &skipped(b""), &skipped(&[7; 300]), &zstd, &zstd].concat()),
            ("members.gz", gzip.repeat(3)),
            ("padded.gz", [&gzip[..], &padding, &gzip, &[0], &gzip, &padding].concat()),
        ] {
            let recording =
                Recording::look_at(&write(temp.path(), name, &bytes)).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(read(&recording), (lines.map(String::from).to_vec(), Ended::Line, false), "{name}");
        }
        let garbage = [&gzip[..], b"something else"].concat();
        let error = Recording::look_at(&write(temp.path(), "garbage.gz", &garbage)).expect_err("it is damaged");
        assert!(error.to_string().ends_with("garbage.gz: it is damaged"), "{error}");
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert_eq!(cause, "something that is not gzip follows the compressed data");
    }

    #[test]
    fn a_window_that_takes_too_much_memory_is_named() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let compress = |log: u32| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
            encoder.long_distance_matching(true).expect("a setting");
            encoder.window_log(log).expect("a setting");
            encoder.write_all(format!("{LINE}\n").as_bytes()).expect("compress");
            encoder.finish().expect("compress")
        };
        assert!(Recording::look_at(&write(temp.path(), "long.zst", &compress(27))).is_ok());
        for bytes in [compress(30), [skipped(b"x"), compress(30)].concat()] {
            let error = Recording::look_at(&write(temp.path(), "longer.zst", &bytes)).expect_err("a window of 1 GiB");
            let message = error.to_string();
            assert!(
                message.ends_with(
                    "longer.zst is compressed with a window of 1024 MiB; squall reads windows of up to 256 MiB"
                ),
                "{message}"
            );
            assert!(error.hint().expect("a hint").starts_with("decompress it first: `zstd -d --long=31 "));
        }
    }

    #[test]
    fn lines_are_bounded_whatever_they_unpack_to() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let long = usize::try_from(LONGEST_LINE_BYTES).expect("a length") + 1;
        let compress = |parts: &[&[u8]]| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
            for part in parts {
                encoder.write_all(part).expect("compress");
            }
            encoder.finish().expect("compress")
        };
        // A line of zeros, as a power loss leaves them, is passed over. The lines around it are read.
        let zeros = vec![0; long];
        let path = write(
            temp.path(),
            "zeros.zst",
            &compress(&[LINE.as_bytes(), b"\n", &zeros, b"\n", LINE.as_bytes(), b"\n"]),
        );
        let recording = Recording::look_at(&path).expect("a recording");
        let mut lines = recording.lines().expect("the recording opens");
        let mut line = Vec::new();
        let ends: Vec<Ended> = (0..4).map(|_| lines.next(&mut line).expect("a line")).collect();
        assert_eq!(ends, [Ended::Line, Ended::TooLong, Ended::Line, Ended::File]);
        let longest = &zeros[..long - 1];
        let path = write(temp.path(), "longest.zst", &compress(&[LINE.as_bytes(), b"\n", longest, b"\n"]));
        let mut lines = Recording::look_at(&path).expect("a recording").lines().expect("it opens");
        lines.next(&mut line).expect("a line");
        assert_eq!((lines.next(&mut line).expect("a line"), line.len()), (Ended::Line, long - 1));

        let error = Recording::look_at(&write(temp.path(), "only.zst", &compress(&[&zeros]))).expect_err("no message");
        let expected = format!("line 1: message is longer than {LONGEST_LINE_BYTES} bytes");
        assert!(error.to_string().ends_with(&expected), "{error}");

        // A few kilobytes that unpack to one line of a gigabyte and more.
        let endless = compress(&vec![&zeros[..]; 66]);
        assert!(endless.len() < 200_000);
        let error = Recording::look_at(&write(temp.path(), "endless.zst", &endless)).expect_err("an endless line");
        assert!(
            error.to_string().ends_with(&format!("does not end within {LONGEST_PASSED_OVER_BYTES} bytes")),
            "{error}"
        );
        let header = b"exchange,symbol,timestamp,id,side,price,amount\n";
        let endless = compress(&[&[&header[..]], vec![&zeros[..]; 66].as_slice()].concat());
        let path = write(temp.path(), "endless.csv.zst", &endless);
        let error = Recording::look_at(&path).expect_err("an endless row").to_string();
        assert!(error.starts_with("line 2 of ") && error.contains("does not end within"), "{error}");
    }

    #[test]
    fn files_that_are_not_recordings() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let dir = temp.path();
        let missing = dir.join("missing");
        for (path, expected, hint) in [
            (missing.clone(), "there is no file {}", "paths are taken from the working directory"),
            (dir.to_path_buf(), "{} is a folder", "name its files: `squall replay {}/*`"),
            (write(dir, "empty", b""), "{} is empty", "leave it out; nothing was written"),
            (
                write(dir, "a.parquet", b"PAR1\0\0"),
                "cannot read {} as Parquet",
                "fetch the file again; nothing was written",
            ),
            (
                write(dir, "a.tar.gz", &gzip(&[&b"a.ndjson"[..], &[0; 249], b"ustar\0", &[0; 250]].concat())),
                "{} is a tar archive inside gzip, not a recording",
                "unpack it, and name the files in it",
            ),
            (
                write(dir, "a.xz", b"\xfd7zXZ\0\0\x04"),
                "{} is compressed with xz, not a recording",
                "decompress it first, or compress it with gzip or zstd instead",
            ),
            (
                write(dir, "words", b"\n\nto be or not to be\n"),
                "{} holds no message of a known shape; line 1: message is empty",
                "docs/formats.md shows the shapes that are read: one JSON message a line, plain, gzip or zstd",
            ),
        ] {
            let error = Recording::look_at(&path).expect_err("the file is not a recording");
            let path = path.display().to_string();
            assert_eq!(error.to_string(), expected.replace("{}", &path));
            assert_eq!(error.hint().expect("a hint"), hint.replace("{}", &path));
        }
    }
}
