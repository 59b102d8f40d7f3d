//! The arithmetic of rolling windows, on slices; nothing here depends on a query engine.
//!
//! Rows have absolute positions, counted from the start of a stream across all its partitions. A frame is a half-open range
//! of positions, and both ends only move forward. Sums are kept as exact running totals. So the total of a frame is the
//! difference of two running totals, and depends only on the frame's rows.

/// A queue of values addressed by absolute position.
pub mod ring;

/// How many rows of a range count.
pub mod counts;

/// Count and sum of the integers in a frame.
pub mod integers;

/// Mean and variance of integers, from their exact totals.
pub mod integer_totals;

/// Distances in months.
pub mod calendar;

/// Where each row's frame begins and ends, and when these ends are known.
pub mod bounds;

/// Exact real numbers as integers of any width, and the single rounding at the end.
pub mod exact;

/// NaN and infinities, counted separately because exact totals cannot hold them.
pub mod non_finite;

/// Exact integers of any width; their products, differences and quotients.
pub mod integer;

/// Running totals in fixed point, with as many limbs as the values need.
pub mod wide;

/// Count, sum, mean and variance of a frame, from the running totals at its ends.
pub mod moments;

/// The same figures for all rows since a partition began.
pub mod cumulative;

/// Covariance, correlation and regression of a frame, from exact running totals.
pub mod pairs;

/// The smallest and the largest value of a frame.
pub mod extremum;

/// A position that moves forward with the frames.
pub mod pointer;
/// The median and the continuous percentile of a frame.
pub mod quantile;

/// The logarithm of the ratio of two prices, and products of such logarithms, with more digits than a double has.
pub mod log_return;

/// Realized volatility and bipower variation of a frame, from running totals of what each return contributes.
pub mod returns;

/// Tick imbalance of a frame: by how much rises outnumber falls.
pub mod signs;

/// The largest gap of a frame.
pub mod gaps;

/// The ratio of two exact integers, rounded once.
pub mod ratio;

/// Running totals of integers, with as many limbs as they need; the totals may start again from 0.
pub mod segments;

/// Weighted means, from exact running totals of weights and of values times weights.
pub mod weighted;

/// The time-weighted average of a frame; each value holds until the next one.
pub mod holding;

/// The exponentially weighted mean of a frame, over irregular times.
pub mod decay;
