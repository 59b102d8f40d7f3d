//! Files that a crash left behind.

use super::{Examined, Finding};
use crate::cli::prune::files;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let raw = examined.context.settings().raw_dir();
    let folders = files(&raw).unwrap_or_default().into_iter().filter(|path| path.is_dir());
    let torn = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "torn");
    let all: Vec<_> =
        folders.chain([raw.clone()]).flat_map(|dir| files(&dir).unwrap_or_default()).filter(torn).collect();
    match all.as_slice() {
        [] => Vec::new(),
        [path, ..] => vec![Finding::ok(format!(
            "{} files of lines that a crash left unfinished, such as {}; they were never acknowledged",
            all.len(),
            path.display()
        ))],
    }
}
