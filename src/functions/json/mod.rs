//! Functions on JSON in text: parts of it, its type, its keys. Their names and results are DuckDB's.
//!
//! squall has no type JSON, so a part of a document is text too. `j -> 'a'` and `j ->> 'a'` are other words for `json_extract` and
//! `json_extract_string`.

mod extract;
mod found;
mod path;
mod rows;
mod written;

use super::Function;

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &extract::JSON_EXTRACT, implementation: |_| extract::JSON.function() },
    Function { documentation: &extract::JSON_EXTRACT_STRING, implementation: |_| extract::TEXT.function() },
    Function { documentation: &found::JSON_ARRAY_LENGTH, implementation: |_| found::LENGTHS.function() },
    Function { documentation: &found::JSON_KEYS, implementation: |_| found::KEYS.function() },
    Function { documentation: &found::JSON_TYPE, implementation: |_| found::TYPES.function() },
    Function { documentation: &found::JSON_EXISTS, implementation: |_| found::EXISTS.function() },
    Function { documentation: &found::JSON_VALID, implementation: |_| found::VALID.function() },
];
