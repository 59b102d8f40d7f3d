//! The versions of a materialised table on disk.
//!
//! In: a finished Parquet file. Out: `<folder>/<name>-<n>.parquet`, and `manifest.json` beside it, which names that file.
//!
//! A data file never changes after it gets its name, and the manifest is replaced last, in one step. So every reader of the
//! table reads exactly one complete version, even after a crash or a power loss. The previous version stays until the next
//! run replaces the table, so that a query that opened it can finish. Older versions are removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manifest::{Manifest, Recipe};
use crate::durable::{self, Aside};

/// The file that says which version is current, and what it was made from.
const MANIFEST: &str = "manifest.json";
/// The file that a run keeps locked while it publishes its version.
const LOCK: &str = ".lock";
/// An earlier squall left folders beside the tables; they are removed once they are this old.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A materialised table's folder.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    pub folder: PathBuf,
    name: String,
}

impl Versions {
    pub fn of(tables_dir: &Path, name: &str) -> Versions {
        Versions { folder: tables_dir.join(name), name: name.into() }
    }

    /// Returns the current version's manifest and file; `None` if there is none, or if the file is not the one that was
    /// written.
    pub fn current(&self) -> Option<(Manifest, PathBuf)> {
        let text = fs::read_to_string(self.folder.join(MANIFEST)).ok()?;
        // Another version of squall may have written another kind of manifest; the table is then made again.
        let manifest: Manifest = serde_json::from_str(&text).ok()?;
        let file = self.folder.join(&manifest.file);
        let as_written = fs::metadata(&file).is_ok_and(|found| found.len() == manifest.bytes);
        as_written.then_some((manifest, file))
    }

    /// Begins a version: removes what dead processes left, and makes the folder in which to write its file.
    pub fn begin(&self) -> io::Result<Aside> {
        durable::remove_leftovers(&self.folder)?;
        if let Some(tables_dir) = self.folder.parent() {
            self.remove_old_leftovers(tables_dir)?;
        }
        Aside::beside(&self.folder.join(format!("{}.parquet", self.name)))
    }

    /// Makes a written file the table's current version.
    ///
    /// # Errors
    /// The disk reports an error; the table then stays as it was.
    pub fn publish(&self, aside: Aside, rows: u64, recipe: Option<Recipe>) -> io::Result<()> {
        // If several runs make the same table at once, they take turns here.
        let lock = File::create(self.folder.join(LOCK))?;
        lock.lock()?;
        let files = self.data_files()?;
        let previous = self.current().map(|(manifest, _)| manifest.file);
        let number = files.iter().filter_map(|name| self.number(name)).max().unwrap_or(0) + 1;
        let file = format!("{}-{number}.parquet", self.name);
        let path = self.folder.join(&file);
        let bytes = fs::metadata(aside.path())?.len();
        let manifest = Manifest { query: self.name.clone(), file, bytes, rows, recipe };
        let text = serde_json::to_string_pretty(&manifest)?;
        aside.commit_to(&path)?;
        if let Err(error) = durable::replace(&self.folder.join(MANIFEST), text.as_bytes()) {
            // Report the first error. The next run removes files that no manifest names.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        for old in files.iter().filter(|old| Some(*old) != previous.as_ref()) {
            // What cannot be removed now will be removed by the next run.
            let _ = fs::remove_file(self.folder.join(old));
        }
        Ok(())
    }

    /// Returns the names of the files that hold the table's rows, or held them before.
    fn data_files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // An earlier squall wrote a single file, named only after the table.
            if self.number(&name).is_some() || name == format!("{}.parquet", self.name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Returns the version number in a file's name.
    fn number(&self, file: &str) -> Option<u64> {
        file.strip_prefix(&self.name)?.strip_prefix('-')?.strip_suffix(".parquet")?.parse().ok()
    }

    /// Removes the folders `.NAME.<process>.partial` and `.NAME.<process>.old` that an earlier squall left.
    fn remove_old_leftovers(&self, tables_dir: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(tables_dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let process = name
                .strip_prefix(&format!(".{}.", self.name))
                .and_then(|rest| rest.strip_suffix(".partial").or(rest.strip_suffix(".old")));
            let is_leftover = process.is_some_and(|process| process.parse::<u32>().is_ok());
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = modified.and_then(|modified| modified.elapsed().ok());
            if is_leftover && age.is_some_and(|age| age >= ABANDONED) {
                // What cannot be removed is left for the next time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn publish(table: &Versions, content: &str) {
        let aside = table.begin().expect("begun");
        fs::write(aside.path(), content).expect("written");
        table.publish(aside, 1, None).expect("published");
    }

    fn read(table: &Versions) -> String {
        let (_, file) = table.current().expect("there is a version");
        fs::read_to_string(file).expect("read")
    }

    fn files(table: &Versions) -> Vec<String> {
        let mut names = table.data_files().expect("listed");
        names.sort();
        names
    }

    #[test]
    fn a_reader_of_the_version_before_can_finish() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        publish(&table, "one");
        let (_, opened) = table.current().expect("there is a version");
        publish(&table, "two");
        assert_eq!(read(&table), "two");
        assert_eq!(fs::read_to_string(&opened).expect("still there"), "one");
        publish(&table, "three");
        assert_eq!(files(&table), ["t-2.parquet", "t-3.parquet"], "the one before stays, older ones go");
    }

    #[test]
    fn after_a_crash_before_the_manifest_the_old_version_is_the_table() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        publish(&table, "one");
        // The process ends after the data file has its name, but before the manifest names it.
        fs::write(table.folder.join("t-2.parquet"), "two").expect("written");
        assert_eq!(read(&table), "one");
        publish(&table, "three");
        assert_eq!(read(&table), "three");
        assert_eq!(files(&table), ["t-1.parquet", "t-3.parquet"], "what no manifest named is collected");
    }

    #[test]
    fn a_torn_file_is_not_the_table() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        publish(&table, "whole");
        let (_, file) = table.current().expect("there is a version");
        fs::write(file, "who").expect("torn");
        assert!(table.current().is_none());
    }

    #[test]
    fn a_manifest_that_cannot_be_written_leaves_the_table_as_it_was() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        // If a folder has the manifest's name, replacing the manifest fails.
        fs::create_dir_all(table.folder.join(MANIFEST).join("full")).expect("made");
        let aside = table.begin().expect("begun");
        fs::write(aside.path(), "one").expect("written");
        table.publish(aside, 1, None).expect_err("the manifest cannot be replaced");
        assert_eq!(files(&table), [] as [&str; 0]);
        let names = fs::read_dir(&table.folder).expect("listed").map(|entry| entry.expect("read").file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().ends_with(".part")).count(), 0, "nothing is left aside");
    }

    #[test]
    fn runs_at_the_same_time_take_turns() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || (0..5).for_each(|run| publish(table, &format!("{thread} {run}"))));
            }
            for _ in 0..200 {
                // If two runs have replaced the table since, its file is gone; a file that still exists is whole.
                if let Some((manifest, file)) = table.current()
                    && let Ok(text) = fs::read_to_string(file)
                {
                    assert_eq!(text.len() as u64, manifest.bytes);
                }
            }
        });
        assert_eq!(files(&table).len(), 2);
        assert_eq!(table.current().expect("there is a version").0.file, "t-20.parquet");
    }

    #[test]
    fn what_an_earlier_squall_left_is_removed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = Versions::of(dir.path(), "t");
        fs::create_dir_all(&table.folder).expect("made");
        fs::write(table.folder.join("t.parquet"), "of an earlier squall").expect("written");
        let old = SystemTime::now() - ABANDONED;
        for (name, goes) in [(".t.12.partial", true), (".t.12.old", true), (".tt.12.old", false), (".t.x.old", false)] {
            let path = dir.path().join(name);
            fs::create_dir(&path).expect("made");
            File::open(&path).and_then(|folder| folder.set_modified(old)).expect("the folder's time is set");
            publish(&table, "one");
            assert_eq!(path.exists(), !goes, "{name}");
        }
        let young = dir.path().join(".t.13.partial");
        fs::create_dir(&young).expect("made");
        publish(&table, "two");
        assert!(young.exists(), "an earlier squall may be writing it");
        assert!(!table.folder.join("t.parquet").exists());
    }
}
