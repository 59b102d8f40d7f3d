//! A disk that fails at a chosen step, or loses power after it; a power loss loses everything that was not synced.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::write;

type Names = BTreeMap<PathBuf, usize>;

/// A disk in memory with one folder.
#[derive(Debug, Default)]
struct Simulated {
    state: RefCell<State>,
    /// The number of the step that fails, counted from 0.
    fails_at: Option<usize>,
}

#[derive(Debug, Default, Clone)]
struct State {
    steps: usize,
    /// Each file's content in memory, and the content that would survive a power loss.
    files: Vec<(Vec<u8>, Vec<u8>)>,
    /// The names as programs see them, and each state in which a power loss may leave them. If a folder is not synced, any
    /// part of what was done to it may have been stored.
    names: Names,
    durable: Vec<Names>,
}

impl Simulated {
    fn holding(path: &Path, content: &[u8]) -> Simulated {
        let names: Names = [(path.to_path_buf(), 0)].into();
        let state = State {
            steps: 0,
            files: vec![(content.to_vec(), content.to_vec())],
            names: names.clone(),
            durable: vec![names],
        };
        Simulated { state: RefCell::new(state), fails_at: None }
    }

    fn step(&self, work: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let step = state.steps;
        state.steps += 1;
        if self.fails_at == Some(step) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        work(&mut state)?;
        let names = state.names.clone();
        if state.durable.last() != Some(&names) {
            state.durable.push(names);
        }
        Ok(())
    }

    /// Returns the possible contents under a name after a power loss.
    fn after_power_loss(&self, path: &Path) -> Vec<Option<Vec<u8>>> {
        let state = self.state.borrow();
        state.durable.iter().map(|names| names.get(path).map(|file| state.files[*file].1.clone())).collect()
    }

    fn now(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.borrow();
        state.names.get(path).map(|file| state.files[*file].0.clone())
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for Simulated {
    type Held = ();

    fn create_folder(&self, _: &Path) -> io::Result<()> {
        self.step(|_| Ok(()))
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        // A full disk leaves a part of the content.
        let half = &content[..content.len() / 2];
        for content in [half, content] {
            self.step(|state| {
                state.files.push((content.to_vec(), Vec::new()));
                let file = state.files.len() - 1;
                state.names.insert(path.to_path_buf(), file);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.step(|state| {
            let file = *state.names.get(path).ok_or_else(missing)?;
            state.files[file].1 = state.files[file].0.clone();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            let file = state.names.remove(from).ok_or_else(missing)?;
            state.names.insert(to.to_path_buf(), file);
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            let file = *state.names.get(from).ok_or_else(missing)?;
            match state.names.insert(to.to_path_buf(), file) {
                None => Ok(()),
                Some(old) => {
                    state.names.insert(to.to_path_buf(), old);
                    Err(io::Error::from(io::ErrorKind::AlreadyExists))
                }
            }
        })
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.step(|state| {
            state.durable = vec![state.names.clone()];
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|state| state.names.remove(path).map(drop).ok_or_else(missing))
    }
}

#[test]
fn a_disk_that_fails_at_any_step_keeps_the_old_content_or_has_the_new() {
    let path = Path::new("dir/manifest.json");
    for step in 0.. {
        let disk = Simulated { fails_at: Some(step), ..Simulated::holding(path, b"old") };
        let written = write(&disk, path, b"new content", Disk::rename);
        let steps = disk.state.borrow().steps;
        let now = disk.now(path).expect("the name is always there");
        assert!(now == b"old" || now == b"new content", "step {step}");
        assert!(written.is_err() || now == b"new content", "step {step}");
        for lost in disk.after_power_loss(path) {
            let content = lost.expect("the name is always there");
            assert!(content == b"old" || content == b"new content", "step {step}: {content:?}");
            // What was reported as written still exists.
            assert!(written.is_err() || content == b"new content", "step {step}");
        }
        if step >= steps {
            assert!(step > 5, "every step failed once");
            break;
        }
    }
}

#[test]
fn a_file_made_once_is_whole_after_a_power_loss_at_any_step() {
    let path = Path::new("dir/model.json");
    for step in 0..8 {
        let disk = Simulated { fails_at: Some(step), ..Simulated::holding(Path::new("dir/other"), b"") };
        let written = write(&disk, path, b"artifact", Disk::link);
        for content in disk.after_power_loss(path).into_iter().chain([disk.now(path)]) {
            assert!(content.is_none() || content.as_deref() == Some(b"artifact"), "step {step}");
            assert!(written.is_err() || content.is_some(), "step {step}");
        }
    }
}
