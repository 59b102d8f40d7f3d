//! The trained models, in a folder or in an object store: `<dir>/<name>/<version>/model.json`. Versions start at 1, and the highest is the
//! latest.
//!
//! A version that was validated by folds has their judged rows beside it, in `out_of_fold.parquet`. [`aliases`] keeps the names of
//! versions, [`dropping`] removes what nobody needs any more, and [`state`] says what is different in an object store.

mod aliases;
mod dropping;
mod state;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::artifact::{Artifact, FORMAT};
use super::types::ModelType;
use super::{Error, valid_name};
use crate::durable;
use crate::store::{Files, objects};
use crate::text::did_you_mean;
use state::Seen;

const FILE: &str = "model.json";

/// The judged rows of a version's folds, beside its artifact; absent if there are none.
const OUT_OF_FOLD: &str = "out_of_fold.parquet";

/// The file that a dropped version leaves in its folder.
const DROPPED: &str = "dropped";

/// The highest version that squall reads, so that there is always a next one.
const MOST_VERSIONS: u64 = u32::MAX as u64;

/// What a statement does if a model of the same name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `CREATE MODEL`: the model must not exist.
    Absent,
    /// `CREATE MODEL IF NOT EXISTS`: an existing model stays as it is.
    IfAbsent,
    /// `CREATE OR REPLACE MODEL`: adds a version.
    Always,
}

/// The folder of models.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registry {
    files: Files,
}

/// An artifact in an object store. `written_by` is different for each write, so that of two processes which write the same model at
/// once, each knows which file is its own.
#[derive(Serialize)]
struct Signed<'a> {
    #[serde(flatten)]
    artifact: &'a Artifact,
    written_by: &'a str,
}

impl Registry {
    /// Makes a registry over a folder, given by its path or its address; it need not exist yet.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Registry { files: Files::at(dir.as_ref()) }
    }

    /// Returns whether the models are on a disk.
    pub fn is_local(&self) -> bool {
        matches!(self.files, Files::Folder(_))
    }

    /// Returns the names of the models, ascending.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        if let Files::Store(remote) = &self.files {
            return self.stored_names(remote);
        }
        let mut names = Vec::new();
        for name in self.entries("")? {
            // A folder that cannot be read is a fault of its model, and of no other.
            if valid_name(&name) && self.versions(&name).is_ok_and(|versions| versions.is_empty()) {
                continue;
            }
            if valid_name(&name) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns a model's versions, ascending; empty if there is no such model.
    pub fn versions(&self, name: &str) -> Result<Vec<u64>, Error> {
        Ok(self.look(name)?.versions)
    }

    /// Looks at a model's versions.
    fn look(&self, name: &str) -> Result<Seen, Error> {
        let dir = match &self.files {
            Files::Folder(dir) => dir.join(name),
            Files::Store(remote) => return self.stored(remote, name),
        };
        let mut versions: Vec<u64> = self.entries(name)?.iter().filter_map(|entry| version_of(entry)).collect();
        // The folder of a version may exist before its file does.
        versions.retain(|version| dir.join(version.to_string()).join(FILE).is_file());
        versions.sort_unstable();
        Ok(Seen { versions, ..Seen::default() })
    }

    /// Reads a model: `name` for its latest version, `name@2` for version 2, `name@champion` for the version of an alias.
    ///
    /// # Errors
    /// The model or the version does not exist, or its file is not an artifact that this squall can read.
    pub fn load(&self, reference: &str) -> Result<Artifact, Error> {
        let (name, version) = self.check(reference)?;
        self.load_version(name, version)
    }

    /// Returns the name and the version of a model, given as `name`, `name@2` or `name@champion`, without reading its artifact.
    ///
    /// # Errors
    /// The model, the version or the alias does not exist.
    pub fn check<'a>(&self, reference: &'a str) -> Result<(&'a str, u64), Error> {
        let (name, version) = match reference.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (reference, None),
        };
        let seen = if valid_name(name) { self.look(name)? } else { Seen::default() };
        let Some(&latest) = seen.versions.last() else { return Err(self.missing(name)) };
        let version = match version {
            None => latest,
            // No alias consists of digits.
            Some(version) => match version.parse::<u64>() {
                Ok(version) => version,
                Err(_) => self.aliased(name, version, &seen)?,
            },
        };
        if !seen.versions.contains(&version) {
            return Err(Error::MissingVersion { name: name.into(), version, versions: seen.versions });
        }
        Ok((name, version))
    }

    /// Reads one version of a model.
    ///
    /// # Errors
    /// The file cannot be read, or is not an artifact that this squall can read.
    pub fn load_version(&self, name: &str, version: u64) -> Result<Artifact, Error> {
        #[derive(Deserialize)]
        struct Kind {
            format: u64,
            model_type: String,
        }
        let text = self.bytes(name, version)?;
        let path = || self.path(name, version);
        let artifact = |source| Error::Artifact { path: path(), source };
        let Kind { format, model_type } = serde_json::from_slice(&text).map_err(artifact)?;
        if !(1..=u64::from(FORMAT)).contains(&format) {
            return Err(Error::Format { path: path(), format });
        }
        if ModelType::named(&model_type).is_none() {
            return Err(Error::ArtifactType { path: path(), given: model_type });
        }
        let mut model: Artifact = serde_json::from_slice(&text).map_err(artifact)?;
        model.check().map_err(|problem| Error::Broken { path: path(), problem })?;
        // The folder says which model this is, even if the file was copied from another.
        (model.name, model.version) = (name.into(), version);
        Ok(model)
    }

    /// Returns the bytes of a version's artifact.
    pub fn bytes(&self, name: &str, version: u64) -> Result<Vec<u8>, Error> {
        self.read(&file_of(name, version, FILE))
    }

    /// Returns the bytes of the judged rows of a version's folds.
    ///
    /// # Errors
    /// The file cannot be read, or there is none.
    pub fn judged(&self, name: &str, version: u64) -> Result<Vec<u8>, Error> {
        self.read(&file_of(name, version, OUT_OF_FOLD))
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, Error> {
        self.files.read(file).map_err(|source| Error::Read { path: self.files.path(file), source })
    }

    /// Returns the latest version of an existing model that the statement must not replace; `None` if nothing prevents
    /// saving.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn in_the_way(&self, name: &str, when: When) -> Result<Option<u64>, Error> {
        match when {
            When::Always => Ok(None),
            When::Absent | When::IfAbsent => Ok(self.versions(name)?.last().copied()),
        }
    }

    /// Writes a model as the next version of its name, with the judged rows of its folds if it has any.
    ///
    /// If several processes write at once, each gets its own version. Unless they use [`When::Always`], only the first
    /// result is [`Saved::New`]. Readers see either the whole file or nothing.
    ///
    /// # Errors
    /// The name is not valid for a model, or the disk reports an error.
    pub fn save(&self, mut artifact: Artifact, out_of_fold: Option<&[u8]>, when: When) -> Result<Saved, Error> {
        if !valid_name(&artifact.name) {
            return Err(Error::Name { name: artifact.name });
        }
        let name = artifact.name.clone();
        let mut version = self.next_version(&name)?;
        loop {
            // This check comes after the version was chosen. A writer that took a version before is found here; one that
            // takes it later makes the write below fail.
            if let Some(version) = self.in_the_way(&name, when)? {
                return Ok(Saved::Exists { version });
            }
            artifact.version = version;
            let text = self.text(&artifact)?;
            let path = self.path(&name, version);
            match self.files.create_new(&file_of(&name, version, FILE), &text) {
                // In a store, the model may have been dropped up to this number since the number was chosen.
                Ok(()) if !self.is_local() && !self.versions(&name)?.contains(&version) => {
                    version = self.next_version(&name)?;
                }
                Ok(()) => {
                    // The version is this process's own now, so nobody else writes beside it.
                    if let Some(rows) = out_of_fold {
                        let file = file_of(&name, version, OUT_OF_FOLD);
                        let written = self.files.replace(&file, rows);
                        written.map_err(|source| Error::Write { path: self.files.path(&file), source })?;
                    }
                    return Ok(Saved::New(Box::new(artifact)));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => version += 1,
                Err(source) => return Err(Error::Write { path, source }),
            }
        }
    }

    /// Returns an artifact as its file holds it.
    fn text(&self, artifact: &Artifact) -> Result<Vec<u8>, Error> {
        let text = match &self.files {
            Files::Folder(_) => serde_json::to_vec_pretty(artifact),
            Files::Store(_) => serde_json::to_vec_pretty(&Signed { artifact, written_by: &objects::token() }),
        };
        let path = || self.path(&artifact.name, artifact.version);
        let mut text = text.map_err(|source| Error::Artifact { path: path(), source })?;
        text.push(b'\n');
        // JSON has no infinite numbers, so what is written is read back before it counts.
        let read: Artifact =
            serde_json::from_slice(&text).map_err(|error| Error::NotStorable { problem: error.to_string() })?;
        read.check().map_err(|problem| Error::NotStorable { problem })?;
        Ok(text)
    }

    /// Returns a version that exists; without one, the latest.
    fn existing(&self, name: &str, version: Option<u64>) -> Result<u64, Error> {
        let versions = if valid_name(name) { self.versions(name)? } else { Vec::new() };
        match (versions.last(), version) {
            (None, _) => Err(self.missing(name)),
            (Some(latest), None) => Ok(*latest),
            (Some(_), Some(version)) if versions.contains(&version) => Ok(version),
            (Some(_), Some(version)) => Err(Error::MissingVersion { name: name.into(), version, versions }),
        }
    }

    /// Returns the version after the latest one, and removes what dead writers left in the folders of versions. The number of a
    /// dropped version is not used again.
    fn next_version(&self, name: &str) -> Result<u64, Error> {
        let dir = match &self.files {
            Files::Folder(dir) => dir.join(name),
            Files::Store(remote) => return self.next_stored(remote, name),
        };
        let mut latest = self.versions(name)?.last().copied().unwrap_or(0);
        for entry in self.entries(name)? {
            let folder = dir.join(&entry);
            // What cannot be removed now will be removed next time.
            let _ = durable::remove_leftovers(&folder);
            if let Some(version) = version_of(&entry).filter(|_| folder.join(DROPPED).exists()) {
                latest = latest.max(version);
            }
        }
        Ok(latest + 1)
    }

    /// Returns the path of a version's artifact.
    pub fn path(&self, name: &str, version: u64) -> PathBuf {
        self.files.path(&file_of(name, version, FILE))
    }

    /// Returns the path of the judged rows of a version's folds.
    pub fn out_of_fold(&self, name: &str, version: u64) -> PathBuf {
        self.path(name, version).with_file_name(OUT_OF_FOLD)
    }

    /// Returns the names in a folder; empty if it does not exist.
    fn entries(&self, folder: &str) -> Result<Vec<String>, Error> {
        let read = self.files.entries(folder);
        read.map_err(|source| Error::Read { path: self.files.path(folder), source })
    }

    fn missing(&self, name: &str) -> Error {
        let names = self.names().unwrap_or_default();
        let suggestion = did_you_mean(name, names.iter().map(String::as_str));
        Error::Missing { name: name.into(), dir: self.files.dir(), suggestion }
    }
}

/// The result of saving a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// The model is saved, with its version.
    New(Box<Artifact>),
    /// A model of this name exists, so the new one is not saved.
    Exists { version: u64 },
}

/// Returns the path of a version's file in the folder of models.
fn file_of(name: &str, version: u64, file: &str) -> String {
    format!("{name}/{version}/{file}")
}

/// Returns the version that a folder's name says; `None` if it is not the name of a version.
fn version_of(folder: &str) -> Option<u64> {
    let version: u64 = folder.parse().ok()?;
    ((1..=MOST_VERSIONS).contains(&version) && version.to_string() == folder).then_some(version)
}
