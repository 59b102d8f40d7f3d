//! Table functions on models that expand to a query with aggregates over `ml_predict`.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use futures::FutureExt;

use super::arguments::{JUDGE, load};
use crate::functions::relation::{query, texts};
use crate::functions::{Host, Implementation, Snapshot};
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

    /// Returns the model's threshold as SQL text: a number or NULL.
    pub fn threshold(&self) -> String {
        // `{:?}` writes the shortest digits that read back as the same number.
        self.model.threshold.map_or("NULL".to_string(), |threshold| format!("{threshold:?}"))
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
        let expand = move || -> Result<String> {
            let model = load(&models, &arguments[0])?;
            Ok(sql(&Call { model, relation: arguments[1].clone(), third: arguments.get(2).cloned() }))
        };
        Ok(Arc::new(Snapshot::of_sql((self.schema)(), move |_| std::future::ready(expand()).boxed())))
    }
}
