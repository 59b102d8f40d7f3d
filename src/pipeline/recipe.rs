//! What a query's rows are made from. A materialised table is used only as long as that has not changed.
//!
//! In: a query, the session's tables, the model artifacts. Out: a [`Recipe`]: the program, whether windows are exact, and the files behind
//! the query by name, size and time. The SQL is not part of it, because it names the table's folder. If a query's rows can
//! change although none of these do, there is no recipe and the table is never fresh.
//!
//! What a query reads through others is known by their digests, so that a chain of queries costs one step for each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Volatility;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::spans::Spans;
use super::{Kind, LANDED, Project, Query};
use crate::catalog::LandedTicks;
use crate::ml;
use crate::rolling;
use crate::store::{Files, Found};
use crate::text::fingerprint;

/// The end of the path of a model's artifact.
const ARTIFACT: &str = "/model.json";

/// What a table's rows were made from, apart from landed ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// The program that made the rows.
    pub squall: String,
    /// Whether windows were computed exactly, as the setting `engine.rolling` says.
    pub rolling: bool,
    /// The files of every table and every path that the query reads, itself or through others, but for landed ticks.
    pub inputs: String,
    /// The artifacts of every model with which it scores.
    pub models: String,
}

/// One look at the files behind the tables: each is looked up once.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// A digest of the files of each table and path; `None` for a table that is not made of files.
    files: BTreeMap<String, Option<String>>,
    /// What queries are made from, by their index.
    sources: BTreeMap<usize, Result<Sources, Volatile>>,
    /// The landed ticks, by span.
    spans: Option<Option<Arc<Spans>>>,
}

/// What one query is made from, itself and through what it reads.
#[derive(Debug, Clone)]
struct Sources {
    inputs: String,
    models: String,
    reads_landed: bool,
}

/// Why rows can change without notice.
#[derive(Debug, Clone)]
struct Volatile {
    query: usize,
    reason: String,
}

impl Looks {
    async fn files(&mut self, table: &str, context: &SessionContext) -> Result<&str, String> {
        if !self.files.contains_key(table) {
            let files = match context.table_exist(table).unwrap_or(false) {
                true => table_files(table, context).await,
                false => path_files(Path::new(table)),
            };
            self.files.insert(table.into(), files.as_deref().map(digest));
        }
        let files = self.files.get(table).and_then(Option::as_deref);
        files.ok_or_else(|| format!("it reads `{table}`, which is not made of files on this machine"))
    }

    /// Returns the landed ticks by span; `None` if they are not made of landed files.
    pub async fn spans(&mut self, context: &SessionContext, tables_dir: &Path) -> Result<Option<Arc<Spans>>, Error> {
        if self.spans.is_none() {
            let spans =
                Spans::of(context, tables_dir).await.map_err(|source| Error::Landed { source: source.into() })?;
            self.spans = Some(spans.map(Arc::new));
        }
        Ok(self.spans.clone().flatten())
    }

    /// Returns a digest of the landed files; `None` if landed ticks are not made of files.
    pub async fn landed(&mut self, context: &SessionContext) -> Option<String> {
        self.files(LANDED, context).await.ok().map(str::to_string)
    }
}

/// Returns a short name for a list of files.
fn digest(files: &[Found]) -> String {
    let lines = files.iter().map(|file| format!("{}\0{}\0{}\n", file.path, file.bytes, file.modified_ns));
    fingerprint(&lines.collect::<String>())
}

impl Project {
    /// Returns the recipe from which a query's rows would be made now, and whether they are made from landed ticks too.
    ///
    /// # Errors
    /// The reason why there is no recipe: something that the query reads or calls can change its rows without notice.
    pub(super) async fn recipe(
        &self,
        index: usize,
        context: &SessionContext,
        looks: &mut Looks,
    ) -> Result<(Recipe, bool), String> {
        let squall = program().ok_or("the program's own file cannot be read")?.into();
        for needed in self.upstream(index).into_iter().chain([index]) {
            if !looks.sources.contains_key(&needed) {
                let sources = self.sources(needed, context, looks).await;
                looks.sources.insert(needed, sources);
            }
        }
        // It was added in the loop.
        let Some(sources) = looks.sources.get(&index) else { return Err("it was not looked at".into()) };
        let sources = sources.as_ref().map_err(|volatile| match volatile.query == index {
            true => volatile.reason.clone(),
            false => format!("it reads `{}`, and {}", self.queries[volatile.query].name, volatile.reason),
        })?;
        let config = context.copied_config();
        let rolling = config.options().extensions.get::<rolling::Settings>().map(|settings| settings.rolling.enabled);
        let recipe = Recipe {
            squall,
            rolling: rolling.unwrap_or_default(),
            inputs: sources.inputs.clone(),
            models: sources.models.clone(),
        };
        Ok((recipe, sources.reads_landed))
    }

    /// Returns what a query is made from; what it reads was looked at before.
    async fn sources(&self, index: usize, context: &SessionContext, looks: &mut Looks) -> Result<Sources, Volatile> {
        let query = &self.queries[index];
        let volatile = |reason: String| Volatile { query: index, reason };
        if query.kind == Kind::Model {
            // The model's training data do not matter here, because its artifact does the scoring.
            let files =
                self.model_files(&query.name).ok_or_else(|| volatile("the folder of models cannot be read".into()))?;
            return Ok(Sources { inputs: String::new(), models: digest(&files), reads_landed: false });
        }
        let (mut inputs, mut models, mut reads_landed) = (String::new(), String::new(), false);
        for read in &query.reads {
            match looks.sources.get(read) {
                Some(Ok(sources)) => {
                    inputs += &format!("{}={}\n", self.queries[*read].name, sources.inputs);
                    models += &format!("{}={}\n", self.queries[*read].name, sources.models);
                    reads_landed |= sources.reads_landed;
                }
                Some(Err(volatile)) => return Err(volatile.clone()),
                // A query is looked at after what it reads.
                None => return Err(volatile("what it reads was not looked at".into())),
            }
        }
        self.add_own(query, context, looks, &mut inputs, &mut models, &mut reads_landed).await.map_err(volatile)?;
        Ok(Sources { inputs: fingerprint(&inputs), models: fingerprint(&models), reads_landed })
    }

    /// Adds what a query reads apart from the project's other queries.
    async fn add_own(
        &self,
        query: &Query,
        context: &SessionContext,
        looks: &mut Looks,
        inputs: &mut String,
        models: &mut String,
        reads_landed: &mut bool,
    ) -> Result<(), String> {
        let references = &query.parsed.references;
        if let Some(function) = references.functions.iter().find(|name| changes_by_itself(name, context)) {
            return Err(format!("it calls `{function}`, whose value can change from run to run"));
        }
        let mut tables: Vec<&String> = references.tables.iter().filter(|name| self.query(name).is_none()).collect();
        for (function, names) in &references.table_functions {
            let every_model = ml::reads_every_model(function);
            if every_model {
                let files = self.models_dir.as_ref().and_then(|folder| Files::at(folder).list("").ok());
                *models += &format!("*={}\n", digest(&files.ok_or("the folder of models cannot be read")?));
            }
            // If its arguments contain no name, a table function may read anything.
            if names.is_empty() && !every_model {
                return Err(format!("it calls the table function `{function}`, which does not say what it reads"));
            }
            for name in names.iter().filter(|name| self.query(name).is_none()) {
                if context.table_exist(name.as_str()).unwrap_or(false) {
                    tables.push(name);
                } else if let Some(files) = self.model_files(name).filter(|files| !files.is_empty()) {
                    *models += &format!("{name}={}\n", digest(&files));
                } else if every_model && name.contains('*') {
                    // It stands for models, which all count already.
                } else {
                    let problem = "which is not the name of a query, a table or a model";
                    return Err(format!("it gives `{function}` the text '{name}', {problem}"));
                }
            }
        }
        for table in tables {
            let files = looks.files(table, context).await?;
            if table == LANDED {
                *reads_landed = true;
            } else {
                *inputs += &format!("{table}={files}\n");
            }
        }
        Ok(())
    }

    /// Returns the artifacts of a model, given as `name` or `name@version`; none if it has no version, `None` if they cannot be listed.
    pub(super) fn model_files(&self, model: &str) -> Option<Vec<Found>> {
        let name = model.split('@').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let files = if is_name { Files::at(self.models_dir.as_ref()?).list(name).ok()? } else { return None };
        // A version that was dropped leaves a note, and so does a model in an object store.
        let has_version = files.iter().any(|file| file.path.ends_with(ARTIFACT));
        Some(if has_version { files } else { Vec::new() })
    }
}

/// Returns whether a function can give different values for the same arguments, as `now()`, `random()` and `ml_score` do.
pub(super) fn changes_by_itself(function: &str, context: &SessionContext) -> bool {
    // The state is read in place, because a copy of it is costly.
    let state = context.state_ref();
    let state = state.read();
    let scalar = state.scalar_functions().get(function).map(|function| function.signature().volatility);
    let aggregate = || state.aggregate_functions().get(function).map(|function| function.signature().volatility);
    let window = || state.window_functions().get(function).map(|function| function.signature().volatility);
    let volatility = scalar.or_else(aggregate).or_else(window);
    volatility.is_some_and(|volatility| volatility != Volatility::Immutable)
}

/// Identifies this program: its version, and the size and time of its file, which change with every build.
fn program() -> Option<&'static str> {
    static PROGRAM: OnceLock<Option<String>> = OnceLock::new();
    let identity = || {
        let file = Found::of(&std::env::current_exe().ok()?, String::new()).ok()?;
        Some(format!("{}, {} bytes, {}", env!("CARGO_PKG_VERSION"), file.bytes, file.modified_ns))
    };
    PROGRAM.get_or_init(identity).as_deref()
}

/// Returns the files that a scan of the table reads, by path; `None` if some of its rows come from elsewhere.
async fn table_files(table: &str, context: &SessionContext) -> Option<Vec<Found>> {
    let provider = context.table_provider(table).await.ok()?;
    if let Some(ticks) = provider.downcast_ref::<LandedTicks>() {
        // Their names and sizes are enough; a scan would read every footer.
        let files = ticks.visible(&context.state()).await.ok()?;
        let files = files.into_iter().map(|file| Found {
            path: file.location.to_string(),
            bytes: file.size,
            modified_ns: file.last_modified.timestamp_nanos_opt().unwrap_or_default(),
        });
        return Some(files.collect());
    }
    let scan = provider.scan(&context.state(), None, &[], None).await.ok()?;
    let mut files = Vec::new();
    let mut all_known = true;
    let walked: Result<_, DataFusionError> = scan.apply(|node: &Arc<dyn ExecutionPlan>| {
        if let Some(source) = node.downcast_ref::<DataSourceExec>() {
            match source.data_source().downcast_ref::<FileScanConfig>() {
                Some(config) => files.extend(config.file_groups.iter().flat_map(|group| group.iter()).map(|file| {
                    let meta = &file.object_meta;
                    Found {
                        path: meta.location.to_string(),
                        bytes: meta.size,
                        modified_ns: meta.last_modified.timestamp_nanos_opt().unwrap_or_default(),
                    }
                })),
                None => all_known = false,
            }
        } else if node.children().is_empty() && !node.is::<EmptyExec>() {
            all_known = false;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.ok()?;
    files.sort();
    // A file that is scanned in several ranges counts once.
    files.dedup();
    all_known.then_some(files)
}

/// Returns the file at a path, or the files below a folder; `None` if there is neither, for example for a web address.
fn path_files(path: &Path) -> Option<Vec<Found>> {
    let path = std::path::absolute(path).ok()?;
    if path.is_dir() {
        return Files::at(&path).list("").ok();
    }
    Found::of(&path, path.to_string_lossy().into_owned()).ok().map(|file| vec![file])
}
