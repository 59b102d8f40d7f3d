//! Table functions on models that expand to a query with aggregates over `ml_predict`.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use futures::FutureExt;

use super::arguments::{JUDGE, load};
use super::features;
use super::judged::{self, Judging};
use crate::dialect;
use crate::functions::relation::{query, texts};
use crate::functions::{Host, Implementation, Snapshot};
use crate::model::bootstrap::Settings;
use crate::model::episodes::HORIZON_S;
use crate::model::{Artifact, Registry};
use crate::text::documentation::Documentation;
use crate::text::{identifier, literal};

/// One call of such a table function.
pub struct Call {
    pub model: Arc<Artifact>,
    pub relation: String,
    /// The third argument.
    pub third: Option<String>,
}

impl Call {
    /// Returns a query, in parentheses, of the scored rows, with the columns `label`, `score` and `more`. Where a label is not
    /// known, it is NULL: NaN is neither positive nor negative.
    pub fn rows(&self, more: &str) -> String {
        let (model, judge) = (literal(&self.model.reference()), literal(JUDGE));
        let label = identifier(&self.model.label);
        let relation = literal(&query(&self.relation));
        format!(
            "(SELECT CASE WHEN NOT isnan(CAST({label} AS DOUBLE)) THEN {label} END AS label, score{more} FROM ml_predict({model}, {relation}, {judge}))"
        )
    }

    /// Plans the relation, and checks that it has the features and the label.
    ///
    /// # Errors
    /// It cannot be planned; a feature or the label is missing, or has another type.
    pub async fn plan(&self, state: &SessionState) -> Result<LogicalPlan> {
        let rows = dialect::plan_text(state, &query(&self.relation)).await?;
        features::find(&self.model, &self.relation, rows.schema())?;
        features::label(&self.model, &self.relation, rows.schema())?;
        Ok(rows)
    }

    /// Returns the model's threshold as SQL text: a number or NULL.
    pub fn threshold(&self) -> String {
        // `{:?}` writes the shortest digits that read back as the same number.
        self.model.threshold.map_or("NULL".to_string(), |threshold| format!("{threshold:?}"))
    }
}

/// The time of the rows that judge a model, and the lengths of time that its intervals and episodes depend on.
pub struct Timed {
    /// The column, as SQL text.
    pub column: String,
    /// The reason if there is no time.
    pub missing: Option<&'static str>,
    pub block_s: u64,
    pub horizon_s: u64,
}

/// The warning about rows without a time, as SQL text over their number in the column `untimed`.
pub const UNTIMED_WARNING: &str = "CASE untimed WHEN 0 THEN NULL WHEN 1 THEN '1 row has no time and does not count' ELSE untimed || ' rows have no time and do not count' END";

/// The name of the time among the rows that are judged.
const TIME: &str = "ts";

impl Timed {
    /// Returns the condition that a row counts, as SQL text. If there are times, a row without one belongs to no block, and a figure has to
    /// be of the rows of its interval.
    pub fn counts(&self) -> String {
        if self.missing.is_some() { "true".into() } else { format!("{TIME} IS NOT NULL") }
    }

    /// Finds the time column of a model in a relation.
    pub fn of(model: &Artifact, relation: &DFSchema) -> Timed {
        let basis = judged::basis(model);
        let horizon_ns = basis.horizon_ns();
        let column = Judging::of(&basis, relation).time.map(|column| identifier(&column.name));
        let known = u64::try_from(horizon_ns).unwrap_or(0).div_ceil(1_000_000_000);
        Timed {
            missing: column.is_none().then_some("no time column: name it in time_col at training"),
            column: column.unwrap_or_else(|| "CAST(NULL AS TIMESTAMP)".into()),
            block_s: Settings::for_horizon(horizon_ns).block_s,
            horizon_s: if known == 0 { HORIZON_S } else { known },
        }
    }
}

struct QueryFunction {
    models: Arc<Registry>,
    documentation: &'static Documentation,
    schema: fn() -> SchemaRef,
    sql: fn(&Call) -> String,
}

impl fmt::Debug for QueryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.documentation.name)
    }
}

/// Makes a function from its columns and its query; the first two arguments are the model and the relation.
pub fn query_function(
    host: &Host,
    documentation: &'static Documentation,
    schema: fn() -> SchemaRef,
    sql: fn(&Call) -> String,
) -> Implementation {
    Implementation::Table(Arc::new(QueryFunction { models: Arc::clone(&host.models), documentation, schema, sql }))
}

impl TableFunctionImpl for QueryFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(self.documentation, args.exprs())?;
        let (models, sql) = (Arc::clone(&self.models), self.sql);
        Ok(Arc::new(Snapshot::of_sql((self.schema)(), move |state| {
            let (model, relation) = (load(&models, &arguments[0]), arguments[1].clone());
            let third = arguments.get(2).cloned();
            async move {
                let call = Call { model: model?, relation, third };
                call.plan(&state).await?;
                Ok(sql(&call))
            }
            .boxed()
        })))
    }
}
