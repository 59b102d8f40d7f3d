//! Which file of a statement is damaged, or is not there any longer.
//!
//! The engine's errors about damaged Parquet files do not name the file, and its reader panics on some. In: a statement that
//! failed. Out: the first Parquet file that it names and that cannot be read, and why.

use std::error::Error;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use datafusion::datasource::listing::ListingTable;
use datafusion::object_store;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::prelude::SessionContext;

use crate::dialect;
use crate::durable;
use crate::error::panics::{self, Quiet};

/// How deep folders are searched.
const DEEPEST: usize = 8;

/// Returns the files that a statement names as tables, in its order.
pub async fn files(context: &SessionContext, statement: &str) -> Vec<PathBuf> {
    let state = context.state();
    let Ok(parsed) = dialect::parse(&state, statement) else { return Vec::new() };
    let Ok(references) = state.resolve_table_references(&parsed) else { return Vec::new() };
    let mut files = Vec::new();
    for reference in references {
        let path = PathBuf::from(reference.table());
        if path.exists() {
            collect(&path, DEEPEST, &mut files);
            continue;
        }
        if let Ok(provider) = context.table_provider(reference.clone()).await
            && let Some(table) = provider.downcast_ref::<ListingTable>()
        {
            for url in table.table_paths() {
                if let Ok(path) = url.get_url().to_file_path() {
                    collect(&path, DEEPEST, &mut files);
                }
            }
        }
    }
    files
}

/// Returns the file that was removed while a statement read it, if the statement failed for that reason.
pub fn removed<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(object_store::Error::NotFound { path, .. }) = error.downcast_ref() {
            return Some(path);
        }
        cause = error.source();
    }
    None
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    } else if depth > 0
        && let Ok(entries) = std::fs::read_dir(path)
    {
        let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, depth - 1, files));
    }
}

/// Returns the first Parquet file that cannot be read to its end, and why.
pub async fn first(files: Vec<PathBuf>) -> Option<(PathBuf, String)> {
    let parquet = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "parquet");
    let files: Vec<PathBuf> = files.into_iter().filter(parquet).collect();
    let search = move || {
        let _quiet = Quiet::begin();
        files.into_iter().find_map(|file| unreadable(&file).map(|why| (file, why)))
    };
    durable::blocking(search).await
}

fn unreadable(file: &Path) -> Option<String> {
    let read = || -> Result<(), String> {
        let open = File::open(file).map_err(|error| error.to_string())?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| error.to_string())?;
        for batch in reader.build().map_err(|error| error.to_string())? {
            batch.map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.err(),
        Err(panic) => Some(panics::said(panic.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;
    use datafusion::parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn a_removed_file_is_found_among_the_causes() {
        let gone = || object_store::Error::NotFound { path: "t/a.parquet".into(), source: "gone".into() };
        for error in [
            DataFusionError::ObjectStore(Box::new(gone())),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(gone())))),
            DataFusionError::External(Box::new(gone())).context("while reading"),
        ] {
            assert_eq!(removed(&error), Some("t/a.parquet"), "{error:?}");
        }
        assert_eq!(removed(&DataFusionError::Execution("not found".into())), None);
    }
}
