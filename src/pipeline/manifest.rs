//! What a materialised table was made from, so that it is used only while that is still so.
//!
//! In: a query, the session's tables, the model artifacts. Out: a [`Recipe`]: the SQL of the query and of all it reads, and
//! the files behind them by name, size and time. A table is fresh while its manifest's recipe is the present one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use serde::{Deserialize, Serialize};

use super::{Kind, Project};

/// The file beside the rows that says what they were made from.
pub(super) const MANIFEST: &str = "manifest.json";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub query: String,
    /// The Parquet file that holds the rows.
    pub file: String,
    pub rows: u64,
    pub recipe: Recipe,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// The version of squall, whose functions the SQL calls.
    squall: String,
    grain: Vec<String>,
    /// The SQL of the query and of every query it reads.
    sql: BTreeMap<String, String>,
    /// The files of every table that those read from the session.
    inputs: BTreeMap<String, Vec<InputFile>>,
    /// The artifacts of every model that those score with.
    models: BTreeMap<String, Vec<InputFile>>,
}

/// A file's identity, as far as its folder tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct InputFile {
    path: String,
    bytes: u64,
    modified_ns: i64,
}

/// The files of the session's tables, looked up once each; `None` for a table that is not made of files.
#[derive(Debug, Default)]
pub(super) struct Inputs(BTreeMap<String, Option<Vec<InputFile>>>);

impl Inputs {
    async fn of(&mut self, table: &str, context: &SessionContext) -> Option<Vec<InputFile>> {
        if !self.0.contains_key(table) {
            let files = table_files(table, context).await;
            self.0.insert(table.into(), files);
        }
        self.0.get(table).cloned().flatten()
    }
}

impl Project {
    /// Returns what a query's rows are made from now; `None` where a table it reads cannot tell its files.
    pub(super) async fn recipe(&self, index: usize, context: &SessionContext, inputs: &mut Inputs) -> Option<Recipe> {
        let mut recipe = Recipe {
            squall: env!("CARGO_PKG_VERSION").into(),
            grain: self.queries[index].header.grain.clone(),
            sql: BTreeMap::new(),
            inputs: BTreeMap::new(),
            models: BTreeMap::new(),
        };
        // What a model was trained from is no matter here: its artifact is what scores.
        let mut open = vec![index];
        while let Some(next) = open.pop() {
            let query = &self.queries[next];
            if query.kind == Kind::Model {
                let folder = self.models_dir.as_ref()?.join(&query.name);
                recipe.models.insert(query.name.clone(), folder_files(&folder));
                continue;
            }
            if recipe.sql.insert(query.name.clone(), query.sql.clone()).is_some() {
                continue;
            }
            for table in &query.others {
                if context.table_exist(table.as_str()).unwrap_or(false) {
                    recipe.inputs.insert(table.clone(), inputs.of(table, context).await?);
                }
            }
            open.extend(&query.reads);
        }
        Some(recipe)
    }
}

/// Returns the files that a scan of the table reads, by path; `None` where some of its rows come from elsewhere.
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
    // A file that is scanned in several ranges is one file.
    files.dedup();
    all_known.then_some(files)
}

/// Returns the files below a folder, by path; none where there is no folder.
fn folder_files(folder: &Path) -> Vec<InputFile> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            files.push(InputFile {
                path: entry.path().strip_prefix(folder).unwrap_or(&entry.path()).to_string_lossy().into_owned(),
                bytes: metadata.len(),
                modified_ns: modified.map_or(0, |time| time.as_nanos() as i64),
            });
        }
    }
    files.sort();
    files
}
