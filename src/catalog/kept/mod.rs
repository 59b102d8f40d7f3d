//! Tables and views that users make with CREATE TABLE and CREATE VIEW, kept on disk.
//!
//! In: a folder, and the statements CREATE, INSERT INTO and DROP. Out: `<name>.parquet` for a table and `<name>.sql` for a view; each
//! file is replaced whole. `squall sql` and `squall repl` see them; queries of the project do not, because they are not a part of the
//! project. One lock file keeps processes from changing the folder at the same time.

pub mod schema;
mod statement;
mod table;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, TableType};
use datafusion::prelude::SessionContext;

use crate::dialect;
use crate::durable;
use crate::error::Hint;
use crate::error::Refused;
use table::KeptTable;

const LOCK: &str = ".lock";

/// What goes wrong with kept tables.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is a table or view `{name}` already")]
    Exists { name: String },
    #[error("`{name}` is a table of squall or a query of the project")]
    Taken { name: String },
    #[error("`{name}` is a {is}, not a {wanted}")]
    Kind { name: String, is: &'static str, wanted: &'static str },
    #[error("`{name}` is a view or a query of the project, so its rows cannot be changed")]
    Query { name: String },
    #[error("two columns are named `{column}`")]
    TwoColumns { column: String },
    #[error("a table that is kept has no constraints and no defaults")]
    Constraints,
    #[error("the view `{name}` would read itself")]
    Circle { name: String },
    #[error("cannot change {}", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Exists { name } => format!("DROP it first, or write CREATE OR REPLACE; `.schema {name}` shows it"),
            Error::Taken { .. } => "choose another name, or write CREATE TEMP TABLE for this session only".into(),
            Error::Kind { is, name, .. } => format!("write DROP {} {name}", is.to_uppercase()),
            Error::Query { name } => {
                format!("change what it reads, or keep its rows: CREATE TABLE mine AS SELECT * FROM {name}")
            }
            Error::TwoColumns { column } => format!("rename one: {column} AS other"),
            Error::Constraints => "leave them out, or write CREATE TEMP TABLE for this session only".into(),
            Error::Circle { .. } => "give the new view another name".into(),
            Error::Disk { .. } => "the settings paths.data and paths.local say where squall stores everything".into(),
        })
    }
}

/// The folder of kept tables and views.
#[derive(Clone)]
pub struct Kept {
    dir: PathBuf,
    /// Returns the session's state, as long as the session lives.
    state: Arc<dyn Fn() -> Option<SessionState> + Send + Sync>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// What a kept name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Table,
    View,
}

impl Is {
    fn ending(self) -> &'static str {
        match self {
            Is::Table => "parquet",
            Is::View => "sql",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Is::Table => "table",
            Is::View => "view",
        }
    }

    fn of(path: &Path) -> Option<Is> {
        [Is::Table, Is::View].into_iter().find(|is| path.extension().is_some_and(|ending| ending == is.ending()))
    }
}

impl Kept {
    /// Opens the folder, which is made when the first table is. The session reads the files.
    pub fn new(dir: &Path, context: &SessionContext) -> io::Result<Kept> {
        let state = context.state_weak_ref();
        let state = Arc::new(move || state.upgrade().map(|state| state.read().clone()));
        Ok(Kept { dir: std::path::absolute(dir)?, state })
    }

    /// Returns the names of tables and views, ascending. If the folder cannot be read, there are none.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let names = paths.filter(|path| Is::of(path).is_some()).filter_map(|path| decoded(path.file_stem()?.to_str()?));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Returns what a name is; `None` if nothing with this name is kept.
    pub fn is(&self, name: &str) -> Option<Is> {
        [Is::Table, Is::View].into_iter().find(|is| self.path(name, *is).exists())
    }

    /// Returns the type of a table or view, without opening it.
    pub fn table_type(&self, name: &str) -> Option<TableType> {
        self.is(name).map(|is| if is == Is::View { TableType::View } else { TableType::Base })
    }

    /// Opens a table or view.
    ///
    /// # Errors
    /// Its file cannot be read, or a view reads something that is not there any more.
    pub async fn open(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(is) = self.is(name) else { return Ok(None) };
        let Some(state) = (self.state)() else { return Ok(None) };
        let path = self.path(name, is);
        match is {
            Is::Table => Ok(Some(Arc::new(KeptTable::open(path, self.dir.join(LOCK), &state).await?))),
            Is::View => {
                let statement = std::fs::read_to_string(&path)?;
                let planned = dialect::plan_text(&state, &statement).await;
                match planned.map_err(|error| unusable(name, &error))? {
                    LogicalPlan::Ddl(DdlStatement::CreateView(view)) => {
                        Ok(Some(Arc::new(ViewTable::new(Arc::unwrap_or_clone(view.input), view.definition))))
                    }
                    _ => Err(DataFusionError::Execution(format!("{} is not a view", path.display()))),
                }
            }
        }
    }

    fn path(&self, name: &str, is: Is) -> PathBuf {
        self.dir.join(format!("{}.{}", encoded(name), is.ending()))
    }

    /// Waits until no other process changes the folder, and keeps others out until the file is dropped.
    async fn lock(&self) -> Result<File, Error> {
        lock(self.dir.join(LOCK)).await.map_err(|source| Error::Disk { path: self.dir.clone(), source })
    }
}

/// Says why a view cannot be used, which worked when it was made.
fn unusable(name: &str, error: &DataFusionError) -> DataFusionError {
    let first = error.iter().next().unwrap_or(error).find_root();
    let message = format!("the view `{name}` cannot be used: {}", first.message());
    let hint = Some(format!("write CREATE OR REPLACE VIEW {name} AS …, or DROP VIEW {name}"));
    DataFusionError::External(Box::new(Refused { message, hint }))
}

/// Locks a file, which is made if there is none.
async fn lock(path: PathBuf) -> io::Result<File> {
    durable::blocking(move || {
        durable::create_folder(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    })
    .await
}

/// Returns a name as a file's name: letters, digits, `_` and `-` stay, other bytes are `%` and two digits.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => text.push(byte.into()),
            other => text.push_str(&format!("%{other:02x}")),
        }
    }
    text
}

/// Returns the name of a table from its file's name; `None` if it is not one that `encoded` returns.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    let name = String::from_utf8(bytes).ok()?;
    (encoded(&name) == text).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_files_and_back() {
        for (name, file) in [("ticks", "ticks"), ("Mixed Name", "Mixed%20Name"), ("../é%", "%2e%2e%2f%c3%a9%25")] {
            assert_eq!(encoded(name), file);
            assert_eq!(decoded(file).as_deref(), Some(name));
        }
        for file in ["%", "%zz", "a b", "%2E", "%ff"] {
            assert_eq!(decoded(file), None, "{file}");
        }
    }
}
