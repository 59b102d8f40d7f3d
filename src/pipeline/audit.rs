//! Audits: queries that must return no rows. Each row that an audit returns shows something wrong with the data.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::DataFrame;

use super::error::Error;
use super::slice::{LANDED_TIME, is_within};
use super::store::RunOptions;
use super::{Kind, LANDED, Project, Query};

/// How many of an audit's rows are kept to be shown.
const SHOWN_ROWS: usize = 5;

/// What an audit returned.
#[derive(Debug)]
pub struct Audited {
    pub rows: usize,
    /// The first of the rows; `None` if there are none.
    pub sample: Option<RecordBatch>,
}

impl Project {
    /// Returns the project's audits.
    pub fn audits(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().filter(|query| query.kind == Kind::Audit)
    }

    /// Returns whether any message has landed, so that there is something to audit.
    pub async fn has_data(&self, context: &SessionContext) -> Result<bool, Error> {
        let rows = async { context.table(LANDED).await?.limit(0, Some(1))?.count().await };
        rows.await.map(|rows| rows > 0).map_err(|source| Error::Landed { source: Box::new(source) })
    }

    /// Returns whether any message has landed whose time lies on the days of a run.
    pub async fn has_data_on(&self, context: &SessionContext, days: &RunOptions) -> Result<bool, Error> {
        let ticks = async {
            let ticks = context.table(LANDED).await?.filter(is_within(LANDED_TIME, days.times()))?;
            ticks.limit(0, Some(1))?.count().await
        };
        ticks.await.map(|rows| rows > 0).map_err(|source| Error::Landed { source: Box::new(source) })
    }

    /// Runs an audit against a session with the project registered.
    pub async fn audit(&self, audit: &Query, context: &SessionContext) -> Result<Audited, Error> {
        let plan = self.plan(audit, context).await?;
        let run = async {
            let batches = DataFrame::new(context.state(), plan).collect().await?;
            let rows = batches.iter().map(RecordBatch::num_rows).sum();
            let first = batches.iter().find(|batch| batch.num_rows() > 0);
            let sample = first.map(|batch| batch.slice(0, batch.num_rows().min(SHOWN_ROWS)));
            Ok(Audited { rows, sample })
        };
        run.await.map_err(|source| Error::Query {
            name: audit.name.clone(),
            file: audit.file.clone(),
            source: Box::new(source),
        })
    }
}
