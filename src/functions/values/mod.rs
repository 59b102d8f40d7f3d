//! Functions on single values: their type, their length, what a pattern finds in a text, their digest. Their names and results are DuckDB's.

mod digest;
mod format;
mod kind;
mod length;
mod matches;
mod specification;

use super::Function;

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &kind::TYPEOF, implementation: |_| kind::FUNCTION.function() },
    Function { documentation: &length::LEN, implementation: |_| length::FUNCTION.function() },
    Function { documentation: &matches::REGEXP_EXTRACT_ALL, implementation: |_| matches::FUNCTION.function() },
    Function { documentation: &format::FORMAT, implementation: |_| format::FORMATS.function() },
    Function { documentation: &format::PRINTF, implementation: |_| format::PRINTFS.function() },
    Function { documentation: &digest::MD5, implementation: |_| digest::MD5_TEXTS.function() },
    Function { documentation: &digest::SHA1, implementation: |_| digest::SHA1_TEXTS.function() },
    Function { documentation: &digest::SHA256, implementation: |_| digest::SHA256_TEXTS.function() },
];
