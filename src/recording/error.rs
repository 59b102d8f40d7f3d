//! What can go wrong with recordings.

use std::io;
use std::path::{Path, PathBuf};

use datafusion::parquet::errors::ParquetError;

use super::archive::Fault;
use super::format::{Foreign, LARGEST_WINDOW_LOG};
use super::lines::LONGEST_PASSED_OVER_BYTES;
use crate::error::Hint;
use crate::log;
use crate::text::printable;
use crate::tick::Problem;

/// A message shows no more characters of a table's columns.
const LONGEST_COLUMNS: usize = 400;

/// What can go wrong with recordings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no file {path}")]
    Missing { path: PathBuf },
    #[error("{path} is a folder")]
    Folder { path: PathBuf },
    #[error("{path} is empty")]
    Empty { path: PathBuf },
    #[error("{path} is cut off before the end of its first line")]
    CutOff { path: PathBuf },
    #[error("{path} is a table without rows")]
    NoRows { path: PathBuf },
    #[error("{path} is {}{inside}, not a recording", foreign.what)]
    Foreign { path: PathBuf, foreign: &'static Foreign, inside: &'static str },
    #[error("{path} is compressed with a window of {} MiB; squall reads windows of up to {} MiB", window >> 20, (1u64 << LARGEST_WINDOW_LOG) >> 20)]
    Window { path: PathBuf, window: u64 },
    #[error("{path} holds no message of a known shape; line {line}: {problem}")]
    NoMessage { path: PathBuf, line: usize, problem: Problem },
    #[error("no row of {path} can be read; {place}: {problem}")]
    NoRow { path: PathBuf, place: String, problem: String },
    #[error("hardly anything of {} is read: {ticks} of {messages} messages hold ticks", path.display())]
    HardlyRead { path: PathBuf, ticks: String, messages: String },
    #[error("{path} is a table whose columns are not known: {}", printable(columns, LONGEST_COLUMNS))]
    UnknownColumns { path: PathBuf, columns: String },
    #[error("{path} does not say its product in its name, as {what} does")]
    NoProductName { path: PathBuf, what: &'static str },
    #[error("{path} has no column `{column}`; it has {}", printable(columns, LONGEST_COLUMNS))]
    NoColumn { path: PathBuf, column: String, columns: String, nearest: Option<String> },
    #[error("{path} has the column `{column}` more than once")]
    RepeatedColumn { path: PathBuf, column: String },
    #[error("{path} has the column `{column}` of the type {kind}, which is not one value a row")]
    ColumnType { path: PathBuf, column: String, kind: String },
    #[error("{path} is not a map of columns: {reason}")]
    Map { path: PathBuf, reason: String },
    #[error("cannot read {path} as Parquet")]
    Parquet { path: PathBuf, source: ParquetError },
    #[error("{path} is a zip archive that {what}")]
    Archive { path: PathBuf, what: String },
    #[error("`{address}` is not an address of a file")]
    Address { address: String },
    #[error("cannot download {address}")]
    Download { address: String, source: Box<ureq::Error> },
    #[error("line {line} of {path} does not end within {LONGEST_PASSED_OVER_BYTES} bytes")]
    LongLine { path: PathBuf, line: u64 },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot read {path}: it is damaged")]
    Damaged { path: PathBuf, source: io::Error },
    #[error("cannot write the download to {dir}")]
    Store { dir: PathBuf, source: io::Error },
    #[error("no recording holds {product}")]
    NoProduct { product: String, held: Vec<String> },
    #[error("cannot lay sorted messages aside in {dir}")]
    Spill { dir: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] log::Error),
}

impl Error {
    /// Returns the error for an archive with this fault.
    pub(super) fn archive(path: &Path, fault: Fault) -> Error {
        let path = path.to_path_buf();
        match fault {
            Fault::Read(source) => Error::Damaged { path, source },
            Fault::Files(files) => Error::Archive { path, what: format!("holds {files} files, not one") },
            Fault::Method => {
                Error::Archive { path, what: "is encrypted, or packed by a method that is not read".into() }
            }
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { .. } => "paths are taken from the working directory".into(),
            Error::Folder { path } => format!("name its files: `squall replay {}/*`", path.display()),
            Error::Empty { .. } | Error::NoRows { .. } => "leave it out; nothing was written".into(),
            Error::Foreign { foreign, .. } => foreign.hint.into(),
            Error::Window { path, .. } => {
                format!(
                    "decompress it first: `zstd -d --long=31 {}`, and name the file that this writes",
                    path.display()
                )
            }
            Error::HardlyRead { .. } => {
                "docs/formats.md shows the shapes that are read; without --strict the messages are stored anyway".into()
            }
            Error::UnknownColumns { columns, .. } if columns.starts_with(|first: char| first.is_ascii_digit()) => {
                "a file of Binance without a header keeps the name under which it was downloaded, such as \
                 BTCUSDT-trades-2025-01-01.csv; name other columns in a file for --map, with header = [\"ts\", …]: docs/history.md"
                    .into()
            }
            Error::UnknownColumns { .. } => {
                "name them in a file for --map, such as time = \"ts\": docs/history.md has examples".into()
            }
            Error::NoProductName { .. } => {
                "keep the name under which it was downloaded, such as BTCUSDT-trades-2025-01-01.zip, or give a --map with \
                 product_name"
                    .into()
            }
            Error::NoColumn { nearest: Some(nearest), .. } => nearest.clone(),
            Error::NoColumn { .. } => "names count as they are written, with capital and small letters".into(),
            Error::RepeatedColumn { .. } => {
                "give the columns other names: in the file, or with header = [\"ts\", …] in the map if it has no line with them".into()
            }
            Error::ColumnType { .. } => "name a column of numbers, texts or timestamps in the file for --map".into(),
            Error::NoRow { .. } => "docs/history.md says what a row holds, and how --map names the columns of a table".into(),
            Error::Map { .. } => "docs/history.md shows what a map may say".into(),
            Error::Parquet { .. } => "fetch the file again; nothing was written".into(),
            Error::Archive { .. } => "unpack it, and name the files in it".into(),
            Error::Address { .. } => "write it as https://host/path/BTCUSDT-trades-2025-01-01.zip".into(),
            Error::Download { .. } => "download the file, for example with curl, and name it".into(),
            Error::LongLine { .. } => {
                "a recording has one JSON message a line, a table one row: docs/formats.md, docs/history.md".into()
            }
            Error::NoMessage { .. } => {
                "docs/formats.md shows the shapes that are read: one JSON message a line, plain, gzip or zstd".into()
            }
            Error::Read { path, .. } => format!("`ls -l {}` shows whether you may read it", path.display()),
            Error::Damaged { .. } | Error::CutOff { .. } => "fetch the file again; nothing was written".into(),
            Error::NoProduct { held, .. } if held.is_empty() => "they hold no ticks".into(),
            Error::NoProduct { held, .. } => format!("they hold {}", held.join(", ")),
            Error::Store { .. } => "a download needs as much disk space as the file has; paths.data says where".into(),
            Error::Spill { .. } => {
                "a merge needs as much disk space as the messages take; paths.data says where".into()
            }
            Error::Log(error) => return error.hint(),
        })
    }
}
