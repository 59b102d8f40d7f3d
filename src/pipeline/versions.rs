//! The folder of a materialised table, on a disk or in an object store.
//!
//! In: finished Parquet files. Out: `<tables>/<name>/<fingerprint>/` with the files and `manifest.json`, which names those that
//! make up the table. The fingerprint is that of the query's SQL, parameters filled, and of everything that it reads; and of the folder of
//! models if it scores with one. So a
//! query with other parameters or another text has another folder, and neither replaces the other's table.
//!
//! A data file never changes after it gets its name, and the manifest is replaced last, in one step. So every reader of the
//! table reads exactly one complete version, even after a crash or a power loss. What a run replaces stays until the next run,
//! so that a query that opened it can finish. [`stored`] says what is different in an object store.

mod stored;

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Query;
use super::manifest::{Manifest, Part};
use super::recipe::Recipe;
use crate::durable::{self, Aside};
use crate::store::{Files, objects};
use crate::text::fingerprint;

/// The file that says which files make up the table, and what they were made from.
const MANIFEST: &str = "manifest.json";
/// The file that a run keeps locked while it publishes.
const LOCK: &str = ".lock";
/// A query's table for another text or other parameters is removed once no run has used it for this long.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// A materialised table's folder.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    pub folder: PathBuf,
    name: String,
}

/// Where a run writes a file.
#[derive(Debug)]
pub(super) enum Target {
    /// Aside, on a disk; the file gets its name when the table is changed.
    Aside(Aside),
    /// An object of the table's folder, which no manifest names yet.
    Object(PathBuf),
}

impl Target {
    /// Returns the path or the address to write to.
    pub fn path(&self) -> PathBuf {
        match self {
            Target::Aside(aside) => aside.path(),
            Target::Object(path) => path.clone(),
        }
    }
}

/// A file that a run has written.
#[derive(Debug)]
pub(super) struct Written {
    pub file: Target,
    pub bytes: u64,
    pub day: Option<String>,
    pub rows: u64,
    pub ticks: String,
}

/// A change of a table.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub recipe: Option<Recipe>,
    /// As in [`Manifest::landed`].
    pub landed: Option<String>,
    pub written: Option<Written>,
    /// The days that the table has, each with a digest of its ticks, if it is divided by days; parts of other days are dropped.
    pub days: Option<Vec<(String, String)>>,
    /// Whether it is the first change of a run. What earlier runs replaced is removed then.
    pub is_first: bool,
}

impl Versions {
    /// Returns the folder for a query; `scored_with` is the folder of models, if it scores with one.
    pub fn of(tables_dir: &Path, query: &Query, scored_with: Option<&Path>) -> Versions {
        let folder = match scored_with {
            Some(models) => fingerprint(&format!("{} {}", query.fingerprint, models.display())),
            None => query.fingerprint.clone(),
        };
        Versions { folder: tables_dir.join(&query.name).join(folder), name: query.name.clone() }
    }

    /// Returns the table's manifest; `None` if there is none, or if a file is not the one that was written.
    pub fn current(&self) -> Option<Manifest> {
        let text = Files::at(&self.folder).read(MANIFEST).ok()?;
        // Another version of squall may have written another kind of manifest; the table is then made again.
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        are_as_written(&self.folder, &manifest.parts).then_some(manifest)
    }

    /// Begins a run: makes the folder, and removes what dead processes and other texts of the query left.
    pub fn begin(&self) -> io::Result<()> {
        if let Some(remote) = self.remote() {
            return self.begin_stored(&remote);
        }
        durable::create_folder(&self.folder)?;
        durable::remove_leftovers(&self.folder)?;
        self.remove_unused()
    }

    /// Returns where to write a file, of a day or of the whole table.
    pub fn target(&self, day: Option<&str>) -> io::Result<Target> {
        match self.remote() {
            Some(_) => Ok(Target::Object(self.folder.join(self.file(day, &objects::token())))),
            None => Aside::beside(&self.folder.join(format!("{}.parquet", self.name))).map(Target::Aside),
        }
    }

    /// Returns the name of a file; `end` tells it from others of the same day.
    fn file(&self, day: Option<&str>, end: &str) -> String {
        let day = day.map(|day| format!("-{day}")).unwrap_or_default();
        format!("{}{day}-{end}.parquet", self.name)
    }

    /// Notes that a run has used the table as it is.
    pub fn touch(&self) {
        if let Some(remote) = self.remote() {
            return self.touch_stored(&remote);
        }
        // If the time cannot be set, the table may be removed too soon, and is then made again.
        let manifest = File::options().append(true).open(self.folder.join(MANIFEST));
        let _ = manifest.and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
    }

    /// Changes the table in one step.
    ///
    /// # Errors
    /// The disk reports an error; the table then stays as it was.
    pub fn publish(&self, change: Change) -> io::Result<()> {
        if let Some(remote) = self.remote() {
            return self.publish_stored(&remote, change);
        }
        // If several runs make the same table at once, they take turns here.
        let lock = File::create(self.folder.join(LOCK))?;
        lock.lock()?;
        let files = self.data_files()?;
        let before = self.current();
        let (change, written) = (Change { written: None, ..change }, change.written);
        let mut new = None;
        let part = match written {
            Some(Written { file: Target::Aside(aside), bytes, day, rows, ticks }) => {
                let number = files.iter().filter_map(|name| self.number(name)).max().unwrap_or(0) + 1;
                let file = self.file(day.as_deref(), &number.to_string());
                let path = self.folder.join(&file);
                aside.commit_to(&path)?;
                new = Some(path);
                Some(Part { day, file, bytes, rows, ticks })
            }
            // On a disk, files are written aside.
            Some(Written { file: Target::Object(_), .. }) | None => None,
        };
        let manifest = self.changed(before.as_ref(), &change, part);
        let text = serde_json::to_string_pretty(&manifest)?;
        if let Err(error) = durable::replace(&self.folder.join(MANIFEST), text.as_bytes()) {
            // Report the first error. The next run removes files that no manifest names.
            let _ = new.map(fs::remove_file);
            return Err(error);
        }
        let kept = manifest.files();
        for old in files.iter().filter(|file| !kept.contains(&file.as_str())) {
            // What cannot be removed now will be removed by the next run.
            let _ = fs::remove_file(self.folder.join(old));
        }
        Ok(())
    }

    /// Returns the manifest after a change.
    fn changed(&self, before: Option<&Manifest>, change: &Change, part: Option<Part>) -> Manifest {
        let (mut parts, mut replaced) = match before {
            Some(manifest) if change.recipe.is_some() && manifest.recipe == change.recipe => {
                (manifest.parts.clone(), if change.is_first { Vec::new() } else { manifest.replaced.clone() })
            }
            // Nothing of it was made from what this run reads.
            Some(manifest) => (Vec::new(), manifest.parts.iter().map(|part| part.file.clone()).collect()),
            None => (Vec::new(), Vec::new()),
        };
        let mut drop_parts = |is_kept: &dyn Fn(&Part) -> bool, parts: &mut Vec<Part>| {
            replaced.extend(parts.iter().filter(|part| !is_kept(part)).map(|part| part.file.clone()));
            parts.retain(is_kept);
        };
        match &change.days {
            Some(days) => {
                let is_day =
                    |part: &Part| part.day.as_ref().is_some_and(|day| days.iter().any(|(name, _)| name == day));
                drop_parts(&is_day, &mut parts);
            }
            None => drop_parts(&|_| false, &mut parts),
        }
        if let Some(new) = part {
            drop_parts(&|part| part.day != new.day, &mut parts);
            parts.push(new);
            parts.sort_by(|one, other| one.day.cmp(&other.day));
        }
        let (recipe, landed) = (change.recipe.clone(), change.landed.clone());
        let mut manifest = Manifest { query: self.name.clone(), recipe, landed, parts, replaced, writer: None };
        // Another run may have replaced days meanwhile, by rows of other ticks or of another recipe.
        let is_made = |(day, ticks): &(String, String)| manifest.made(day, ticks).is_some();
        if !change.days.iter().flatten().all(is_made) {
            manifest.landed = None;
        }
        manifest
    }

    /// Returns the names of the files that hold the table's rows, or held them before.
    fn data_files(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: io::Result<Vec<String>> = names.collect();
        Ok(names?.into_iter().filter(|name| self.number(name).is_some()).collect())
    }

    /// Returns the number at the end of a data file's name.
    fn number(&self, file: &str) -> Option<u64> {
        let rest = file.strip_prefix(&self.name)?.strip_prefix('-')?.strip_suffix(".parquet")?;
        rest.rsplit('-').next()?.parse().ok()
    }

    /// Removes the query's tables that no run has used for a long time, and those of an earlier squall, which were not in
    /// folders of their own.
    fn remove_unused(&self) -> io::Result<()> {
        let Some(all) = self.folder.parent() else { return Ok(()) };
        for entry in fs::read_dir(all)? {
            let path = entry?.path();
            if path == self.folder {
                continue;
            }
            if path.is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if [MANIFEST, LOCK].contains(&name.as_str()) || self.number(&name).is_some() {
                    // What cannot be removed is left for the next time.
                    let _ = fs::remove_file(&path);
                }
                continue;
            }
            let used = fs::metadata(path.join(MANIFEST)).and_then(|manifest| manifest.modified());
            let age = used.ok().and_then(|used| used.elapsed().ok());
            if age.is_some_and(|age| age >= UNUSED) {
                let _ = fs::remove_dir_all(&path);
            }
        }
        Ok(())
    }
}

/// Returns whether each file of a table is the one that was written.
pub(super) fn are_as_written(folder: &Path, parts: &[Part]) -> bool {
    match Files::at(folder) {
        Files::Folder(folder) => {
            parts.iter().all(|part| fs::metadata(folder.join(&part.file)).is_ok_and(|found| found.len() == part.bytes))
        }
        Files::Store(_) => stored::are_as_written(folder, parts).unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(dir: &Path) -> Versions {
        Versions { folder: dir.join("t").join("0123456789abcdef"), name: "t".into() }
    }

    fn recipe(of: &str) -> Recipe {
        Recipe { squall: of.into(), rolling: true, inputs: String::new(), models: String::new() }
    }

    fn written(table: &Versions, content: &str, day: Option<&str>) -> Written {
        let file = table.target(day).expect("begun");
        fs::write(file.path(), content).expect("written");
        Written { file, bytes: content.len() as u64, day: day.map(str::to_string), rows: 1, ticks: content.into() }
    }

    fn publish(table: &Versions, content: &str) {
        table.begin().expect("begun");
        let written = Some(written(table, content, None));
        let change = Change { recipe: Some(recipe("one")), written, is_first: true, ..Change::default() };
        table.publish(change).expect("published");
    }

    fn publish_day(table: &Versions, day: &str, content: &str, days: &[&str], is_first: bool) {
        let written = Some(written(table, content, Some(day)));
        let days = Some(days.iter().map(|day| (day.to_string(), String::new())).collect());
        let change = Change { recipe: Some(recipe("one")), landed: None, written, days, is_first };
        table.publish(change).expect("published");
    }

    fn read(table: &Versions) -> String {
        let manifest = table.current().expect("there is a table");
        let texts = manifest.parts.iter().map(|part| fs::read_to_string(table.folder.join(&part.file)).expect("read"));
        texts.collect::<Vec<_>>().join(" ")
    }

    fn files(table: &Versions) -> Vec<String> {
        let mut names = table.data_files().expect("listed");
        names.sort();
        names
    }

    #[test]
    fn a_reader_of_the_version_before_can_finish() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        publish(&table, "one");
        let opened = table.folder.join("t-1.parquet");
        publish(&table, "two");
        assert_eq!(read(&table), "two");
        assert_eq!(fs::read_to_string(&opened).expect("still there"), "one");
        publish(&table, "three");
        assert_eq!(files(&table), ["t-2.parquet", "t-3.parquet"], "the one before stays, older ones go");
    }

    #[test]
    fn days_are_replaced_one_by_one_and_what_a_run_replaced_stays_until_the_next() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        let days = ["20260101", "20260102"];
        table.begin().expect("begun");
        publish_day(&table, days[1], "b", &days, true);
        publish_day(&table, days[0], "a", &days, false);
        assert_eq!(read(&table), "a b");
        publish_day(&table, days[0], "A", &days, true);
        publish_day(&table, days[1], "B", &days, false);
        assert_eq!(read(&table), "A B");
        assert_eq!(files(&table).len(), 4, "both files of the run before stay: {:?}", files(&table));
        publish_day(&table, days[1], "C", &days[1..], true);
        assert_eq!(read(&table), "C", "a day that is gone is dropped");
        assert_eq!(files(&table), ["t-20260101-3.parquet", "t-20260102-4.parquet", "t-20260102-5.parquet"]);
    }

    #[test]
    fn nothing_is_kept_of_a_table_that_was_made_from_something_else() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        let days = ["20260101", "20260102"];
        table.begin().expect("begun");
        publish_day(&table, days[0], "a", &days, true);
        let written = Some(written(&table, "b", Some(days[1])));
        let days = Some(days.map(|day| (day.to_string(), String::new())).to_vec());
        let change = Change { recipe: Some(recipe("two")), landed: None, written, days, is_first: true };
        table.publish(change).expect("published");
        assert_eq!(read(&table), "b");
    }

    #[test]
    fn a_table_is_not_complete_if_another_run_replaced_a_day() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        let day = "20260101";
        table.begin().expect("begun");
        publish_day(&table, day, "a", &[day], true);
        let ended = |ticks: &str| {
            let days = Some(vec![(day.to_string(), ticks.to_string())]);
            let landed = Some("files".to_string());
            let change = Change { recipe: Some(recipe("one")), landed, written: None, days, is_first: false };
            table.publish(change).expect("published");
            table.current().expect("there is a table").landed
        };
        assert_eq!(ended("b"), None, "the day was made from other ticks");
        assert_eq!(ended("a").as_deref(), Some("files"));
    }

    #[test]
    fn after_a_crash_before_the_manifest_the_old_version_is_the_table() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
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
        let table = table(dir.path());
        publish(&table, "whole");
        fs::write(table.folder.join("t-1.parquet"), "who").expect("torn");
        assert!(table.current().is_none());
    }

    #[test]
    fn a_manifest_that_cannot_be_written_leaves_the_table_as_it_was() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        // If a folder has the manifest's name, replacing the manifest fails.
        fs::create_dir_all(table.folder.join(MANIFEST).join("full")).expect("made");
        let change = Change { written: Some(written(&table, "one", None)), ..Change::default() };
        table.publish(change).expect_err("the manifest cannot be replaced");
        assert_eq!(files(&table), [] as [&str; 0]);
        let names = fs::read_dir(&table.folder).expect("listed").map(|entry| entry.expect("read").file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().ends_with(".part")).count(), 0, "nothing is left aside");
    }

    #[test]
    fn runs_at_the_same_time_take_turns() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let table = table(dir.path());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || (0..5).for_each(|run| publish(table, &format!("{thread} {run}"))));
            }
            for _ in 0..200 {
                // If two runs have replaced the table since, its file is gone; a file that still exists is whole.
                if let Some(manifest) = table.current()
                    && let Ok(text) = fs::read_to_string(table.folder.join(&manifest.parts[0].file))
                {
                    assert_eq!(text.len() as u64, manifest.parts[0].bytes);
                }
            }
        });
        assert_eq!(files(&table).len(), 2);
        assert_eq!(table.current().expect("there is a table").parts[0].file, "t-20.parquet");
    }

    #[test]
    fn tables_that_no_run_uses_are_removed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let one = table(dir.path());
        publish(&one, "one");
        let all = one.folder.parent().expect("it has a parent");
        for name in ["t-1.parquet", "manifest.json", "mine.txt"] {
            fs::write(all.join(name), "of an earlier squall").expect("written");
        }
        let other = Versions { folder: all.join("fedcba9876543210"), name: "t".into() };
        publish(&other, "other");
        assert!(one.folder.exists(), "another environment may use it");
        assert!(!all.join("t-1.parquet").exists() && !all.join("manifest.json").exists());
        assert!(all.join("mine.txt").exists(), "it is not squall's");
        let old = SystemTime::now() - UNUSED;
        let manifest = File::options().append(true).open(one.folder.join(MANIFEST)).expect("opened");
        manifest.set_modified(old).expect("the time is set");
        other.begin().expect("begun");
        assert!(!one.folder.exists());
        other.touch();
        assert_eq!(read(&other), "other");
    }
}
