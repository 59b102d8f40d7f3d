//! The templates and queries of reports: those built into the program, and a project's own, which replace them.
//!
//! In: a path below `reports/`, such as `eval/confusion.sql`. Out: the file's text; the project's file is used if it exists.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::{Error, REPORTS, format};
use crate::text::did_you_mean;

/// Lists files of `reports/`, each with its text, which is built into the program.
macro_rules! built_in {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/", $file)))),+]
    };
}
pub(super) use built_in;

/// The files that every report uses.
const SHARED: &[(&str, &str)] = built_in!["layout.html", "parts.html", "style.css"];

/// The source of the texts of templates and queries.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    folder: Option<PathBuf>,
}

impl Sources {
    /// Takes every file from those built into the program.
    pub fn built_in() -> Sources {
        Sources::default()
    }

    /// Takes a file from the folder if the folder has it, else from the program. The folder need not exist.
    pub fn with_folder(folder: &Path) -> Sources {
        Sources { folder: Some(folder.into()) }
    }

    /// Returns the project's folder of reports.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns the text of a file below `reports/`.
    ///
    /// # Errors
    /// The file cannot be read, or is neither in the folder nor built in.
    pub(super) fn text(&self, file: &str) -> Result<String, Error> {
        if let Some(path) = self.folder.as_ref().map(|folder| folder.join(file)) {
            match fs::read_to_string(&path) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                text => return text.map_err(|source| Error::Read { path, source }),
            }
        }
        let known = built_in_files().find(|(name, _)| *name == file);
        known.map(|(_, text)| text.to_string()).ok_or_else(|| {
            let path = self.folder.clone().unwrap_or_default().join(file);
            Error::Read { path, source: ErrorKind::NotFound.into() }
        })
    }

    /// Checks a project's folder for a report that comes with squall: every query in it must replace one of the report's
    /// queries. Otherwise a misspelled name would replace nothing, and nobody would notice.
    pub(super) fn check(&self, report: &str, known: &[(&str, &str)]) -> Result<(), Error> {
        for name in self.files(report, "sql")? {
            let file = format!("{report}/{name}");
            if !known.iter().any(|(known, _)| *known == file) {
                let folder = format!("{report}/");
                let names = known.iter().filter_map(|(known, _)| known.strip_prefix(folder.as_str()));
                let suggestion = did_you_mean(&name, names);
                let path = self.folder.clone().unwrap_or_default().join(file);
                return Err(Error::ReplacesNothing { path, suggestion });
            }
        }
        Ok(())
    }

    /// Returns the names of the files with this extension in a folder below `reports/`, ascending.
    pub(super) fn files(&self, folder: &str, extension: &str) -> Result<Vec<String>, Error> {
        let Some(path) = self.folder.as_ref().map(|own| own.join(folder)) else { return Ok(Vec::new()) };
        let failed = |source| Error::Read { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && Path::new(&name).extension().is_some_and(|found| found == extension) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Renders a template. Everything is escaped unless the template marks it safe.
    pub(super) fn render(&self, template: &str, view: impl Serialize) -> Result<String, Error> {
        let mut texts: Vec<(String, String)> = Vec::new();
        let shared = built_in_files().map(|(name, _)| name.to_string()).filter(|name| !name.ends_with(".sql"));
        let own = self.files("", "html")?.into_iter().chain(self.files("", "css")?);
        for name in shared.chain(own) {
            if !texts.iter().any(|(known, _)| *known == name) {
                let text = self.text(&name)?;
                texts.push((name, text));
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        format::add_filters(&mut environment);
        let mut broken = None;
        for (name, text) in &texts {
            match environment.add_template(name, text) {
                Err(error) if name == template => return Err(error.into()),
                // A broken template of another report matters only if this report needs it.
                Err(error) => broken = broken.or(Some(error)),
                Ok(()) => {}
            }
        }
        let rendered = environment.get_template(template).and_then(|found| found.render(minijinja::value::Serde(view)));
        rendered.map_err(|error| match broken {
            Some(broken) if error.kind() == minijinja::ErrorKind::TemplateNotFound => broken.into(),
            _ => error.into(),
        })
    }
}

/// Returns the built-in files, each with its text.
fn built_in_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = REPORTS.iter().flat_map(|report| report.about().sources);
    SHARED.iter().chain(own).copied()
}

/// Returns whether a file with this name below `reports/` is built into the program.
pub(super) fn is_built_in(file: &str) -> bool {
    built_in_files().any(|(name, _)| name == file)
}
