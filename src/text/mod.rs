//! Small functions that all modules use: names and values quoted for SQL, text for HTML, excerpts with a caret, nearest names, aligned
//! columns, text broken into lines, numbers for people, foreign text made fit to print, what may be shown of settings and addresses, short
//! fingerprints of texts, names stored once, words among the tokens of a statement, and the form in which SQL functions are documented.
//!
//! Each file does one small job. There is one function for each job; do not write a second one elsewhere.

mod columns;
pub mod documentation;
mod excerpt;
mod fingerprint;
mod hex;
mod markup;
mod names;
mod nearest;
mod number;
mod printable;
mod scheme;
mod secret;
mod sql;
pub mod tokens;
mod wrap;

pub use columns::{columns, columns_that_fit};
pub use excerpt::Excerpt;
pub use fingerprint::{fingerprint, fnv1a, mixed};
pub use hex::{from_hex, hex};
pub use markup::escaped;
pub use names::Names;
pub use nearest::{did_you_mean, nearest};
pub use number::{counted, decimals, grouped};
pub use printable::{is_printable, printable};
pub use scheme::{is_address, scheme};
pub use secret::{HIDDEN, is_shown, without_secrets};
pub use sql::{doubled_quotes, identifier, literal};
pub use wrap::wrapped;
