//! Trees as an artifact stores them.

use serde::{Deserialize, Serialize};

use super::scoring;
use crate::model::training::Named;
use crate::model::types::Weight;

/// A sum of trees: the prediction is the intercept plus the value of one leaf of each tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    pub intercept: f64,
    pub features: Vec<Named>,
    pub trees: Vec<Tree>,
}

/// A tree, in LightGBM's form. A row begins at split 0; it goes to the left child if its feature is at most the threshold, and to the
/// right child otherwise, also if the feature is NaN. A child of 0 or more is a split, and a child below 0 is the leaf `-1 - child`.
/// Splits and leaves are numbered from left to right: the left child of split 3 is split 4, or the next leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The positions of the features.
    pub split_feature: Vec<usize>,
    pub threshold: Vec<f64>,
    pub left_child: Vec<i64>,
    pub right_child: Vec<i64>,
    pub leaf_value: Vec<f64>,
}

impl Trees {
    /// Returns the features' names.
    pub fn names(&self) -> Vec<&str> {
        self.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    /// Returns the features without weights.
    pub fn weights(&self) -> Vec<Weight<'_>> {
        self.features.iter().map(|feature| Weight::bare(&feature.name)).collect()
    }

    /// Returns the prediction of each row, given as one column per feature.
    pub fn predictions(&self, columns: &[&[f64]]) -> Vec<f64> {
        let mut predictions = vec![self.intercept; columns.first().map_or(0, |column| column.len())];
        self.trees.iter().for_each(|tree| scoring::add(tree, columns, &mut predictions));
        predictions
    }

    /// Says why trees that were read cannot score.
    pub fn problem(&self) -> Option<String> {
        let broken = self.trees.iter().position(|tree| !tree.is_whole(self.features.len()))?;
        Some(format!("tree {broken} is not a tree whose splits and leaves are numbered from left to right"))
    }
}

impl Tree {
    /// Returns a tree of one leaf.
    pub fn leaf(value: f64) -> Tree {
        Tree {
            split_feature: Vec::new(),
            threshold: Vec::new(),
            left_child: Vec::new(),
            right_child: Vec::new(),
            leaf_value: vec![value],
        }
    }

    /// Returns where a row begins: at the first split, or at the only leaf.
    pub fn root(&self) -> i64 {
        if self.split_feature.is_empty() { -1 } else { 0 }
    }

    /// Returns the number of a child that is a leaf; `None` for a split.
    pub fn leaf_of(child: i64) -> Option<usize> {
        usize::try_from(-1 - child).ok()
    }

    /// Returns whether every split and every leaf has its place and its numbers.
    fn is_whole(&self, features: usize) -> bool {
        let (splits, leaves) = (self.split_feature.len(), self.leaf_value.len());
        let lengths = [self.threshold.len(), self.left_child.len(), self.right_child.len()];
        if lengths != [splits; 3] || leaves != splits + 1 || self.split_feature.iter().any(|&place| place >= features) {
            return false;
        }
        let (mut next_split, mut next_leaf) = (0, 0);
        let mut open = vec![self.root()];
        while let Some(child) = open.pop() {
            match Tree::leaf_of(child) {
                Some(leaf) if leaf == next_leaf => next_leaf += 1,
                None if child == next_split as i64 && next_split < splits => {
                    open.extend([self.right_child[next_split], self.left_child[next_split]]);
                    next_split += 1;
                }
                _ => return false,
            }
        }
        (next_split, next_leaf) == (splits, leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::{Tree, Trees};
    use crate::model::training::Named;

    fn tree() -> Tree {
        Tree {
            split_feature: vec![0, 1, 0],
            threshold: vec![1.0, 5.0, 2.0],
            left_child: vec![1, -1, -3],
            right_child: vec![2, -2, -4],
            leaf_value: vec![0.1, 0.2, 0.3, 0.4],
        }
    }

    #[test]
    fn a_row_goes_left_up_to_the_threshold() {
        let named = |name: &str| Named { name: name.into() };
        let trees = Trees { intercept: 1.0, features: vec![named("a"), named("b")], trees: vec![tree()] };
        assert_eq!(trees.problem(), None);
        let columns: [&[f64]; 2] = [&[1.0, 1.0, 2.0, 2.1], &[5.0, 5.1, 0.0, 0.0]];
        assert_eq!(trees.predictions(&columns), [1.1, 1.2, 1.3, 1.4]);
    }

    #[test]
    fn what_is_not_a_tree_is_found() {
        assert!(tree().is_whole(2) && Tree::leaf(0.5).is_whole(0));
        assert!(!tree().is_whole(1), "a feature that does not exist");
        let broken = |change: fn(&mut Tree)| {
            let mut tree = tree();
            change(&mut tree);
            !tree.is_whole(2)
        };
        assert!(broken(|tree| tree.left_child[0] = 0), "a split below itself");
        assert!(broken(|tree| tree.right_child[0] = 7), "a split that does not exist");
        assert!(broken(|tree| tree.right_child[2] = -9), "a leaf that does not exist");
        assert!(broken(|tree| tree.right_child[2] = i64::MIN), "a leaf that does not exist");
        assert!(broken(|tree| tree.left_child[2] = -2), "a leaf with two parents");
        assert!(broken(|tree| tree.leaf_value.truncate(3)), "a leaf without a value");
        assert!(broken(|tree| tree.threshold.truncate(2)), "a split without a threshold");
        assert!(broken(|tree| *tree = Tree { leaf_value: vec![], ..Tree::leaf(0.0) }), "nothing");
    }
}
