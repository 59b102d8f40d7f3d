//! `ml_predict`, `ml_predict_all`: a relation's rows with their scores.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, Result, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use futures::FutureExt;

use super::arguments::{JUDGE, MODEL, RELATION, load};
use super::features;
use super::fitting::{MODELS, fitting};
use super::judged::{self, Guard, Judging};
use super::score::score;
use crate::functions::relation::{plan, query, texts};
use crate::functions::{Function, Implementation, Snapshot, session_state};
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ML_PREDICT: Documentation = Documentation {
    name: "ml_predict",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Scores every row of a relation, its features found by name",
    arguments: &[
        MODEL,
        RELATION,
        Argument {
            name: "purpose",
            sql_type: "VARCHAR",
            meaning: "'judge' if the rows judge the model even if they have no split: rows that overlap the training rows are then refused; default 'score'",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (the relation's columns, score)",
        meaning: "score is a DOUBLE, as `ml_score` returns it; an error if a row of split 'validation' or 'test' must not judge the model (docs/models.md)",
        when_null: "score is where a feature is NULL, NaN or infinite",
    },
    example: Example {
        query: "SELECT pressure, storm, round(score, 3) AS score FROM ml_predict('calm_or_wild', 'weather') WHERE wind = 9 ORDER BY pressure",
        output: "990 | true | 0.719\n1000 | false | 0.743\n1005 | true | 0.754\n1010 | true | 0.765\n1015 | true | 0.776",
    },
    source: "BigQuery's ML.PREDICT",
};

const ML_PREDICT_ALL: Documentation = Documentation {
    name: "ml_predict_all",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Scores every row of a relation with every model that learned from it, in the latest version of each",
    arguments: &[RELATION, MODELS],
    result: Outcome {
        sql_type: "TABLE (model, version, the relation's columns, score)",
        meaning: "one row a model and row of the relation; otherwise as `ml_predict`. A model whose artifact cannot be read is left out: `ml_evaluate_all` and `ml_models` say why",
        when_null: "score is where a feature is NULL, NaN or infinite",
    },
    example: Example {
        query: "SELECT model, version, count(score) AS scores FROM ml_predict_all('weather') GROUP BY model, version",
        output: "calm_or_wild | 1 | 60",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &ML_PREDICT,
        implementation: |host| Implementation::Table(Arc::new(MlPredict(Arc::clone(&host.models)))),
    },
    Function {
        documentation: &ML_PREDICT_ALL,
        implementation: |host| Implementation::Table(Arc::new(MlPredictAll(Arc::clone(&host.models)))),
    },
];

#[derive(Debug)]
struct MlPredict(Arc<Registry>);

impl TableFunctionImpl for MlPredict {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_PREDICT, args.exprs())?;
        let (model, relation) = (arguments[0].clone(), arguments[1].clone());
        let judge = match arguments.get(2).map(String::as_str) {
            None | Some("score") => false,
            Some(JUDGE) => true,
            Some(other) => return plan_err!("the purpose of ml_predict is 'score' or '{JUDGE}', not '{other}'"),
        };
        let rows = plan(session_state(args.session())?, &relation)?;
        let fields = fields(&relation, &rows, &[])?;
        let last = fields.len() - 1;
        let models = Arc::clone(&self.0);
        let scored = move |state: SessionState| {
            let (models, rows) = (Arc::clone(&models), rows.clone());
            let (model, relation) = (model.clone(), relation.clone());
            async move { scored(&state, load(&models, &model)?, &relation, &rows, judge).await?.build() }.boxed()
        };
        Ok(Arc::new(Snapshot::of_plan(Arc::new(Schema::new(fields)), last, scored)))
    }
}

#[derive(Debug)]
struct MlPredictAll(Arc<Registry>);

/// The columns that `ml_predict_all` puts before those of the relation.
const OF_MODEL: [(&str, DataType); 2] = [("model", DataType::Utf8), ("version", DataType::Int64)];

impl TableFunctionImpl for MlPredictAll {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_PREDICT_ALL, args.exprs())?;
        let (relation, pattern) = (arguments[0].clone(), arguments.get(1).cloned());
        let rows = plan(session_state(args.session())?, &relation)?;
        let fields = fields(&relation, &rows, &OF_MODEL)?;
        let last = fields.len() - 1;
        let models = Arc::clone(&self.0);
        let scored = move |state: SessionState| {
            let (models, rows) = (Arc::clone(&models), rows.clone());
            let (relation, pattern) = (relation.clone(), pattern.clone());
            async move { scored_by_all(&state, &models, &relation, pattern.as_deref(), &rows).await }.boxed()
        };
        Ok(Arc::new(Snapshot::of_plan(Arc::new(Schema::new(fields)), last, scored)))
    }
}

/// Returns the result's columns: those of the model, those of the relation, and, as the last one, the score.
pub fn fields(relation: &str, rows: &LogicalPlan, of_model: &[(&str, DataType)]) -> Result<Vec<Field>> {
    let own = of_model.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    let given = rows.schema().fields().iter().map(|field| field.as_ref().clone());
    let taken = |name: &str| name == "score" || of_model.iter().any(|(own, _)| *own == name);
    if let Some(field) = rows.schema().fields().iter().find(|field| taken(field.name())) {
        return plan_err!("`{relation}` has a column `{}` already; rename it in a query", field.name());
    }
    Ok(own.chain(given).chain([Field::new("score", DataType::Float64, true)]).collect())
}

async fn scored_by_all(
    state: &SessionState,
    models: &Registry,
    relation: &str,
    pattern: Option<&str>,
    rows: &LogicalPlan,
) -> Result<LogicalPlan> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for model in fitting(state, models, relation, pattern).await?.models {
        let (name, version) = (model.name.clone(), model.version as i64);
        let scored = scored(state, model, relation, rows, false).await?;
        let mut columns = vec![lit(name).alias("model"), lit(version).alias("version")];
        columns.extend(scored.schema().columns().into_iter().map(Expr::Column));
        let scored = scored.project(columns)?;
        all = Some(match all {
            None => scored,
            Some(all) => all.union(scored.build()?)?,
        });
    }
    match all {
        Some(all) => all.build(),
        None => plan_err!("no model that learned from `{relation}` can be read: ml_models() says why"),
    }
}

/// Plans the rows with their scores. If `judge` is true, rows without a split judge the model too.
pub async fn scored(
    state: &SessionState,
    model: Arc<Artifact>,
    relation: &str,
    rows: &LogicalPlan,
    judge: bool,
) -> Result<LogicalPlanBuilder> {
    judged::compare(state, &model, &query(relation)).await?;
    let schema = rows.schema();
    let features = features::find(&model, relation, schema)?;
    let basis = judged::basis(&model);
    let judging = Judging::of(&basis, schema);
    let guarded = judging.arguments(schema)?;
    let guard = Guard::new(&basis, judging, judge).map(|guard| (guard, guarded));
    let mut columns: Vec<Expr> = schema
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field))).alias(field.name()))
        .collect();
    columns.push(score(model, features, guard)?.alias("score"));
    LogicalPlanBuilder::from(rows.clone()).project(columns)
}
