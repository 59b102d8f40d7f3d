//! What can go wrong with recordings.

use std::io;
use std::path::PathBuf;

use super::file::LONGEST_LINE_BYTES;
use crate::error::Hint;
use crate::log;
use crate::tick::Problem;

/// What can go wrong with recordings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no file {path}")]
    Missing { path: PathBuf },
    #[error("{path} is a folder")]
    Folder { path: PathBuf },
    #[error("{path} is empty")]
    Empty { path: PathBuf },
    #[error("{path} is a Parquet file, not a recording")]
    Parquet { path: PathBuf },
    #[error("{path} holds no message of a known shape; line {line}: {problem}")]
    NoMessage { path: PathBuf, line: usize, problem: Problem },
    #[error("line {line} of {path} is longer than {LONGEST_LINE_BYTES} bytes")]
    LongLine { path: PathBuf, line: usize },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot decompress {path}: it is damaged")]
    Damaged { path: PathBuf, source: io::Error },
    #[error("no recording holds {product}")]
    NoProduct { product: String, held: Vec<String> },
    #[error("cannot lay sorted messages aside in {dir}")]
    Spill { dir: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] log::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { .. } => "paths are taken from the working directory".into(),
            Error::Folder { path } => format!("name its files: `squall replay {}/*`", path.display()),
            Error::Empty { .. } => "leave it out; nothing was written".into(),
            Error::Parquet { .. } => "`squall sql` reads Parquet; a recording has one JSON message a line".into(),
            Error::NoMessage { .. } | Error::LongLine { .. } => {
                "docs/formats.md shows the shapes that are read: one JSON message a line, plain, gzip or zstd".into()
            }
            Error::Read { path, .. } => format!("`ls -l {}` shows whether you may read it", path.display()),
            Error::Damaged { .. } => "fetch the file again; nothing was written".into(),
            Error::NoProduct { held, .. } if held.is_empty() => "they hold no ticks".into(),
            Error::NoProduct { held, .. } => format!("they hold {}", held.join(", ")),
            Error::Spill { .. } => {
                "a merge needs as much disk space as the messages take; paths.data says where".into()
            }
            Error::Log(error) => return error.hint(),
        })
    }
}
