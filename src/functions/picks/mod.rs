//! Aggregates over all values of a group: one of them (`arg_max`, `arg_min`, `mode`, `quantile_disc`), several (`max_n`, `arg_max_n` …), or a figure (`product`, `skewness` …).
//!
//! Where several rows would do, the least value is taken, so that the result depends neither on the order of rows nor on the number
//! of threads.

mod extreme;
mod frequent;
mod numbers;
mod quantile;
mod several;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation as EngineDocumentation, Signature, Volatility,
};

use super::{Function, Implementation};
use crate::text::documentation::{Documentation, known_by_name};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &extreme::ARG_MAX, implementation: |_| extreme::MAX.function() },
    Function { documentation: &extreme::ARG_MIN, implementation: |_| extreme::MIN.function() },
    Function { documentation: &several::MAX_N, implementation: |_| several::GREATEST.function() },
    Function { documentation: &several::MIN_N, implementation: |_| several::LEAST.function() },
    Function { documentation: &several::ARG_MAX_N, implementation: |_| several::OF_GREATEST.function() },
    Function { documentation: &several::ARG_MIN_N, implementation: |_| several::OF_LEAST.function() },
    Function { documentation: &frequent::MODE, implementation: |_| frequent::FUNCTION.function() },
    Function { documentation: &frequent::HISTOGRAM, implementation: |_| frequent::HISTOGRAMS.function() },
    Function { documentation: &quantile::QUANTILE_DISC, implementation: |_| quantile::FUNCTION.function() },
    Function { documentation: &numbers::PRODUCT, implementation: |_| numbers::PRODUCTS.function() },
    Function { documentation: &numbers::GEOMETRIC_MEAN, implementation: |_| numbers::GEOMETRIC_MEANS.function() },
    Function { documentation: &numbers::MAD, implementation: |_| numbers::MADS.function() },
    Function { documentation: &numbers::SKEWNESS, implementation: |_| numbers::SKEWNESSES.function() },
    Function { documentation: &numbers::KURTOSIS, implementation: |_| numbers::KURTOSES.function() },
    Function { documentation: &numbers::KURTOSIS_POP, implementation: |_| numbers::KURTOSES_POP.function() },
];

/// Returns the exact form of the engine's `percentile_cont`.
pub fn percentile_cont() -> AggregateUDF {
    quantile::CONTINUOUS.aggregate()
}

/// Makes an accumulator from the call and its arguments' types.
type MakeAccumulator = fn(&AccumulatorArgs, Vec<DataType>) -> Result<Box<dyn Accumulator>>;

/// What differs between such aggregates.
#[derive(Debug, Clone, Copy)]
struct Pick {
    documentation: &'static Documentation,
    aliases: &'static [&'static str],
    /// Checks and converts the arguments' types.
    coerce: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// Returns the result's type from the converted ones.
    returns: fn(&[DataType]) -> DataType,
    /// Returns the names and types of the state's values.
    state: fn(&[DataType]) -> Vec<(&'static str, DataType)>,
    accumulator: MakeAccumulator,
}

impl Pick {
    fn function(self) -> Implementation {
        Implementation::Aggregate(self.aggregate())
    }

    fn aggregate(self) -> AggregateUDF {
        AggregateUDF::new_from_impl(PickFunction {
            documentation: self.documentation.for_engine(),
            aliases: self.aliases.iter().map(ToString::to_string).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
            spec: self,
        })
    }
}

#[derive(Debug)]
struct PickFunction {
    spec: Pick,
    documentation: EngineDocumentation,
    aliases: Vec<String>,
    signature: Signature,
}

known_by_name!(PickFunction, spec.documentation.name);

impl AggregateUDFImpl for PickFunction {
    fn name(&self) -> &str {
        self.spec.documentation.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let count = self.spec.documentation.arguments.len();
        if types.len() != count {
            return plan_err!("{} was given {} arguments", self.spec.documentation.syntax(), types.len());
        }
        (self.spec.coerce)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok((self.spec.returns)(types))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let types: Vec<DataType> = args.input_fields.iter().map(|field| field.data_type().clone()).collect();
        let state = (self.spec.state)(&types).into_iter();
        Ok(state
            .map(|(name, data_type)| Arc::new(Field::new(format_state_name(args.name, name), data_type, true)))
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let counts = [frequent::MODE.name, frequent::HISTOGRAM.name, quantile::QUANTILE_DISC.name];
        if args.is_distinct && counts.contains(&self.name()) {
            return plan_err!("{}(DISTINCT …) would count each value once; leave DISTINCT out", self.name());
        }
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        (self.spec.accumulator)(&args, types)
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}

/// The result's type of an aggregate that returns one of its values.
const OF_VALUE: fn(&[DataType]) -> DataType = |types| types[0].clone();

/// Returns the type of a list of values.
fn list(data_type: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(data_type.clone(), true)))
}
