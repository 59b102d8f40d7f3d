//! `verdict`: whether a score beats a baseline, in words.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};

use super::Function;
use super::scalar::Scalar;
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
        Scalar { documentation: &VERDICT, aliases: &[], coerce, returns: |_| Ok(DataType::Utf8), compute }.function()
    },
}];

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    if types.len() != VERDICT.arguments.len() {
        return plan_err!("{} was given {} arguments", VERDICT.syntax(), types.len());
    }
    Ok([vec![DataType::Float64; 5], vec![DataType::Int64, DataType::Utf8]].concat())
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
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
    Ok(Arc::new((0..arrays[0].len()).map(verdict).collect::<StringArray>()))
}
