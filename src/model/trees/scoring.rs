//! How rows find their leaves.
//!
//! Many rows take each split together: a row has a mask of the leaves that it can still reach, and a split that sends it to the right
//! clears the leaves to its left. The lowest leaf that remains is the row's. There is no jump that depends on the data, so that the
//! compiler handles several rows with one instruction. Lucchese et al. 2015 (QuickScorer), doi:10.1145/2766462.2767733.

use super::tree::Tree;

/// How many rows are handled together; their masks stay in the fastest cache.
const BLOCK: usize = 256;

/// The most leaves that a mask holds. Rows walk down larger trees one by one.
const MOST_LEAVES: usize = 64;

/// Adds the value of each row's leaf to `sums`. The columns are as long as `sums`.
pub fn add(tree: &Tree, columns: &[&[f64]], sums: &mut [f64]) {
    // For a few rows, making the masks costs more than it saves.
    if tree.leaf_value.len() > MOST_LEAVES || sums.len() < MOST_LEAVES {
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum += tree.leaf_value[walk(tree, columns, row)];
        }
        return;
    }
    let right = right_masks(tree);
    let mut masks = [0_u64; BLOCK];
    for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let masks = &mut masks[..sums.len()];
        masks.fill(u64::MAX);
        for ((&feature, &threshold), &right) in tree.split_feature.iter().zip(&tree.threshold).zip(&right) {
            let values = &columns[feature][block * BLOCK..][..sums.len()];
            for (mask, &value) in masks.iter_mut().zip(values) {
                *mask &= if value <= threshold { u64::MAX } else { right };
            }
        }
        for (sum, mask) in sums.iter_mut().zip(masks) {
            *sum += tree.leaf_value[mask.trailing_zeros() as usize];
        }
    }
}

/// Returns the leaf of a row.
fn walk(tree: &Tree, columns: &[&[f64]], row: usize) -> usize {
    let mut child = tree.root();
    loop {
        if let Some(leaf) = Tree::leaf_of(child) {
            return leaf;
        }
        let split = child as usize;
        let goes_left = columns[tree.split_feature[split]][row] <= tree.threshold[split];
        child = if goes_left { tree.left_child[split] } else { tree.right_child[split] };
    }
}

/// Returns for each split the leaves that a row can still reach if the split sends it to the right: all but those to its left.
fn right_masks(tree: &Tree) -> Vec<u64> {
    let splits = tree.split_feature.len();
    // The first leaf below a split, and the number of its leaves. A split comes before the splits below it.
    let mut below = vec![(0, 0); splits];
    let mut masks = vec![u64::MAX; splits];
    for split in (0..splits).rev() {
        let leaves = |child: i64| Tree::leaf_of(child).map_or_else(|| below[child as usize], |leaf| (leaf, 1));
        let ((first, left), (_, right)) = (leaves(tree.left_child[split]), leaves(tree.right_child[split]));
        below[split] = (first, left + right);
        masks[split] = !(((1 << left) - 1) << first);
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::{MOST_LEAVES, add, walk};
    use crate::model::trees::tree::Tree;

    /// A tree that is as deep on the left as it can be, or on the right.
    fn chain(leaves: usize, to_the_left: bool) -> Tree {
        let splits = leaves - 1;
        let (mut left_child, mut right_child) = (Vec::new(), Vec::new());
        for split in 0..splits {
            let below =
                if split + 1 < splits { split as i64 + 1 } else { -1 - if to_the_left { 0 } else { splits as i64 } };
            let leaf = -1 - (if to_the_left { splits - split } else { split }) as i64;
            left_child.push(if to_the_left { below } else { leaf });
            right_child.push(if to_the_left { leaf } else { below });
        }
        Tree {
            split_feature: (0..splits).map(|split| split % 2).collect(),
            threshold: (0..splits).map(|split| (split * 7 % 11) as f64).collect(),
            left_child,
            right_child,
            leaf_value: (0..leaves).map(|leaf| leaf as f64).collect(),
        }
    }

    #[test]
    fn rows_find_the_same_leaf_together_and_alone() {
        let rows = 700;
        let a: Vec<f64> = (0..rows).map(|row| (row * 5 % 13) as f64).collect();
        let b: Vec<f64> = (0..rows).map(|row| if row % 50 == 7 { f64::NAN } else { (row * 3 % 11) as f64 }).collect();
        for leaves in [2, 3, 17, MOST_LEAVES, MOST_LEAVES + 1, 200] {
            for to_the_left in [false, true] {
                let tree = chain(leaves, to_the_left);
                let mut sums = vec![0.0; rows];
                add(&tree, &[&a, &b], &mut sums);
                let alone: Vec<f64> = (0..rows).map(|row| walk(&tree, &[&a, &b], row) as f64).collect();
                assert_eq!(sums, alone, "{leaves} {to_the_left}");
            }
        }
        let mut sums = vec![1.0; rows];
        add(&Tree::leaf(0.5), &[&a], &mut sums);
        assert_eq!(sums, vec![1.5; rows]);
    }
}
