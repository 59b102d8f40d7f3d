//! `product`, `geometric_mean`, `mad`, `skewness`, `kurtosis`, `kurtosis_pop`: figures over all numbers of a group.
//!
//! The numbers are sorted first, so that the bits depend neither on the order of rows nor on the number of threads.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;

use super::{OF_VALUE, Pick, list};
use crate::functions::profile::Moments;
use crate::rolling::of_values;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ARGUMENTS: &[Argument] =
    &[Argument { name: "value", sql_type: "DOUBLE", meaning: "numbers; NULL does not count", required: true }];

const NO_VALUES: &str = "every value is NULL, or the group has no rows";

const fn documented(
    name: &'static str,
    summary: &'static str,
    meaning: &'static str,
    when_null: &'static str,
    example: Example,
) -> Documentation {
    Documentation {
        name,
        kind: Kind::Aggregate,
        section: Section::Picks,
        summary,
        arguments: ARGUMENTS,
        result: Outcome { sql_type: "DOUBLE", meaning, when_null },
        example,
        source: "DuckDB 2.0",
    }
}

pub const PRODUCT: Documentation = documented(
    "product",
    "Multiplies the numbers of a group",
    "the product",
    NO_VALUES,
    Example { query: "SELECT product(1 + r) FROM (VALUES (0.5), (1.0)) AS t (r)", output: "3.0" },
);

pub const GEOMETRIC_MEAN: Documentation = documented(
    "geometric_mean",
    "Returns the geometric mean of a group; also called geomean",
    "NaN if a number is negative",
    NO_VALUES,
    Example { query: "SELECT geometric_mean(x) FROM (VALUES (1.0), (1.0)) AS t (x)", output: "1.0" },
);

pub const MAD: Documentation = documented(
    "mad",
    "Returns the median of the distances from the median",
    "0 or more",
    NO_VALUES,
    Example { query: "SELECT mad(x) FROM (VALUES (1.0), (3.0), (8.0), (9.0)) AS t (x)", output: "3.0" },
);

pub const SKEWNESS: Documentation = documented(
    "skewness",
    "Returns how far a distribution leans to one side",
    "the adjusted Fisher-Pearson coefficient, as in pandas; positive if the long tail is on the right",
    "there are fewer than three numbers, or all are the same",
    Example { query: "SELECT round(skewness(x), 4) FROM (VALUES (1.0), (2.0), (7.0)) AS t (x)", output: "1.5454" },
);

pub const KURTOSIS: Documentation = documented(
    "kurtosis",
    "Returns the excess kurtosis of a sample, which says how heavy the tails of its distribution are",
    "0 for a normal distribution; corrected for the size of the sample, as in pandas",
    "there are fewer than four numbers, or all are the same",
    Example {
        query: "SELECT round(kurtosis(x), 4) FROM (VALUES (2.0), (3.0), (7.0), (1.5)) AS t (x)",
        output: "2.7043",
    },
);

pub const KURTOSIS_POP: Documentation = documented(
    "kurtosis_pop",
    "Returns the excess kurtosis of the numbers themselves, not corrected for their count",
    "0 for a normal distribution",
    "there are fewer than two numbers, or all are the same",
    Example {
        query: "SELECT round(kurtosis_pop(x), 4) FROM (VALUES (2.0), (3.0), (7.0), (1.5)) AS t (x)",
        output: "-0.8394",
    },
);

const fn figure(documentation: &'static Documentation, accumulator: super::MakeAccumulator) -> Pick {
    Pick {
        documentation,
        aliases: &[],
        coerce: |_| Ok(vec![DataType::Float64]),
        returns: OF_VALUE,
        state: |_| vec![("values", list(&DataType::Float64))],
        accumulator,
    }
}

pub const PRODUCTS: Pick = figure(&PRODUCT, |args, _| numbers(args, product));
pub const GEOMETRIC_MEANS: Pick =
    Pick { aliases: &["geomean"], ..figure(&GEOMETRIC_MEAN, |args, _| numbers(args, geometric_mean)) };
pub const MADS: Pick = figure(&MAD, |args, _| numbers(args, mad));
pub const SKEWNESSES: Pick = figure(&SKEWNESS, |args, _| numbers(args, skewness));
pub const KURTOSES: Pick = figure(&KURTOSIS, |args, _| numbers(args, kurtosis));
pub const KURTOSES_POP: Pick = figure(&KURTOSIS_POP, |args, _| numbers(args, kurtosis_pop));

/// Computes a figure of one or more numbers, which come in rising order.
type Figure = fn(&[f64]) -> Option<f64>;

fn numbers(args: &AccumulatorArgs, figure: Figure) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Numbers { numbers: Vec::new(), is_distinct: args.is_distinct, figure }))
}

#[derive(Debug)]
struct Numbers {
    numbers: Vec<f64>,
    is_distinct: bool,
    figure: Figure,
}

impl Accumulator for Numbers {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let column = columns[0].as_primitive::<Float64Type>();
        match column.null_count() {
            0 => self.numbers.extend_from_slice(column.values()),
            _ => self.numbers.extend(column.iter().flatten()),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|numbers| self.update_batch(&[numbers]))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let numbers = Arc::new(Float64Array::from(std::mem::take(&mut self.numbers)));
        Ok(vec![SingleRowListArrayBuilder::new(numbers).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.numbers.sort_unstable_by(f64::total_cmp);
        if self.is_distinct {
            self.numbers.dedup();
        }
        let figure = if self.numbers.is_empty() { None } else { (self.figure)(&self.numbers) };
        Ok(ScalarValue::Float64(figure))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.numbers.capacity() * size_of::<f64>()
    }
}

/// Multiplies numbers. Powers of two are counted apart, so that no part of the product is too large or too small for a DOUBLE.
fn product(numbers: &[f64]) -> Option<f64> {
    let (mut product, mut doublings) = (1.0, 0i64);
    for number in numbers {
        product *= number;
        let power = power_of_two(product);
        product *= 2f64.powi(-power);
        doublings += i64::from(power);
    }
    // A number is at most 2^1024 and, if it is not 0, at least 2^-1074.
    let half = (doublings.clamp(-2200, 2200) / 2) as i32;
    let rest = doublings.clamp(-2200, 2200) as i32 - half;
    Some(product * 2f64.powi(half) * 2f64.powi(rest))
}

/// Returns the power of two at or below a number; 0 for what is not a normal number.
fn power_of_two(number: f64) -> i32 {
    if number.is_normal() { ((number.to_bits() >> 52) & 0x7ff) as i32 - 1023 } else { 0 }
}

fn geometric_mean(numbers: &[f64]) -> Option<f64> {
    Some((numbers.iter().map(|number| number.ln()).sum::<f64>() / numbers.len() as f64).exp())
}

fn mad(numbers: &[f64]) -> Option<f64> {
    let median = of_values(&mut numbers.to_vec(), 0.5)?;
    let mut distances: Vec<f64> = numbers.iter().map(|number| (number - median).abs()).collect();
    of_values(&mut distances, 0.5)
}

/// Returns the mean of the second and of the fourth powers of the distances from the mean.
fn moments(numbers: &[f64]) -> [f64; 2] {
    let count = numbers.len() as f64;
    // Numbers that are all the same have exactly their own mean.
    let mean = numbers[0] + numbers.iter().map(|number| number - numbers[0]).sum::<f64>() / count;
    [2, 4].map(|power| numbers.iter().map(|number| (number - mean).powi(power)).sum::<f64>() / count)
}

fn skewness(numbers: &[f64]) -> Option<f64> {
    Moments::of(numbers).skewness()
}

fn kurtosis(numbers: &[f64]) -> Option<f64> {
    let count = numbers.len() as f64;
    let plain = kurtosis_pop(numbers).filter(|_| count > 3.0)?;
    Some((count - 1.0) / ((count - 2.0) * (count - 3.0)) * ((count + 1.0) * plain + 6.0))
}

fn kurtosis_pop(numbers: &[f64]) -> Option<f64> {
    let [second, fourth] = moments(numbers);
    (numbers.len() > 1 && second != 0.0).then(|| fourth / (second * second) - 3.0)
}

#[cfg(test)]
mod tests {
    use super::product;

    #[test]
    fn no_part_of_a_product_overflows() {
        assert_eq!(product(&[1e-300, 1e-300, 1e-20, 1e10, 1e300, 1e300]), Some(1e-10));
        assert_eq!(product(&[1e200, 1e200]), Some(f64::INFINITY));
        assert_eq!(product(&[1e-200, 1e-200]), Some(0.0));
        assert_eq!(product(&[-3.0, 0.5, 2.0]), Some(-3.0));
        assert_eq!(product(&[0.0, 5.0]), Some(0.0));
        assert!(product(&[0.0, f64::INFINITY]).is_some_and(f64::is_nan));
    }
}
