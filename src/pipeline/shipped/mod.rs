//! The shipped SQL project, built into the program, and writing it into a folder.
//!
//! In: a folder. Out: `sql/` and `squall.toml` in it. Nothing is overwritten: each file is made only if it does not exist, and
//! nothing is written if a file with another content is in the way. So what was interrupted can be done again.

mod files;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::load::sql_files;
use crate::durable;
use crate::error::Hint;

/// Why the project was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{} there already: {}", if files.len() == 1 { "a file of the project is" } else { "files of the project are" }, shown(files))]
    Taken { files: Vec<PathBuf> },
    #[error(transparent)]
    Look(#[from] Box<Error>),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Hint for WriteError {
    fn hint(&self) -> Option<String> {
        match self {
            WriteError::Taken { .. } => Some(
                "squall overwrites nothing: name another folder, as in `squall init DIR`, or move them away".into(),
            ),
            WriteError::Look(error) => error.hint(),
            WriteError::Write { .. } => Some("name a folder that you may write to, as in `squall init DIR`".into()),
        }
    }
}

/// The most files that an error names.
const NAMED: usize = 3;

fn shown(files: &[PathBuf]) -> String {
    let more = files.len().saturating_sub(NAMED);
    let names: Vec<String> = files.iter().take(NAMED).map(|file| file.display().to_string()).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Returns every file of the shipped `sql/`: its path, which begins with `sql/`, and its text.
pub fn sql() -> Vec<(String, &'static str)> {
    files::FILES.iter().map(|(path, text)| (format!("sql/{path}"), *text)).collect()
}

/// Writes files into a folder and returns how many were not there before.
///
/// # Errors
/// A file is there with another content, `sql/` holds queries that are not among the files, or the disk reports an error.
pub fn write(folder: &Path, files: &[(String, &str)]) -> Result<usize, WriteError> {
    if folder.exists() && !folder.is_dir() {
        let source = io::ErrorKind::NotADirectory.into();
        return Err(WriteError::Write { path: folder.into(), source });
    }
    let mut taken = Vec::new();
    let mut missing = Vec::new();
    for (path, text) in files {
        let path = folder.join(path);
        match fs::read(&path) {
            Ok(found) if found == text.as_bytes() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((path, text)),
            // A folder with the name of a file is in the way like a file.
            _ => taken.push(path),
        }
    }
    let known: Vec<PathBuf> = files.iter().map(|(path, _)| folder.join(path)).collect();
    taken.extend(sql_files(&folder.join("sql")).map_err(Box::new)?.into_iter().filter(|file| !known.contains(file)));
    if !taken.is_empty() {
        taken.sort();
        taken.dedup();
        return Err(WriteError::Taken { files: taken });
    }
    for (path, text) in &missing {
        durable::create_new(path, text.as_bytes())
            .map_err(|source| WriteError::Write { path: path.clone(), source })?;
    }
    Ok(missing.len())
}
