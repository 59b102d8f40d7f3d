//! The columns from which a model's features are made. A number is a feature itself; text gives a feature for each of its categories, which
//! is 1 where the row has that category and otherwise 0 (one-hot).
//!
//! In: the columns of a query. Out: columns of numbers. A category that training rows do not hold gives 0 in every feature of its column, as
//! scikit-learn's `OneHotEncoder(handle_unknown = 'ignore')`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The largest number of categories of a column: each is a feature of its own.
pub const MOST_CATEGORIES: usize = 100;

/// A column that a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    /// The categories of the training rows, ascending by their bytes; `None` for a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
}

impl Input {
    /// Returns the input of a number.
    pub fn number(name: &str) -> Input {
        Input { name: name.into(), categories: None }
    }

    /// Returns the names of the features that the column gives.
    pub fn features(&self) -> Vec<String> {
        match &self.categories {
            None => vec![self.name.clone()],
            Some(categories) => categories.iter().map(|category| format!("{}={category}", self.name)).collect(),
        }
    }

    /// Says why the input cannot be read, or `None`.
    pub fn problem(&self) -> Option<String> {
        let categories = self.categories.as_ref()?;
        let ascending = categories.windows(2).all(|pair| pair[0] < pair[1]);
        (!ascending || categories.is_empty()).then(|| format!("the categories of `{}` are not ascending", self.name))
    }
}

/// Returns what is left of inputs if a model takes these features only; `None` if they are columns of numbers. A category without its feature
/// counts as one that training did not see, which scores the same.
pub fn taken(inputs: &[Input], features: &[&str]) -> Option<Vec<Input>> {
    let part = |input: &Input| match &input.categories {
        None => features.contains(&input.name.as_str()).then(|| input.clone()),
        Some(categories) => {
            let names = input.features();
            let kept = categories.iter().zip(&names).filter(|(_, name)| features.contains(&name.as_str()));
            let kept: Vec<String> = kept.map(|(category, _)| category.clone()).collect();
            (!kept.is_empty()).then(|| Input { name: input.name.clone(), categories: Some(kept) })
        }
    };
    let taken: Vec<Input> = inputs.iter().filter_map(part).collect();
    taken.iter().any(|input| input.categories.is_some()).then_some(taken)
}

/// Returns which features each input gives, by their positions.
pub fn ranges(inputs: &[Input]) -> Vec<Range<usize>> {
    let mut start = 0;
    let range = |input: &Input| {
        let end = start + input.categories.as_ref().map_or(1, Vec::len);
        let range = start..end;
        start = end;
        range
    };
    inputs.iter().map(range).collect()
}

/// Returns a column for each category: 1 where the value is that category, otherwise 0.
pub fn encode<'a>(categories: &[String], values: impl Iterator<Item = Option<&'a str>>, rows: usize) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![0.0; rows]; categories.len()];
    for (row, value) in values.enumerate() {
        let place = value.and_then(|value| categories.binary_search_by(|known| known.as_str().cmp(value)).ok());
        if let Some(place) = place {
            columns[place][row] = 1.0;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::{Input, encode, ranges, taken};

    #[test]
    fn text_gives_a_feature_for_each_category_of_the_training_rows() {
        let side = Input { name: "side".into(), categories: Some(vec!["buy".into(), "sell".into()]) };
        assert_eq!(side.features(), ["side=buy", "side=sell"]);
        assert_eq!(ranges(&[Input::number("a"), side.clone(), Input::number("b")]), [0..1, 1..3, 3..4]);
        let values = [Some("sell"), Some("other"), None, Some("buy")];
        let columns = encode(side.categories.as_deref().unwrap(), values.into_iter(), 4);
        assert_eq!(columns, [vec![0.0, 0.0, 0.0, 1.0], vec![1.0, 0.0, 0.0, 0.0]]);
        assert_eq!(side.problem(), None);
        let both = [Input::number("a"), side.clone()];
        let sell = Input { name: "side".into(), categories: Some(vec!["sell".into()]) };
        assert_eq!(taken(&both, &["side=sell"]), Some(vec![sell]));
        assert_eq!(taken(&both, &["a"]), None);
        let twice = Input { name: "side".into(), categories: Some(vec!["a".into(), "a".into()]) };
        assert!(twice.problem().is_some());
    }
}
