//! How much a model needs each of its inputs: permutation importance by average precision (Breiman 2001,
//! doi:10.1023/A:1010933404324), as scikit-learn's `permutation_importance` with `scoring = 'average_precision'`.
//!
//! In: a scorer, its columns, labels, and what rows are shuffled. Out: for each input the drop of the average precision when its values
//! are shuffled among the rows.
//!
//! Rows of a market resemble their neighbours. A shuffle of single rows makes a series that no market has, and its repeats differ far less
//! than the few independent stretches of time allow. So stretches of time are shuffled where the time is known.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::ranking::Ranked;
use super::scorer::Scorer;

/// With fewer blocks than this, too many of them stay where they are.
pub const LEAST_BLOCKS: usize = 10;

/// The number of shuffles by default, as in scikit-learn.
pub const REPEATS: usize = 5;

/// The place of a row: its product and its time.
pub type Place<'a> = (&'a str, i64);

/// Returns the blocks of rows that are in order of product and time. Blocks begin at multiples of their length since 1970, so that they do not
/// depend on the first row.
pub fn blocks(places: &[Place<'_>], block_ns: i64) -> Vec<Range<u32>> {
    let mut blocks: Vec<Range<u32>> = Vec::new();
    let mut last = None;
    for (row, (product, time)) in places.iter().enumerate() {
        let here = (*product, time.div_euclid(block_ns));
        match blocks.last_mut() {
            Some(open) if last == Some(here) => open.end = row as u32 + 1,
            _ => blocks.push(row as u32..row as u32 + 1),
        }
        last = Some(here);
    }
    blocks
}

/// Returns the blocks of rows that have no time: each row is one.
pub fn single(rows: usize) -> Vec<Range<u32>> {
    (0..rows as u32).map(|row| row..row + 1).collect()
}

/// Shuffles blocks: the value of row `i` comes from row `shuffled[i]`.
fn shuffled(blocks: &[Range<u32>], seed: u64) -> Vec<u32> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random.random_range(0..=last as u64) as usize);
    }
    order.into_iter().flat_map(|block| blocks[block].clone()).collect()
}

/// Draws shuffles. Each has a seed of its own.
pub fn shuffles(blocks: &[Range<u32>], repeats: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut seeds = Pcg64::seed_from_u64(seed);
    (0..repeats).map(|_| shuffled(blocks, seeds.random())).collect()
}

/// What shuffling an input costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Importance {
    /// The mean drop of the average precision over the shuffles.
    pub mean: f64,
    /// Its standard deviation, as a population.
    pub stddev: f64,
}

/// Measures each input, which is a range of the scorer's columns: they are shuffled together. Every input meets the same shuffles.
///
/// Returns the average precision of the rows as they are, and the importances; `None` if no row is positive or a score is NaN.
///
/// # Panics
/// When columns, labels and shuffles differ in length.
pub fn measure(
    scorer: &Scorer,
    columns: &[Vec<f64>],
    inputs: &[Range<usize>],
    labels: &[bool],
    shuffles: &[Vec<u32>],
) -> Option<(f64, Vec<Importance>)> {
    let borrowed: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let average_precision = |columns: &[&[f64]]| Ranked::new(labels, &scorer.score(columns))?.average_precision();
    let baseline = average_precision(&borrowed)?;
    let drop = |&(input, shuffle): &(usize, usize)| -> Option<f64> {
        let source = &shuffles[shuffle];
        assert_eq!(source.len(), labels.len(), "a shuffle has a source for each row");
        let moved: Vec<Vec<f64>> = inputs[input]
            .clone()
            .map(|column| source.iter().map(|&row| columns[column][row as usize]).collect())
            .collect();
        let mut mixed = borrowed.clone();
        for (column, values) in inputs[input].clone().zip(&moved) {
            mixed[column] = values;
        }
        Some(baseline - average_precision(&mixed)?)
    };
    let tasks: Vec<(usize, usize)> =
        (0..inputs.len()).flat_map(|input| (0..shuffles.len()).map(move |shuffle| (input, shuffle))).collect();
    let drops: Vec<f64> = in_threads(&tasks, drop).into_iter().collect::<Option<_>>()?;
    Some((baseline, drops.chunks(shuffles.len().max(1)).map(Importance::of).collect()))
}

impl Importance {
    fn of(drops: &[f64]) -> Importance {
        let count = drops.len() as f64;
        let mean = drops.iter().sum::<f64>() / count;
        let variance = drops.iter().map(|drop| (drop - mean).powi(2)).sum::<f64>() / count;
        Importance { mean, stddev: variance.sqrt() }
    }
}

/// Computes each task, in the order of the tasks.
fn in_threads<A: Sync, B: Send>(tasks: &[A], one: impl Fn(&A) -> B + Sync) -> Vec<B> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = tasks.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let run = |tasks: &[A]| tasks.iter().map(&one).collect::<Vec<B>>();
        let running: Vec<_> = tasks.chunks(share).map(|tasks| scope.spawn(move || run(tasks))).collect();
        let mut all = Vec::with_capacity(tasks.len());
        for thread in running {
            match thread.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{blocks, measure, shuffles, single};
    use crate::model::Scorer;

    #[test]
    fn blocks_begin_at_multiples_of_their_length_and_hold_one_product() {
        let places = [("a", 1), ("a", 9), ("a", 10), ("a", 25), ("b", 11), ("b", 12)];
        assert_eq!(blocks(&places, 10), [0..2, 2..3, 3..4, 4..6]);
        assert_eq!(blocks(&[("a", -1), ("a", 0)], 10), [0..1, 1..2]);
        assert_eq!(single(2), [0..1, 1..2]);
    }

    #[test]
    fn a_shuffle_moves_whole_blocks_and_depends_on_its_seed() {
        let blocks = [0..3, 3..4, 4..9, 9..10, 10..16];
        let drawn = shuffles(&blocks, 20, 7);
        assert_eq!(drawn, shuffles(&blocks, 20, 7));
        assert_ne!(drawn, shuffles(&blocks, 20, 8));
        for source in &drawn {
            let mut sorted = source.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..16).collect::<Vec<u32>>());
            for block in &blocks {
                let first = source.iter().position(|row| *row == block.start).unwrap();
                assert!(block.clone().enumerate().all(|(step, row)| source[first + step] == row), "{source:?}");
            }
        }
    }

    /// Made by `tests/reference/sklearn_importance.py`: the same rows, the same fit and the same shuffles as scikit-learn's.
    #[test]
    fn the_importance_is_that_of_scikit_learn() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../tests/reference/sklearn_importance.json")).unwrap();
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let columns: Vec<Vec<f64>> = recorded["features"].as_array().unwrap().iter().map(numbers).collect();
        let labels: Vec<bool> = numbers(&recorded["label"]).iter().map(|label| *label == 1.0).collect();
        let term = |index: usize| {
            json!({"name": format!("x{index}"), "mean": recorded["mean"][index], "scale": recorded["scale"][index],
                   "coefficient": recorded["coefficients"][index]})
        };
        let features: Vec<Value> = (0..columns.len()).map(term).collect();
        let scorer: Scorer = serde_json::from_value(
            json!({"model_type": "logistic_reg", "intercept": recorded["intercept"], "features": features}),
        )
        .unwrap();
        let sources: Vec<Vec<u32>> = recorded["shuffles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|source| numbers(source).iter().map(|row| *row as u32).collect())
            .collect();
        let inputs: Vec<_> = (0..columns.len()).map(|column| column..column + 1).collect();
        let (baseline, ours) = measure(&scorer, &columns, &inputs, &labels, &sources).unwrap();
        assert!((baseline - recorded["baseline"].as_f64().unwrap()).abs() < 1e-12);
        let (means, stddevs) = (numbers(&recorded["importances_mean"]), numbers(&recorded["importances_std"]));
        for ((ours, mean), stddev) in ours.iter().zip(&means).zip(&stddevs) {
            assert!((ours.mean - mean).abs() < 1e-12 && (ours.stddev - stddev).abs() < 1e-12, "{ours:?}");
        }
        // With shuffles of our own, the means differ by their Monte-Carlo error only.
        let own = shuffles(&single(labels.len()), 50, 1);
        let (_, own) = measure(&scorer, &columns, &inputs, &labels, &own).unwrap();
        for ((own, mean), stddev) in own.iter().zip(&means).zip(&stddevs) {
            let error = own.stddev.max(*stddev) * (1.0 / 50.0 + 1.0 / sources.len() as f64).sqrt();
            assert!((own.mean - mean).abs() < 4.0 * error + 1e-12, "{own:?}, scikit-learn's {mean} ± {error}");
        }
    }
}
