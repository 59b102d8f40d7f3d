//! Aliases: names of versions, such as `champion`, that can move from one version to another.
//!
//! In a folder, an alias is a file `<dir>/<name>/aliases/<alias>` that holds a version. In an object store, all aliases of a model are in
//! its state.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::dropping::remove;
use super::state::{Seen, state_of};
use super::{Error, Registry, version_of};
use crate::durable;
use crate::model::valid_alias;
use crate::store::Files;
use crate::text::did_you_mean;

/// The folder of aliases.
const ALIASES: &str = "aliases";

impl Registry {
    /// Returns a model's aliases with their versions, without those that cannot be read.
    ///
    /// # Errors
    /// The folder of aliases cannot be read.
    pub fn aliases(&self, name: &str) -> Result<BTreeMap<String, u64>, Error> {
        let Files::Folder(dir) = &self.files else { return Ok(self.look(name)?.aliases) };
        let named = |alias: String| Some((alias.clone(), alias_in(dir, name, &alias).ok()??));
        Ok(self.alias_files(name)?.into_iter().filter_map(named).collect())
    }

    /// Says what is wrong with a model's aliases, or `None`.
    pub fn problem_of_aliases(&self, name: &str) -> Option<Error> {
        let seen = self.look(name).ok()?;
        let dangling = |alias: &str, version: u64, path: PathBuf| {
            let source = io::Error::other(format!("it names version {version}, which does not exist"));
            Error::Alias { name: name.into(), path, alias: alias.into(), source }
        };
        let is_missing = |version: &u64| !seen.versions.contains(version);
        let Files::Folder(dir) = &self.files else {
            let (alias, version) = seen.aliases.iter().find(|(_, version)| is_missing(version))?;
            return Some(dangling(alias, *version, self.files.path(&state_of(name))));
        };
        self.alias_files(name).ok()?.into_iter().find_map(|alias| match alias_in(dir, name, &alias) {
            Ok(Some(version)) if is_missing(&version) => Some(dangling(&alias, version, alias_path(dir, name, &alias))),
            Ok(_) => None,
            Err(error) => Some(error),
        })
    }

    /// Returns the names of the files of aliases in a folder.
    fn alias_files(&self, name: &str) -> Result<Vec<String>, Error> {
        let files = self.entries(&format!("{name}/{ALIASES}"))?;
        Ok(files.into_iter().filter(|alias| valid_alias(alias)).collect())
    }

    /// Returns the version that an alias names.
    pub(super) fn aliased(&self, name: &str, alias: &str, seen: &Seen) -> Result<u64, Error> {
        let lowercase = alias.to_ascii_lowercase();
        let known = match &self.files {
            _ if !valid_alias(alias) => None,
            Files::Folder(dir) => alias_in(dir, name, &lowercase)?,
            Files::Store(_) => seen.aliases.get(&lowercase).copied(),
        };
        known.ok_or_else(|| self.no_alias(name, alias))
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
        match &self.files {
            Files::Folder(dir) => {
                let path = alias_path(dir, name, alias);
                let written = durable::replace(&path, format!("{version}\n").as_bytes());
                written.map_err(|source| Error::Write { path, source })?;
            }
            Files::Store(remote) => {
                self.change(remote, name, |state| {
                    // It was dropped since it was looked for.
                    if state.is_dropped(version) {
                        return Err(Error::MissingVersion {
                            name: name.into(),
                            version,
                            versions: self.versions(name)?,
                        });
                    }
                    state.aliases.insert(alias.to_ascii_lowercase(), version);
                    Ok(())
                })?;
            }
        }
        Ok(version)
    }

    /// Removes an alias; the version stays.
    ///
    /// # Errors
    /// The model does not exist or has no such alias, or the disk reports an error.
    pub fn drop_alias(&self, name: &str, alias: &str) -> Result<(), Error> {
        self.existing(name, None)?;
        let dir = match &self.files {
            Files::Folder(dir) => dir,
            Files::Store(remote) => {
                self.change(remote, name, |state| {
                    let removed = state.aliases.remove(&alias.to_ascii_lowercase());
                    removed.map(drop).ok_or_else(|| self.no_alias(name, alias))
                })?;
                return Ok(());
            }
        };
        let path = alias_path(dir, name, alias);
        // One that cannot be read can be removed all the same.
        if !valid_alias(alias) || !path.exists() {
            return Err(self.no_alias(name, alias));
        }
        remove(&path)
    }
}

fn alias_path(dir: &Path, name: &str, alias: &str) -> PathBuf {
    dir.join(name).join(ALIASES).join(alias.to_ascii_lowercase())
}

/// Reads the version that an alias names from its file; `None` if the alias has no file.
fn alias_in(dir: &Path, name: &str, alias: &str) -> Result<Option<u64>, Error> {
    let path = alias_path(dir, name, alias);
    let failed = |source| Error::Alias { name: name.into(), alias: alias.into(), path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => version_of(text.trim()).ok_or_else(|| failed(io::Error::other("it holds no version"))).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(source)),
    }
}
