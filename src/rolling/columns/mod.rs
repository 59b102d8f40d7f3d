//! Columns that several functions read.

/// Doubles, and their exact totals.
pub mod doubles;

/// Values by their order.
pub mod ordered_values;

/// The values themselves, and the one that a frame picks.
pub mod values;
