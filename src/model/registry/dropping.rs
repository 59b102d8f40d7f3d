//! Versions and models that nobody needs any more.

use std::fs;
use std::path::Path;

use super::{DROPPED, Error, Registry};
use crate::durable;
use crate::store::{Files, Remote};

impl Registry {
    /// Removes a version for good. Its number is not used again.
    ///
    /// # Errors
    /// The version does not exist, an alias names it, or the disk or the store reports an error.
    pub fn drop_version(&self, name: &str, version: u64) -> Result<(), Error> {
        self.existing(name, Some(version))?;
        if let Files::Store(remote) = &self.files {
            return self.drop_stored_version(remote, name, version);
        }
        let aliases = self.aliases(name)?;
        let mut aliases = aliases.into_iter().filter(|(_, named)| *named == version).map(|(alias, _)| alias);
        if let Some(alias) = aliases.next() {
            return Err(Error::AliasedVersion { name: name.into(), version, alias });
        }
        let path = self.path(name, version);
        let note = path.with_file_name(DROPPED);
        durable::replace(&note, b"").map_err(|source| Error::Write { path: note, source })?;
        remove(&path)?;
        let path = self.out_of_fold(name, version);
        durable::remove(&path).map_err(|source| Error::Write { path, source })
    }

    fn drop_stored_version(&self, remote: &Remote, name: &str, version: u64) -> Result<(), Error> {
        let state = self.change(remote, name, |state| {
            if state.is_dropped(version) {
                return Err(Error::MissingVersion { name: name.into(), version, versions: self.versions(name)? });
            }
            match state.aliases.iter().find(|(_, named)| **named == version) {
                Some((alias, _)) => Err(Error::AliasedVersion { name: name.into(), version, alias: alias.clone() }),
                None => {
                    state.dropped.insert(version);
                    Ok(())
                }
            }
        })?;
        self.sweep(name, &state).map(drop)
    }

    /// Removes a model with all its versions and aliases, at one instant for all readers.
    ///
    /// # Errors
    /// The model does not exist, or the disk or the store reports an error.
    pub fn drop_model(&self, name: &str) -> Result<(), Error> {
        let latest = self.existing(name, None)?;
        match &self.files {
            Files::Folder(dir) => self.drop_folder(dir, name),
            Files::Store(remote) => self.drop_stored_model(remote, name, latest),
        }
    }

    fn drop_folder(&self, dir: &Path, name: &str) -> Result<(), Error> {
        let path = dir.join(name);
        // No model has a name that begins with a dot. A number tells the folders of several processes apart.
        let aside = (0..).map(|number| dir.join(format!(".{name}.{}-{number}.dropped", std::process::id())));
        let Some(aside) = aside.into_iter().find(|aside| !aside.exists()) else { return Ok(()) };
        let failed = |source| Error::Write { path: path.clone(), source };
        fs::rename(&path, &aside).map_err(failed)?;
        durable::sync_folder(dir).map_err(failed)?;
        // What an earlier process could not remove is removed now; what cannot be removed is in nobody's way.
        for entry in self.entries("")?.iter().filter(|entry| entry.starts_with('.') && entry.ends_with(".dropped")) {
            let _ = fs::remove_dir_all(dir.join(entry));
        }
        Ok(())
    }

    /// Drops all versions of a model up to `latest`. One that is made meanwhile is a new model.
    fn drop_stored_model(&self, remote: &Remote, name: &str, latest: u64) -> Result<(), Error> {
        let state = self.change(remote, name, |state| {
            if latest <= state.dropped_to {
                return Err(self.missing(name));
            }
            state.dropped_to = latest;
            state.dropped.retain(|version| *version > latest);
            state.aliases.retain(|_, version| *version > latest);
            Ok(())
        })?;
        self.sweep(name, &state).map(drop)
    }
}

/// Removes a file that must be there, durably.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let removed = fs::remove_file(path).and_then(|()| durable::sync_folder(folder));
    removed.map_err(|source| Error::Write { path: path.into(), source })
}
