//! A materialised table in an object store.
//!
//! A store has no locks, no renames, and no files aside. So each file is an object with a name of its own, which appears whole, and the
//! manifest is replaced only as it was last read: of two runs that change it at once, the second looks again and adds its change.
//! Readers read what the manifest names, so they see a table before a change or after it, and never a part.
//!
//! What a killed run has written is named by no manifest. The next run removes it when it is a day old. All ages are differences
//! between times of the store's own clock, and the newest object tells the time, so nothing is removed too soon.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use object_store::UpdateVersion;

use super::{Change, MANIFEST, Manifest, Part, Target, UNUSED, Versions, Written};
use crate::store::{Files, Found, Remote, objects};

/// A file that no manifest names is removed when it is older than this. No run needs that long from a file to its manifest.
const GARBAGE: Duration = Duration::from_secs(24 * 3600);

/// Returns whether each file of a table is the one that was written.
pub(super) fn are_as_written(folder: &Path, parts: &[Part]) -> io::Result<bool> {
    let listed = Files::at(folder).list("")?;
    let sizes: BTreeMap<&str, u64> = listed.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
    Ok(parts.iter().all(|part| sizes.get(part.file.as_str()) == Some(&part.bytes)))
}

impl Versions {
    /// Returns the table's folder if it is in a store.
    pub(super) fn remote(&self) -> Option<Remote> {
        match Files::at(&self.folder) {
            Files::Store(remote) => Some(remote),
            Files::Folder(_) => None,
        }
    }

    /// Removes what killed runs and other texts of the query left long ago.
    pub(super) fn begin_stored(&self, remote: &Remote) -> io::Result<()> {
        let Some(all) = self.folder.parent() else { return Ok(()) };
        let (all, own) = (Files::at(all), self.folder.file_name().unwrap_or_default().to_string_lossy());
        let files = all.list("")?;
        let Some(now) = files.iter().map(|file| file.modified_ns).max() else { return Ok(()) };
        let is_older =
            |file: &Found, than: Duration| i128::from(file.modified_ns) + (than.as_nanos() as i128) < i128::from(now);
        let folder = |file: &Found| file.path.split_once('/').map(|(folder, _)| folder.to_string());
        // Every use of a table writes its manifest anew.
        let used: BTreeSet<String> = files.iter().filter(|file| !is_older(file, UNUSED)).filter_map(folder).collect();
        let named = self.named(remote)?.map(|(manifest, _)| manifest);
        let named: Vec<&str> = named.iter().flat_map(Manifest::files).collect();
        for file in &files {
            let Some((folder, name)) = file.path.split_once('/') else { continue };
            let is_garbage = folder == own && self.is_data(name) && !named.contains(&name) && is_older(file, GARBAGE);
            if is_garbage || folder != own && !used.contains(folder) {
                // What cannot be removed is left for the next time.
                let _ = all.remove(&file.path);
            }
        }
        Ok(())
    }

    pub(super) fn touch_stored(&self, remote: &Remote) {
        // If this fails, the table may be removed too soon, and is then made again.
        let Ok(Some((manifest, version))) = self.named(remote) else { return };
        let manifest = Manifest { writer: Some(objects::token()), ..manifest };
        let _ = serde_json::to_vec_pretty(&manifest).map(|text| remote.swap(MANIFEST, text, Some(version)));
    }

    /// Changes the table in one step.
    pub(super) fn publish_stored(&self, remote: &Remote, change: Change) -> io::Result<()> {
        let (change, written) = (Change { written: None, ..change }, change.written);
        let part = match written {
            Some(Written { file: Target::Object(path), bytes, day, rows, ticks }) => {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Some(Part { day, file, bytes, rows, ticks })
            }
            // In a store, nothing is written aside.
            Some(Written { file: Target::Aside(_), .. }) | None => None,
        };
        let writer = objects::token();
        let mut old: Vec<String> = Vec::new();
        loop {
            let (before, version) = match remote.read(MANIFEST)? {
                // Another version of squall may have written another kind of manifest; the table is then made again.
                Some((text, version)) => (serde_json::from_slice::<Manifest>(&text).ok(), Some(version)),
                None => (None, None),
            };
            // An earlier attempt has changed it, and its answer was lost. Another run may have changed it again since; the name of
            // a file is used once, so the file shows that this change is in it.
            let is_done = |manifest: &&Manifest| {
                let has_part = part.as_ref().is_some_and(|part| manifest.parts.contains(part));
                has_part || manifest.writer.as_ref() == Some(&writer)
            };
            if let Some(manifest) = before.as_ref().filter(is_done) {
                old.retain(|file| !manifest.files().contains(&file.as_str()));
                break;
            }
            let is_whole = match &before {
                Some(manifest) => are_as_written(&self.folder, &manifest.parts)?,
                None => false,
            };
            let whole = before.as_ref().filter(|_| is_whole);
            let manifest = Manifest { writer: Some(writer.clone()), ..self.changed(whole, &change, part.clone()) };
            let kept = manifest.files();
            let named = before.iter().flat_map(Manifest::files);
            old.extend(named.filter(|file| !kept.contains(file)).map(str::to_string));
            if remote.swap(MANIFEST, serde_json::to_vec_pretty(&manifest)?, version)? {
                old.retain(|file| !manifest.files().contains(&file.as_str()));
                break;
            }
        }
        let files = Files::at(&self.folder);
        for old in old {
            // What cannot be removed now will be removed by a later run.
            let _ = files.remove(&old);
        }
        Ok(())
    }

    /// Reads the manifest, whether or not its files are there, and the version of its object.
    fn named(&self, remote: &Remote) -> io::Result<Option<(Manifest, UpdateVersion)>> {
        let read = remote.read(MANIFEST)?;
        Ok(read.and_then(|(text, version)| Some((serde_json::from_slice(&text).ok()?, version))))
    }

    /// Returns whether a file has the name of one that holds the table's rows.
    fn is_data(&self, file: &str) -> bool {
        file.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".parquet"))
    }
}
