//! `ml_explain_predict`: a relation's rows with what each feature adds to their scores.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, ListArray, StringBuilder, StructArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::execution::SessionState;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use futures::FutureExt;

use super::arguments::{MODEL, RELATION, load};
use super::features::{self, known, numbers, type_of};
use super::predict::{fields, scored};
use crate::functions::relation::{plan, texts};
use crate::functions::{Function, Implementation, Snapshot, session_state};
use crate::model::{Artifact, Registry, ranges};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// How many features a row names by default, as in BigQuery.
const TOP_FEATURES: usize = 5;

const ML_EXPLAIN_PREDICT: Documentation = Documentation {
    name: "ml_explain_predict",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Scores every row of a relation and says what each feature adds to it",
    arguments: &[
        MODEL,
        RELATION,
        Argument {
            name: "top_k_features",
            sql_type: "BIGINT",
            meaning: "how many features a row names, those of the largest absolute attribution; default 5",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (the relation's columns, score, top_feature_attributions, baseline_prediction_value, prediction_value)",
        meaning: "top_feature_attributions is a LIST of STRUCT (feature VARCHAR, attribution DOUBLE) by falling absolute attribution; unnest makes rows of it. A regression's prediction_value is its weighted sum: the log-odds of a logistic regression, the predicted (ln) target of a linear one. The attribution of a feature is weight * (value - mean) / scale, the baseline_prediction_value is the intercept, and with all features listed, their attributions and the baseline add up to prediction_value. That of a text is the sum over its categories. A model of one feature without a weight attributes its whole score to it. Attributions are exact. The column approximation_error of BigQuery is therefore left out",
        when_null: "the columns after the relation's are where a feature is NULL, NaN or infinite. An error for a type of model that cannot attribute; `ml_feature_importance` takes every type",
    },
    example: Example {
        query: "SELECT round(prediction_value, 3), top_feature_attributions[1]['feature'], round(top_feature_attributions[1]['attribution'], 3) FROM ml_explain_predict('calm_or_wild', 'weather', 1) WHERE wind = 9 AND pressure = 990",
        output: "0.941 | wind | 2.954",
    },
    source: "BigQuery's ML.EXPLAIN_PREDICT",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_EXPLAIN_PREDICT,
    implementation: |host| Implementation::Table(Arc::new(MlExplainPredict(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlExplainPredict(Arc<Registry>);

impl TableFunctionImpl for MlExplainPredict {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EXPLAIN_PREDICT, args.exprs())?;
        let (model, relation) = (arguments[0].clone(), arguments[1].clone());
        let top = match arguments.get(2).map(|top| top.parse::<usize>()) {
            None => TOP_FEATURES,
            Some(Ok(top)) if top > 0 => top,
            Some(_) => return plan_err!("top_k_features of {} must be at least 1", ML_EXPLAIN_PREDICT.syntax()),
        };
        let rows = plan(session_state(args.session())?, &relation)?;
        let mut all = fields(&relation, &rows, &[])?;
        let score = all.len() - 1;
        for field in explanation() {
            if all.iter().any(|taken| taken.name() == field.name()) {
                return plan_err!("`{relation}` has a column `{}` already; rename it in a query", field.name());
            }
            all.push(field);
        }
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_plan(Arc::new(Schema::new(all)), score, move |state| {
            let (models, rows) = (Arc::clone(&models), rows.clone());
            let (model, relation) = (model.clone(), relation.clone());
            async move { explained(&state, load(&models, &model)?, &relation, &rows, top).await }.boxed()
        })))
    }
}

async fn explained(
    state: &SessionState,
    model: Arc<Artifact>,
    relation: &str,
    rows: &LogicalPlan,
    top: usize,
) -> Result<LogicalPlan> {
    let scored = scored(state, Arc::clone(&model), relation, rows, false).await?;
    let inputs = features::find(&model, relation, scored.schema())?;
    let explained = Explained::function(model, top).call(inputs);
    let mut columns: Vec<Expr> = scored.schema().columns().into_iter().map(Expr::Column).collect();
    columns.extend(explanation().iter().map(|field| get_field(explained.clone(), field.name()).alias(field.name())));
    scored.project(columns)?.build()
}

/// Returns the columns that explain a score.
fn explanation() -> Vec<Field> {
    vec![
        Field::new("top_feature_attributions", DataType::List(item()), true),
        Field::new("baseline_prediction_value", DataType::Float64, true),
        Field::new("prediction_value", DataType::Float64, true),
    ]
}

fn pair() -> Fields {
    Fields::from(vec![Field::new("feature", DataType::Utf8, true), Field::new("attribution", DataType::Float64, true)])
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(pair()), true))
}

/// Explains the scores of a fixed version of a model.
#[derive(Debug)]
pub(super) struct Explained {
    pub model: Arc<Artifact>,
    pub top: usize,
    signature: Signature,
}

impl Explained {
    /// Returns the function.
    pub fn function(model: Arc<Artifact>, top: usize) -> ScalarUDF {
        let types = model.inputs().iter().map(type_of).collect();
        let signature = Signature::exact(types, Volatility::Immutable);
        ScalarUDF::new_from_impl(Explained { model, top, signature })
    }
}

// A version never changes after it is written.
impl PartialEq for Explained {
    fn eq(&self, other: &Self) -> bool {
        (&self.model.name, self.model.version, self.top) == (&other.model.name, other.model.version, other.top)
    }
}

impl Eq for Explained {}

impl Hash for Explained {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.model.name, self.model.version, self.top).hash(state);
    }
}

impl ScalarUDFImpl for Explained {
    fn name(&self) -> &str {
        ML_EXPLAIN_PREDICT.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(explanation().into()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let columns = numbers(&self.model, &arrays);
        let columns: Vec<&[f64]> = columns.iter().map(AsRef::as_ref).collect();
        let Some(found) = self.model.scorer.attributions(&columns) else {
            let model_type = self.model.model_type().name;
            return Err(exec_datafusion_err!(
                "a {model_type} model does not attribute its scores to features: ml_feature_importance('{}', …) says which features it needs",
                self.model.name
            ));
        };
        // A row has a score where every feature is a number.
        let nulls = known(&arrays, &self.model.scorer.score(&columns));
        let inputs = self.model.inputs();
        let of_inputs: Vec<Vec<f64>> = ranges(&inputs)
            .into_iter()
            .map(|range| {
                let of_row = |row: usize| found.features[range.clone()].iter().map(|column| column[row]).sum();
                (0..found.predictions.len()).map(of_row).collect()
            })
            .collect();
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let rows = found.predictions.len();
        let columns: Vec<ArrayRef> = vec![
            self.top_attributions(&names, &of_inputs, rows, nulls.as_ref())?,
            Arc::new(Float64Array::new(vec![found.baseline; rows].into(), nulls.clone())),
            Arc::new(Float64Array::new(found.predictions.into(), nulls)),
        ];
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(explanation().into(), columns, None)?)))
    }
}

impl Explained {
    /// Returns for each row the pairs of a feature and its attribution, the largest first; features of the same size stay in the model's
    /// order.
    fn top_attributions(
        &self,
        names: &[&str],
        attributions: &[Vec<f64>],
        rows: usize,
        nulls: Option<&NullBuffer>,
    ) -> Result<ArrayRef> {
        let top = self.top.min(names.len());
        let (mut features, mut values) = (StringBuilder::new(), Vec::new());
        let mut order: Vec<usize> = Vec::with_capacity(names.len());
        let lengths = (0..rows).map(|row| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return 0;
            }
            order.clear();
            order.extend(0..names.len());
            order.sort_by(|&a, &b| attributions[b][row].abs().total_cmp(&attributions[a][row].abs()));
            for &input in &order[..top] {
                features.append_value(names[input]);
                values.push(attributions[input][row]);
            }
            top
        });
        let offsets = OffsetBuffer::from_lengths(lengths);
        let pairs: Vec<ArrayRef> = vec![Arc::new(features.finish()), Arc::new(Float64Array::from(values))];
        let pairs = StructArray::try_new(pair(), pairs, None)?;
        Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(pairs), nulls.cloned())?))
    }
}
