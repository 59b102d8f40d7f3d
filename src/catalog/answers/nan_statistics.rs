//! The least and the greatest value that Parquet stores for floating-point columns.
//!
//! Writers leave NaN out of them. The engine takes them for exact: a column whose least and greatest value are equal becomes a
//! constant, `max` is read from them, and groups of rows in which only a NaN meets a condition are skipped. In: a physical plan.
//! Out: the same plan, in which scans do not use them, except for conditions that NaN can never meet, and that do not ask whether a number is
//! 0: -0.0 is equal to it, and has other bits in these values and in Bloom filters. Counts of NULLs that a file does not
//! have, which the engine takes for 0, are not used either.
//!
//! Upstream: apache/datafusion#15812, #24804 and #25239.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, DynamicFilterPhysicalExpr, IsNullExpr, Literal, lit};
use datafusion::physical_expr::{conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

/// Removes the extremes of floating-point columns from the statistics of Parquet files.
#[derive(Debug)]
pub struct NoExtremes;

impl PhysicalOptimizerRule for NoExtremes {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        each_scan(plan, |config, _source, schema| {
            if !schema.fields().iter().any(|field| is_floating(field.data_type())) {
                return None;
            }
            let statistics = without_extremes(&config.statistics(), schema);
            let groups = config.file_groups.iter().map(|group| {
                let files = group.files().iter().cloned().map(|mut file| {
                    file.statistics = file.statistics.map(|known| Arc::new(without_extremes(&known, schema)));
                    file
                });
                let known = group.file_statistics(None).map(|known| Arc::new(without_extremes(known, schema)));
                let group = FileGroup::new(files.collect());
                match known {
                    Some(known) => group.with_statistics(known),
                    None => group,
                }
            });
            let groups = groups.collect();
            Some(
                FileScanConfigBuilder::from(config.clone())
                    .with_file_groups(groups)
                    .with_statistics(statistics)
                    .build(),
            )
        })
    }

    fn name(&self) -> &str {
        "squall_no_floating_extremes"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Removes conditions on floating-point columns that NaN can meet from those by which scans skip rows.
#[derive(Debug)]
pub struct NoPruning;

impl PhysicalOptimizerRule for NoPruning {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        each_scan(plan, |config, source, schema| {
            let predicate = source.filter()?;
            let (safe, unsafe_): (Vec<_>, Vec<_>) =
                split_conjunction(&predicate).into_iter().partition(|condition| is_safe(condition, config, schema));
            if unsafe_.is_empty() {
                return None;
            }
            let mut options = source.table_parquet_options().clone();
            let source = if options.global.pushdown_filters {
                // The scan itself evaluates the conditions, so they must stay. Without pruning, it reads every row.
                options.global.pruning = false;
                options.global.bloom_filter_on_read = false;
                source.clone().with_table_parquet_options(options).with_enable_page_index(false)
            } else if safe.is_empty() {
                source.with_predicate(lit(true))
            } else {
                source.with_predicate(conjunction(safe.into_iter().cloned()))
            };
            Some(FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source)).build())
        })
    }

    fn name(&self) -> &str {
        "squall_no_floating_pruning"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Changes the scans of Parquet files, given their configuration, source and the schema of their tables.
fn each_scan(
    plan: Arc<dyn ExecutionPlan>,
    change: impl Fn(&FileScanConfig, &ParquetSource, &Schema) -> Option<FileScanConfig>,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let Some((config, source)) =
            plan.downcast_ref::<DataSourceExec>().and_then(|scan| scan.downcast_to_file_source::<ParquetSource>())
        else {
            return Ok(Transformed::no(plan));
        };
        let schema = config.file_source().table_schema().table_schema();
        Ok(match change(config, source, schema) {
            Some(config) => Transformed::yes(DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>),
            None => Transformed::no(plan),
        })
    })
    .data()
}

fn is_floating(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_floating(value),
        other => other.is_floating(),
    }
}

fn without_extremes(statistics: &Statistics, schema: &Schema) -> Statistics {
    let mut statistics = statistics.clone();
    for (column, field) in statistics.column_statistics.iter_mut().zip(schema.fields()) {
        if is_floating(field.data_type()) {
            (column.min_value, column.max_value) = (Precision::Absent, Precision::Absent);
        }
    }
    statistics
}

/// Returns whether rows can be skipped by a condition: NaN never meets it, or it reads no floating-point column; and it does not ask for
/// NULLs, which a file need not have counted.
fn is_safe(condition: &Arc<dyn PhysicalExpr>, config: &FileScanConfig, schema: &Schema) -> bool {
    let (mut reads_floating, mut asks_for_nulls, mut uncounted) = (false, false, false);
    // The visitor never fails.
    let _ = condition.apply(|expr| {
        reads_floating |= expr.data_type(schema).is_ok_and(|data_type| is_floating(&data_type))
            && expr.downcast_ref::<Column>().is_some();
        // A condition that the scan gets while it runs may ask for NULLs, too.
        asks_for_nulls |=
            expr.downcast_ref::<IsNullExpr>().is_some() || expr.downcast_ref::<DynamicFilterPhysicalExpr>().is_some();
        uncounted |= expr.downcast_ref::<Column>().is_some_and(|column| has_uncounted_nulls(config, column.index()));
        Ok(TreeNodeRecursion::Continue)
    });
    !(asks_for_nulls && uncounted) && (!reads_floating || is_bounded_above(condition))
}

/// Returns whether a footer was read that does not say how many NULLs a column has.
fn has_uncounted_nulls(config: &FileScanConfig, column: usize) -> bool {
    let mut known = config.file_groups.iter().flat_map(FileGroup::files).filter_map(|file| file.statistics.as_ref());
    known.any(|known| {
        let nulls = known.column_statistics.get(column).map(|column| &column.null_count);
        known.num_rows.is_exact() == Some(true) && nulls == Some(&Precision::Absent)
    })
}

/// Returns whether a condition is `column < number`, `<=` or `=`, from either side. NaN is greater than every number. A column that is equal
/// to 0 may be -0.0.
fn is_bounded_above(condition: &Arc<dyn PhysicalExpr>) -> bool {
    let Some(comparison) = condition.downcast_ref::<BinaryExpr>() else { return false };
    let is_column = |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().is_some();
    let is_strict = matches!(comparison.op(), Operator::Lt | Operator::Gt);
    let is_number = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<Literal>().is_some_and(|literal| match literal.value() {
            ScalarValue::Float64(Some(value)) => !value.is_nan() && (is_strict || *value != 0.0),
            ScalarValue::Float32(Some(value)) => !value.is_nan() && (is_strict || *value != 0.0),
            _ => false,
        })
    };
    match comparison.op() {
        Operator::Lt | Operator::LtEq => is_column(comparison.left()) && is_number(comparison.right()),
        Operator::Gt | Operator::GtEq => is_number(comparison.left()) && is_column(comparison.right()),
        Operator::Eq => {
            (is_column(comparison.left()) && is_number(comparison.right()))
                || (is_number(comparison.left()) && is_column(comparison.right()))
        }
        _ => false,
    }
}
