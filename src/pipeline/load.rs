//! Reading the project's files. A file that cannot be used is set aside with its error; the others are read all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::execution::context::SessionContext;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::header::Header;
use super::place::Place;
use super::{Kind, Parameters, Project, Query, case, graph, statement, tables, template};
use crate::catalog::GROWING_TABLES;

/// Names that squall keeps for tables of its own, although not every session has them.
const KEPT: [&str; 3] = ["models", "runs", "information_schema"];

impl Project {
    /// Reads the project: fills placeholders, parses the SQL, resolves references. If the folder does not exist, the project
    /// has no queries. [`Project::disabled`] returns the files that cannot be used.
    ///
    /// # Errors
    /// A folder of the project cannot be read.
    pub fn load(dir: &Path, parameters: &Parameters) -> Result<Project, Error> {
        let mut disabled = Vec::new();
        let mut files: BTreeMap<String, Vec<(PathBuf, Kind)>> = BTreeMap::new();
        for file in sql_files(dir)? {
            let folder = file.strip_prefix(dir).ok().and_then(|path| path.components().next());
            let folder = folder.map(|folder| folder.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
            if folder == case::FOLDER {
                continue;
            }
            let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            files.entry(name).or_default().push((file, Kind::of(&folder)));
        }
        let mut queries: Vec<Query> = Vec::new();
        for (name, mut places) in files {
            let loaded = match places.as_slice() {
                [(file, kind)] => Query::load(&name, file, *kind, parameters),
                [.., (file, _)] if is_built_in(&name) => {
                    Err(Error::Reserved { name: name.clone(), file: file.clone(), what: "built-in table" })
                }
                // Nobody can tell which of them a reader means.
                _ => {
                    let files = places.iter().map(|(file, _)| file.clone()).collect();
                    Err(Error::Duplicate { name: name.clone(), files })
                }
            };
            match (loaded, places.pop()) {
                (Ok(query), _) => queries.push(query),
                (Err(error), Some((file, kind))) => {
                    disabled.push(Disabled { name, kind, file, why: Why::Wrong(error.into()) });
                }
                // Every name has a file.
                (Err(_), None) => {}
            }
        }
        let (queries, circles) = graph::in_dependency_order(queries);
        disabled.extend(circles);
        Ok(Project {
            dir: dir.into(),
            parameters: parameters.clone(),
            models_dir: None,
            queries: queries.into(),
            disabled: disabled.into(),
            measured: Arc::default(),
            flows: Arc::default(),
        })
    }

    /// Disables the queries that have the name of a table or a table function of the session, which must not contain the
    /// project yet.
    pub fn with_built_in(mut self, context: &SessionContext) -> Project {
        let names: Vec<Option<&'static str>> = self.queries.iter().map(|query| taken(&query.name, context)).collect();
        if names.iter().all(Option::is_none) {
            return self;
        }
        let mut kept = Vec::new();
        let mut disabled = self.disabled.to_vec();
        for (query, taken) in self.queries.iter().cloned().zip(names) {
            match taken {
                None => kept.push(query),
                Some(what) => {
                    let error = Error::Reserved { name: query.name.clone(), file: query.file.clone(), what };
                    let why = Why::Wrong(error.into());
                    disabled.push(Disabled { name: query.name, kind: query.kind, file: query.file, why });
                }
            }
        }
        // The indices of the queries have changed; what was a circle has been taken out already.
        let (queries, _) = graph::in_dependency_order(kept);
        self.queries = queries.into();
        self.disabled = disabled.into();
        self
    }
}

/// Returns whether a name is that of a table of squall's own.
fn is_built_in(name: &str) -> bool {
    KEPT.contains(&name) || GROWING_TABLES.contains(&name) || tables::NAMES.contains(&name)
}

/// Returns what has a name already: a table or a table function of the session.
pub(super) fn taken(name: &str, context: &SessionContext) -> Option<&'static str> {
    if is_built_in(name) || context.table_exist(name).unwrap_or(false) {
        return Some("built-in table");
    }
    let state = context.state();
    state.table_functions().contains_key(name).then_some("table function")
}

impl Query {
    fn load(name: &str, file: &Path, kind: Kind, parameters: &Parameters) -> Result<Query, Error> {
        let name = name.to_string();
        Query::check_name(&name, file)?;
        let rendered = template::render(file, &read(file)?, parameters)?;
        let header = Header::parse(&rendered.sql);
        let parsed = match kind {
            Kind::Model => statement::parse_model(&rendered)?,
            _ => statement::parse_query(&rendered)?,
        };
        if let Some(model) = parsed.model.as_ref().filter(|model| model.statement.name != name) {
            let place = rendered.place(1, 1);
            let message = format!("the model is named `{}`, its file `{name}`", model.statement.name);
            let hint = Some("give both the same name".into());
            return Err(Error::Plan { place: Place { column: None, ..place }, message, hint });
        }
        let sql = without_header(&rendered.sql);
        Ok(Query {
            name,
            file: file.into(),
            kind,
            header,
            sql,
            rendered,
            parsed,
            fingerprint: String::new(),
            windows: false,
            reads: Vec::new(),
        })
    }

    /// Checks that SQL can use a query's name without quotes, and that it is not the name of a table of squall's own.
    pub(super) fn check_name(name: &str, file: &Path) -> Result<(), Error> {
        let name = name.to_string();
        if is_built_in(&name) {
            return Err(Error::Reserved { name, file: file.into(), what: "built-in table" });
        }
        let first_is_letter = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !first_is_letter || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(Error::Name { name, file: file.into() });
        }
        Ok(())
    }

    /// Returns where the query names another query or table; where the query begins if it does not.
    pub(super) fn place_of_reference(&self, name: &str) -> Place {
        match self.parsed.place_of(name) {
            Some(at) => self.rendered.place(at.line as usize, at.column as usize),
            None => self.start(),
        }
    }

    /// Returns where the statement begins, after the header.
    pub(super) fn start(&self) -> Place {
        let header = self.rendered.sql.lines().take_while(|line| is_header(line)).count();
        self.rendered.place(header + 1, 1)
    }
}

/// Returns whether a line before the statement is empty or a comment.
pub(super) fn is_header(line: &str) -> bool {
    line.trim().is_empty() || line.trim().starts_with("--")
}

/// Returns the statement without the comment lines before it.
fn without_header(sql: &str) -> String {
    let lines = sql.lines().skip_while(|line| is_header(line));
    let statement = lines.collect::<Vec<_>>().join("\n");
    statement.trim().trim_end_matches(';').trim_end().to_string()
}

pub(super) fn read(file: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: file.into(), source };
    // A pipe would let whoever reads it wait.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let text = std::fs::read_to_string(file).map_err(failed)?;
    // Editors of Windows begin a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// Returns the project's `.sql` files, by path; hidden ones are left out. A folder that links lead to again is read once.
pub(super) fn sql_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let (mut files, mut links, mut seen) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut folders = vec![dir.to_path_buf()];
    // Links come last, so that a folder keeps its own path.
    while let Some(folder) = folders.pop().or_else(|| links.pop_first()) {
        if folder.canonicalize().is_ok_and(|real| !seen.insert(real)) {
            continue;
        }
        let failed = |source| Error::Read { path: folder.clone(), source };
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder == dir => return Ok(files),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() && path.is_symlink() {
                links.insert(path);
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
