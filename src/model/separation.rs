//! Whether training rows are separated: then the likelihood has no maximum, and only the penalty bounds the coefficients.
//!
//! See Albert and Anderson 1984, doi:10.1093/biomet/71.1.1.

use super::linear::Term;

/// A feature that moves the log-odds by more than this between its ends decides a row alone: odds of 22,000 to 1.
const DECIDES: f64 = 10.0;

/// What follows from it, the end of every warning of separation.
pub const SEPARATED: &str =
    "so the weights say how large l2_reg is and not how sure the data are. Look whether a feature knows the label";

/// Returns what is wrong with a fit whose features separate the classes; `None` if they do not. Columns are standardised.
pub fn warning<'a>(
    terms: impl Iterator<Item = &'a Term> + Clone,
    columns: &[Vec<f64>],
    labels: &[bool],
    unbounded: bool,
) -> Option<String> {
    for (term, column) in terms.clone().zip(columns) {
        let [negative, positive] = ends(column, labels);
        let (least, most) = (negative.0.min(positive.0), negative.1.max(positive.1));
        let apart = negative.1 < positive.0 || positive.1 < negative.0;
        let touch = negative.1 <= positive.0 || positive.1 <= negative.0;
        if apart || (touch && term.coefficient.abs() * (most - least) > DECIDES) {
            return Some(format!("the feature `{}` separates the classes, {SEPARATED}", term.name));
        }
    }
    let mut sums = vec![0.0; labels.len()];
    for (term, column) in terms.zip(columns) {
        sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += term.coefficient * value);
    }
    let [negative, positive] = ends(&sums, labels);
    (negative.1 < positive.0 || unbounded).then(|| format!("the features together separate the classes, {SEPARATED}"))
}

/// Returns the least and the largest value of the negative and of the positive rows.
fn ends(column: &[f64], labels: &[bool]) -> [(f64, f64); 2] {
    let mut ends = [(f64::INFINITY, f64::NEG_INFINITY); 2];
    for (value, &label) in column.iter().zip(labels) {
        let (least, most) = &mut ends[usize::from(label)];
        (*least, *most) = (least.min(*value), most.max(*value));
    }
    ends
}
