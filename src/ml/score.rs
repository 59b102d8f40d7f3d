//! `ml_score`: a row's score from its features.
//!
//! The name is resolved to a version once per query, during planning. Scoring is then a projection, which streams and runs
//! on every thread.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation as EngineDocumentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast, lit,
};

use super::arguments::{MODEL, external, load};
use super::features::{check_type, known, numbers, type_of};
use super::judged::Guard;
use super::rows::{is_boolean, is_number, is_text};
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
            sql_type: "DOUBLE or VARCHAR",
            meaning: "the columns from which the model learned, in the order of the training query; a column that has the name of another feature is refused",
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
            if !is_number(feature) && !is_text(feature) && !feature.is_null() {
                return plan_err!("argument {} of ml_score must be a number or text, not {feature}", index + 2);
            }
        }
        // Which of them must be text is known when the model is.
        let coerced = |given: &DataType| match given {
            text if is_text(text) => DataType::Utf8,
            boolean if is_boolean(boolean) => DataType::Boolean,
            _ => DataType::Float64,
        };
        Ok(std::iter::once(DataType::Utf8).chain(features.iter().map(coerced)).collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn simplify(&self, mut arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(name) = text(&arguments[0]) else {
            return plan_err!("the model of ml_score must be constant");
        };
        let mut features = arguments.split_off(1);
        let model = load(&self.models, &name)?;
        for (input, feature) in model.inputs().iter().zip(&mut features) {
            if matches!(feature, Expr::Literal(value, _) if value.is_null()) {
                // NULL was made a number before the model was known.
                *feature = lit(ScalarValue::try_from(&type_of(input))?);
            } else {
                let given = context.get_data_type(feature)?;
                check_type(&model, input, &given, "ml_score's arguments")?;
                if is_boolean(&given) {
                    *feature = cast(feature.clone(), type_of(input));
                }
            }
        }
        Ok(ExprSimplifyResult::Simplified(score(model, features, None)?))
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
    let inputs = model.inputs();
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
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
    let width = inputs.len();
    drop(inputs);
    let arguments: Vec<Expr> = features.into_iter().chain(guarded.unwrap_or_default()).collect();
    Ok(Bound::function(model, width, guard).call(arguments))
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
pub(super) struct Bound {
    pub model: Arc<Artifact>,
    /// The number of arguments that are features.
    pub width: usize,
    pub guard: Option<Guard>,
    signature: Signature,
}

impl Bound {
    /// Returns the function.
    pub fn function(model: Arc<Artifact>, width: usize, guard: Option<Guard>) -> ScalarUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Bound { model, width, guard, signature })
    }
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

    /// A feature has the type of the model's input; the guard takes its columns as they are.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let inputs = self.model.inputs();
        let wanted: Vec<DataType> = inputs.iter().map(type_of).collect();
        for ((input, wanted), given) in inputs.iter().zip(&wanted).zip(types) {
            if !given.is_null() && is_text(given) != is_text(wanted) {
                return plan_err!("feature `{}` of model `{}` is {wanted}, not {given}", input.name, self.model.name);
            }
        }
        Ok(wanted.into_iter().chain(types.iter().skip(self.width).cloned()).collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let guarded = arrays.split_off(self.width);
        if let Some(guard) = &self.guard {
            guard.check(&self.model, &guarded)?;
        }
        // If all arguments are constants, there is one row.
        let columns = numbers(&self.model, &arrays);
        let columns: Vec<&[f64]> = columns.iter().map(AsRef::as_ref).collect();
        let scores = self.model.scorer.score(&columns);
        self.model.scorer.check(&self.model.reference(), &scores).map_err(external)?;
        let nulls = known(&arrays, &scores);
        let array: ArrayRef = Arc::new(Float64Array::new(scores.into(), nulls));
        Ok(ColumnarValue::Array(array))
    }
}
