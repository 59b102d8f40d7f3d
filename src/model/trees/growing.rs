//! How one tree grows: the leaf whose split gains most is split next.

use std::ops::{AddAssign, Range, Sub};

use super::bins::Binned;
use super::tree::Tree;

/// The slope and the curvature of the loss at a row's prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub gradient: f64,
    pub hessian: f64,
}

impl Pair {
    /// Returns the pair of a row that counts by a weight.
    pub fn times(self, weight: f64) -> Pair {
        Pair { gradient: weight * self.gradient, hessian: weight * self.hessian }
    }
}

/// What limits a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    pub leaves: usize,
    /// The most splits between the root and a leaf.
    pub depth: usize,
    /// The fewest training rows of a leaf.
    pub rows: u64,
    /// The penalty on the squares of leaf values.
    pub l2: f64,
    /// What is left of each leaf's value.
    pub learn_rate: f64,
    /// A split has to gain more than this; less is rounding.
    pub gain: f64,
    /// Of each feature: 1 if predictions must not fall where it rises, -1 if they must not rise, 0 if both are allowed.
    pub monotone: Vec<i8>,
    pub threads: usize,
}

/// The sums over some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    gradient: f64,
    hessian: f64,
    rows: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
        self.rows += other.rows;
    }
}

impl Sub for Sums {
    type Output = Sums;

    fn sub(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            rows: self.rows - other.rows,
        }
    }
}

/// The values that a leaf may take, which keep predictions monotone.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: f64,
    high: f64,
}

/// A split of a leaf by the bins of a feature: rows up to this bin go to the left.
#[derive(Debug, Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
    left: Sums,
    right: Sums,
    left_value: f64,
    right_value: f64,
}

/// A node of a growing tree: a leaf, or a split with two children.
struct Node {
    /// Its part of the rows.
    rows: Range<usize>,
    bounds: Bounds,
    depth: usize,
    value: f64,
    /// The sums of every bin of every feature, while the node may be split.
    histogram: Vec<Sums>,
    best: Option<Split>,
    children: Option<Children>,
}

/// How a node was split.
struct Children {
    left: usize,
    right: usize,
    feature: usize,
    threshold: f64,
}

/// Grows trees on binned features.
pub struct Grower<'a> {
    features: &'a [Binned],
    /// Where a feature's bins begin in a histogram; the last one is the end.
    offsets: Vec<usize>,
    limits: Limits,
}

/// The fewest additions to a histogram for which threads are worth starting.
const WORTH_THREADS: usize = 1 << 17;

impl<'a> Grower<'a> {
    pub fn new(features: &'a [Binned], limits: Limits) -> Grower<'a> {
        let mut offsets = vec![0];
        for feature in features {
            offsets.push(offsets[offsets.len() - 1] + feature.count());
        }
        Grower { features, offsets, limits }
    }

    /// Grows a tree from some rows, ascending, and the pairs of all rows. A tree that gains nothing by a split has one leaf.
    pub fn grow(&self, pairs: &[Pair], mut rows: Vec<u32>) -> Tree {
        let mut sums = Sums::default();
        for pair in rows.iter().map(|&row| pairs[row as usize]) {
            sums += Sums { gradient: pair.gradient, hessian: pair.hessian, rows: 1 };
        }
        let bounds = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY };
        let histogram = if self.limits.leaves > 1 { self.histogram(pairs, &rows) } else { Vec::new() };
        let mut nodes = vec![self.node(0..rows.len(), sums, bounds, 0, histogram)];
        for _ in 1..self.limits.leaves {
            let Some((place, split)) = next(&nodes) else { break };
            let children = self.split(&mut nodes[place], split, pairs, &mut rows);
            let threshold = self.features[split.feature].edges[split.bin];
            nodes[place].children =
                Some(Children { left: nodes.len(), right: nodes.len() + 1, feature: split.feature, threshold });
            nodes.extend(children);
        }
        self.tree(&nodes)
    }

    /// Makes a node and finds its best split.
    fn node(&self, rows: Range<usize>, sums: Sums, bounds: Bounds, depth: usize, histogram: Vec<Sums>) -> Node {
        let value = self.value(sums, bounds);
        let best = self.best(&histogram, sums, bounds, depth);
        let histogram = if best.is_some() { histogram } else { Vec::new() };
        Node { rows, bounds, depth, value, histogram, best, children: None }
    }

    /// Splits a node, and returns its children. The rows to the left come first, and each side stays ascending.
    fn split(&self, node: &mut Node, split: Split, pairs: &[Pair], rows: &mut [u32]) -> [Node; 2] {
        let own = &mut rows[node.rows.clone()];
        let bins = &self.features[split.feature].bins;
        let (left, right): (Vec<u32>, Vec<u32>) =
            own.iter().partition(|&&row| usize::from(bins[row as usize]) <= split.bin);
        let middle = node.rows.start + left.len();
        own[..left.len()].copy_from_slice(&left);
        own[left.len()..].copy_from_slice(&right);
        // The larger side's histogram is what the smaller side leaves of the parent's.
        let smaller = self.histogram(pairs, if left.len() <= right.len() { &left } else { &right });
        let mut larger = std::mem::take(&mut node.histogram);
        larger.iter_mut().zip(&smaller).for_each(|(all, part)| *all = *all - *part);
        let (of_left, of_right) = if left.len() <= right.len() { (smaller, larger) } else { (larger, smaller) };
        let (mut below, mut above) = (node.bounds, node.bounds);
        let middle_value = split.left_value / 2.0 + split.right_value / 2.0;
        match self.limits.monotone[split.feature] {
            0 => {}
            sign if sign > 0 => (below.high, above.low) = (middle_value, middle_value),
            _ => (below.low, above.high) = (middle_value, middle_value),
        }
        node.best = None;
        let depth = node.depth + 1;
        [
            self.node(node.rows.start..middle, split.left, below, depth, of_left),
            self.node(middle..node.rows.end, split.right, above, depth, of_right),
        ]
    }

    /// Returns the sums of every bin of every feature over some rows. Each feature belongs to one thread, which adds in the order of
    /// the rows, so that the number of threads changes no bit.
    fn histogram(&self, pairs: &[Pair], rows: &[u32]) -> Vec<Sums> {
        let ordered: Vec<Pair> = rows.iter().map(|&row| pairs[row as usize]).collect();
        let mut histogram = vec![Sums::default(); self.offsets[self.features.len()]];
        let fill = |feature: usize, histogram: &mut [Sums]| {
            let bins = &self.features[feature].bins;
            // A byte is a place in this array, so that there is nothing to check.
            let mut sums = [Sums::default(); 256];
            for (&row, pair) in rows.iter().zip(&ordered) {
                let own = &mut sums[usize::from(bins[row as usize])];
                own.gradient += pair.gradient;
                own.hessian += pair.hessian;
                own.rows += 1;
            }
            histogram.copy_from_slice(&sums[..histogram.len()]);
        };
        let worth = rows.len() * self.features.len() >= WORTH_THREADS;
        let threads = if worth { self.limits.threads.clamp(1, self.features.len()) } else { 1 };
        let mut parts: Vec<Vec<(usize, &mut [Sums])>> = (0..threads).map(|_| Vec::new()).collect();
        let mut rest = histogram.as_mut_slice();
        for feature in 0..self.features.len() {
            let (own, others) = rest.split_at_mut(self.features[feature].count());
            rest = others;
            parts[feature % threads].push((feature, own));
        }
        let work = |part: Vec<(usize, &mut [Sums])>| part.into_iter().for_each(|(feature, own)| fill(feature, own));
        if let Some(last) = parts.pop() {
            std::thread::scope(|scope| {
                for part in parts {
                    scope.spawn(|| work(part));
                }
                work(last);
            });
        }
        histogram
    }

    /// Returns the best split of a node; of equally good ones, that of the first feature and the lowest bin.
    fn best(&self, histogram: &[Sums], sums: Sums, bounds: Bounds, depth: usize) -> Option<Split> {
        let fewest = self.limits.rows;
        if histogram.is_empty() || depth >= self.limits.depth || sums.rows / 2 < fewest {
            return None;
        }
        let mut best: Option<Split> = None;
        let whole = self.loss(sums, self.value(sums, bounds));
        for feature in 0..self.features.len() {
            let bins = &histogram[self.offsets[feature]..self.offsets[feature + 1]];
            let mut left = Sums::default();
            for (bin, own) in bins[..bins.len() - 1].iter().enumerate() {
                left += *own;
                if own.rows == 0 || left.rows < fewest {
                    continue;
                }
                let right = sums - left;
                if right.rows < fewest {
                    break;
                }
                let (left_value, right_value) = (self.value(left, bounds), self.value(right, bounds));
                if f64::from(self.limits.monotone[feature]) * (right_value - left_value) < 0.0 {
                    continue;
                }
                let gain = whole - self.loss(left, left_value) - self.loss(right, right_value);
                if gain > best.map_or(self.limits.gain, |best| best.gain) {
                    best = Some(Split { gain, feature, bin, left, right, left_value, right_value });
                }
            }
        }
        best
    }

    /// Returns the value that lowers the loss most, within the bounds.
    fn value(&self, sums: Sums, bounds: Bounds) -> f64 {
        (-sums.gradient / (sums.hessian + self.limits.l2)).clamp(bounds.low, bounds.high)
    }

    /// Returns what a value adds to the loss, to second order.
    fn loss(&self, sums: Sums, value: f64) -> f64 {
        value * (sums.gradient + 0.5 * (sums.hessian + self.limits.l2) * value)
    }

    /// Numbers splits and leaves from left to right.
    fn tree(&self, nodes: &[Node]) -> Tree {
        let mut tree = Tree { leaf_value: Vec::new(), ..Tree::leaf(0.0) };
        // Of each open node the split above it, and whether it is that split's right child.
        let mut open: Vec<(usize, Option<(usize, bool)>)> = vec![(0, None)];
        while let Some((place, parent)) = open.pop() {
            let node = &nodes[place];
            let number = match &node.children {
                Some(children) => {
                    let split = tree.split_feature.len();
                    tree.split_feature.push(children.feature);
                    tree.threshold.push(children.threshold);
                    tree.left_child.push(0);
                    tree.right_child.push(0);
                    open.push((children.right, Some((split, true))));
                    open.push((children.left, Some((split, false))));
                    split as i64
                }
                None => {
                    tree.leaf_value.push(node.value * self.limits.learn_rate);
                    -(tree.leaf_value.len() as i64)
                }
            };
            match parent {
                Some((split, true)) => tree.right_child[split] = number,
                Some((split, false)) => tree.left_child[split] = number,
                None => {}
            }
        }
        tree
    }
}

/// Returns the leaf whose split gains most, and that split; of equally good ones, the one that is older.
fn next(nodes: &[Node]) -> Option<(usize, Split)> {
    let mut next: Option<(usize, Split)> = None;
    for (place, split) in nodes.iter().enumerate().filter_map(|(place, node)| Some((place, node.best?))) {
        if next.is_none_or(|(_, best)| split.gain > best.gain) {
            next = Some((place, split));
        }
    }
    next
}
