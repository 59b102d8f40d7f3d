//! A weighted sum of standardised features: what the linear types of models share.
//!
//! In: the columns of training rows. Out: the part of an artifact that holds an intercept and a term for each feature, and its sum for
//! any rows.

use serde::{Deserialize, Serialize};

use super::Error;
use super::error::plain;
use super::onnx::{Graph, Value};
use super::standard::Standard;
use super::stripes::BLOCK;
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
    pub mean: f64,
    scale: f64,
    /// What one standard deviation adds to the sum.
    pub coefficient: f64,
}

impl Term {
    /// Standardises a column of training rows in place. Returns its term without a coefficient, and whether the column holds one
    /// value apart from rounding; it is 0 everywhere then.
    ///
    /// # Errors
    /// The column's values are too large to have a standard deviation.
    fn standardise(name: String, column: &mut [f64]) -> Result<(Term, bool), Error> {
        let (Standard { mean, scale }, constant) = Standard::standardise(column);
        if !mean.is_finite() || !scale.is_finite() {
            return Err(Error::TooLarge { feature: name });
        }
        Ok((Term { name, mean, scale, coefficient: 0.0 }, constant))
    }
}

/// The features of training rows, standardised.
pub struct Standardised {
    pub terms: Vec<Term>,
    /// A column for each term; it is 0 everywhere where the feature does not vary.
    pub columns: Vec<Vec<f64>>,
    pub varies: Vec<bool>,
}

impl Standardised {
    /// Standardises the features of training rows.
    ///
    /// # Errors
    /// The values of a feature are too large to have a standard deviation, or no feature varies.
    pub fn of(features: Vec<(String, Vec<f64>)>) -> Result<Standardised, Error> {
        let is_one_value = features.first().is_some_and(|(_, column)| column.iter().all(|value| *value == column[0]));
        let (mut terms, mut columns, mut varies) = (Vec::new(), Vec::new(), Vec::new());
        for (feature, mut column) in features {
            let (term, constant) = Term::standardise(feature, &mut column)?;
            terms.push(term);
            columns.push(column);
            varies.push(!constant);
        }
        if varies.iter().any(|varies| *varies) {
            return Ok(Standardised { terms, columns, varies });
        }
        let Term { name: feature, mean: value, .. } = terms.swap_remove(0);
        Err(if is_one_value { Error::Constant { feature, value } } else { Error::NoDeviation { feature } })
    }

    /// Names the first feature that is the same in every training row; `None` if all vary.
    pub fn warning(&self) -> Option<String> {
        let (term, _) = self.terms.iter().zip(&self.varies).find(|(_, varies)| !**varies)?;
        Some(format!("feature `{}` is {} in every training row, so its weight is 0", term.name, plain(term.mean)))
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

    /// Returns the score of each row, which follows from its sum.
    pub fn score(&self, columns: &[&[f64]], of_sum: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut scores = vec![self.intercept; columns[0].len()];
        // Block by block, so that the sums stay in the first cache.
        for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
            for (term, column) in self.features.iter().zip(columns) {
                let standard = Standard { mean: term.mean, scale: term.scale };
                for (sum, &value) in scores.iter_mut().zip(&column[block * BLOCK..]) {
                    *sum += term.coefficient * standard.apply(value);
                }
            }
            scores.iter_mut().for_each(|score| *score = of_sum(*score));
        }
        scores
    }

    /// Writes the sum of each row as ONNX: rows × 1.
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
