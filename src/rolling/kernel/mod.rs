//! The arithmetic of rolling windows, on slices: nothing here knows of a query engine.
//!
//! Rows have absolute positions, counted from the start of a stream across all its partitions. A frame is a half-open range
//! of positions; both of its ends only ever move forward. Sums are kept as exact running totals, so that the total of a
//! frame is the difference of two of them: a function of the frame's rows and of nothing else.

/// A queue of values addressed by absolute position.
pub mod ring;

/// How many rows of a range have a value.
pub mod counts;

/// Count and sum of the integers of a frame.
pub mod integers;

/// Where each row's frame begins and ends, and from when on that is known.
pub mod bounds;

/// Exact real numbers as integers of any width, and their one rounding.
pub mod exact;

/// NaN and infinities, counted beside totals that cannot hold them.
pub mod non_finite;

/// Exact integers of any width, their products, differences and quotients.
pub mod integer;

/// Running totals in fixed point of as many limbs as the values need.
pub mod wide;

/// Count, sum, mean and variance of a frame, from the running totals at its ends.
pub mod moments;

/// The same of everything since a partition began.
pub mod cumulative;

/// Covariance, correlation and regression of a frame, from exact running totals.
pub mod pairs;

/// Least and greatest value of a frame.
pub mod extremum;

/// A position that follows frames forward.
pub mod pointer;
/// Median and continuous percentile of a frame.
pub mod quantile;

/// The logarithm of a ratio of two prices, and products of such, to more digits than a double has.
pub mod log_return;

/// Realized volatility and bipower variation of a frame, from running totals of what its returns contribute.
pub mod returns;

/// Tick imbalance of a frame: how far rises outweigh falls.
pub mod signs;

/// The greatest gap of a frame.
pub mod gaps;

/// The ratio of two exact integers, rounded once.
pub mod ratio;

/// Running totals of integers in as many limbs as they need, which may begin anew.
pub mod segments;

/// Weighted means, from exact running totals of weights and of values times weights.
pub mod weighted;

/// Time-weighted average of a frame, each value holding until the next comes.
pub mod holding;

/// Exponentially weighted mean of a frame, over irregular times.
pub mod decay;
