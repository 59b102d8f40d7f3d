//! The text of a plan, unchanged, because the plan's line breaks and indents matter.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Layout;

/// Writes EXPLAIN's result.
pub struct Plan;

/// Returns whether the schema is that of EXPLAIN's result.
pub fn is_plan(schema: &Schema) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

impl Layout for Plan {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let options = FormatOptions::default();
        let kinds = ArrayFormatter::try_new(batch.column(0), &options)?;
        let plans = ArrayFormatter::try_new(batch.column(1), &options)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.push_str(&format!("{}:\n", kinds.value(row).try_to_string()?));
            for line in plans.value(row).try_to_string()?.lines() {
                text.push_str(&format!("  {line}\n"));
            }
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(Vec::new())
    }
}
