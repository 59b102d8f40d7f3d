//! `ml_evaluate`, `ml_evaluate_all`: metrics of models.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::execution::SessionState;
use futures::FutureExt;

use super::arguments::{LABELLED, MODEL, load};
use super::fitting::{MODELS, Unreadable, fitting};
use super::judged::{self, Judging};
use super::query_function::{Call, Timed, UNTIMED_WARNING};
use crate::functions::relation::{query, texts};
use crate::functions::{Function, Implementation, Snapshot, binary_metrics, intervals};
use crate::model::metrics::{AVERAGE_PRECISION, PREVALENCE};
use crate::model::verdict::{LEAST_EPISODES, LEAST_POSITIVES, RARE, TOO_GOOD, TOO_GOOD_WARNING};
use crate::model::{Artifact, Registry, Split, SplitMetrics, Validation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use crate::text::{identifier, literal};

const BY: Argument = Argument {
    name: "by",
    sql_type: "VARCHAR",
    meaning: "a column of the relation, constant, such as 'split' or 'product_id': there is then one row for each of its values, which the column split holds; rows in which it is NULL do not count",
    required: false,
};

const COLUMNS: &str = "TABLE (model, version, role, split, rows, positives, one DOUBLE for each metric of ml_metrics(), reason, skipped, warning, episodes, resamples, a low and a high for each metric that measures quality, interval_reason)";

const ML_EVALUATE: Documentation = Documentation {
    name: "ml_evaluate",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns a model's metrics: those recorded for each split when it was trained, or those on a relation",
    arguments: &[
        MODEL,
        Argument {
            meaning: "the name of a table or view, or a query, constant, with the model's features and label; without it, the metrics recorded at training",
            required: false,
            ..LABELLED
        },
        BY,
    ],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "one row a split, or one for all rows of the relation; rows counts those with a label and a score, and with a time if the relation has the time_col of the training; skipped counts the others; role is 'naive' for the rule that every model has to beat, 'rule' for another rule, otherwise 'model'; metrics that need a threshold use the model's; warning says what differs from the training, and of a model with a time_col, if its average precision is 0.9 or more outside training on rare positives, of 10 episodes at least. episodes are those of `spike_episodes`, and the ends of 95 % intervals such as average_precision_low are those of `binary_metrics_intervals`, with blocks of ten horizons and ten minutes at least. An error if rows must not judge the model (docs/models.md)",
        when_null: "split where the function was given no column `by`; a metric that is undefined, and reason says why; warning where there is none; episodes and intervals where they are not known, and interval_reason says why; skipped and everything after it but warning of the metrics recorded at training",
    },
    example: Example {
        query: "SELECT split, rows, positives, round(average_precision, 3) AS average_precision FROM ml_evaluate('calm_or_wild')",
        output: "train | 60 | 17 | 0.915",
    },
    source: "BigQuery's ML.EVALUATE, with scikit-learn's definitions",
};

const ML_EVALUATE_ALL: Documentation = Documentation {
    name: "ml_evaluate_all",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns the metrics of every model that learned from a relation on that relation, in the latest version of each",
    arguments: &[LABELLED, BY, MODELS],
    result: Outcome {
        sql_type: COLUMNS,
        meaning: "as `ml_evaluate` for each model; a model whose artifact cannot be read has one row, and reason says why",
        when_null: "as `ml_evaluate`; everything but model and reason of a model that cannot be read",
    },
    example: Example {
        query: "SELECT model, rows, positives, round(average_precision, 3) AS average_precision FROM ml_evaluate_all('weather')",
        output: "calm_or_wild | 60 | 17 | 0.915",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &ML_EVALUATE,
        implementation: |host| Implementation::Table(Arc::new(MlEvaluate(Arc::clone(&host.models)))),
    },
    Function {
        documentation: &ML_EVALUATE_ALL,
        implementation: |host| Implementation::Table(Arc::new(MlEvaluateAll(Arc::clone(&host.models)))),
    },
];

/// The column of what a reader of the metrics should know.
const WARNING: &str = "warning";

#[derive(Debug)]
struct MlEvaluate(Arc<Registry>);

impl TableFunctionImpl for MlEvaluate {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EVALUATE, args.exprs())?;
        let models = Arc::clone(&self.0);
        let name = arguments[0].clone();
        let third = arguments.get(2).cloned();
        let table = match arguments.get(1).cloned() {
            None => Snapshot::of_rows(schema(), move || recorded(&*load(&models, &name)?)),
            Some(relation) => Snapshot::of_sql(schema(), move |state| {
                let (call, relation, third) = (load(&models, &name), relation.clone(), third.clone());
                async move { evaluation(&state, &Call { model: call?, relation, third }).await }.boxed()
            }),
        };
        Ok(Arc::new(table))
    }
}

#[derive(Debug)]
struct MlEvaluateAll(Arc<Registry>);

impl TableFunctionImpl for MlEvaluateAll {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EVALUATE_ALL, args.exprs())?;
        let models = Arc::clone(&self.0);
        let table = Snapshot::of_sql(schema(), move |state| {
            let (models, arguments) = (Arc::clone(&models), arguments.clone());
            async move { evaluations(&state, &models, &arguments).await }.boxed()
        });
        Ok(Arc::new(table))
    }
}

/// Returns the columns of `ml_evaluate`.
pub fn schema() -> SchemaRef {
    let mut fields: Vec<Field> =
        [("model", DataType::Utf8), ("version", DataType::Int64), ("role", DataType::Utf8), ("split", DataType::Utf8)]
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .to_vec();
    fields.extend(binary_metrics::fields().iter().map(|field| field.as_ref().clone()));
    fields.push(Field::new("skipped", DataType::Int64, true));
    fields.push(Field::new(WARNING, DataType::Utf8, true));
    fields.push(Field::new("episodes", DataType::Int64, true));
    fields.extend(interval_fields());
    Arc::new(Schema::new(fields))
}

/// Returns the columns of the metrics' intervals. `reason` is that of the metrics, so theirs has another name.
fn interval_fields() -> Vec<Field> {
    let fields = intervals::fields();
    let kept = fields.iter().filter(|field| field.name() != "left_out").map(|field| field.as_ref().clone());
    kept.map(|field| if field.name() == "reason" { field.with_name("interval_reason") } else { field }).collect()
}

/// Returns the metrics that were recorded when the model was trained, one row per split.
pub fn recorded(model: &Artifact) -> Result<RecordBatch> {
    let splits = &model.metrics;
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; splits.len()])) };
    let mut columns: Vec<ArrayRef> = vec![
        text(&model.name),
        Arc::new(Int64Array::from(vec![model.version as i64; splits.len()])),
        text(model.model_type().role.as_str()),
        Arc::new(StringArray::from_iter_values(splits.iter().map(|metrics| metrics.split.as_str()))),
    ];
    columns.extend(binary_metrics::columns(&splits.iter().map(|split| &split.metrics).collect::<Vec<_>>()));
    // The rest is known of a relation only, but for what training warned of.
    let schema = schema();
    let forecast = judged::basis(model).time_column.is_some();
    let warning = |split: &SplitMetrics| {
        let figure = |metric| split.metrics.get(metric);
        let rare = figure(&PREVALENCE).is_some_and(|prevalence| prevalence <= RARE);
        let too_good = rare && figure(&AVERAGE_PRECISION).is_some_and(|figure| figure >= TOO_GOOD);
        let enough = split.metrics.positives >= LEAST_POSITIVES;
        let too_good = (forecast && split.split != Split::Train && too_good && enough).then_some(TOO_GOOD_WARNING);
        let own = model.scorer.warning().into_iter().chain(too_good).map(str::to_string);
        let overlap = model.basis.as_ref().and_then(|basis| basis.warning(split.split.as_str()));
        let folds = model.validation.as_ref().and_then(Validation::warning);
        let all: Vec<String> = own.chain(overlap).chain(folds).collect();
        (!all.is_empty()).then(|| all.join("; "))
    };
    let rest = schema.fields().iter().skip(columns.len()).map(|field| match field.name().as_str() {
        WARNING => Arc::new(splits.iter().map(warning).collect::<StringArray>()) as ArrayRef,
        _ => new_null_array(field.data_type(), splits.len()),
    });
    columns.extend(rest.collect::<Vec<_>>());
    Ok(RecordBatch::try_new(schema, columns)?)
}

async fn evaluations(state: &SessionState, models: &Registry, arguments: &[String]) -> Result<String> {
    let found = fitting(state, models, &arguments[0], arguments.get(2).map(String::as_str)).await?;
    let mut queries = Vec::new();
    for model in found.models {
        let (relation, third) = (arguments[0].clone(), arguments.get(1).cloned());
        queries.push(evaluation(state, &Call { model, relation, third }).await?);
    }
    queries.extend(found.unreadable.iter().map(without_metrics));
    Ok(queries.join("\nUNION ALL\n"))
}

/// Returns the query of the row of a model that cannot be read.
fn without_metrics(unreadable: &Unreadable) -> String {
    let schema = schema();
    let columns = schema.fields().iter().map(|field| {
        let value = match field.name().as_str() {
            "model" => literal(&unreadable.name),
            "reason" => literal(&unreadable.problem),
            _ => format!("arrow_cast(NULL, {})", literal(&field.data_type().to_string())),
        };
        format!("{value} AS {}", identifier(field.name()))
    });
    format!("SELECT {}", columns.collect::<Vec<_>>().join(", "))
}

async fn evaluation(state: &SessionState, call: &Call) -> Result<String> {
    let model = &call.model;
    let relation = query(&call.relation);
    let basis = judged::basis(model);
    let mut warnings = judged::compare(state, model, &relation).await?;
    warnings.extend(model.scorer.warning().map(str::to_string));
    let warnings = warnings.join("; ");
    let rows = call.plan(state).await?;
    let product = Judging::of(&basis, rows.schema()).product.map(|column| identifier(&column.name));
    let timed = Timed::of(model, rows.schema());

    let (name, version, role) = (literal(&model.name), model.version, literal(model.model_type().role.as_str()));
    let (threshold, probability) = (call.threshold(), model.probability);
    let fields = binary_metrics::fields();
    let metrics =
        fields.iter().map(|field| format!("metrics[{}] AS {}", literal(field.name()), identifier(field.name())));
    let metrics = metrics.collect::<Vec<_>>().join(", ");

    let (block_s, horizon_s) = (timed.block_s, timed.horizon_s);
    let intervals = interval_fields().into_iter().map(|field| match (field.name().as_str(), timed.missing) {
        ("interval_reason", Some(missing)) => format!("{} AS interval_reason", literal(missing)),
        ("interval_reason", None) => "intervals['reason'] AS interval_reason".into(),
        (name, _) => format!("intervals[{}] AS {}", literal(name), identifier(name)),
    });
    let intervals = intervals.collect::<Vec<_>>().join(", ");

    let learned = basis.product_names();
    let product_column = product.map_or("CAST(NULL AS VARCHAR)".into(), |column| format!("CAST({column} AS VARCHAR)"));
    let known = learned.iter().map(|product| literal(product)).collect::<Vec<_>>().join(", ");
    let strange = if learned.is_empty() { "false".into() } else { format!("product NOT IN ({known})") };
    let changed = if warnings.is_empty() { "CAST(NULL AS VARCHAR)".into() } else { literal(&warnings) };
    let other = literal(&format!("it learned from {} and is judged on ", learned.join(", ")));

    let split = call.third.as_ref().map_or("NULL".into(), |column| identifier(column));
    let group = call.third.as_ref().map_or("", |_| " WHERE split IS NOT NULL GROUP BY split");
    let rows =
        call.rows(&format!(", CAST({split} AS VARCHAR) AS split, {product_column} AS product, {} AS ts", timed.column));
    let too_good = match (&basis.time_column, literal(TOO_GOOD_WARNING)) {
        (None, _) => "CAST(NULL AS VARCHAR)".into(),
        (Some(_), warning) => {
            let good = format!(
                "metrics['average_precision'] >= {TOO_GOOD:?} AND metrics['prevalence'] <= {RARE:?} AND episodes >= {LEAST_EPISODES}"
            );
            format!("CASE WHEN {good} AND split IS DISTINCT FROM 'train' THEN {warning} END")
        }
    };
    let counts = timed.counts();
    let split = if call.third.is_some() { "split" } else { "CAST(NULL AS VARCHAR) AS split" };
    Ok(format!(
        "SELECT {name} AS model, CAST({version} AS BIGINT) AS version, {role} AS role, split, {metrics}, skipped,
            nullif(concat_ws('; ', {changed}, {other} || others, {UNTIMED_WARNING}, {too_good}), '') AS warning, episodes, {intervals}
        FROM (
            SELECT {split}, binary_metrics(label, score, {threshold}, {probability}) FILTER (WHERE {counts}) AS metrics,
                count(*) FILTER (WHERE label IS NULL OR score IS NULL OR NOT ({counts})) AS skipped,
                count(*) FILTER (WHERE NOT ({counts})) AS untimed,
                spike_episodes(label, ts, {horizon_s}) FILTER (WHERE score IS NOT NULL) AS episodes,
                binary_metrics_intervals(label, score, ts, {threshold}, {probability}, {block_s}) AS intervals,
                array_to_string(array_sort(array_agg(DISTINCT product) FILTER (WHERE {strange})), ', ') AS others
            FROM {rows}{group}
        )"
    ))
}
