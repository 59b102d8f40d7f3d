//! Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea and Flood 2014,
//! doi:10.1145/2660193.2660195).

/// A generator of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a whole number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.draw() % end as u64) as usize }
    }

    /// Returns a number in [`low`, `high`).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        // 53 bits are all that a double holds.
        low + (high - low) * ((self.draw() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Returns the numbers 0, 1, … below `end` in another order.
    pub fn shuffled(&mut self, end: usize) -> Vec<u64> {
        let mut order: Vec<u64> = (0..end as u64).collect();
        for last in (1..end).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}
