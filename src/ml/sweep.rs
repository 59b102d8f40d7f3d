//! `ml_threshold_sweep`: what each threshold of a model would do on a relation.

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
use crate::functions::{Function, Implementation, Snapshot, episodes, sweep};
use crate::model::{PRODUCT, Registry};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};
use crate::text::{identifier, literal};

const ML_THRESHOLD_SWEEP: Documentation = Documentation {
    name: "ml_threshold_sweep",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists what each threshold of a model would do on a relation, so that a person can choose one",
    arguments: &[MODEL, LABELLED, sweep::MAX_POINTS],
    result: Outcome {
        sql_type: "TABLE (product_id, threshold, alert_rows, precision, recall, f1, alerts, alerts_per_hour, false_alerts_per_hour, episodes, caught, caught_share, median_lead_s, reason)",
        meaning: "rows by product and falling threshold, as `threshold_sweep` with the horizon of the model's label, or of 60 s where that is not known. Thresholds are scores of these very rows: choose on validation rows, and measure the choice on others. An error if rows must not judge the model (docs/models.md)",
        when_null: "product_id where the model did not learn from products; figures that are not known; everything about alerts and episodes without a time column, and figures an hour where the rows are further apart than the horizon; reason says so. No rows if no row has a label and a score",
    },
    example: Example {
        query: "SELECT round(threshold, 3), alert_rows, round(precision, 3), round(recall, 3), reason FROM ml_threshold_sweep('calm_or_wild', 'weather', 4)",
        output: "0.88 | 1 | 1.0 | 0.059 | no time column: name it in time_col at training\n0.859 | 4 | 1.0 | 0.235 | no time column: name it in time_col at training\n0.548 | 16 | 0.813 | 0.765 | no time column: name it in time_col at training\n0.003 | 60 | 0.283 | 1.0 | no time column: name it in time_col at training",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_THRESHOLD_SWEEP,
    implementation: |host| Implementation::Table(Arc::new(MlThresholdSweep(Arc::clone(&host.models)))),
}];

/// The columns that need the time of the rows.
const TIMED: [&str; 7] =
    ["alerts", "alerts_per_hour", "false_alerts_per_hour", "episodes", "caught", "caught_share", "median_lead_s"];

#[derive(Debug)]
struct MlThresholdSweep(Arc<Registry>);

impl TableFunctionImpl for MlThresholdSweep {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_THRESHOLD_SWEEP, args.exprs())?;
        if let Some(points) = arguments.get(2)
            && !points.parse::<u32>().is_ok_and(|points| points >= 2)
        {
            return plan_err!("max_points of {} must be at least 2, not {points}", ML_THRESHOLD_SWEEP.syntax());
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
    fields.extend(sweep::fields().iter().map(|field| field.as_ref().clone()));
    fields.push(Field::new("reason", DataType::Utf8, true));
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
    // Without times the figures by row are still right.
    let time = if timed.missing.is_some() { "to_timestamp(0)" } else { &timed.column };
    let points = call.third.as_ref().map(|points| format!(", {points}")).unwrap_or_default();
    let fields = sweep::fields();
    let columns = fields.iter().map(|field| {
        let name = field.name();
        match timed.missing {
            Some(_) if TIMED.contains(&name.as_str()) => {
                format!("arrow_cast(NULL, {}) AS {}", literal(&field.data_type().to_string()), identifier(name))
            }
            _ => format!("point[{}] AS {}", literal(name), identifier(name)),
        }
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let no_time = || format!("CASE WHEN point['alerts_per_hour'] IS NULL THEN {} END", literal(episodes::NO_TIME));
    let reason = timed.missing.map_or_else(no_time, literal);
    let rows = call.rows(&format!(", {product} AS product, {time} AS ts"));
    let horizon_s = timed.horizon_s;
    Ok(format!(
        "SELECT product AS product_id, {columns}, {reason} AS reason
        FROM (SELECT product, unnest(threshold_sweep(label, score, ts, {horizon_s}{points})) AS point FROM {rows} GROUP BY product)
        ORDER BY product_id, threshold DESC"
    ))
}
