//! Walk-forward validation of a model's statement: its rows scored by models that were trained on earlier rows only.
//!
//! In: a `CREATE MODEL` statement and a protocol. Out: the folds, and a table of out-of-fold rows. Nothing is saved.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::error::Error;
use super::lineage;
use super::rows;
use super::statement::CreateModel;
use crate::durable;
use crate::model::walk_forward::{Fold, Protocol, walk_forward};

/// The name under which [`table`] is registered.
pub const TABLE: &str = "walk_forward";

/// What a model says about rows that its training did not see.
#[derive(Debug, Clone)]
pub struct OutOfFold {
    pub model: String,
    pub folds: Vec<Fold>,
    /// How far the label looks ahead, in nanoseconds.
    pub horizon_ns: i64,
    /// The rows that all folds judge, by fold and time.
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    fold: usize,
    key: Key,
    label: bool,
    score: f64,
}

/// Which row of the training query it is: its time and its product.
type Key = (i64, Arc<str>);

/// Trains and judges a model fold by fold. The protocol's purge is replaced by how far the label looks ahead, if the project says it;
/// its quantile is replaced by that of the statement, if it has one.
///
/// # Errors
/// The statement has no `time_col` or no `target_col`, a row has no time, its query fails, or a fold cannot be trained.
pub async fn out_of_fold(
    context: &SessionContext,
    statement: &CreateModel,
    protocol: &Protocol,
) -> Result<OutOfFold, Error> {
    let origin = lineage::origin(&context.state(), &statement.query).await;
    let horizon = origin.labels.iter().filter_map(|label| label.horizon_ns).max().unwrap_or(protocol.purge_ns);
    let quantile = statement.columns.positive_quantile.unwrap_or(protocol.positive_quantile);
    let protocol = Protocol { purge_ns: horizon, positive_quantile: quantile, ..protocol.clone() };
    let mut rows = rows::read(context, statement).await?;
    let times: Vec<i64> = rows.times.iter().map(|time| time.ok_or(Error::NoTime)).collect::<Result<_, _>>()?;
    let (set, options) = (std::mem::take(&mut rows.set), statement.options.clone());
    let keyed = times.clone();
    let folds = durable::blocking(move || walk_forward(&set, &times, &options, &protocol)).await?;
    let product = |row: usize| match rows.products_of.get(row) {
        Some(&number) => Arc::clone(rows.product_names.name(number)),
        None => Arc::from(""),
    };
    let mut judged = Vec::new();
    for fold in &folds {
        let results = fold.rows.iter().zip(&fold.labels).zip(&fold.scores);
        judged.extend(results.map(|((&row, &label), &score)| Row {
            fold: fold.number,
            key: (keyed[row], product(row)),
            label,
            score,
        }));
    }
    Ok(OutOfFold { model: statement.name.clone(), folds, horizon_ns: horizon, rows: judged })
}

/// Makes a table of out-of-fold rows: model, fold, product_id, ts, label, score, and the score of the baseline for the same row, which
/// is NULL for rows that the baseline does not score.
///
/// # Errors
/// Arrow refuses the columns.
pub fn table(models: &[OutOfFold], baseline: Option<&OutOfFold>) -> Result<Arc<MemTable>, Error> {
    let baseline: HashMap<&Key, f64> =
        baseline.into_iter().flat_map(|rule| rule.rows.iter().map(|row| (&row.key, row.score))).collect();
    let mut batches = Vec::new();
    for model in models {
        let rows = &model.rows;
        let score = |score: f64| (!score.is_nan()).then_some(score);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("model", Arc::new(StringArray::from(vec![model.model.as_str(); rows.len()]))),
            ("fold", Arc::new(rows.iter().map(|row| Some(row.fold as i64)).collect::<Int64Array>())),
            ("product_id", Arc::new(rows.iter().map(|row| Some(&*row.key.1)).collect::<StringArray>())),
            (
                "ts",
                Arc::new(
                    TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.key.0)).with_timezone("UTC"),
                ),
            ),
            ("label", Arc::new(rows.iter().map(|row| Some(row.label)).collect::<BooleanArray>())),
            ("score", Arc::new(rows.iter().map(|row| score(row.score)).collect::<Float64Array>())),
            ("baseline", Arc::new(rows.iter().map(|row| score(*baseline.get(&row.key)?)).collect::<Float64Array>())),
        ];
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        batches.push(RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| Error::Query(error.into()))?);
    }
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return Err(Error::NoTime) };
    Ok(Arc::new(MemTable::try_new(schema, vec![batches]).map_err(Error::Query)?))
}
