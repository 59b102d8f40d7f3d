//! The formats of files, by their endings.
//!
//! To add an ending: one line in [`register`], and one file if it is a new format.

mod csv;
mod json;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::SessionState;

pub use csv::read_more;

/// Teaches a session the formats that the engine does not have, or has otherwise.
pub fn register(state: &mut SessionState) -> Result<()> {
    let formats: [Arc<dyn FileFormatFactory>; 5] = [
        Arc::new(csv::CsvFiles { ending: "csv", delimiter: "," }),
        Arc::new(csv::CsvFiles { ending: "tsv", delimiter: "\t" }),
        Arc::new(json::JsonFiles { ending: "json" }),
        Arc::new(json::JsonFiles { ending: "ndjson" }),
        Arc::new(json::JsonFiles { ending: "jsonl" }),
    ];
    formats.into_iter().try_for_each(|format| state.register_file_format(format, true))
}
