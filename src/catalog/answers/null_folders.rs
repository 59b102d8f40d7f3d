//! NULL in a column by which COPY divides files into folders.
//!
//! The engine writes what happens to lie under the NULL: an empty text, or 0. In: an analyzed COPY. Out: the same, in which NULL
//! becomes the folder that Hive, Spark and DuckDB use for text; a NULL of another type is an error.
//!
//! Upstream: apache/datafusion#18083.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, Projection, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::refuse;

/// The folder of rows whose value is NULL.
pub const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// Gives rows with NULL a folder.
#[derive(Debug)]
pub struct NullFolders;

impl AnalyzerRule for NullFolders {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up(|plan| {
            let LogicalPlan::Copy(copy) = plan else { return Ok(Transformed::no(plan)) };
            if copy.partition_by.is_empty() {
                return Ok(Transformed::no(LogicalPlan::Copy(copy)));
            }
            if copy.input.schema().fields().iter().all(|field| copy.partition_by.contains(field.name())) {
                return Err(refuse(
                    "PARTITION_BY names all columns, so the files would have none",
                    "leave one out; SELECT *, a AS part writes a column twice, once as the folder",
                ));
            }
            let columns = copy.input.schema().iter().map(|(qualifier, field)| {
                let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
                if !copy.partition_by.contains(field.name()) || !field.is_nullable() {
                    return Ok(column);
                }
                let named = match field.data_type() {
                    DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                        let folder = Expr::Cast(datafusion::logical_expr::Cast::new(
                            Box::new(lit(NULL_FOLDER)),
                            field.data_type().clone(),
                        ));
                        when(column.clone().is_null(), folder).otherwise(column)?
                    }
                    _ => NOT_NULL.call(vec![column]),
                };
                Ok(named.alias_qualified(qualifier.cloned(), field.name()))
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let input = Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(&copy.input))?));
            let CopyTo { output_url, partition_by, file_type, options, .. } = copy;
            Ok(Transformed::yes(LogicalPlan::Copy(CopyTo::new(input, output_url, partition_by, file_type, options))))
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_null_folders"
    }
}

static NOT_NULL: LazyLock<ScalarUDF> =
    LazyLock::new(|| ScalarUDF::new_from_impl(NotNull { signature: Signature::any(1, Volatility::Immutable) }));

/// Returns its argument; NULL is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NotNull {
    signature: Signature,
}

impl ScalarUDFImpl for NotNull {
    fn name(&self) -> &str {
        "squall_folder_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let has_null = match &args.args[0] {
            ColumnarValue::Array(values) => values.logical_null_count() > 0,
            ColumnarValue::Scalar(value) => value.is_null(),
        };
        if has_null {
            return Err(refuse(
                "a column of PARTITIONED BY is NULL in some rows, and a folder cannot say that",
                "leave these rows out with WHERE … IS NOT NULL, or write coalesce(…, 0)",
            ));
        }
        Ok(args.args[0].clone())
    }
}
