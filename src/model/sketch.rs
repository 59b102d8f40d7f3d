//! What a model keeps of the distribution of each column that it was trained on, so that later rows can be compared with it.
//!
//! In: the columns of the training rows. Out: for a number its quantiles, for a text how often each category occurs. The size does not
//! depend on the rows: 101 numbers, or one count for each category.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inputs::{Input, ranges};
use super::probability::quantile_sorted;
use super::split::Split;
use super::training::TrainingSet;

/// A quantile for each percent from 0 to 100.
const STEPS: usize = 100;

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
    /// The quantiles at 0 %, 1 %, … 100 %.
    Quantiles(Vec<f64>),
    /// How often each category occurs.
    Categories(BTreeMap<String, u64>),
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
        let quantiles = (0..=STEPS).map(|step| quantile_sorted(&values, step as f64 / STEPS as f64));
        let quantiles = Sketched::Quantiles(quantiles.collect());
        Some(Sketch { column: name.into(), rows: values.len() as u64, values: quantiles })
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
    use super::{Sketched, sketch};
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
        let Sketched::Quantiles(quantiles) = &sketches[0].values else { panic!("{sketches:?}") };
        assert_eq!((sketches[0].rows, quantiles.len()), (3, 101));
        assert_eq!((quantiles[0], quantiles[50], quantiles[100]), (1.0, 2.0, 3.0));
        let counts = [("buy".to_string(), 2), ("sell".to_string(), 1)];
        assert_eq!(sketches[1].values, Sketched::Categories(counts.into()));
        let text = serde_json::to_string(&sketches[1]).unwrap();
        assert_eq!(text, r#"{"column":"side","rows":3,"categories":{"buy":2,"sell":1}}"#);
        assert_eq!(serde_json::from_str::<super::Sketch>(&text).unwrap(), sketches[1]);
        assert!(sketch(&TrainingSet::default(), None, &["x"]).is_empty());
    }
}
