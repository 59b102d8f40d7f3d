//! `verdict`: whether a score beats a baseline, in words.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation as EngineDocumentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{Function, Implementation};
use crate::model::bootstrap::Interval;
use crate::model::verdict::Comparison;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const fn number(name: &'static str, meaning: &'static str) -> Argument {
    Argument { name, sql_type: "DOUBLE", meaning, required: true }
}

const VERDICT: Documentation = Documentation {
    name: "verdict",
    kind: Kind::Scalar,
    section: Section::Intervals,
    summary: "Says in words whether a score beats a baseline, or that it cannot be told yet",
    arguments: &[
        number("average_precision", "the average precision of the score"),
        number("baseline_average_precision", "that of the baseline on the same rows"),
        number("prevalence", "that of guessing"),
        number("low", "the low end of the interval of the difference, of `average_precision_gain`"),
        number("high", "its high end"),
        Argument {
            name: "episodes",
            sql_type: "BIGINT",
            meaning: "the number of independent events behind it, of `spike_episodes`",
            required: true,
        },
        Argument {
            name: "baseline",
            sql_type: "VARCHAR",
            meaning: "what the baseline is called, such as 'the naive rule'",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "VARCHAR",
        meaning: "'beats …' if the interval lies above 0; 'does not beat …' if it lies below 0; 'equals guessing …' if the score does not rank; 'cannot be told yet …' if the interval holds 0 or there are fewer than 10 episodes, with about how many it would take; 'cannot be told …' if the prevalence is 0 or 1; 'not known' if a figure is NULL",
        when_null: "the baseline's name is",
    },
    example: Example {
        query: "SELECT verdict(0.35, 0.26, 0.05, 0.05, 0.12, 98, 'the naive rule'), verdict(0.35, 0.26, 0.05, -0.05, 0.12, 40, 'the naive rule')",
        output: "beats the naive rule | cannot be told yet: it would take about 98 episodes",
    },
    source: "squall; an interval shrinks as one over the root of the number of episodes",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &VERDICT,
    implementation: |_| {
        let number = DataType::Float64;
        let types = [vec![number; 5], vec![DataType::Int64, DataType::Utf8]].concat();
        Implementation::Scalar(ScalarUDF::new_from_impl(VerdictFunction {
            documentation: VERDICT.for_engine(),
            signature: Signature::exact(types, Volatility::Immutable),
        }))
    },
}];

#[derive(Debug, PartialEq, Eq, Hash)]
struct VerdictFunction {
    documentation: EngineDocumentation,
    signature: Signature,
}

impl ScalarUDFImpl for VerdictFunction {
    fn name(&self) -> &str {
        VERDICT.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let number = |column: usize, row: usize| {
            let column = arrays[column].as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let (counts, names) = (arrays[5].as_primitive::<Int64Type>(), arrays[6].as_string::<i32>());
        let verdict = |row: usize| {
            let (low, high) = (number(3, row), number(4, row));
            let episodes = counts.is_valid(row).then(|| counts.value(row));
            let comparison = Comparison {
                average_precision: number(0, row),
                baseline: number(1, row),
                prevalence: number(2, row),
                interval: low.zip(high).map(|(low, high)| Interval { low, high }),
                episodes: episodes.and_then(|episodes| u64::try_from(episodes).ok()),
            };
            names.is_valid(row).then(|| comparison.verdict().words(names.value(row)))
        };
        let verdicts: ArrayRef = Arc::new((0..arrays[0].len()).map(verdict).collect::<StringArray>());
        Ok(ColumnarValue::Array(verdicts))
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}
