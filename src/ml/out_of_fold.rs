//! `ml_folds`, `ml_trial_info`, `ml_out_of_fold`: what the folds of a training said, from the artifact and the file beside it.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::arguments::{MODEL, external, load};
use super::rows::Rows;
use crate::functions::relation::texts;
use crate::functions::{Function, Host, Implementation, Snapshot};
use crate::model::metrics::METRICS;
use crate::model::{Artifact, Error, FoldFigures, OutOfFold, Registry, Validation};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const ML_FOLDS: Documentation = Documentation {
    name: "ml_folds",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists the folds by which a model was validated when it was trained, with their metrics",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (fold, first_ts, last_ts, training_rows, tau, rows, positives, prevalence, average_precision, roc_auc, log_loss, brier, threshold, precision, recall, f1)",
        meaning: "one row a fold, and one without a number over the judged rows of all folds together; first_ts and last_ts are those of the judged rows, tau and threshold come from the fold's training rows; scores are as before calibration",
        when_null: "fold, times, training_rows, tau and threshold of the row over all folds; times of a fold that judges no row, as where many rows have one time; tau where the label is used as it is; a metric that is not defined; no rows for a model without folds",
    },
    example: Example { query: "SELECT count(*) AS folds FROM ml_folds('calm_or_wild')", output: "0" },
    source: "squall; the protocol is López de Prado 2018, chapter 7",
};

const ML_TRIAL_INFO: Documentation = Documentation {
    name: "ml_trial_info",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists every variant that was tried when a model was trained: types, options, subsets of features",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (trial, model_type, options, features, average_precision, chosen, problem)",
        meaning: "one row a variant, in the order of trying; options is JSON; average_precision is over the judged rows of all folds together",
        when_null: "average_precision of a variant that cannot be trained, where problem says why; problem of every other; no rows for a model without folds",
    },
    example: Example { query: "SELECT count(*) AS trials FROM ml_trial_info('calm_or_wild')", output: "0" },
    source: "BigQuery's ML.TRIAL_INFO",
};

const ML_OUT_OF_FOLD: Documentation = Documentation {
    name: "ml_out_of_fold",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns the judged rows of a model's folds: each was scored by a model that was trained before it",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (fold, product_id, ts, label, score)",
        meaning: "one row a judged row, by fold and time; label is as tau of the fold has it; score is as before calibration",
        when_null: "product_id without an id column of that name; score where a feature is NaN or infinite; no rows for a model without folds",
    },
    example: Example { query: "SELECT count(*) AS rows FROM ml_out_of_fold('calm_or_wild')", output: "0" },
    source: "scikit-learn's cross_val_predict, with folds by time",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &ML_FOLDS, implementation: |host| function(host, &ML_FOLDS, |_, model| folds(model)) },
    Function {
        documentation: &ML_TRIAL_INFO,
        implementation: |host| function(host, &ML_TRIAL_INFO, |_, model| trials(model)),
    },
    Function { documentation: &ML_OUT_OF_FOLD, implementation: |host| function(host, &ML_OUT_OF_FOLD, read) },
];

type Of = fn(&Registry, Option<&Artifact>) -> Result<RecordBatch>;

/// A function of one model, whose columns do not depend on the model.
#[derive(Debug)]
struct OfModel {
    models: Arc<Registry>,
    documentation: &'static Documentation,
    rows: Of,
}

fn function(host: &Host, documentation: &'static Documentation, rows: Of) -> Implementation {
    Implementation::Table(Arc::new(OfModel { models: Arc::clone(&host.models), documentation, rows }))
}

impl TableFunctionImpl for OfModel {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(self.documentation, args.exprs())?;
        let (models, rows) = (Arc::clone(&self.models), self.rows);
        let schema = rows(&models, None)?.schema();
        Ok(Arc::new(Snapshot::of_rows(schema, move || rows(&models, Some(&*load(&models, &arguments[0])?)))))
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

fn folds(model: Option<&Artifact>) -> Result<RecordBatch> {
    let validation = model.and_then(|model| model.validation.as_ref());
    let folds = validation.map(|validation| validation.folds.as_slice()).unwrap_or_default();
    // The last row is that of all folds together.
    let rows = || folds.iter().map(Some).chain(validation.map(|_| None));
    let time = |cell: fn(&FoldFigures) -> Option<&str>| -> Result<ArrayRef> {
        let text: StringArray = rows().map(|fold| fold.and_then(cell)).collect();
        Ok(cast(&text, &DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))?)
    };
    let all = || folds.iter().map(|fold| &fold.metrics).chain(validation.map(|validation| &validation.metrics));
    let whole = |values: Vec<u64>| -> ArrayRef {
        Arc::new(values.into_iter().map(|count| Some(count as i64)).collect::<Int64Array>())
    };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("fold", Arc::new(rows().map(|fold| Some(fold?.fold as i64)).collect::<Int64Array>())),
        ("first_ts", time(|fold| fold.from.as_deref())?),
        ("last_ts", time(|fold| fold.to.as_deref())?),
        ("training_rows", Arc::new(rows().map(|fold| Some(fold?.training_rows as i64)).collect::<Int64Array>())),
        ("tau", Arc::new(rows().map(|fold| fold?.tau).collect::<Float64Array>())),
        ("rows", whole(all().map(|metrics| metrics.rows).collect())),
        ("positives", whole(all().map(|metrics| metrics.positives).collect())),
    ];
    for metric in METRICS {
        columns.push((metric.name, Arc::new(all().map(|metrics| metrics.get(metric)).collect::<Float64Array>())));
    }
    batch(columns)
}

fn trials(model: Option<&Artifact>) -> Result<RecordBatch> {
    let validation = model.and_then(|model| model.validation.as_ref());
    let variants = validation.map(|validation| validation.variants.as_slice()).unwrap_or_default();
    let chosen = validation.map(Validation::chosen);
    batch(vec![
        ("trial", Arc::new((1..=variants.len() as i64).map(Some).collect::<Int64Array>())),
        ("model_type", Arc::new(variants.iter().map(|variant| Some(&*variant.model_type)).collect::<StringArray>())),
        (
            "options",
            Arc::new(
                variants.iter().map(|variant| serde_json::to_string(&variant.options).ok()).collect::<StringArray>(),
            ),
        ),
        (
            "features",
            Arc::new(variants.iter().map(|variant| Some(variant.features.join(", "))).collect::<StringArray>()),
        ),
        (
            "average_precision",
            Arc::new(variants.iter().map(|variant| variant.average_precision).collect::<Float64Array>()),
        ),
        (
            "chosen",
            Arc::new((0..variants.len()).map(|place| Some(chosen == Some(Some(place)))).collect::<BooleanArray>()),
        ),
        ("problem", Arc::new(variants.iter().map(|variant| variant.problem.as_deref()).collect::<StringArray>())),
    ])
}

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("fold", DataType::Int64),
        field("product_id", DataType::Utf8),
        field("ts", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))),
        field("label", DataType::Boolean),
        field("score", DataType::Float64),
    ]))
}

/// Returns judged rows as a table of the columns of [`schema`].
pub fn table(judged: &[OutOfFold], rows: &Rows) -> Result<RecordBatch> {
    let score = |score: f64| (!score.is_nan()).then_some(score);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(judged.iter().map(|row| Some(row.fold as i64)).collect::<Int64Array>()),
        Arc::new(judged.iter().map(|row| rows.product(row.row)).collect::<StringArray>()),
        Arc::new(
            judged.iter().map(|row| rows.times[row.row]).collect::<TimestampNanosecondArray>().with_timezone("UTC"),
        ),
        Arc::new(judged.iter().map(|row| Some(row.label)).collect::<BooleanArray>()),
        Arc::new(judged.iter().map(|row| score(row.score)).collect::<Float64Array>()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

/// Returns the file that keeps judged rows; `None` if there are none.
pub fn file(judged: &[OutOfFold], rows: &Rows) -> Result<Option<Vec<u8>>> {
    if judged.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema(), None)?;
    writer.write(&table(judged, rows)?)?;
    writer.close()?;
    Ok(Some(bytes))
}

/// Reads the judged rows of a model.
fn read(models: &Registry, model: Option<&Artifact>) -> Result<RecordBatch> {
    let Some(model) = model.filter(|model| model.validation.is_some()) else {
        return Ok(RecordBatch::new_empty(schema()));
    };
    let path = models.out_of_fold(&model.name, model.version);
    let file = match models.judged(&model.name, model.version) {
        Ok(file) => Bytes::from(file),
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return exec_err!(
                "{} has no file of judged rows, {}: train it again with `squall train {}`",
                model.reference(),
                path.display(),
                model.name
            );
        }
        Err(error) => return Err(external(error)),
    };
    let batches = || -> Result<Vec<RecordBatch>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
        Ok(reader.collect::<std::result::Result<Vec<_>, _>>()?)
    };
    let batches = batches().map_err(|error| {
        DataFusionError::Execution(format!(
            "{} cannot be read as the judged rows of {}: {}; train it again with `squall train {}`",
            path.display(),
            model.reference(),
            error.strip_backtrace(),
            model.name
        ))
    })?;
    let read = concat_batches(&batches.first().map_or_else(schema, RecordBatch::schema), &batches)?;
    let schema = schema();
    let columns = schema.fields().iter().map(|field| {
        let column = read.column_by_name(field.name());
        let missing = || DataFusionError::Execution(format!("{} lacks the column {}", path.display(), field.name()));
        Ok(cast(column.ok_or_else(missing)?, field.data_type())?)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
