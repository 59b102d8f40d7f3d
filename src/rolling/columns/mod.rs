//! Columns that several functions read.

/// Doubles, and their exact totals.
pub mod doubles;

/// Values reduced to their order.
pub mod ordered_values;

/// The values themselves, and the value that a frame picks.
pub mod values;
