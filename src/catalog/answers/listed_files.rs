//! Files that the engine reads as if there were nothing to say about them.
//!
//! In: an analyzed plan. Out: the same plan, in which the folder that stands for NULL gives NULL, and not its name. A Parquet file without
//! a byte, which the engine skips, is an error if the statement names it.
//!
//! Upstream: apache/datafusion#18083 for the folder.

use std::fs;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::listing::ListingTable;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScan, lit, when};
use datafusion::optimizer::AnalyzerRule;

use super::null_folders::NULL_FOLDER;
use super::refuse;

/// Reads the folder of NULL, and refuses empty files.
#[derive(Debug)]
pub struct ListedFiles;

impl AnalyzerRule for ListedFiles {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::TableScan(scan) = &plan else { return Ok(Transformed::no(plan)) };
            let Ok(provider) = source_as_provider(&scan.source) else { return Ok(Transformed::no(plan)) };
            let Some(table) = provider.downcast_ref::<ListingTable>() else { return Ok(Transformed::no(plan)) };
            refuse_empty(table)?;
            match with_nulls(scan, table)? {
                Some(columns) => Ok(Transformed::yes(LogicalPlanBuilder::from(plan).project(columns)?.build()?)),
                None => Ok(Transformed::no(plan)),
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_listed_files"
    }
}

/// Returns the columns of a scan, with NULL for the folder that stands for it; `None` if no folder is a column.
fn with_nulls(scan: &TableScan, table: &ListingTable) -> Result<Option<Vec<Expr>>> {
    let folders = &table.options().table_partition_cols;
    let is_text = |kind: &DataType| match kind {
        DataType::Dictionary(_, value) => value.is_string(),
        kind => kind.is_string(),
    };
    let is_folder = |name: &str| folders.iter().any(|(folder, kind)| folder == name && is_text(kind));
    let schema = &scan.projected_schema;
    if !schema.fields().iter().any(|field| is_folder(field.name())) {
        return Ok(None);
    }
    let columns = schema.iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        if !is_folder(field.name()) {
            return Ok(column);
        }
        let folder = ScalarValue::from(NULL_FOLDER).cast_to(field.data_type())?;
        let null = ScalarValue::try_from(field.data_type())?;
        let value = when(column.clone().eq(lit(folder)), lit(null)).otherwise(column)?;
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    columns.collect::<Result<Vec<_>>>().map(Some)
}

fn refuse_empty(table: &ListingTable) -> Result<()> {
    for url in table.table_paths() {
        let Ok(path) = url.get_url().to_file_path() else { continue };
        let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
        if is_parquet && fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == 0) {
            return Err(refuse(
                format!("{} is empty, so it is not a Parquet file", path.display()),
                "its writer was stopped before it wrote anything; write the file again",
            ));
        }
    }
    Ok(())
}
