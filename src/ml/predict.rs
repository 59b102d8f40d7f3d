//! `ml_predict`: a relation's rows with their scores.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, Result, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};

use super::arguments::{MODEL, RELATION, load};
use super::score::score;
use crate::functions::relation::{plan, texts};
use crate::functions::{Function, Implementation, Snapshot, session_state};
use crate::model::Registry;
use crate::text::did_you_mean;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const ML_PREDICT: Documentation = Documentation {
    name: "ml_predict",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Scores every row of a relation, its features found by name",
    arguments: &[MODEL, RELATION],
    result: Outcome {
        sql_type: "TABLE (the relation's columns, score)",
        meaning: "score is a DOUBLE, as `ml_score` returns it",
        when_null: "score is where a feature is NULL, NaN or infinite",
    },
    example: Example {
        query: "SELECT pressure, storm, round(score, 3) AS score FROM ml_predict('calm_or_wild', 'weather') WHERE wind = 9 ORDER BY pressure",
        output: "990 | true | 0.719\n1000 | false | 0.743\n1005 | true | 0.754\n1010 | true | 0.765\n1015 | true | 0.776",
    },
    source: "BigQuery's ML.PREDICT",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_PREDICT,
    implementation: |host| Implementation::Table(Arc::new(MlPredict(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlPredict(Arc<Registry>);

impl TableFunctionImpl for MlPredict {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_PREDICT, args.exprs())?;
        let (model, relation) = (arguments[0].clone(), arguments[1].clone());
        let rows = plan(session_state(args.session())?, &relation)?;
        let mut fields: Vec<Field> = rows.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        if fields.iter().any(|field| field.name() == "score") {
            return plan_err!("`{relation}` has a column `score` already; rename it in a query");
        }
        fields.push(Field::new("score", DataType::Float64, true));
        let models = Arc::clone(&self.0);
        let table = Snapshot::of_plan(Arc::new(Schema::new(fields)), move || scored(&models, &model, &relation, &rows));
        Ok(Arc::new(table))
    }
}

fn scored(models: &Registry, model: &str, relation: &str, rows: &LogicalPlan) -> Result<LogicalPlan> {
    let model = load(models, model)?;
    let schema = rows.schema();
    let mut features = Vec::new();
    for name in model.scorer.features() {
        let Some((qualifier, field)) = schema.iter().find(|(_, field)| field.name() == name) else {
            let near = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
            let near = near.map(|near| format!("; {near}")).unwrap_or_default();
            return plan_err!("model `{}` needs feature `{name}`, which `{relation}` does not have{near}", model.name);
        };
        features.push(Expr::Column(Column::from((qualifier, field))).cast_to(&DataType::Float64, schema)?);
    }
    let mut columns: Vec<Expr> = schema
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field))).alias(field.name()))
        .collect();
    columns.push(score(model, features)?.alias("score"));
    LogicalPlanBuilder::from(rows.clone()).project(columns)?.build()
}
