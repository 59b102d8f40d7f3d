//! The models on disk: `<dir>/<name>/<version>/model.json`. Versions start at 1, and the highest is the latest.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::artifact::{Artifact, FORMAT};
use super::types::ModelType;
use super::{Error, valid_name};
use crate::durable;
use crate::text::did_you_mean;

const FILE: &str = "model.json";

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
    dir: PathBuf,
}

impl Registry {
    /// Makes a registry over a folder, which need not exist yet.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Registry { dir: dir.as_ref().into() }
    }

    /// Returns the names of the models, ascending.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for name in entries(&self.dir)? {
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
        let mut versions: Vec<u64> =
            entries(&self.dir.join(name))?.iter().filter_map(|entry| version_of(entry)).collect();
        // The folder of a version may exist before its file does.
        versions.retain(|version| self.path(name, *version).is_file());
        versions.sort_unstable();
        Ok(versions)
    }

    /// Reads a model: `name` for its latest version, `name@2` for version 2.
    ///
    /// # Errors
    /// The model or the version does not exist, or its file is not an artifact that this squall can read.
    pub fn load(&self, reference: &str) -> Result<Artifact, Error> {
        let (name, version) = self.check(reference)?;
        self.load_version(name, version)
    }

    /// Returns the name and the version of a model, given as `name` or `name@2`, without reading its artifact.
    ///
    /// # Errors
    /// The model or the version does not exist.
    pub fn check<'a>(&self, reference: &'a str) -> Result<(&'a str, u64), Error> {
        let (name, version) = match reference.split_once('@') {
            Some((name, version)) => match version.parse::<u64>() {
                Ok(version) => (name, Some(version)),
                Err(_) => return Err(self.missing(reference)),
            },
            None => (reference, None),
        };
        let versions = if valid_name(name) { self.versions(name)? } else { Vec::new() };
        let Some(&latest) = versions.last() else { return Err(self.missing(name)) };
        let version = version.unwrap_or(latest);
        if !versions.contains(&version) {
            return Err(Error::MissingVersion { name: name.into(), version, versions });
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
        if format != u64::from(FORMAT) {
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
        let path = self.path(name, version);
        fs::read(&path).map_err(|source| Error::Read { path, source })
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

    /// Writes a model as the next version of its name.
    ///
    /// If several processes write at once, each gets its own version. Unless they use [`When::Always`], only the first
    /// result is [`Saved::New`]. Readers see either the whole file or nothing.
    ///
    /// # Errors
    /// The name is not valid for a model, or the disk reports an error.
    pub fn save(&self, mut artifact: Artifact, when: When) -> Result<Saved, Error> {
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
            let path = self.path(&name, version);
            let mut text = serde_json::to_vec_pretty(&artifact)
                .map_err(|source| Error::Artifact { path: path.clone(), source })?;
            text.push(b'\n');
            // JSON has no infinite numbers, so what is written is read back before it counts.
            let read: Artifact =
                serde_json::from_slice(&text).map_err(|error| Error::NotStorable { problem: error.to_string() })?;
            read.check().map_err(|problem| Error::NotStorable { problem })?;
            match durable::create_new(&path, &text) {
                Ok(()) => return Ok(Saved::New(Box::new(artifact))),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => version += 1,
                Err(source) => return Err(Error::Write { path, source }),
            }
        }
    }

    /// Returns the version after the latest one, and removes what dead writers left in the folders of versions.
    fn next_version(&self, name: &str) -> Result<u64, Error> {
        let dir = self.dir.join(name);
        for entry in entries(&dir)? {
            let folder = dir.join(entry);
            // What cannot be removed now will be removed next time.
            let _ = durable::remove_leftovers(&folder);
        }
        Ok(self.versions(name)?.last().map_or(1, |latest| latest + 1))
    }

    /// Returns the path of a version's artifact.
    pub fn path(&self, name: &str, version: u64) -> PathBuf {
        self.dir.join(name).join(version.to_string()).join(FILE)
    }

    fn missing(&self, name: &str) -> Error {
        let names = self.names().unwrap_or_default();
        let suggestion = did_you_mean(name, names.iter().map(String::as_str));
        Error::Missing { name: name.into(), dir: self.dir.clone(), suggestion }
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

/// Returns the version that a folder's name says; `None` if it is not the name of a version.
fn version_of(folder: &str) -> Option<u64> {
    let version: u64 = folder.parse().ok()?;
    ((1..=MOST_VERSIONS).contains(&version) && version.to_string() == folder).then_some(version)
}

/// Returns the names in a folder; empty if the folder does not exist.
fn entries(dir: &Path) -> Result<Vec<String>, Error> {
    let read = |source| Error::Read { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(read)?.file_name().into_string());
    }
    Ok(names)
}
