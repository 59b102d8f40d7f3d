//! Whether a query's grain identifies its rows: no two rows have the same values in the columns of the grain.
//!
//! In: the query's rows, of which only the grain's columns are computed, in the order of the grain. Out: a row that comes more
//! than once. Rows are compared with their neighbours, so the memory does not grow with the data.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::ident;
use futures::StreamExt;

use super::cell;
use super::error::Error;
use super::fault::{Check, Fault};
use super::{Project, Query};

/// Rows that share their grain with the row before them.
struct Repeated {
    rows: u64,
    /// The first of them, as `column = value, …`.
    first: String,
}

impl Project {
    /// Returns a fault if several rows of a registered query have the same grain.
    ///
    /// # Errors
    /// The query fails.
    pub(super) async fn grain_fault(&self, query: &Query, context: &SessionContext) -> Result<Option<Fault>, Error> {
        let repeated = repeated(query, context).await.map_err(|source| Error::Query {
            name: query.name.clone(),
            file: query.file.clone(),
            source: Box::new(source),
        })?;
        Ok(repeated.map(|repeated| {
            let at = query.header.grain_spots().first().map_or_else(|| query.header.time_spot(), |(_, at)| *at);
            let place = query.rendered.place(at.line, at.column);
            let rows = if repeated.rows == 1 { "1 row has".into() } else { format!("{} rows have", repeated.rows) };
            let message = format!("the grain is not unique: {rows} the grain of another, such as {}", repeated.first);
            let hint = "name every column that tells two rows apart, or let the query return one row for each";
            Fault::new(Check::Grain, &query.name, place, message).with_hint(hint)
        }))
    }
}

async fn repeated(query: &Query, context: &SessionContext) -> Result<Option<Repeated>, DataFusionError> {
    let columns = || query.header.grain.iter().map(ident);
    let frame = context.table(query.name.as_str()).await?.select(columns().collect::<Vec<_>>())?;
    let frame = frame.sort(columns().map(|column| column.sort(true, false)).collect())?;
    let fields = frame.schema().fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let mut stream = frame.execute_stream().await?;
    let mut last: Option<OwnedRow> = None;
    let mut repeated: Option<Repeated> = None;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let rows = converter.convert_columns(batch.columns())?;
        for index in 0..rows.num_rows() {
            let before = if index == 0 { last.as_ref().map(OwnedRow::row) } else { Some(rows.row(index - 1)) };
            if before == Some(rows.row(index)) {
                match &mut repeated {
                    Some(repeated) => repeated.rows += 1,
                    None => repeated = Some(Repeated { rows: 1, first: shown(&batch, index) }),
                }
            }
        }
        last = (rows.num_rows() > 0).then(|| rows.row(rows.num_rows() - 1).owned()).or(last);
    }
    Ok(repeated)
}

/// Returns a row as `column = value, …`.
fn shown(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    let cells = cells.map(|(field, column)| format!("{} = {}", field.name(), cell::shown(column, row)));
    cells.collect::<Vec<_>>().join(", ")
}
