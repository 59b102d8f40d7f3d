//! Options of files that the engine takes and then stumbles over.
//!
//! With sizes of 0 the writer of Parquet panics or never ends, and a level of compression that does not exist becomes another one. In:
//! options. Out: the same in the engine's form, or an error that says what they may be.

use std::collections::HashMap;

use datafusion::common::Result;
use datafusion::common::config::ParquetOptions;

use super::refuse;

/// The options of CSV that are one character, by the engine's names, and what they are called.
const CHARACTERS: [(&str, &str); 5] = [
    ("format.delimiter", "delimiter"),
    ("format.quote", "quote"),
    ("format.escape", "escape"),
    ("format.comment", "comment"),
    ("format.terminator", "terminator"),
];

/// The level of compression of text files.
const LEVEL: &str = "format.compression_level";

/// Returns the options of text files in the engine's form.
///
/// # Errors
/// An option that is one character is something else, or a compression does not have the level.
pub fn of_text(options: &HashMap<String, String>) -> Result<HashMap<String, String>> {
    let mut options = options.clone();
    for (key, name) in CHARACTERS {
        let Some(value) = options.get_mut(key) else { continue };
        if value == "\\t" {
            *value = "\t".into();
        }
        if value.len() != 1 {
            return Err(refuse(
                format!("the {name} '{value}' is not one ASCII character"),
                "such as ',' or ';' or '|' or '\\t'",
            ));
        }
    }
    if let Some(level) = options.get(LEVEL) {
        let is_zstd = options.get("format.compression").is_some_and(|codec| codec.to_lowercase().starts_with("zst"));
        let levels = if is_zstd { 1..=22 } else { 0..=9 };
        if !level.parse().is_ok_and(|level: u32| levels.contains(&level)) {
            let (least, most) = levels.into_inner();
            return Err(refuse(
                format!("the compression level {level} does not exist"),
                format!("levels are from {least} to {most}"),
            ));
        }
    }
    Ok(options)
}

/// Checks the options of Parquet as they are written.
///
/// # Errors
/// A size is not a whole number.
pub fn are_numbers(options: &HashMap<String, String>) -> Result<()> {
    for key in ["format.max_row_group_size", "format.data_pagesize_limit", "format.write_batch_size"] {
        if let Some(value) = options.get(key).filter(|value| value.parse::<u64>().is_err()) {
            return Err(refuse(format!("`{key}` is '{value}', which is not a whole number"), "such as 100000"));
        }
    }
    Ok(())
}

/// Checks the options with which Parquet files are written.
///
/// # Errors
/// A size is 0, or a probability is none.
pub fn of_parquet(options: &ParquetOptions) -> Result<()> {
    let sizes = [
        ("max_row_group_size", options.max_row_group_size),
        ("write_batch_size", options.write_batch_size),
        ("data_pagesize_limit", options.data_pagesize_limit),
        ("maximum_parallel_row_group_writers", options.maximum_parallel_row_group_writers),
        ("maximum_buffered_record_batches_per_stream", options.maximum_buffered_record_batches_per_stream),
        ("column_index_truncate_length", options.column_index_truncate_length.unwrap_or(1)),
        ("statistics_truncate_length", options.statistics_truncate_length.unwrap_or(1)),
    ];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(refuse(format!("`{name}` is 0, and has to be 1 or more"), "leave the option out for the default"));
    }
    if options.bloom_filter_fpp.is_some_and(|share| share <= 0.0 || share >= 1.0) {
        return Err(refuse("`bloom_filter_fpp` has to be between 0 and 1", "such as 0.01"));
    }
    Ok(())
}
