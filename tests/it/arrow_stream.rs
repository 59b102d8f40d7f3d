//! `--format arrow`: what a reader of Arrow streams gets from standard output, and what the command refuses.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::arrow::ipc::reader::StreamReader;
use nix::pty::openpty;

fn squall(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

fn sql(statements: &str) -> Output {
    let temp = tempfile::tempdir().unwrap();
    squall(temp.path(), &["sql", "--format", "arrow", statements]).output().unwrap()
}

/// Returns the one result of statements.
fn rows(statements: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let output = sql(statements);
    assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
    let reader = StreamReader::try_new(output.stdout.as_slice(), None).unwrap();
    (reader.schema(), reader.map(Result::unwrap).collect())
}

#[test]
fn types_and_values_arrive() {
    let (schema, read) = rows(
        "SELECT n, x, CAST('1.10' AS DECIMAL(10, 2)) AS d, [n, NULL] AS l, {'a': 'é'} AS s, arrow_cast('t', 'Utf8View') AS v, \
         arrow_cast(0, 'Timestamp(ns, \"+01:00\")') AS at, arrow_cast('k', 'Dictionary(Int8, Utf8)') AS k \
         FROM (VALUES (1, 'NaN'::DOUBLE), (NULL, NULL)) AS t(n, x)",
    );
    let types: Vec<String> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
    let expected = [
        "Int64",
        "Float64",
        "Decimal128(10, 2)",
        "List(Int64)",
        "Struct(\"a\": Utf8)",
        "Utf8",
        "Timestamp(ns, \"+01:00\")",
        "Dictionary(Int8, Utf8)",
    ];
    assert_eq!(types, expected);
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(read[0].column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
    assert!(read[0].column(1).as_primitive::<datafusion::arrow::datatypes::Float64Type>().value(0).is_nan());
}

#[test]
fn an_empty_result_has_columns_and_a_statement_without_result_has_no_stream() {
    let (schema, read) = rows("SELECT 1 AS n, 'a' AS text WHERE false");
    assert_eq!(schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["n", "text"]);
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let output = sql("CREATE TEMP TABLE t AS SELECT 1 AS n");
    assert!(output.status.success() && output.stdout.is_empty());
}

#[test]
fn statements_without_a_result_may_stand_before_the_one_with_it() {
    let prepared = "PREPARE asked AS SELECT $1 AS n; CREATE TEMP TABLE t AS SELECT 1; EXECUTE asked(7)";
    let (_, read) = rows(prepared);
    assert_eq!(read[0].column(0).as_primitive::<Int64Type>().value(0), 7);
    let output = sql("SELECT 1; SELECT 2");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("standard output has a result already"), "{said}");
}

#[test]
fn no_command_writes_it_to_a_terminal() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("sql")).unwrap();
    std::fs::write(temp.path().join("sql/one.sql"), "SELECT 1 AS n").unwrap();
    for arguments in [&["sql", "--format", "arrow", "SELECT 1"][..], &["list", "--format", "arrow"]] {
        let terminal = openpty(None, None).unwrap();
        let mut command = squall(temp.path(), arguments);
        let output = command.stdout(File::from(terminal.slave)).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("this format is for files, not for a terminal"), "{said}");
        assert!(squall(temp.path(), arguments).output().unwrap().status.success(), "{arguments:?} to a pipe");
    }
}
