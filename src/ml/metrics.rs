//! `ml_metrics`: the table of metrics as SQL.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;

use crate::functions::relation::texts;
use crate::functions::{Function, Implementation};
use crate::model::metrics::{METRICS, Metric};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const ML_METRICS: Documentation = Documentation {
    name: "ml_metrics",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists the metrics that `ml_evaluate` and `binary_metrics` compute, in the order of their columns",
    arguments: &[],
    result: Outcome {
        sql_type: "TABLE (name, title, better, meaning, range, when_null, source)",
        meaning: "one row a metric, all columns VARCHAR; better is 'higher', 'lower', or 'neither' where the number measures no quality",
        when_null: "never",
    },
    example: Example {
        query: "SELECT name, title, better FROM ml_metrics() WHERE name = 'brier'",
        output: "brier | Brier | lower",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] =
    &[Function { documentation: &ML_METRICS, implementation: |_| Implementation::Table(Arc::new(MlMetrics)) }];

#[derive(Debug)]
struct MlMetrics;

impl TableFunctionImpl for MlMetrics {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        texts(&ML_METRICS, args.exprs())?;
        let column = |cell: fn(&Metric) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(METRICS.iter().map(|metric| cell(metric))))
        };
        let batch = RecordBatch::try_from_iter([
            ("name", column(|metric| metric.name)),
            ("title", column(|metric| metric.title)),
            ("better", column(|metric| metric.better.as_str())),
            ("meaning", column(|metric| metric.meaning)),
            ("range", column(|metric| metric.range)),
            ("when_null", column(|metric| metric.when_null)),
            ("source", column(|metric| metric.source)),
        ])?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}
