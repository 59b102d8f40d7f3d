//! What a plan holds, for people.

use super::stage::Held;

/// What a plan holds, for people.
#[derive(Debug, Clone)]
pub struct Described {
    /// The windows: their expressions and their input.
    pub windows: Vec<DescribedWindow>,
    /// What runs after the windows.
    pub rest: String,
    /// How many parts are read once.
    pub fixed: usize,
    /// The right sides of ASOF joins of ticks.
    pub rights: Vec<DescribedRight>,
}

/// The right side of an ASOF JOIN of ticks.
#[derive(Debug, Clone)]
pub struct DescribedRight {
    pub input: String,
    /// The product that left rows wait for; `None` if a row's own product is on both sides.
    pub waits_for: Option<String>,
    pub held: Held,
}

/// A window of a plan.
#[derive(Debug, Clone)]
pub struct DescribedWindow {
    pub expressions: Vec<String>,
    pub input: String,
    pub held: Held,
}
