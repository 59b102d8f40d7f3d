//! What is different about models in an object store.
//!
//! A store has neither renames nor locks. It has conditional writes, of one object each. So what changes about a model, other than by a new
//! version, is one small object, `<name>/state.json`: its aliases, and which versions are dropped. It is only replaced as it was
//! read. A version is an object that is created unless it exists, so of several writers exactly one gets a number.
//!
//! A number is never used again, even after DROP MODEL. So a process that removes the objects of dropped versions may be halted for any
//! time: what it removes later is nobody else's. What a killed process has not removed is invisible, and the next one removes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};

use super::{Error, FILE, Registry, version_of};
use crate::model::valid_name;
use crate::store::{Found, Remote, objects};

/// The object that holds a model's state.
const STATE: &str = "state.json";

/// What there is of a model.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Ascending.
    pub versions: Vec<u64>,
    /// Its aliases, if it is in an object store.
    pub aliases: BTreeMap<String, u64>,
}

/// A model's state, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// A text of its own for each write, so that a writer knows its own.
    writer: String,
    pub aliases: BTreeMap<String, u64>,
    pub dropped: BTreeSet<u64>,
    /// All versions up to this one are dropped.
    pub dropped_to: u64,
}

impl State {
    pub fn is_dropped(&self, version: u64) -> bool {
        version <= self.dropped_to || self.dropped.contains(&version)
    }

    /// Returns the versions that count, ascending, of the files below a model.
    fn versions<'a>(&self, files: impl Iterator<Item = &'a str>) -> Vec<u64> {
        let versions = files.filter_map(|path| version_of(path.strip_suffix(FILE)?.strip_suffix('/')?));
        let counting: BTreeSet<u64> = versions.filter(|version| !self.is_dropped(*version)).collect();
        counting.into_iter().collect()
    }
}

impl Registry {
    /// Returns the names of the models in a store, ascending.
    pub(super) fn stored_names(&self, remote: &Remote) -> Result<Vec<String>, Error> {
        let files = self.listed("")?;
        let mut models: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, path) in files.iter().filter_map(|file| file.path.split_once('/')) {
            models.entry(name).or_default().push(path);
        }
        let mut names = Vec::new();
        for (name, files) in models.into_iter().filter(|(name, _)| valid_name(name)) {
            // A state that cannot be read is a fault of its model, and of no other.
            let state =
                if files.contains(&STATE) { self.state(remote, name).ok() } else { Some((State::default(), None)) };
            if state.is_none_or(|(state, _)| !state.versions(files.into_iter()).is_empty()) {
                names.push(name.to_string());
            }
        }
        Ok(names)
    }

    /// Looks at a model in a store.
    pub(super) fn stored(&self, remote: &Remote, name: &str) -> Result<Seen, Error> {
        let files = self.listed(name)?;
        let (state, _) = match files.iter().any(|file| file.path == STATE) {
            true => self.state(remote, name)?,
            false => (State::default(), None),
        };
        let versions_in = |files: &[Found]| state.versions(files.iter().map(|file| file.path.as_str()));
        let mut versions = versions_in(&files);
        // A version may be made and get an alias after the files were listed.
        if state.aliases.values().any(|version| !versions.contains(version)) {
            versions = versions_in(&self.listed(name)?);
        }
        Ok(Seen { versions, aliases: state.aliases })
    }

    /// Returns the version after the highest that was ever used in a store, and removes what dropped versions left.
    pub(super) fn next_stored(&self, remote: &Remote, name: &str) -> Result<u64, Error> {
        let (state, _) = self.state(remote, name)?;
        let used = self.sweep(name, &state)?;
        Ok(used.max(state.dropped_to).max(state.dropped.last().copied().unwrap_or(0)) + 1)
    }

    /// Removes the objects of dropped versions, and returns the highest number of a version that has objects.
    pub(super) fn sweep(&self, name: &str, state: &State) -> Result<u64, Error> {
        let mut highest = 0;
        for file in self.listed(name)? {
            let version = file.path.split_once('/').and_then(|(version, _)| version_of(version));
            let Some(version) = version else { continue };
            highest = highest.max(version);
            if state.is_dropped(version) {
                // What cannot be removed now will be removed next time.
                let _ = self.files.remove(&format!("{name}/{}", file.path));
            }
        }
        Ok(highest)
    }

    fn listed(&self, folder: &str) -> Result<Vec<Found>, Error> {
        let listed = self.files.list(folder);
        listed.map_err(|source| Error::Read { path: self.files.path(folder), source })
    }

    /// Reads a model's state, and the version of its object.
    pub(super) fn state(&self, remote: &Remote, name: &str) -> Result<(State, Option<UpdateVersion>), Error> {
        let file = state_of(name);
        let failed = |source| Error::Read { path: self.files.path(&file), source };
        match remote.read(&file).map_err(failed)? {
            None => Ok((State::default(), None)),
            Some((text, version)) => {
                let state = serde_json::from_slice(&text).map_err(|error| failed(io::Error::other(error)))?;
                Ok((state, Some(version)))
            }
        }
    }

    /// Changes a model's state in one step, and returns the new one. `change` is asked again if somebody else changes it at the same time.
    pub(super) fn change(
        &self,
        remote: &Remote,
        name: &str,
        change: impl Fn(&mut State) -> Result<(), Error>,
    ) -> Result<State, Error> {
        let (file, writer) = (state_of(name), objects::token());
        let failed = |source| Error::Write { path: self.files.path(&file), source };
        loop {
            let (mut state, version) = self.state(remote, name)?;
            if state.writer == writer {
                return Ok(state);
            }
            change(&mut state)?;
            state.writer.clone_from(&writer);
            let text = serde_json::to_vec_pretty(&state).map_err(|error| failed(io::Error::other(error)))?;
            if remote.swap(&file, text, version).map_err(failed)? {
                return Ok(state);
            }
        }
    }
}

/// Returns the path of a model's state in the folder of models.
pub(super) fn state_of(name: &str) -> String {
    format!("{name}/{STATE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_unless_they_are_dropped() {
        let state = State { dropped: [4].into(), dropped_to: 2, ..State::default() };
        let files = [
            "1/model.json",
            "2/model.json",
            "3/model.json",
            "4/model.json",
            "10/model.json",
            "10/x",
            "5/x",
            "state.json",
            "07/model.json",
        ];
        assert_eq!(state.versions(files.into_iter()), [3, 10]);
        assert_eq!(State::default().versions(["2/model.json", "2/model.json"].into_iter()), [2]);
    }
}
