//! Random draws that are the same on every machine: PCG64 with explicit seeds, and our own elementary functions.
//!
//! Source: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation", HMC-CS-2014-0905 (2014); G. Marsaglia and T. A. Bray, "A Convenient Method for Generating Normal
//! Variables", SIAM Review 6 (1964), <https://doi.org/10.1137/1006063>.

use rand::Rng;
use rand_pcg::Pcg64;

use super::elementary::{exp, ln};
use crate::text::fnv1a;

/// A stream of random draws.
#[derive(Debug, Clone)]
pub struct Draws {
    generator: Pcg64,
    /// The polar method makes normal numbers in pairs; this is the unused second one of a pair.
    spare: Option<f64>,
}

impl Draws {
    /// Makes the stream for a seed and a name; different names give unrelated streams.
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a spreads the name over 64 bits; `mix` then spreads seed and name over the generator's 256.
        let hash = fnv1a(name.as_bytes());
        let words = [1, 2, 3, 4].map(|i: u64| u128::from(mix(mix(seed.wrapping_add(i)) ^ hash)));
        Draws { generator: Pcg64::new(words[0] << 64 | words[1], words[2] << 64 | words[3]), spare: None }
    }

    /// Returns a number in the open interval (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.generator.next_u64() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// Returns a standard normal number.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let u = 2.0 * self.uniform() - 1.0;
            let v = 2.0 * self.uniform() - 1.0;
            let square = u * u + v * v;
            if square < 1.0 && square > 0.0 {
                let scale = (-2.0 * ln(square) / square).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }

    /// Returns an exponential number of mean 1.
    pub fn exponential(&mut self) -> f64 {
        -ln(self.uniform())
    }

    /// Returns a lognormal number: `median` times e to the power of a normal number of standard deviation `sigma`.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// Returns true with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2660193.2660195>).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Draws;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut draws = Draws::new(1, "test");
        let n = 100_000;
        let normals: Vec<f64> = (0..n).map(|_| draws.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        let fourth = normals.iter().map(|x| x.powi(4)).sum::<f64>() / f64::from(n);
        // Four standard errors of each.
        assert!(mean.abs() < 0.013 && (variance - 1.0).abs() < 0.018 && (fourth - 3.0).abs() < 0.13);
        let mean = (0..n).map(|_| draws.exponential()).sum::<f64>() / f64::from(n);
        assert!((mean - 1.0).abs() < 0.013, "{mean}");
        let share = (0..n).filter(|_| draws.chance(0.25)).count() as f64 / f64::from(n);
        assert!((share - 0.25).abs() < 0.006, "{share}");
    }

    #[test]
    fn a_stream_belongs_to_its_seed_and_name() {
        let first = |seed, name: &str| Draws::new(seed, name).uniform().to_bits();
        assert_eq!(first(7, "BTC-USD"), first(7, "BTC-USD"));
        assert_ne!(first(7, "BTC-USD"), first(8, "BTC-USD"));
        assert_ne!(first(7, "BTC-USD"), first(7, "ETH-USD"));
    }
}
