//! Where numbers are measured from, and in which unit, so that their differences and the squares of these keep their digits.
//!
//! A sum of squares is over differences to one of the numbers itself, taken before anything is rounded. So whole numbers beyond 2^53 keep their
//! digits, as do numbers far from 0. Numbers whose squares or cubes a DOUBLE cannot hold are measured in a power of two.

/// Of numbers whose largest one is between 2 to minus this power and 2 to this power, a DOUBLE holds the cubes of the differences.
const PLAIN_POWER: i32 = 200;

/// The number from which the others are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin {
    Number(f64),
    Whole(i128),
}

impl Default for Origin {
    fn default() -> Origin {
        Origin::Number(0.0)
    }
}

impl Origin {
    /// Returns the difference to another origin, in a unit of two to this power.
    pub fn less(self, other: Origin, power: i32) -> f64 {
        match (self, other) {
            (Origin::Whole(number), Origin::Whole(other)) => scaled(whole_difference(number, other), -power),
            (number, other) => scaled(number.rounded(), -power) - scaled(other.rounded(), -power),
        }
    }

    fn rounded(self) -> f64 {
        match self {
            Origin::Number(number) => number,
            Origin::Whole(number) => number as f64,
        }
    }
}

/// Returns the difference of two whole numbers.
pub fn whole_difference(number: i128, other: i128) -> f64 {
    match number.checked_sub(other) {
        // Most differences are of 64 bits, which processors convert.
        Some(difference) => i64::try_from(difference).map_or(difference as f64, |difference| difference as f64),
        None => number as f64 - other as f64,
    }
}

/// Returns the power of two in which finite numbers are measured whose largest one is this.
pub fn power_of(largest: f64) -> i32 {
    let power = largest.log2().floor().clamp(-1_074.0, 1_023.0) as i32;
    if power.abs() <= PLAIN_POWER { 0 } else { power }
}

/// Returns the number times two to a power.
pub fn scaled(number: f64, power: i32) -> f64 {
    if power == 0 {
        return number;
    }
    let two_to = |power: i32| f64::from_bits(((1_023 + power) as u64) << 52);
    // Two factors, because one may be beyond what a DOUBLE holds.
    let power = power.clamp(-2_044, 2_044);
    number * two_to(power / 2) * two_to(power - power / 2)
}
