//! The `sql/` project: files → graph → run, audits, lint.
//!
//! In: a folder of `.sql` files and the parameters that their placeholders stand for. Out: views registered with a
//! `SessionContext` under the files' stems, and materialised tables `<tables_dir>/<name>/`. docs/pipeline.md describes the
//! format.

mod audit;
mod case;
mod error;
mod graph;
mod header;
mod lint;
mod manifest;
mod place;
mod reach;
mod spots;
mod statement;
mod store;
mod template;
mod version_table;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;

pub use audit::Audited;
pub use case::Tested;
pub use error::Error;
pub use header::Header;
pub use lint::Finding;
pub use place::Place;
pub use reach::{Extent, Reach, Reaches};
pub use store::Materialised;

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

    fn required_header(self) -> &'static [&'static str] {
        match self {
            Kind::Feature | Kind::Label => &["description", "grain", "time column", "units"],
            Kind::Plain | Kind::Model | Kind::Audit => &["description"],
        }
    }
}

/// One file of the project.
#[derive(Debug)]
pub struct Query {
    pub name: String,
    pub file: PathBuf,
    pub kind: Kind,
    pub header: Header,
    /// The statement, with its placeholders filled.
    pub sql: String,
    rendered: Rendered,
    parsed: Parsed,
    /// The queries and models that it reads, as indices into [`Project::queries`]; each comes before this query.
    reads: Vec<usize>,
}

/// A SQL project: its queries, in dependency order.
#[derive(Debug)]
pub struct Project {
    dir: PathBuf,
    parameters: Parameters,
    models_dir: Option<PathBuf>,
    queries: Vec<Query>,
    measured: reach::Memo,
}

impl Project {
    /// Reads and checks the project: fills placeholders, parses the SQL, resolves references. If the folder does not exist,
    /// the project has no queries.
    /// # Errors
    /// A file cannot be read, two files have one name, a parameter is unknown, SQL does not parse, a header comment lacks an
    /// entry, or queries need each other.
    pub fn load(dir: &Path, parameters: &Parameters) -> Result<Project, Error> {
        let mut queries: Vec<Query> = Vec::new();
        for file in sql_files(dir)? {
            let folder = file.strip_prefix(dir).ok().and_then(|path| path.components().next());
            let folder = folder.map(|folder| folder.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
            if folder == case::FOLDER {
                continue;
            }
            let query = Query::load(&file, Kind::of(&folder), parameters)?;
            if let Some(first) = queries.iter().find(|first| first.name == query.name) {
                let (name, first) = (query.name, first.file.clone());
                return Err(Error::Duplicate { name, first, second: file });
            }
            queries.push(query);
        }
        let queries = graph::in_dependency_order(queries)?;
        Ok(Project {
            dir: dir.into(),
            parameters: parameters.clone(),
            models_dir: None,
            queries,
            measured: reach::Memo::default(),
        })
    }

    /// Sets the folder of model artifacts, `<name>/<version>/`. A materialised table of a model's scores becomes stale when
    /// the model is trained again.
    pub fn with_models(mut self, models_dir: &Path) -> Project {
        self.models_dir = Some(models_dir.into());
        self
    }

    /// Returns the values of the project's placeholders.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns every query, model and audit, each after what it reads.
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

    /// Registers every query under its name: as its materialised table if that is fresh, else as a view.
    ///
    /// A query that scores with a model cannot be planned before the model is trained. Until then it is left out, and so are
    /// the queries that read it; [`Project::run`] says why.
    pub async fn register(&self, context: &SessionContext, tables_dir: &Path) -> Result<(), Error> {
        let mut inputs = manifest::Inputs::default();
        for index in 0..self.queries.len() {
            self.register_one(index, context, tables_dir, &mut inputs).await?;
        }
        Ok(())
    }

    async fn register_one(
        &self,
        index: usize,
        context: &SessionContext,
        tables_dir: &Path,
        inputs: &mut manifest::Inputs,
    ) -> Result<(), Error> {
        let query = &self.queries[index];
        if matches!(query.kind, Kind::Model | Kind::Audit) {
            return Ok(());
        }
        let provider = match self.fresh_table(index, context, tables_dir, inputs).await? {
            Some(table) => table,
            None => match self.plan(query, context).await {
                Ok(plan) => DataFrame::new(context.state(), plan).into_view(),
                Err(_) if self.scores(index) => {
                    replace(context, query, None)?;
                    return Ok(());
                }
                Err(error) => return Err(error),
            },
        };
        replace(context, query, Some(provider))
    }

    /// Returns the queries that [`Project::register`] left out, each with the reason.
    pub async fn unplanned(&self, context: &SessionContext) -> Vec<(&Query, Error)> {
        let mut unplanned = Vec::new();
        for query in self.queries.iter().filter(|query| !matches!(query.kind, Kind::Model | Kind::Audit)) {
            if context.table_exist(query.name.as_str()).unwrap_or(false) {
                continue;
            }
            if let Err(error) = self.plan(query, context).await {
                unplanned.push((query, error));
            }
        }
        unplanned
    }

    /// Returns whether the query needs a model, either itself or through the queries that it reads.
    fn scores(&self, index: usize) -> bool {
        self.upstream(index).into_iter().any(|needed| self.queries[needed].kind == Kind::Model)
    }

    /// Plans a query against the session's tables.
    async fn plan(&self, query: &Query, context: &SessionContext) -> Result<LogicalPlan, Error> {
        let mut state = context.state();
        // With spans, an error knows its line and column.
        state.config_mut().options_mut().sql_parser.collect_spans = true;
        let error = match state.statement_to_plan(query.parsed.statement()).await {
            Ok(plan) => return Ok(plan),
            Err(error) => error,
        };
        let diagnostic = error.diagnostic();
        let span = diagnostic.and_then(|diagnostic| diagnostic.span).filter(|span| span.start.line > 0);
        Err(match (diagnostic, span) {
            (Some(diagnostic), Some(span)) => {
                let mut known: Vec<String> = self.queries.iter().map(|query| query.name.clone()).collect();
                known.push(LANDED.into());
                known.extend(possible_columns(&error));
                let place = query.rendered.place(span.start.line as usize, span.start.column as usize);
                Error::Plan { place, message: diagnostic.message.clone(), known }
            }
            _ => Error::PlanSomewhere { name: query.name.clone(), file: query.file.clone(), source: Box::new(error) },
        })
    }
}

impl Query {
    fn load(file: &Path, kind: Kind, parameters: &Parameters) -> Result<Query, Error> {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if name == LANDED {
            return Err(Error::Reserved { name, file: file.into() });
        }
        let first_is_letter = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !first_is_letter || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(Error::Name { name, file: file.into() });
        }
        let rendered = template::render(file, &read(file)?, parameters)?;
        let header = Header::parse(&rendered.sql);
        header.require(file, kind.required_header())?;
        let parsed = match kind {
            Kind::Model => statement::parse_model(&rendered)?,
            _ => statement::parse_query(&rendered)?,
        };
        if let Some(model) = parsed.model.as_ref().map(|model| &model.name).filter(|model| **model != name) {
            let place = rendered.place(1, 1);
            let message = format!("the model is named `{model}`, its file `{name}`");
            return Err(Error::Syntax { place: Place { column: None, ..place }, message });
        }
        let sql = without_header(&rendered.sql);
        Ok(Query { name, file: file.into(), kind, header, sql, rendered, parsed, reads: Vec::new() })
    }
}

/// Returns the existing columns that an error about an unknown column suggests.
fn possible_columns(error: &datafusion::error::DataFusionError) -> Vec<String> {
    use datafusion::common::SchemaError;
    use datafusion::error::DataFusionError;
    match error.find_root() {
        DataFusionError::SchemaError(source, _) => match source.as_ref() {
            SchemaError::FieldNotFound { valid_fields, .. } => {
                let names: BTreeSet<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
                names.into_iter().collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn replace(
    context: &SessionContext,
    query: &Query,
    provider: Option<std::sync::Arc<dyn datafusion::catalog::TableProvider>>,
) -> Result<(), Error> {
    let replaced = context.deregister_table(query.name.as_str()).and_then(|_| match provider {
        Some(provider) => context.register_table(query.name.as_str(), provider).map(|_| ()),
        None => Ok(()),
    });
    replaced.map_err(|source| Error::PlanSomewhere {
        name: query.name.clone(),
        file: query.file.clone(),
        source: Box::new(source),
    })
}

/// Returns whether a line before the statement is empty or a comment.
fn is_header(line: &str) -> bool {
    line.trim().is_empty() || line.trim().starts_with("--")
}

/// Returns the statement without the comment lines before it.
fn without_header(sql: &str) -> String {
    let lines = sql.lines().skip_while(|line| is_header(line));
    let statement = lines.collect::<Vec<_>>().join("\n");
    statement.trim().trim_end_matches(';').trim_end().to_string()
}

fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|source| Error::Read { path: file.into(), source })
}

/// Returns the project's `.sql` files, by path; hidden ones are left out.
fn sql_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
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
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
