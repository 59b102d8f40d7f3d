//! Which landed ticks the rows of a range of time need: what an incremental run reads to compute just these rows.
//!
//! In: a query. Out: its [`Lookback`], or nothing if a bounded part of the ticks is not known to be enough. It holds only what
//! the plan shows: a frame counts if its ends are known, a group if its rows lie within an interval of time, and a number of
//! rows if they are all rows of a table that can be looked up. A running count, a limit, a subquery in an expression: nothing
//! is known about these.
//!
//! Rows of the range that are computed from the ticks of [`Lookback::back`] to [`Lookback::ahead`] are those of a full run, with
//! the same bits if [`Lookback::exact`] holds. Other rows of such a computation can be wrong, so a run keeps only the rows whose
//! time lies in the range.

use datafusion::execution::context::SessionContext;

use super::Measured;
use super::need::{Hop, Need, Path, either};
use super::relation::Fault;
use crate::pipeline::error::Error;
use crate::pipeline::recipe::changes_by_itself;
use crate::pipeline::{Kind, Project, Query};
use crate::rolling;

/// The landed ticks that the rows of a range of time need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookback {
    /// The query's column that holds the time of a row. It is never NULL.
    pub time: String,
    /// What that time is.
    pub row: RowTime,
    /// The column that holds the product, if a row needs only ticks of its own product. The steps then count for each product
    /// by itself.
    pub product: Option<String>,
    /// Whether the rows have the same bits as those of a full run. Otherwise floating-point numbers are added over a group, or by
    /// an operator of the engine: the last bits depend on the order of the rows, or on the rows that left a frame.
    pub exact: bool,
    /// From the start of the range, the steps back to the first tick that counts.
    pub back: Vec<Step>,
    /// From the end of the range, the steps to the last tick that counts.
    pub ahead: Vec<Step>,
}

/// What the time of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowTime {
    /// The `ts` of a landed tick.
    Tick,
    /// The start of an interval that is at most so long, in nanoseconds.
    IntervalStart(i64),
    /// Another time.
    Other,
}

/// One step away from an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A length of time, in nanoseconds.
    Time(i64),
    /// So many rows of a table: for each product, the row that comes so many before or after the instant; its first or last row
    /// if there are fewer; the instant itself if there are none. The step ends at the furthest of these rows.
    Rows {
        /// A query of the project, or the table of landed ticks.
        table: String,
        time: String,
        /// The column of the product; `None` if the rows are counted together.
        product: Option<String>,
        count: u64,
    },
}

impl From<&Hop> for Step {
    fn from(hop: &Hop) -> Step {
        match hop {
            Hop::Time(ns) => Step::Time(*ns),
            Hop::Rows(basis, count) => Step::Rows {
                table: basis.table.clone(),
                time: basis.time.clone(),
                product: basis.product.clone(),
                count: *count,
            },
        }
    }
}

impl Project {
    /// Returns which landed ticks the rows of a range of time need; `None` if a part of the ticks is not known to be enough.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub async fn lookback(&self, query: &Query, context: &SessionContext) -> Result<Option<Lookback>, Error> {
        let Some(index) = self.position(&query.name) else { return Ok(None) };
        if matches!(query.kind, Kind::Model | Kind::Audit) || query.header.time_column.is_none() {
            return Ok(None);
        }
        // The stock operator's sums depend on what left a frame.
        let config = context.copied_config();
        let settings = config.options().extensions.get::<rolling::Settings>();
        let exact = settings.is_some_and(|settings| settings.rolling.enabled);
        let mut needed = self.upstream(index);
        needed.insert(index);
        let changes = |index: &usize| {
            let functions = &self.queries[*index].parsed.references.functions;
            functions.iter().any(|name| changes_by_itself(name, context))
        };
        if needed.iter().any(changes) {
            return Ok(None);
        }
        let found = self.measured(query, context).await?.lookback();
        Ok(found.map(|found| Lookback { exact: found.exact && exact, ..found }))
    }
}

impl Measured {
    /// Returns which landed ticks rows need, as far as the plan shows it: functions such as `random()` are not looked at.
    pub(in crate::pipeline) fn lookback(&self) -> Option<Lookback> {
        let (relation, times) = (&self.summary.relation, &self.summary.times);
        let main = relation.main.filter(|_| self.dated && relation.local.ticks)?;
        let time = relation.columns.iter().position(|column| column.time == Some(main))?;
        if times.scope_of(main) != times.root(relation.scope) {
            return None;
        }
        let all = relation.columns.iter().map(|column| &column.deps).chain([&relation.rows]);
        // Ties and unknown tables.
        if all.flat_map(|deps| &deps.faults).any(|fault| !matches!(fault, Fault::Reads(_))) {
            return None;
        }
        let needs = relation.columns.iter().map(|column| &column.need).chain([&relation.local.rows]);
        let need = needs.fold(Some(Need::default()), either)?;
        let paths = need.seen_from(main, times)?;
        let name = |index: usize| self.schema.field(index).name().clone();
        let row = match (times.of_ticks(main), times.interval(main)) {
            (true, _) => RowTime::Tick,
            (false, Some(length)) => RowTime::IntervalStart(length),
            (false, None) => RowTime::Other,
        };
        let steps = |path: &Path| path.hops().iter().map(Step::from).collect();
        let product = relation.local.product.first().filter(|_| !relation.local.across);
        Some(Lookback {
            time: name(time),
            row,
            product: product.map(|column| name(*column)),
            exact: need.is_exact(),
            back: steps(&paths.back),
            ahead: steps(&paths.ahead),
        })
    }
}
