//! What a materialised table was made from. The table is used only as long as that has not changed.
//!
//! In: a query, the session's tables, the model artifacts. Out: a [`Recipe`]: the SQL of the query and of everything it
//! reads, the program, and the files behind them by name, size and time. A table is fresh as long as its manifest's recipe
//! equals the present one. If a query's rows can change although none of these do, there is no recipe and the table is never
//! fresh.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::UNIX_EPOCH;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Volatility;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use serde::{Deserialize, Serialize};

use super::{Kind, Project, Query};
use crate::ml;

/// What is known about a version of a materialised table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub query: String,
    /// The Parquet file beside the manifest that holds the rows.
    pub file: String,
    /// The size of that file. If the size differs, it is not the file that was written.
    pub bytes: u64,
    pub rows: u64,
    /// What the rows were made from; `None` if that can change without notice, so that the table is never fresh.
    pub recipe: Option<Recipe>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// The program that made the rows.
    squall: String,
    /// squall's settings of the session.
    settings: BTreeMap<String, String>,
    grain: Vec<String>,
    /// The SQL of the query and of every query it reads.
    sql: BTreeMap<String, String>,
    /// The files of every table and every path that those queries read.
    inputs: BTreeMap<String, Vec<InputFile>>,
    /// The artifacts of every model with which those queries score.
    models: BTreeMap<String, Vec<InputFile>>,
}

/// A file's identity, as far as its folder shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct InputFile {
    path: String,
    bytes: u64,
    modified_ns: i64,
}

impl InputFile {
    /// Returns the identity of the file at `path`; `None` if there is no file, for example if it is a link to a folder.
    fn of(path: &Path, name: String) -> Option<InputFile> {
        let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file())?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(InputFile { path: name, bytes: metadata.len(), modified_ns: modified.as_nanos() as i64 })
    }
}

/// The files of the session's tables and of paths, each looked up only once; `None` for a table that is not made of files.
#[derive(Debug, Default)]
pub(super) struct Inputs(BTreeMap<String, Option<Vec<InputFile>>>);

impl Inputs {
    async fn of(&mut self, table: &str, context: &SessionContext) -> Result<Vec<InputFile>, String> {
        if !self.0.contains_key(table) {
            let files = match context.table_exist(table).unwrap_or(false) {
                true => table_files(table, context).await,
                false => path_files(Path::new(table)),
            };
            self.0.insert(table.into(), files);
        }
        let files = self.0.get(table).cloned().flatten();
        files.ok_or_else(|| format!("it reads `{table}`, which is not made of files on this machine"))
    }
}

impl Project {
    /// Returns the recipe from which a query's rows would be made now.
    ///
    /// # Errors
    /// The reason why there is no recipe: something that the query reads or calls can change its rows without notice.
    pub(super) async fn recipe(
        &self,
        index: usize,
        context: &SessionContext,
        inputs: &mut Inputs,
    ) -> Result<Recipe, String> {
        let state = context.state();
        let settings = state.config_options().entries().into_iter().filter(|entry| entry.key.starts_with("squall."));
        let mut recipe = Recipe {
            squall: program().ok_or("the program's own file cannot be read")?.into(),
            settings: settings.map(|entry| (entry.key, entry.value.unwrap_or_default())).collect(),
            grain: self.queries[index].header.grain.clone(),
            sql: BTreeMap::new(),
            inputs: BTreeMap::new(),
            models: BTreeMap::new(),
        };
        let mut open = vec![index];
        while let Some(next) = open.pop() {
            let query = &self.queries[next];
            if query.kind == Kind::Model {
                // The model's training data do not matter here, because its artifact does the scoring.
                let files = self.model_files(&query.name).ok_or("the folder of models cannot be read")?;
                recipe.models.insert(query.name.clone(), files);
                continue;
            }
            if recipe.sql.insert(query.name.clone(), query.sql.clone()).is_none() {
                self.add_inputs(query, context, inputs, &mut recipe).await.map_err(|reason| match next == index {
                    true => reason,
                    false => format!("it reads `{}`, and {reason}", query.name),
                })?;
                open.extend(&query.reads);
            }
        }
        Ok(recipe)
    }

    /// Adds what the query reads apart from the project's other queries.
    async fn add_inputs(
        &self,
        query: &Query,
        context: &SessionContext,
        inputs: &mut Inputs,
        recipe: &mut Recipe,
    ) -> Result<(), String> {
        let references = &query.parsed.references;
        if let Some(function) = references.functions.iter().find(|name| changes_by_itself(name, context)) {
            return Err(format!("it calls `{function}`, whose value can change from run to run"));
        }
        for table in references.tables.iter().filter(|name| self.query(name).is_none()) {
            recipe.inputs.insert(table.clone(), inputs.of(table, context).await?);
        }
        for (function, names) in &references.table_functions {
            let every_model = ml::reads_every_model(function);
            if every_model {
                let files = self.models_dir.as_ref().and_then(|folder| folder_files(folder));
                recipe.models.insert("*".into(), files.ok_or("the folder of models cannot be read")?);
            }
            // If its arguments contain no name, a table function may read anything.
            if names.is_empty() && !every_model {
                return Err(format!("it calls the table function `{function}`, which does not say what it reads"));
            }
            for name in names.iter().filter(|name| self.query(name).is_none()) {
                if context.table_exist(name.as_str()).unwrap_or(false) {
                    recipe.inputs.insert(name.clone(), inputs.of(name, context).await?);
                } else if let Some(files) = self.model_files(name).filter(|files| !files.is_empty()) {
                    recipe.models.insert(name.clone(), files);
                } else if every_model && name.contains('*') {
                    // It stands for models, which all count already.
                } else {
                    let problem = "which is not the name of a query, a table or a model";
                    return Err(format!("it gives `{function}` the text '{name}', {problem}"));
                }
            }
        }
        Ok(())
    }

    /// Returns the artifacts of a model, given as `name` or `name@version`; `None` if they cannot be listed.
    pub(super) fn model_files(&self, model: &str) -> Option<Vec<InputFile>> {
        let name = model.split('@').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_name { folder_files(&self.models_dir.as_ref()?.join(name)) } else { None }
    }
}

/// Returns whether a function can give different values for the same arguments, as `now()`, `random()` and `ml_score` do.
pub(super) fn changes_by_itself(function: &str, context: &SessionContext) -> bool {
    let state = context.state();
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
        let file = InputFile::of(&std::env::current_exe().ok()?, String::new())?;
        Some(format!("{}, {} bytes, {}", env!("CARGO_PKG_VERSION"), file.bytes, file.modified_ns))
    };
    PROGRAM.get_or_init(identity).as_deref()
}

/// Returns the files that a scan of the table reads, by path; `None` if some of its rows come from elsewhere.
async fn table_files(table: &str, context: &SessionContext) -> Option<Vec<InputFile>> {
    let provider = context.table_provider(table).await.ok()?;
    let scan = provider.scan(&context.state(), None, &[], None).await.ok()?;
    let mut files = Vec::new();
    let mut all_known = true;
    let walked: Result<_, DataFusionError> = scan.apply(|node: &Arc<dyn ExecutionPlan>| {
        if let Some(source) = node.downcast_ref::<DataSourceExec>() {
            match source.data_source().downcast_ref::<FileScanConfig>() {
                Some(config) => files.extend(config.file_groups.iter().flat_map(|group| group.iter()).map(|file| {
                    let meta = &file.object_meta;
                    InputFile {
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
fn path_files(path: &Path) -> Option<Vec<InputFile>> {
    let path = std::path::absolute(path).ok()?;
    if path.is_dir() {
        return folder_files(&path);
    }
    InputFile::of(&path, path.to_string_lossy().into_owned()).map(|file| vec![file])
}

/// Returns the files below a folder, by path; empty if there is no folder. `None` if some of them cannot be seen.
fn folder_files(folder: &Path) -> Option<Vec<InputFile>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = match std::fs::read_dir(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound && next == folder => return Some(files),
            entries => entries.ok()?,
        };
        for entry in entries {
            let entry = entry.ok()?;
            let path = entry.path();
            if entry.file_type().ok()?.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(InputFile::of(&path, relative)?);
        }
    }
    files.sort();
    Some(files)
}
