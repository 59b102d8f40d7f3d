//! `ml_score`: a row's score from its features.
//!
//! The name is resolved to a version once per query, during planning. Scoring is then a projection, which streams and runs
//! on every thread.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation as EngineDocumentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::{MODEL, load};
use super::judged::Guard;
use crate::functions::relation::text;
use crate::functions::{Function, Implementation};
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ML_SCORE: Documentation = Documentation {
    name: "ml_score",
    kind: Kind::Scalar,
    section: Section::Models,
    summary: "Scores a row by a model, its features given in the model's order",
    arguments: &[
        MODEL,
        Argument {
            name: "feature, …",
            sql_type: "DOUBLE",
            meaning: "the features in the order of `ml_weights`; a column that has the name of another feature is refused",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "the probability of a positive in [0, 1], where `ml_models()` says that the model gives probabilities; otherwise a number that depends on the type of model, see docs/models.md",
        when_null: "a feature is NULL, NaN or infinite",
    },
    example: Example {
        query: "SELECT round(ml_score('calm_or_wild', wind, pressure), 3) AS score FROM weather WHERE wind = 9 ORDER BY pressure",
        output: "0.719\n0.743\n0.754\n0.765\n0.776",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_SCORE,
    implementation: |host| {
        Implementation::Scalar(ScalarUDF::new_from_impl(MlScore {
            models: Arc::clone(&host.models),
            signature: Signature::user_defined(Volatility::Stable),
            documentation: ML_SCORE.for_engine(),
        }))
    },
}];

/// `ml_score` as written in the query: the model is given by name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MlScore {
    models: Arc<Registry>,
    signature: Signature,
    documentation: EngineDocumentation,
}

impl ScalarUDFImpl for MlScore {
    fn name(&self) -> &str {
        ML_SCORE.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [model, features @ ..] = types else { return plan_err!("{} was given no arguments", ML_SCORE.syntax()) };
        if !model.is_string() {
            return plan_err!("the first argument of ml_score is a model's name in single quotes, not {model}");
        }
        for (index, feature) in features.iter().enumerate() {
            if !feature.is_numeric() && !feature.is_null() && *feature != DataType::Boolean {
                return plan_err!("argument {} of ml_score must be a number, not {feature}", index + 2);
            }
        }
        Ok(std::iter::once(DataType::Utf8).chain(features.iter().map(|_| DataType::Float64)).collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn simplify(&self, mut arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(name) = text(&arguments[0]) else {
            return plan_err!("the model of ml_score must be constant");
        };
        let features = arguments.split_off(1);
        Ok(ExprSimplifyResult::Simplified(score(load(&self.models, &name)?, features, None)?))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        plan_err!("ml_score needs DataFusion's optimizer, which looks the model up")
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}

/// Returns the expression that scores features with a model. A guard reads columns of its own, and refuses rows that must not
/// judge the model.
///
/// # Errors
/// The number of features is wrong, or a column has the name of a feature that belongs in another position.
pub fn score(model: Arc<Artifact>, features: Vec<Expr>, guard: Option<(Guard, Vec<Expr>)>) -> Result<Expr> {
    let names = model.scorer.features();
    if names.len() != features.len() {
        return plan_err!(
            "model `{}` takes {} features ({}), {} given",
            model.name,
            names.len(),
            names.join(", "),
            features.len()
        );
    }
    for (index, feature) in features.iter().enumerate() {
        let Some(column) = column_name(feature) else { continue };
        if column != names[index] && names.contains(&column) {
            return plan_err!(
                "feature {} of model `{}` is `{}`, but `{column}` is given there; the order is {}",
                index + 1,
                model.name,
                names[index],
                names.join(", ")
            );
        }
    }
    let (guard, guarded) = guard.unzip();
    let arguments: Vec<Expr> = features.into_iter().chain(guarded.unwrap_or_default()).collect();
    // The features are DOUBLE already, and the guard takes its columns as they are.
    let signature = Signature::any(arguments.len(), Volatility::Immutable);
    Ok(ScalarUDF::new_from_impl(Bound { model, guard, signature }).call(arguments))
}

fn column_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) => column_name(&cast.expr),
        _ => None,
    }
}

/// `ml_score` with a fixed version of a model.
#[derive(Debug)]
struct Bound {
    model: Arc<Artifact>,
    guard: Option<Guard>,
    signature: Signature,
}

// A version never changes after it is written.
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        (&self.model.name, self.model.version, &self.guard) == (&other.model.name, other.model.version, &other.guard)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.model.name, self.model.version).hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        ML_SCORE.name
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
        Ok(format!("ml_score({}@{}, {})", self.model.name, self.model.version, arguments.join(", ")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let guarded = arrays.split_off(self.model.scorer.features().len());
        if let Some(guard) = &self.guard {
            guard.check(&self.model, &guarded)?;
        }
        // If all arguments are constants, there is one row.
        let columns: Vec<&[f64]> =
            arrays.iter().map(|array| array.as_primitive::<Float64Type>().values().as_ref()).collect();
        let scores = self.model.scorer.score(&columns);
        let nulls =
            arrays.iter().fold(None, |nulls, array| NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref()));
        let defined = NullBuffer::new(BooleanBuffer::collect_bool(scores.len(), |row| !scores[row].is_nan()));
        let nulls = NullBuffer::union(nulls.as_ref(), Some(&defined)).filter(|nulls| nulls.null_count() > 0);
        let array: ArrayRef = Arc::new(Float64Array::new(scores.into(), nulls));
        Ok(ColumnarValue::Array(array))
    }
}
