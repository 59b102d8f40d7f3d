//! `ml_compare`, `ml_compare_all`: models beside each other on the same rows, and whether they beat the naive rule.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::execution::SessionState;
use futures::FutureExt;

use super::arguments::{JUDGE, LABELLED, load};
use super::features;
use super::fitting::{MODELS, fitting};
use super::judged;
use super::query_function::{Call, Timed, UNTIMED_WARNING};
use crate::functions::relation::{query, texts};
use crate::functions::{Function, Implementation, Snapshot};
use crate::model::{Artifact, Registry, Role};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use crate::text::literal;

const BASELINE: Argument = Argument {
    name: "baseline",
    sql_type: "VARCHAR",
    meaning: "the model with which the others are compared, constant; default the naive rule among the models, or else the first model",
    required: false,
};

const COLUMNS: &str = "TABLE (model, version, role, baseline, rows, positives, episodes, prevalence, average_precision, average_precision_low, average_precision_high, baseline_average_precision, difference, difference_low, difference_high, share_better, resamples, verdict, reason, warning)";

const ML_COMPARE: Documentation = Documentation {
    name: "ml_compare",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Compares models with the naive rule on the rows of a relation: average precision, the difference with its paired 95 % interval, and a verdict",
    arguments: &[
        Argument {
            meaning: "the models, constant: names separated by commas, where * stands for any letters and 'name@2' is version 2",
            required: true,
            ..MODELS
        },
        LABELLED,
        BASELINE,
    ],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "one row a model, over the rows with a label and both scores, and with a time if the relation has the time_col of the training; intervals are those of `average_precision_interval` and `average_precision_gain`, with blocks of ten horizons and ten minutes at least; share_better is the share of resamples in which the model is better; verdict as `verdict`. An error if rows must not judge a model (docs/models.md)",
        when_null: "figures that are not known, and reason says why; what compares a model with the baseline where the model is the baseline; warning where nothing differs from the training",
    },
    example: Example {
        query: "SELECT model, baseline, round(average_precision, 3) AS average_precision, verdict FROM ml_compare('calm_or_wild', 'weather')",
        output: "calm_or_wild | calm_or_wild | 0.915 | is the baseline",
    },
    source: "squall",
};

const ML_COMPARE_ALL: Documentation = Documentation {
    name: "ml_compare_all",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Compares every model that learned from a relation with the naive rule on that relation, in the latest version of each",
    arguments: &[LABELLED, BASELINE],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "as `ml_compare`; a model whose artifact cannot be read is left out: `ml_models` says why",
        when_null: "as `ml_compare`",
    },
    example: Example {
        query: "SELECT model, rows, positives, verdict FROM ml_compare_all('weather')",
        output: "calm_or_wild | 60 | 17 | is the baseline",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &ML_COMPARE,
        implementation: |host| {
            Implementation::Table(Arc::new(Compare { models: Arc::clone(&host.models), all: false }))
        },
    },
    Function {
        documentation: &ML_COMPARE_ALL,
        implementation: |host| Implementation::Table(Arc::new(Compare { models: Arc::clone(&host.models), all: true })),
    },
];

#[derive(Debug)]
struct Compare {
    models: Arc<Registry>,
    /// Whether every model that learned from the relation is compared; otherwise a pattern names them.
    all: bool,
}

impl TableFunctionImpl for Compare {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let mut arguments = texts(if self.all { &ML_COMPARE_ALL } else { &ML_COMPARE }, args.exprs())?.into_iter();
        let pattern = if self.all { None } else { arguments.next() };
        let relation = arguments.next().unwrap_or_default();
        let baseline = arguments.next();
        let models = Arc::clone(&self.models);
        Ok(Arc::new(Snapshot::of_sql(schema(), move |state| {
            let (models, pattern) = (Arc::clone(&models), pattern.clone());
            let (relation, baseline) = (relation.clone(), baseline.clone());
            async move {
                let compared = fitting(&state, &models, &relation, pattern.as_deref()).await?.models;
                let naive = || compared.iter().find(|model| model.model_type().role == Role::Naive);
                let baseline = match &baseline {
                    Some(name) => load(&models, name)?,
                    None => naive()
                        .or(compared.first())
                        .cloned()
                        .ok_or_else(|| plan_datafusion_err!("none of the models can be read: ml_models() says why"))?,
                };
                let mut queries = Vec::new();
                for model in compared {
                    queries.push(comparison(&state, model, &relation, &baseline).await?);
                }
                Ok(queries.join("\nUNION ALL\n"))
            }
            .boxed()
        })))
    }
}

fn schema() -> SchemaRef {
    let (text, number, count) = (DataType::Utf8, DataType::Float64, DataType::Int64);
    let columns = [
        ("model", &text),
        ("version", &count),
        ("role", &text),
        ("baseline", &text),
        ("rows", &count),
        ("positives", &count),
        ("episodes", &count),
        ("prevalence", &number),
        ("average_precision", &number),
        ("average_precision_low", &number),
        ("average_precision_high", &number),
        ("baseline_average_precision", &number),
        ("difference", &number),
        ("difference_low", &number),
        ("difference_high", &number),
        ("share_better", &number),
        ("resamples", &count),
        ("verdict", &text),
        ("reason", &text),
        ("warning", &text),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type.clone(), true)).to_vec()))
}

/// The column that holds the baseline's score while the other model scores.
const BASELINE_SCORE: &str = "__baseline_score";

/// Returns the query of a model's row.
async fn comparison(state: &SessionState, model: Arc<Artifact>, relation: &str, baseline: &Artifact) -> Result<String> {
    let call = Call { model: Arc::clone(&model), relation: relation.into(), third: None };
    let rows = call.plan(state).await?;
    features::find(baseline, relation, rows.schema())?;
    let relation = query(relation);
    let warnings = judged::compare(state, &model, &relation).await?.join("; ");
    let timed = Timed::of(&model, rows.schema());
    let (name, version) = (literal(&model.name), model.version);
    let role = literal(model.model_type().role.as_str());
    let is_baseline = model.reference() == baseline.reference();
    let named = if baseline.model_type().role == Role::Naive { "the naive rule".into() } else { baseline.name.clone() };
    let scored = format!(
        "SELECT * EXCEPT (score), score AS {BASELINE_SCORE} FROM ml_predict({}, {}, {})",
        literal(&baseline.reference()),
        literal(&relation),
        literal(JUDGE)
    );
    let call = Call { model, relation: scored, third: None };
    let rows = call.rows(&format!(", {BASELINE_SCORE} AS baseline, {} AS ts", timed.column));
    let (block_s, horizon_s) = (timed.block_s, timed.horizon_s);
    let verdict = match is_baseline {
        true => "'is the baseline'".to_string(),
        false => format!(
            "verdict(model_precision, baseline_precision, prevalence, gain['low'], gain['high'], episodes, {})",
            literal(&named)
        ),
    };
    let compared = |value: &str, data_type: &str| match is_baseline {
        true => format!("CAST(NULL AS {data_type})"),
        false => value.to_string(),
    };
    let (difference, low, high, share) = (
        compared("gain['estimate']", "DOUBLE"),
        compared("gain['low']", "DOUBLE"),
        compared("gain['high']", "DOUBLE"),
        compared("gain['share_better']", "DOUBLE"),
    );
    let reason = timed.missing.map_or("gain['reason']".to_string(), |missing| {
        format!(
            "CASE WHEN rows = 0 THEN 'no rows' WHEN positives = 0 THEN 'no row is positive' ELSE {} END",
            literal(missing)
        )
    });
    let changed = if warnings.is_empty() { "CAST(NULL AS VARCHAR)".into() } else { literal(&warnings) };
    let counts = timed.counts();
    Ok(format!(
        "SELECT {name} AS model, CAST({version} AS BIGINT) AS version, {role} AS role, {} AS baseline, rows, positives,
            episodes, prevalence, model_precision AS average_precision,
            gain['score_low'] AS average_precision_low, gain['score_high'] AS average_precision_high,
            baseline_precision AS baseline_average_precision, {difference} AS difference, {low} AS difference_low,
            {high} AS difference_high, {share} AS share_better, gain['resamples'] AS resamples,
            {verdict} AS verdict, {reason} AS reason,
            nullif(concat_ws('; ', {changed}, {UNTIMED_WARNING}), '') AS warning
        FROM (
            SELECT count(*) FILTER (WHERE {counts}) AS rows,
                count(*) FILTER (WHERE CAST(label AS DOUBLE) = 1 AND {counts}) AS positives,
                count(*) FILTER (WHERE NOT ({counts})) AS untimed,
                spike_episodes(label, ts, {horizon_s}) AS episodes, prevalence(label) FILTER (WHERE {counts}) AS prevalence,
                average_precision(label, score) FILTER (WHERE {counts}) AS model_precision,
                average_precision(label, baseline) FILTER (WHERE {counts}) AS baseline_precision,
                average_precision_gain(label, score, baseline, ts, {block_s}) AS gain
            FROM {rows} WHERE label IS NOT NULL AND score IS NOT NULL AND baseline IS NOT NULL
        )",
        literal(&baseline.name)
    ))
}
