//! A table for a document: a head with the columns' names, one line a row, an end.
//!
//! The languages of documents differ in a [`Form`] only.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows};
use super::{Appearance, Layout};

/// How a language writes a table.
pub struct Form {
    /// What stands before the rows; takes the columns' names, and whether each column holds numbers.
    pub head: fn(&[String], &[bool]) -> String,
    /// A row, as the head takes it.
    pub row: fn(&[String], &[bool]) -> String,
    /// What stands after the rows.
    pub end: &'static str,
}

/// A table in one of the languages.
pub struct Document {
    form: &'static Form,
    appearance: Appearance,
    /// Which columns hold numbers.
    numeric: Vec<bool>,
    /// The columns' names, until the head is written.
    names: Option<Vec<String>>,
}

impl Document {
    /// Begins a table.
    pub fn begin(
        form: &'static Form,
        schema: &SchemaRef,
        appearance: &Appearance,
    ) -> Result<Box<dyn Layout>, ArrowError> {
        let fields = schema.fields();
        Ok(Box::new(Document {
            form,
            appearance: appearance.clone(),
            numeric: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
            names: Some(fields.iter().map(|field| printable(field.name())).collect()),
        }))
    }

    fn head(&mut self) -> String {
        self.names.take().map_or_else(String::new, |names| (self.form.head)(&names, &self.numeric))
    }
}

impl Layout for Document {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut text = self.head();
        for row in rows(batch, &self.appearance)? {
            text.push_str(&(self.form.row)(&row, &self.numeric));
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok((self.head() + self.form.end).into_bytes())
    }
}
