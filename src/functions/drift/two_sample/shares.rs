//! Distances between shares: of bins for numbers, of categories for texts. The bins and the filling of zeros are Evidently's.

use super::super::categories::Counts;
use super::samples::Samples;

/// Numbers with at most this many distinct values in the reference are compared value by value.
const FEW_VALUES: usize = 20;

/// What stands for a share of 0, because 0 has no logarithm. If the smallest share above 0 is at most this, a millionth of that share
/// stands for it.
const ZERO: f64 = 0.0001;

/// Shares of the reference and of the current sample, bin by bin.
type Shares = (Vec<f64>, Vec<f64>);

/// The population stability index: the sum of `(p - q) ln(p / q)`.
pub fn population_stability_index(samples: &Samples) -> Option<f64> {
    let (reference, current) = filled(shares(samples)?);
    Some(reference.iter().zip(&current).map(|(p, q)| (p - q) * (p / q).ln()).sum())
}

/// The Kullback-Leibler divergence of the reference from the current sample, in nats.
pub fn kullback_leibler(samples: &Samples) -> Option<f64> {
    let (reference, current) = filled(shares(samples)?);
    // Filled shares do not add up to 1.
    let (of_reference, of_current): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let terms = reference.iter().zip(&current).map(|(p, q)| (p / of_reference, q / of_current));
    Some(terms.map(|(p, q)| p * (p / q).ln()).sum())
}

/// The Jensen-Shannon distance: the root of the divergence in nats.
pub fn jensen_shannon(samples: &Samples) -> Option<f64> {
    let (reference, current) = shares(samples)?;
    let term = |share: f64, middle: f64| if share > 0.0 { share * (share / middle).ln() } else { 0.0 };
    let terms = reference.iter().zip(&current).map(|(p, q)| term(*p, (p + q) / 2.0) + term(*q, (p + q) / 2.0));
    Some((terms.sum::<f64>().max(0.0) / 2.0).sqrt())
}

/// The Hellinger distance, in [0, 1].
pub fn hellinger(samples: &Samples) -> Option<f64> {
    let [reference, current] = &samples.numbers;
    let (reference, current) = if reference.is_empty() {
        by_category(samples)
    } else {
        let mut keys: Vec<f64> = reference.iter().chain(current).copied().collect();
        keys.sort_unstable_by(f64::total_cmp);
        keys.dedup();
        let edges = edges(*keys.first()?, *keys.last()?, keys.len());
        (in_bins(reference, &edges), in_bins(current, &edges))
    };
    let overlap: f64 = reference.iter().zip(&current).map(|(p, q)| (p * q).sqrt()).sum();
    Some((1.0 - overlap.clamp(0.0, 1.0)).sqrt())
}

/// Half the sum of the differences between the shares of each distinct value, in [0, 1].
pub fn total_variation(counts: &[Counts]) -> Option<f64> {
    let (reference, current) = of_counts(counts);
    Some(reference.iter().zip(&current).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0)
}

fn shares(samples: &Samples) -> Option<Shares> {
    let [reference, current] = &samples.numbers;
    let distinct = reference.chunk_by(|a, b| a == b).count();
    if distinct <= FEW_VALUES {
        return Some(by_category(samples));
    }
    let low = reference.first()?.min(*current.first()?);
    let high = reference.last()?.max(*current.last()?);
    let edges = edges(low, high, reference.len() + current.len());
    Some((in_bins(reference, &edges), in_bins(current, &edges)))
}

fn by_category(samples: &Samples) -> Shares {
    of_counts(&samples.counts())
}

fn of_counts(counts: &[Counts]) -> Shares {
    let (reference, current) = counts.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    counts.iter().map(|of| (of.0 as f64 / reference as f64, of.1 as f64 / current as f64)).unzip()
}

/// Returns the edges of as many equal bins as Sturges' rule says, as NumPy's `histogram_bin_edges` does.
fn edges(low: f64, high: f64, values: usize) -> Vec<f64> {
    let (first, last) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
    let bins = if low == high { 1 } else { ((values as f64).log2() + 1.0).ceil() as usize };
    let step = (last - first) / bins as f64;
    (0..bins).map(|bin| first + bin as f64 * step).chain([last]).collect()
}

/// Returns the share of an ascending sample in each bin; a bin takes its lower edge, and the last one its upper edge too.
fn in_bins(sample: &[f64], edges: &[f64]) -> Vec<f64> {
    let last = edges.len() - 1;
    let below = |place: usize| match place {
        place if place == last => sample.partition_point(|value| *value <= edges[place]),
        place => sample.partition_point(|value| *value < edges[place]),
    };
    (0..last).map(|bin| (below(bin + 1) - below(bin)) as f64 / sample.len() as f64).collect()
}

fn filled((mut reference, mut current): Shares) -> Shares {
    for shares in [&mut reference, &mut current] {
        let least = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
        let zero = if least <= ZERO { least / 1e6 } else { ZERO };
        shares.iter_mut().filter(|share| **share == 0.0).for_each(|share| *share = zero);
    }
    (reference, current)
}
