//! The models on disk: `<dir>/<name>/<version>/model.json`. Versions start at 1, and the highest is the latest.
//!
//! A version that was validated by folds has their judged rows beside it, in `out_of_fold.parquet`.
//!
//! An alias is a file `<dir>/<name>/aliases/<alias>` that holds a version. A dropped version leaves the file `<version>/dropped`, so that
//! its number is not given to another model.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::artifact::{Artifact, FORMAT};
use super::types::ModelType;
use super::{Error, valid_alias, valid_name};
use crate::durable;
use crate::text::did_you_mean;

const FILE: &str = "model.json";

/// The judged rows of a version's folds, beside its artifact; absent if there are none.
const OUT_OF_FOLD: &str = "out_of_fold.parquet";

/// The file that a dropped version leaves, and the folder of aliases.
const DROPPED: &str = "dropped";
const ALIASES: &str = "aliases";

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
        let versions = if valid_name(name) { self.versions(name)? } else { Vec::new() };
        let Some(&latest) = versions.last() else { return Err(self.missing(name)) };
        let version = match version {
            None => latest,
            // No alias consists of digits.
            Some(version) => match version.parse::<u64>() {
                Ok(version) => version,
                Err(_) => self.aliased(name, version)?,
            },
        };
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
            let path = self.path(&name, version);
            let mut text = serde_json::to_vec_pretty(&artifact)
                .map_err(|source| Error::Artifact { path: path.clone(), source })?;
            text.push(b'\n');
            // JSON has no infinite numbers, so what is written is read back before it counts.
            let read: Artifact =
                serde_json::from_slice(&text).map_err(|error| Error::NotStorable { problem: error.to_string() })?;
            read.check().map_err(|problem| Error::NotStorable { problem })?;
            match durable::create_new(&path, &text) {
                Ok(()) => {
                    // The version is this process's own now, so nobody else writes beside it.
                    let path = path.with_file_name(OUT_OF_FOLD);
                    let rows = out_of_fold.map_or(Ok(()), |rows| durable::replace(&path, rows));
                    rows.map_err(|source| Error::Write { path, source })?;
                    return Ok(Saved::New(Box::new(artifact)));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => version += 1,
                Err(source) => return Err(Error::Write { path, source }),
            }
        }
    }

    /// Returns a model's aliases with their versions, without those that cannot be read.
    ///
    /// # Errors
    /// The folder of aliases cannot be read.
    pub fn aliases(&self, name: &str) -> Result<BTreeMap<String, u64>, Error> {
        let named = |alias: String| Some((alias.clone(), self.alias(name, &alias).ok()??));
        Ok(self.alias_files(name)?.into_iter().filter_map(named).collect())
    }

    /// Says what is wrong with a model's aliases, or `None`.
    pub fn problem_of_aliases(&self, name: &str) -> Option<Error> {
        let versions = self.versions(name).ok()?;
        self.alias_files(name).ok()?.into_iter().find_map(|alias| match self.alias(name, &alias) {
            Ok(Some(version)) if !versions.contains(&version) => {
                let source = io::Error::other(format!("it names version {version}, which does not exist"));
                Some(Error::Alias { name: name.into(), path: self.alias_path(name, &alias), alias, source })
            }
            Ok(_) => None,
            Err(error) => Some(error),
        })
    }

    /// Returns the names of the files of aliases.
    fn alias_files(&self, name: &str) -> Result<Vec<String>, Error> {
        let files = entries(&self.dir.join(name).join(ALIASES))?;
        Ok(files.into_iter().filter(|alias| valid_alias(alias)).collect())
    }

    /// Reads the version that an alias names from its file; `None` if the alias has no file.
    fn alias(&self, name: &str, alias: &str) -> Result<Option<u64>, Error> {
        let path = self.alias_path(name, alias);
        let failed = |source| Error::Alias { name: name.into(), alias: alias.into(), path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => {
                version_of(text.trim()).ok_or_else(|| failed(io::Error::other("it holds no version"))).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// Returns the version that an alias names.
    fn aliased(&self, name: &str, alias: &str) -> Result<u64, Error> {
        let known = if valid_alias(alias) { self.alias(name, &alias.to_ascii_lowercase())? } else { None };
        match known {
            Some(version) => Ok(version),
            None => Err(self.no_alias(name, alias)),
        }
    }

    fn no_alias(&self, name: &str, alias: &str) -> Error {
        let known = self.aliases(name).unwrap_or_default();
        let suggestion = did_you_mean(alias, known.keys().map(String::as_str));
        Error::MissingAlias { name: name.into(), alias: alias.into(), suggestion }
    }

    /// Gives a version an alias, which moves there if another version has it. Returns the version; without one, the latest is meant.
    ///
    /// # Errors
    /// The model or the version does not exist, the alias is not valid, or the disk reports an error.
    pub fn set_alias(&self, name: &str, alias: &str, version: Option<u64>) -> Result<u64, Error> {
        if !valid_alias(alias) {
            return Err(Error::AliasName { alias: alias.into() });
        }
        let version = self.existing(name, version)?;
        let path = self.alias_path(name, alias);
        durable::replace(&path, format!("{version}\n").as_bytes()).map_err(|source| Error::Write { path, source })?;
        Ok(version)
    }

    /// Removes an alias; the version stays.
    ///
    /// # Errors
    /// The model does not exist or has no such alias, or the disk reports an error.
    pub fn drop_alias(&self, name: &str, alias: &str) -> Result<(), Error> {
        self.existing(name, None)?;
        let path = self.alias_path(name, alias);
        // One that cannot be read can be removed all the same.
        if !valid_alias(alias) || !path.exists() {
            return Err(self.no_alias(name, alias));
        }
        remove(&path)
    }

    /// Removes a version for good. Its number is not used again.
    ///
    /// # Errors
    /// The version does not exist, an alias names it, or the disk reports an error.
    pub fn drop_version(&self, name: &str, version: u64) -> Result<(), Error> {
        self.existing(name, Some(version))?;
        let aliases = self.aliases(name)?;
        let mut aliases = aliases.into_iter().filter(|(_, named)| *named == version).map(|(alias, _)| alias);
        if let Some(alias) = aliases.next() {
            return Err(Error::AliasedVersion { name: name.into(), version, alias });
        }
        let path = self.path(name, version);
        let note = path.with_file_name(DROPPED);
        durable::replace(&note, b"").map_err(|source| Error::Write { path: note, source })?;
        remove(&path)?;
        match remove(&self.out_of_fold(name, version)) {
            Err(Error::Write { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes a model with all its versions and aliases, at one instant for all readers.
    ///
    /// # Errors
    /// The model does not exist, or the disk reports an error.
    pub fn drop_model(&self, name: &str) -> Result<(), Error> {
        self.existing(name, None)?;
        let path = self.dir.join(name);
        // No model has a name that begins with a dot. A number tells the folders of several processes apart.
        let aside = (0..).map(|number| self.dir.join(format!(".{name}.{}-{number}.dropped", std::process::id())));
        let Some(aside) = aside.into_iter().find(|aside| !aside.exists()) else { return Ok(()) };
        let failed = |source| Error::Write { path: path.clone(), source };
        fs::rename(&path, &aside).map_err(failed)?;
        durable::sync_folder(&self.dir).map_err(failed)?;
        // What an earlier process could not remove is removed now; what cannot be removed is in nobody's way.
        for entry in entries(&self.dir)?.iter().filter(|entry| entry.starts_with('.') && entry.ends_with(".dropped")) {
            let _ = fs::remove_dir_all(self.dir.join(entry));
        }
        Ok(())
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

    fn alias_path(&self, name: &str, alias: &str) -> PathBuf {
        self.dir.join(name).join(ALIASES).join(alias.to_ascii_lowercase())
    }

    /// Returns the version after the latest one, and removes what dead writers left in the folders of versions. The number of a
    /// dropped version is not used again.
    fn next_version(&self, name: &str) -> Result<u64, Error> {
        let dir = self.dir.join(name);
        let mut latest = self.versions(name)?.last().copied().unwrap_or(0);
        for entry in entries(&dir)? {
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
        self.dir.join(name).join(version.to_string()).join(FILE)
    }

    /// Returns the path of the judged rows of a version's folds.
    pub fn out_of_fold(&self, name: &str, version: u64) -> PathBuf {
        self.path(name, version).with_file_name(OUT_OF_FOLD)
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

/// Removes a file, durably.
fn remove(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let removed = fs::remove_file(path).and_then(|()| durable::sync_folder(folder));
    removed.map_err(|source| Error::Write { path: path.into(), source })
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
