//! Functions on single values: their type, their length, what a pattern finds in a text. Their names and results are DuckDB's.

mod kind;
mod length;
mod matches;

use super::Function;

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &kind::TYPEOF, implementation: |_| kind::FUNCTION.function() },
    Function { documentation: &length::LEN, implementation: |_| length::FUNCTION.function() },
    Function { documentation: &matches::REGEXP_EXTRACT_ALL, implementation: |_| matches::FUNCTION.function() },
];
