//! `ml_episodes`: how the alerts of a model meet the episodes of a relation.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_err};
use datafusion::execution::SessionState;
use futures::FutureExt;

use super::arguments::{LABELLED, MODEL, load};
use super::judged::{self, Judging};
use super::query_function::{Call, Timed};
use crate::functions::relation::{query, texts};
use crate::functions::{Function, Implementation, Snapshot, episodes};
use crate::model::{PRODUCT, Registry};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use crate::text::{identifier, literal};

const ML_EPISODES: Documentation = Documentation {
    name: "ml_episodes",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Compares a model's alerts with the episodes of a relation: how many are caught, how early, and how many alerts are false",
    arguments: &[
        MODEL,
        LABELLED,
        Argument {
            name: "alerts_per_hour",
            sql_type: "BIGINT",
            meaning: "a budget of alerts an hour, constant: the lowest threshold that keeps to it on these rows is used; default the model's threshold",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (product_id, threshold, episodes, caught, caught_share, in_time, median_lead_s, alerts, false_alerts, hours, alerts_per_hour, false_alerts_per_hour, reason)",
        meaning: "one row a product, as `episode_metrics` and `episode_metrics_at_budget` with the horizon of the model's label, or of 60 s where that is not known. An error if rows must not judge the model (docs/models.md)",
        when_null: "product_id where the model did not learn from products; figures that are not known, and reason says why",
    },
    example: Example {
        query: "SELECT episodes, caught, reason FROM ml_episodes('calm_or_wild', 'weather')",
        output: "NULL | NULL | no time column: name it in time_col at training",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_EPISODES,
    implementation: |host| Implementation::Table(Arc::new(MlEpisodes(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlEpisodes(Arc<Registry>);

impl TableFunctionImpl for MlEpisodes {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EPISODES, args.exprs())?;
        if let Some(budget) = arguments.get(2)
            && !budget.parse::<u64>().is_ok_and(|budget| budget > 0)
        {
            return plan_err!(
                "alerts_per_hour of {} must be a whole number above 0, not {budget}",
                ML_EPISODES.syntax()
            );
        }
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_sql(schema(), move |state| {
            let (model, relation) = (load(&models, &arguments[0]), arguments[1].clone());
            let third = arguments.get(2).cloned();
            async move { sql(&state, &Call { model: model?, relation, third }).await }.boxed()
        })))
    }
}

fn schema() -> SchemaRef {
    let mut fields = vec![Field::new(PRODUCT, DataType::Utf8, true)];
    fields.extend(episodes::fields().iter().map(|field| field.as_ref().clone()));
    Arc::new(Schema::new(fields))
}

async fn sql(state: &SessionState, call: &Call) -> Result<String> {
    let relation = query(&call.relation);
    judged::compare(state, &call.model, &relation).await?;
    let rows = call.plan(state).await?;
    let timed = Timed::of(&call.model, rows.schema());
    let product = Judging::of(&judged::basis(&call.model), rows.schema()).product;
    let product = product
        .map_or("CAST(NULL AS VARCHAR)".into(), |column| format!("CAST({} AS VARCHAR)", identifier(&column.name)));
    let horizon_s = timed.horizon_s;
    let figures = match &call.third {
        Some(budget) => format!("episode_metrics_at_budget(label, score, ts, {budget}, {horizon_s})"),
        None => format!("episode_metrics(label, score, ts, {}, {horizon_s})", call.threshold()),
    };
    let fields = episodes::fields();
    let columns = fields.iter().map(|field| {
        let name = field.name();
        match (name.as_str(), timed.missing) {
            ("reason", Some(missing)) => format!("{} AS reason", literal(missing)),
            _ => format!("figures[{}] AS {}", literal(name), identifier(name)),
        }
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let rows = call.rows(&format!(", {product} AS product, {} AS ts", timed.column));
    Ok(format!(
        "SELECT product AS product_id, {columns} FROM (SELECT product, {figures} AS figures FROM {rows} GROUP BY product) ORDER BY product_id"
    ))
}
