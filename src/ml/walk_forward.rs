//! Walk-forward validation of a model's statement: its rows scored by models that were trained on earlier rows only.
//!
//! In: a `CREATE MODEL` statement and a protocol. Out: the folds, and a table of out-of-fold rows. Nothing is saved.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::error::Error;
use super::folds::Folds;
use super::statement::CreateModel;
use super::{lineage, out_of_fold, rows};
use crate::durable;
use crate::model::walk_forward::{Fold, Protocol, walk_forward};
use crate::model::{self, OutOfFold, refit};

/// The name under which [`table`] is registered.
pub const TABLE: &str = "walk_forward";

/// What a model says about rows that its training did not see.
#[derive(Debug, Clone)]
pub struct Judged {
    pub model: String,
    pub protocol: Protocol,
    /// How far the label looks ahead, in nanoseconds.
    pub horizon_ns: i64,
    pub folds: Vec<Fold>,
    /// The rows that all folds judge, by fold and time.
    rows: RecordBatch,
    /// Which rows of the training query they are.
    keys: Vec<Key>,
}

/// The time and the product of a row.
type Key = (i64, Arc<str>);

/// Makes a model anew on the rows before each block, by its whole recipe, and judges it on the block.
///
/// # Errors
/// The statement has no `time_col`, a row has no time, it is not known how far the label looks ahead, its query fails, or a fold cannot be
/// trained.
pub async fn judge(context: &SessionContext, statement: &CreateModel, folds: &Folds) -> Result<Judged, Error> {
    let origin = lineage::origin(&context.state(), &statement.query).await;
    let (recipe, protocol) =
        (statement.recipe(&origin)?, folds.protocol(&origin, statement.columns.positive_quantile)?);
    let mut rows = rows::read(context, statement).await?;
    let times: Vec<i64> = rows.times.iter().map(|time| time.ok_or(model::Error::NoTime)).collect::<Result<_, _>>()?;
    let (set, keyed, cut) = (std::mem::take(&mut rows.set), times.clone(), protocol.clone());
    let fit = move || walk_forward(&set, &times, &cut, |training, times| refit(training, times, &recipe));
    let folds = durable::blocking(fit).await?;
    let judged: Vec<OutOfFold> = folds.iter().flat_map(Fold::judged).collect();
    let key = |row: usize| (keyed[row], Arc::from(rows.product(row).unwrap_or_default()));
    Ok(Judged {
        model: statement.name.clone(),
        horizon_ns: origin.horizon_ns.unwrap_or(protocol.purge_ns),
        protocol,
        rows: out_of_fold::table(&judged, &rows).map_err(Error::Query)?,
        keys: judged.iter().map(|row| key(row.row)).collect(),
        folds,
    })
}

/// Makes a table of judged rows: model, the columns of `ml_out_of_fold`, and the score of the baseline for the same row, which is NULL
/// for rows that the baseline does not score.
///
/// # Errors
/// Arrow refuses the columns.
pub fn table(models: &[Judged], baseline: Option<&Judged>) -> Result<Arc<MemTable>, Error> {
    let scores =
        baseline.map(|rule| rule.folds.iter().flat_map(Fold::judged).map(|row| row.score)).into_iter().flatten();
    let baseline: HashMap<&Key, f64> = baseline.into_iter().flat_map(|rule| &rule.keys).zip(scores).collect();
    let mut batches = Vec::new();
    for model in models {
        let name: ArrayRef = Arc::new(StringArray::from(vec![model.model.as_str(); model.keys.len()]));
        let rule = model.keys.iter().map(|key| baseline.get(key).copied().filter(|score| !score.is_nan()));
        let rule: ArrayRef = Arc::new(rule.collect::<Float64Array>());
        let fields = model.rows.schema();
        let own = fields.fields().iter().map(|field| field.name().as_str()).zip(model.rows.columns().iter().cloned());
        let columns = [("model", name)].into_iter().chain(own).chain([("baseline", rule)]);
        let columns = columns.map(|(name, column)| (name, column, true));
        batches.push(RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| Error::Query(error.into()))?);
    }
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return Err(model::Error::NoTime.into()) };
    Ok(Arc::new(MemTable::try_new(schema, vec![batches]).map_err(Error::Query)?))
}
