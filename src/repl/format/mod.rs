//! Results as text: tables for people, CSV and JSON for programs, and forms for documents.
//!
//! In: a result's schema and its record batches, one after another. Out: bytes for standard output as each batch comes, so
//! that results may have any length. A format is one file with a static [`Kind`]. To add one, write its file and add one line
//! to [`FORMATS`]; the command line, `.mode`, completion and the documentation follow.

mod arrow;
mod cells;
mod document;
mod fitting;
mod html;
mod insert;
mod json;
mod latex;
mod markdown;
mod parquet;
mod plan;
mod separated;
mod table;
mod vertical;

use std::fmt;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

pub use cells::width;
pub use table::table;

/// Every format, in the order of the help text.
pub static FORMATS: &[&Kind] = &[
    &table::TABLE,
    &vertical::VERTICAL,
    &markdown::MARKDOWN,
    &separated::CSV,
    &separated::TSV,
    &json::JSON,
    &json::NDJSON,
    &html::HTML,
    &latex::LATEX,
    &insert::INSERT,
    &parquet::PARQUET,
    &arrow::ARROW,
];

/// A way to write results.
pub struct Kind {
    /// The name with which users choose it.
    pub name: &'static str,
    /// What it looks like, in one line.
    pub help: &'static str,
    /// Whether people read it on a terminal. Results are then limited in rows and separated by an empty line.
    pub for_people: bool,
    /// Whether a file holds one result at most, because its bytes are not lines.
    pub alone: bool,
    begin: fn(SchemaRef, &Appearance) -> Begun,
}

/// A layout that has begun.
pub type Begun = Result<Box<dyn Layout>, ArrowError>;

/// What the user may choose about the look of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appearance {
    /// The largest width of a line, in characters; `None` if there is no limit.
    pub width: Option<usize>,
    /// The rows of the screen. A table whose rows are too wide becomes one line a column if that fits on the screen.
    pub height: Option<usize>,
    /// What stands for NULL where people read.
    pub null: String,
    /// Whether numbers have commas between thousands where people read.
    pub separators: bool,
    /// The columns that stay when not all fit: keys, and those that the query names.
    pub wanted: Vec<String>,
}

impl Default for Appearance {
    fn default() -> Self {
        Appearance { width: None, height: None, null: "NULL".into(), separators: false, wanted: Vec::new() }
    }
}

/// Writes one result.
pub trait Layout: Send {
    /// Takes a batch and returns the bytes that are ready.
    ///
    /// # Errors
    /// The format cannot represent the type of a column.
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError>;

    /// Ends the result and returns the last bytes.
    ///
    /// # Errors
    /// The format cannot represent the type of a column.
    fn finish(&mut self) -> Result<Vec<u8>, ArrowError>;

    /// Returns how many of the result's columns were left out because they did not fit.
    fn hidden_columns(&self) -> usize {
        0
    }
}

/// A format, as users choose it by name.
#[derive(Clone, Copy)]
pub struct Format(&'static Kind);

impl Format {
    /// The format for people.
    pub const TABLE: Format = Format(&table::TABLE);
    /// The format for rows that do not fit into a table.
    pub const VERTICAL: Format = Format(&vertical::VERTICAL);

    /// Returns the format with a name, in capital or small letters.
    pub fn named(name: &str) -> Option<Format> {
        FORMATS.iter().find(|kind| kind.name.eq_ignore_ascii_case(name)).map(|kind| Format(kind))
    }

    /// Returns the names of all formats, in the order of the help text.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|kind| kind.name)
    }

    /// Returns the parser of an argument that names a format.
    pub fn parser() -> impl TypedValueParser<Value = Format> {
        let values = FORMATS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.help));
        // The parser before it takes only these names.
        PossibleValuesParser::new(values).map(|name| Format::named(&name).unwrap_or(Format::TABLE))
    }

    /// Begins a result of `schema`.
    ///
    /// # Errors
    /// The format cannot represent the type of a column.
    pub fn begin(self, schema: SchemaRef, appearance: &Appearance) -> Begun {
        (self.0.begin)(schema, appearance)
    }

    /// Returns whether a file holds one such result at most.
    pub fn is_alone(self) -> bool {
        self.0.alone
    }

    /// Returns whether people read it on a terminal.
    pub fn is_for_people(self) -> bool {
        self.0.for_people
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Format {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use datafusion::arrow::array::{
        ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampNanosecondArray,
    };
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn sample() -> RecordBatch {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\"|<\t_\\'"), None]));
        let float: ArrayRef = Arc::new(Float64Array::from(vec![0.1 + 0.2, f64::NAN]));
        let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1, 2]).with_timezone("UTC"));
        RecordBatch::try_from_iter_with_nullable([("text", text, true), ("float", float, true), ("time", time, true)])
            .unwrap()
    }

    fn print(format: &str, batches: &[RecordBatch], schema: SchemaRef) -> String {
        let mut layout = Format::named(format).unwrap().begin(schema, &Appearance::default()).unwrap();
        let mut bytes = Vec::new();
        for batch in batches {
            bytes.extend(layout.push(batch).unwrap());
        }
        bytes.extend(layout.finish().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    /// Checks that a format writes the sample as expected, in one batch and in two.
    fn check(format: &str, expected: &str) {
        let batch = sample();
        assert_eq!(print(format, std::slice::from_ref(&batch), batch.schema()), expected);
        let halves = [batch.slice(0, 1), batch.slice(1, 1)];
        assert_eq!(print(format, &halves, batch.schema()), expected);
    }

    #[test]
    fn formats_for_programs_have_one_header_and_every_digit() {
        check(
            "csv",
            "text,float,time\n\
            \"a,\"\"b\"\"|<\t_\\'\",0.30000000000000004,1970-01-01T00:00:00.000000001Z\n\
            ,NaN,1970-01-01T00:00:00.000000002Z\n",
        );
        check(
            "tsv",
            "text\tfloat\ttime\n\
            a,\"b\"|<\\t_\\\\'\t0.30000000000000004\t1970-01-01T00:00:00.000000001Z\n\
            \tNaN\t1970-01-01T00:00:00.000000002Z\n",
        );
    }

    #[test]
    fn json_shows_null_and_has_none_for_what_is_no_number() {
        let first = r#"{"text":"a,\"b\"|<\t_\\'","float":0.30000000000000004,"time":"1970-01-01T00:00:00.000000001Z"}"#;
        let second = r#"{"text":null,"float":null,"time":"1970-01-01T00:00:00.000000002Z"}"#;
        check("ndjson", &format!("{first}\n{second}\n"));
        check("json", &format!("[{first},{second}]\n"));
    }

    #[test]
    fn formats_for_documents_escape_what_means_something_there() {
        check(
            "markdown",
            "| text | float | time |\n\
            | --- | ---: | --- |\n\
            | a,\"b\"\\|&lt;\\t\\_\\\\' | 0.3 | 1970-01-01T00:00:00.000000001Z |\n\
            | NULL | NaN | 1970-01-01T00:00:00.000000002Z |\n",
        );
        check(
            "html",
            "<table>\n\
            <thead><tr><th>text</th><th>float</th><th>time</th></tr></thead>\n<tbody>\n\
            <tr><td>a,&quot;b&quot;|&lt;\\t_\\&#39;</td><td align=\"right\">0.3</td><td>1970-01-01T00:00:00.000000001Z</td></tr>\n\
            <tr><td>NULL</td><td align=\"right\">NaN</td><td>1970-01-01T00:00:00.000000002Z</td></tr>\n\
            </tbody>\n</table>\n",
        );
        check(
            "latex",
            "\\begin{tabular}{lrl}\n\
            text & float & time \\\\\n\\hline\n\
            a,\"b\"|<\\textbackslash{}t\\_\\textbackslash{}' & 0.3 & 1970-01-01T00:00:00.000000001Z \\\\\n\
            NULL & NaN & 1970-01-01T00:00:00.000000002Z \\\\\n\
            \\end{tabular}\n",
        );
    }

    #[test]
    fn rows_stand_below_each_other_with_their_names() {
        check(
            "vertical",
            "── row 1 ──\n text  a,\"b\"|<\\t_\\'\nfloat  0.3\n time  1970-01-01T00:00:00.000000001Z\n\
            ── row 2 ──\n text  NULL\nfloat  NaN\n time  1970-01-01T00:00:00.000000002Z\n",
        );
    }

    #[test]
    fn inserted_rows_are_sql() {
        check(
            "insert",
            "INSERT INTO result (\"text\", \"float\", \"time\") VALUES ('a,\"b\"|<\t_\\''', 0.30000000000000004, \
            '1970-01-01T00:00:00.000000001Z');\n\
            INSERT INTO result (\"text\", \"float\", \"time\") VALUES (NULL, 'NaN', '1970-01-01T00:00:00.000000002Z');\n",
        );
    }

    #[test]
    fn an_empty_result_has_its_form() {
        let schema = sample().schema();
        for (format, expected) in [
            ("csv", "text,float,time\n"),
            ("tsv", "text\tfloat\ttime\n"),
            ("json", "[]\n"),
            ("ndjson", ""),
            ("insert", ""),
            ("vertical", "no rows\n"),
            ("markdown", "| text | float | time |\n| --- | ---: | --- |\n"),
        ] {
            assert_eq!(print(format, &[], schema.clone()), expected, "{format}");
        }
    }

    #[test]
    fn every_format_writes_lists() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        let number: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let columns = [("list", Arc::new(lists) as ArrayRef, true), ("n", number, true)];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        assert_eq!(print("csv", std::slice::from_ref(&batch), batch.schema()), "list,n\n\"[1, ]\",1\n,2\n");
        for format in FORMATS.iter().filter(|kind| !kind.alone).map(|kind| kind.name) {
            let text = print(format, std::slice::from_ref(&batch), batch.schema());
            assert!(text.contains('1') && text.contains('2'), "{format}: {text}");
        }
    }

    #[test]
    fn a_parquet_file_gives_every_bit_back() {
        let batch = sample();
        let mut layout = Format::named("parquet").unwrap().begin(batch.schema(), &Appearance::default()).unwrap();
        let mut bytes = layout.push(&batch.slice(0, 1)).unwrap();
        bytes.extend(layout.push(&batch.slice(1, 1)).unwrap());
        bytes.extend(layout.finish().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap().build().unwrap();
        let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        // NaN is not equal to itself.
        assert_eq!(format!("{:?}", read[0]), format!("{batch:?}"));
        assert_eq!(read.len(), 1);
    }

    #[test]
    fn a_plan_keeps_its_lines() {
        let kind: ArrayRef = Arc::new(StringArray::from(vec!["logical_plan"]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["Projection\n  TableScan"]));
        let batch = RecordBatch::try_from_iter([("plan_type", kind), ("plan", text)]).unwrap();
        assert_eq!(
            print("table", std::slice::from_ref(&batch), batch.schema()),
            "logical_plan:\n  Projection\n    TableScan\n"
        );
    }
}
