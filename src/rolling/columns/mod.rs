//! Columns that several functions read.

/// Doubles, and their exact totals.
pub mod doubles;

/// Integers, and their exact totals.
pub mod integers;

/// Values that are not NULL, and the value that a frame picks among them.
pub mod present;

/// Aggregates that the table does not have, of the rows of a frame.
pub mod aggregates;

/// Values reduced to their order.
pub mod ordered_values;

/// The values themselves, and the value that a frame picks.
pub mod values;
