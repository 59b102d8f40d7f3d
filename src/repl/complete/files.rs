//! Completion of file names.

use std::path::Path;

/// Returns the paths that begin with `word`, ascending. Folders end with `/`; files end with a quote if they stand between
/// quotes. Hidden files come only if the word names one.
pub fn candidates(word: &str, quoted: bool) -> Vec<String> {
    let (folder, name) = word.rfind('/').map_or(("", word), |at| word.split_at(at + 1));
    let listed = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    let mut candidates = Vec::new();
    for entry in entries.flatten() {
        let Ok(file) = entry.file_name().into_string() else { continue };
        if !file.starts_with(name) || file.starts_with('.') && !name.starts_with('.') {
            continue;
        }
        // A link to a folder is one.
        let end = match (entry.path().is_dir(), quoted) {
            (true, _) => "/",
            (false, true) => "'",
            (false, false) => "",
        };
        candidates.push(format!("{folder}{file}{end}"));
    }
    candidates.sort();
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["ticks.csv", "trades.csv", ".hidden", "other"] {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("tables")).unwrap();
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        assert_eq!(candidates(&at("t"), true), [at("tables/"), at("ticks.csv'"), at("trades.csv'")]);
        assert_eq!(candidates(&at("tr"), false), [at("trades.csv")]);
        assert_eq!(candidates(&at("."), false), [at(".hidden")]);
        assert_eq!(candidates(&at("nowhere/x"), false), [] as [&str; 0]);
    }
}
