//! A weighted sum of standardised features: what the linear types of models share.
//!
//! In: the columns of training rows. Out: the part of an artifact that holds an intercept and a term for each feature, and its sum for
//! any rows.

use serde::{Deserialize, Serialize};

use super::Error;
use super::onnx::{Graph, Value};
use super::standard::Standard;
use super::types::{Attributions, Weight};

/// The name of the intercept in the list of weights.
const INTERCEPT: &str = "__INTERCEPT__";

/// An intercept, and a term for each feature.
#[derive(Debug, Serialize, Deserialize)]
pub struct Linear {
    pub intercept: f64,
    pub features: Vec<Term>,
}

/// A feature's part of the sum.
#[derive(Debug, Serialize, Deserialize)]
pub struct Term {
    pub name: String,
    mean: f64,
    scale: f64,
    /// What one standard deviation adds to the sum.
    pub coefficient: f64,
}

impl Term {
    /// Standardises a column of training rows in place, and returns its term without a coefficient.
    ///
    /// # Errors
    /// The column's values are too large to have a standard deviation.
    pub fn standardise(name: String, column: &mut [f64]) -> Result<Term, Error> {
        let standard = Standard::of(column);
        if !standard.mean.is_finite() || !standard.scale.is_finite() {
            return Err(Error::TooLarge { feature: name });
        }
        column.iter_mut().for_each(|value| *value = standard.apply(*value));
        Ok(Term { name, mean: standard.mean, scale: standard.scale, coefficient: 0.0 })
    }
}

impl Linear {
    /// Gives the terms their coefficients.
    pub fn new(intercept: f64, mut features: Vec<Term>, coefficients: &[f64]) -> Linear {
        for (term, coefficient) in features.iter_mut().zip(coefficients) {
            term.coefficient = *coefficient;
        }
        Linear { intercept, features }
    }

    /// Returns the features' names.
    pub fn names(&self) -> Vec<&str> {
        self.features.iter().map(|term| term.name.as_str()).collect()
    }

    /// Returns the sum of each row.
    pub fn sums(&self, columns: &[&[f64]]) -> Vec<f64> {
        let mut sums = vec![self.intercept; columns[0].len()];
        for (term, column) in self.features.iter().zip(columns) {
            let standard = Standard { mean: term.mean, scale: term.scale };
            for (sum, &value) in sums.iter_mut().zip(*column) {
                *sum += term.coefficient * standard.apply(value);
            }
        }
        sums
    }

    /// Writes [`Linear::sums`] as ONNX: rows × 1.
    pub fn onnx(&self, graph: &mut Graph) -> Value {
        let column = |pick: fn(&Term) -> f64| self.features.iter().map(pick).collect::<Vec<f64>>();
        let count = self.features.len() as i64;
        let mean = graph.numbers(&column(|term| term.mean), &[count]);
        let scale = graph.numbers(&column(|term| term.scale), &[count]);
        let coefficient = graph.numbers(&column(|term| term.coefficient), &[count, 1]);
        let intercept = graph.number(self.intercept);
        let features = graph.features();
        let centred = graph.apply("Sub", &[&features, &mean]);
        let standard = graph.apply("Div", &[&centred, &scale]);
        let sum = graph.apply("MatMul", &[&standard, &coefficient]);
        graph.apply("Add", &[&sum, &intercept])
    }

    /// Returns what each term adds to the sum of each row. The baseline is the intercept: a row of average features.
    pub fn attributions(&self, columns: &[&[f64]]) -> Attributions {
        let mut predictions = vec![self.intercept; columns[0].len()];
        let of = |(term, column): (&Term, &&[f64])| -> Vec<f64> {
            let standard = Standard { mean: term.mean, scale: term.scale };
            let parts: Vec<f64> = column.iter().map(|value| term.coefficient * standard.apply(*value)).collect();
            predictions.iter_mut().zip(&parts).for_each(|(sum, part)| *sum += part);
            parts
        };
        let features = self.features.iter().zip(columns).map(of).collect();
        Attributions { baseline: self.intercept, features, predictions }
    }

    /// Returns the weights of the features, followed by the intercept.
    pub fn weights(&self) -> Vec<Weight<'_>> {
        let terms = self.features.iter().map(|term| Weight {
            feature: &term.name,
            weight: Some(term.coefficient),
            mean: Some(term.mean),
            scale: Some(term.scale),
        });
        terms.chain([Weight { weight: Some(self.intercept), ..Weight::bare(INTERCEPT) }]).collect()
    }
}
