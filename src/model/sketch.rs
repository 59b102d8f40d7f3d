//! What a model keeps of the distribution of each column that it was trained on, so that later rows can be compared with it.
//!
//! In: the columns of the training rows. Out: for a number some of its values with their ranks, for a text how often each category
//! occurs. The size does not depend on the rows: a few hundred ranks at most, or one count for each category.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::inputs::{Input, ranges};
use super::probability::between;
use super::split::Split;
use super::training::TrainingSet;

/// In the middle so many ranks are kept, evenly spread over the rows.
const STEPS: usize = 200;

/// Towards both ends ranks are closer together: the next one is at most this part of the distance from the end away. The bins of `psi` and its
/// like lie far out where tails are heavy, and there a single row counts.
const TAIL: usize = 8;

/// A column with at most so many different values keeps them all, with how often each occurs.
const MOST_DISTINCT: usize = 128;

/// A value that is found in more than this part of the rows keeps its first and its last rank.
const FREQUENT: usize = 250;

/// Most values of a sample that is made of ranks.
const LARGEST_SAMPLE: u64 = 1_000_000;

/// The distribution of a column over the training rows. Rows without a value are left out of training, so none is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    pub column: String,
    /// The number of training rows.
    pub rows: u64,
    #[serde(flatten)]
    pub values: Sketched,
}

/// What is kept of the values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sketched {
    /// Values with their ranks, ascending: 0 is the rank of the smallest value, the number of rows less 1 that of the largest.
    Ranks(Vec<(u64, f64)>),
    /// The quantiles at 0 %, 1 %, … 100 %, from an earlier squall.
    Quantiles(Vec<f64>),
    /// How often each category occurs.
    Categories(BTreeMap<String, u64>),
}

/// Returns the ranks of ascending values that are kept, with the values.
fn ranks(values: &[f64]) -> Vec<(u64, f64)> {
    let last = values.len() - 1;
    let runs: Vec<&[f64]> = values.chunk_by(|one, next| one == next).collect();
    let all = runs.len() <= MOST_DISTINCT;
    let mut kept = BTreeSet::from([0, last]);
    let mut first = 0;
    for run in runs {
        if all || run.len() > values.len() / FREQUENT {
            kept.extend([first, first + run.len() - 1]);
        }
        first += run.len();
    }
    let mut from_end = 0;
    while !all && from_end <= last / 2 {
        kept.extend([from_end, last - from_end]);
        from_end += (from_end / TAIL).min(last / STEPS).max(1);
    }
    kept.into_iter().map(|rank| (rank as u64, values[rank])).collect()
}

/// Returns values like those from which the ranks were taken, ascending: all of them if they are few, else as many as a sample may hold.
fn values_of(ranks: &[(u64, f64)]) -> Vec<f64> {
    let Some(&(last, _)) = ranks.last() else { return Vec::new() };
    // Between whole numbers there are whole numbers.
    let whole = ranks.iter().all(|(_, value)| value.fract() == 0.0);
    let size = (last + 1).min(LARGEST_SAMPLE);
    let step = if size > 1 { last as f64 / (size - 1) as f64 } else { 0.0 };
    let mut above = 0;
    let values = (0..size).map(|index| {
        let rank = (index as f64 * step).round() as u64;
        while ranks[above].0 < rank {
            above += 1;
        }
        let (high_rank, high) = ranks[above];
        if high_rank == rank {
            return high;
        }
        let (low_rank, low) = ranks[above - 1];
        let value = between(low, high, (rank - low_rank) as f64 / (high_rank - low_rank) as f64);
        if whole { value.round() } else { value }
    });
    values.collect()
}

impl Sketched {
    /// Returns numbers, ascending, that are distributed as the training rows as far as this is known; none for categories.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Sketched::Ranks(ranks) => values_of(ranks),
            Sketched::Quantiles(quantiles) => quantiles.clone(),
            Sketched::Categories(_) => Vec::new(),
        }
    }
}

/// Sketches the columns from which a model's features are made, over the training rows; `features` are those that it takes.
pub fn sketch(set: &TrainingSet, inputs: Option<&Vec<Input>>, features: &[&str]) -> Vec<Sketch> {
    let training: Vec<usize> =
        set.splits.iter().enumerate().filter(|(_, split)| **split == Split::Train).map(|(row, _)| row).collect();
    if training.is_empty() {
        return Vec::new();
    }
    let column = |name: &str| set.features.iter().find(|(known, _)| known == name).map(|(_, values)| values);
    let numbers = |name: &str| {
        let values = column(name)?;
        let mut values: Vec<f64> = training.iter().map(|row| values[*row]).filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        if values.is_empty() {
            return None;
        }
        Some(Sketch { column: name.into(), rows: values.len() as u64, values: Sketched::Ranks(ranks(&values)) })
    };
    let Some(inputs) = inputs else { return features.iter().filter_map(|name| numbers(name)).collect() };
    let names: Vec<String> = inputs.iter().flat_map(Input::features).collect();
    let mut sketches = Vec::new();
    for (input, range) in inputs.iter().zip(ranges(inputs)) {
        let Some(categories) = &input.categories else {
            sketches.extend(numbers(&input.name));
            continue;
        };
        let counts: BTreeMap<String, u64> = categories
            .iter()
            .zip(&names[range])
            .filter_map(|(category, feature)| {
                let values = column(feature)?;
                Some((category.clone(), training.iter().filter(|row| values[**row] > 0.5).count() as u64))
            })
            .collect();
        sketches.push(Sketch {
            column: input.name.clone(),
            rows: counts.values().sum(),
            values: Sketched::Categories(counts),
        });
    }
    sketches
}

#[cfg(test)]
mod tests {
    use std::ops::Neg;

    use super::{Sketched, ranks, sketch, values_of};
    use crate::model::{Input, Split, TrainingSet};

    #[test]
    fn training_rows_alone_are_sketched() {
        let set = TrainingSet {
            features: vec![
                ("x".into(), vec![1.0, 2.0, 3.0, 900.0]),
                ("side=buy".into(), vec![1.0, 1.0, 0.0, 0.0]),
                ("side=sell".into(), vec![0.0, 0.0, 1.0, 1.0]),
            ],
            splits: vec![Split::Train, Split::Train, Split::Train, Split::Test],
            ..TrainingSet::default()
        };
        let side = Input { name: "side".into(), categories: Some(vec!["buy".into(), "sell".into()]) };
        let sketches = sketch(&set, Some(&vec![Input::number("x"), side]), &["x", "side=buy", "side=sell"]);
        assert_eq!(sketches[0].values, Sketched::Ranks(vec![(0, 1.0), (1, 2.0), (2, 3.0)]));
        let text = serde_json::to_string(&sketches[0]).unwrap();
        assert_eq!(text, r#"{"column":"x","rows":3,"ranks":[[0,1.0],[1,2.0],[2,3.0]]}"#);
        let counts = [("buy".to_string(), 2), ("sell".to_string(), 1)];
        assert_eq!(sketches[1].values, Sketched::Categories(counts.into()));
        let text = serde_json::to_string(&sketches[1]).unwrap();
        assert_eq!(text, r#"{"column":"side","rows":3,"categories":{"buy":2,"sell":1}}"#);
        assert_eq!(serde_json::from_str::<super::Sketch>(&text).unwrap(), sketches[1]);
        assert!(sketch(&TrainingSet::default(), None, &["x"]).is_empty());
    }

    /// Few different values are kept whole; of many, each value is near its own, the frequent one is itself, and the size is bounded.
    #[test]
    fn ranks_give_back_the_sample() {
        let few = [vec![-1.0; 700], vec![0.5; 299], vec![9.0]].concat();
        assert_eq!(ranks(&few), [(0, -1.0), (699, -1.0), (700, 0.5), (998, 0.5), (999, 9.0)]);
        assert_eq!(values_of(&ranks(&few)), few);
        let rows = 1_200_000;
        let tail = (1..=rows).map(|row| (f64::from(row) / f64::from(rows + 1)).ln().neg());
        let mut many: Vec<f64> = std::iter::repeat_n(0.0, 600_000).chain(tail).collect();
        many.sort_unstable_by(f64::total_cmp);
        let kept = ranks(&many);
        assert!(kept.len() < 400, "{}", kept.len());
        let made = values_of(&kept);
        assert_eq!(made.len(), 1_000_000);
        assert_eq!(made.iter().filter(|value| **value == 0.0).count(), 333_333);
        assert_eq!((made[0], made[999_999]), (many[0], many[1_799_999]));
        let off = |share: f64| made[(share * 999_999.0) as usize] / many[(share * 1_799_999.0) as usize] - 1.0;
        for share in [0.4, 0.6, 0.8, 0.95, 0.99, 0.999, 0.9999, 0.99999] {
            assert!(off(share).abs() < 0.01, "{share}: {}", off(share));
        }
        assert_eq!(values_of(&[(0, 1.0), (4, 2.0)]), [1.0, 1.0, 2.0, 2.0, 2.0]);
        assert_eq!(values_of(&[(0, 1.5), (2, 2.0)]), [1.5, 1.75, 2.0]);
        assert_eq!((values_of(&[(0, 7.0)]), values_of(&[])), (vec![7.0], vec![]));
    }
}
