//! The `sql/` project: files → graph → run, audits, lint, lineage.
//!
//! In: a folder of `.sql` files and the parameters that their placeholders stand for. Out: views registered with a
//! `SessionContext` under the files' stems, and materialised tables `<tables_dir>/<name>/`. docs/pipeline.md describes the
//! format.

mod audit;
mod begin;
mod case;
mod cell;
mod check;
mod clauses;
mod columns;
pub mod compare;
mod computed_once;
mod days;
mod describe;
mod determined;
mod disabled;
mod error;
mod fault;
mod grain;
mod graph;
mod header;
pub mod lineage;
mod lint;
mod load;
mod manifest;
mod names;
mod outlook;
mod over;
mod partly_fresh;
mod pattern;
mod pieces;
mod place;
pub mod profile;
mod prove;
mod provenance;
mod reach;
mod recipe;
mod register;
mod run;
mod selector;
pub mod shipped;
mod slice;
mod spans;
mod spec;
mod spots;
mod statement;
mod store;
mod table;
pub mod tables;
mod template;
mod versions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use audit::Audited;
pub use begin::{Begun, Template};
pub use case::Tested;
pub use check::{Checked, Options, Outcome, Report};
pub use describe::{Described, DescribedColumn, sql_type};
pub use disabled::{Disabled, Why};
pub use error::Error;
pub use fault::{Check, Fault, Severity};
pub use header::Header;
pub use lint::Finding;
pub use outlook::{Outlook, Would};
pub use over::Over;
pub use place::Place;
pub use prove::{Proof, Thoroughness};
pub use reach::{Extent, Lookback, Reach, Reaches, RowTime, Step};
pub use run::Waiting;
pub use selector::EXCLUDE;
pub use store::{Made, Materialised, RunOptions};

use load::{is_header, read, sql_files};
use statement::Parsed;
use template::Rendered;

/// The values of the project's placeholders, by name.
pub type Parameters = BTreeMap<String, serde_json::Value>;

/// The table from which the project starts; no query may have its name.
const LANDED: &str = "landed_ticks";

/// The kind of a query, given by its folder. Folders without a special meaning hold plain queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Plain,
    /// Looks only back.
    Feature,
    /// Looks ahead.
    Label,
    /// A `CREATE MODEL` statement: trained, not run.
    Model,
    /// Returns what is wrong with the data: no rows if everything is right.
    Audit,
}

impl Kind {
    fn of(folder: &str) -> Kind {
        match folder {
            "features" => Kind::Feature,
            "labels" => Kind::Label,
            "models" => Kind::Model,
            "audits" => Kind::Audit,
            _ => Kind::Plain,
        }
    }

    /// Returns the name that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Plain => "query",
            Kind::Feature => "feature",
            Kind::Label => "label",
            Kind::Model => "model",
            Kind::Audit => "audit",
        }
    }

    fn required_header(self) -> &'static [&'static str] {
        match self {
            Kind::Feature | Kind::Label => &["description", "grain", "time column", "units"],
            Kind::Plain | Kind::Model | Kind::Audit => &["description"],
        }
    }
}

/// One file of the project.
#[derive(Debug, Clone)]
pub struct Query {
    pub name: String,
    pub file: PathBuf,
    pub kind: Kind,
    pub header: Header,
    /// The statement, with its placeholders filled.
    pub sql: String,
    rendered: Rendered,
    parsed: Parsed,
    /// A short name for the statement and those of everything that it reads.
    fingerprint: String,
    /// Whether it has a window, or reads a query that has one.
    windows: bool,
    /// The queries and models that it reads, as indices into [`Project::queries`]; each comes before this query.
    reads: Vec<usize>,
}

/// A SQL project: its queries, in dependency order. A clone shares them.
#[derive(Debug, Clone)]
pub struct Project {
    dir: PathBuf,
    parameters: Parameters,
    models_dir: Option<PathBuf>,
    queries: Arc<[Query]>,
    disabled: Arc<[Disabled]>,
    measured: Arc<reach::Memo>,
    flows: Arc<lineage::Memo>,
}

impl Project {
    /// Sets the folder of model artifacts, `<name>/<version>/`. A materialised table of a model's scores becomes stale when
    /// the model is trained again.
    pub fn with_models(mut self, models_dir: &Path) -> Project {
        self.models_dir = Some(models_dir.into());
        self
    }

    /// Returns the folder of models; `None` if queries score with none.
    pub fn models_dir(&self) -> Option<&Path> {
        self.models_dir.as_deref()
    }

    /// Returns the values of the project's placeholders.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns whether the project has no file.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty() && self.disabled.is_empty()
    }

    /// Returns every query, model and audit whose file can be used, each after what it reads.
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// Returns the query, model or audit with this name.
    pub fn query(&self, name: &str) -> Option<&Query> {
        self.queries.iter().find(|query| query.name == name)
    }

    /// Returns the `CREATE MODEL` statement of `sql/models/<name>.sql`, with placeholders filled. Empty lines come before
    /// it, so that the line numbers in errors are those of the file.
    pub fn model_statement(&self, name: &str) -> Option<String> {
        let query = self.query(name).filter(|query| query.kind == Kind::Model)?;
        let header = query.rendered.sql.lines().take_while(|line| is_header(line)).count();
        Some(format!("{}{}", "\n".repeat(header), query.sql))
    }

    /// Returns the names of `sql/models/*.sql`, ascending.
    pub fn model_names(&self) -> Vec<&str> {
        let models = self.queries.iter().filter(|query| query.kind == Kind::Model);
        let mut names: Vec<&str> = models.map(|query| query.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
