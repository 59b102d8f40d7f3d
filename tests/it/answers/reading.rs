//! Files as others write them: headers, delimiters, empty lines, odd values. The values are those of DuckDB 2.0.1.

use std::fs::{File, create_dir, read_to_string};

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::ipc::writer::FileWriter;

use super::Folder;
use super::files::{check, refused};

#[test]
fn codes_and_leap_seconds_are_text() {
    let folder = Folder::new();
    folder.file("zip.csv", "zip,n,d\n02139,-007,00.5\n1,3,1.5\n");
    folder.file("leap.csv", "t,ts\n23:59:60,2016-12-31 23:59:60\n");
    check(
        &folder,
        &[
            ("SELECT * FROM 'zip.csv'", "zip,n,d 02139,-7,00.5 1,3,1.5"),
            ("SELECT sum(zip) AS s FROM read_csv('zip.csv', types => {'zip': 'BIGINT'})", "s 2140"),
            ("SELECT * FROM 'leap.csv'", "t,ts 23:59:60,2016-12-31 23:59:60"),
        ],
    );
}

#[test]
fn each_column_of_csv_has_a_name() {
    let folder = Folder::new();
    folder.file("twice.csv", "a,a,,a_1,\n1,2,3,4,5\n");
    folder.file("rows.csv", "1,x\n2,y\n");
    check(
        &folder,
        &[
            ("SELECT * FROM 'twice.csv'", "a,a_1,column2,a_1_1,column4 1,2,3,4,5"),
            ("SELECT a_1 AS x FROM 'twice.csv'", "x 2"),
            ("SELECT * FROM read_csv('rows.csv', header => false)", "column0,column1 1,x 2,y"),
            ("SELECT * FROM read_csv('rows.csv', header => true)", "1,x 2,y"),
        ],
    );
}

#[test]
fn what_a_csv_file_does_not_say_is_an_error() {
    let folder = Folder::new();
    folder.file("rows.csv", "1,x\n2,y\n");
    folder.file("many.csv", "a;b\n1;2\n");
    folder.file("tabs.csv", "a\tb\n1\t2\n");
    folder.file("one.csv", "\"a|b\"\n1\n");
    folder.file("utf16.csv", b"\xff\xfea\0,\0b\0\n\0");
    folder.file("packed.csv", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    refused(
        &folder,
        &[
            ("SELECT * FROM 'rows.csv'", "rows.csv begins with a line that may be names or a row, line 1"),
            ("SELECT * FROM 'rows.csv'", "read_csv('…', header => false) takes it for a row"),
            ("SELECT * FROM 'many.csv'", "read_csv('…', delim => ';') reads it"),
            ("SELECT * FROM read_csv('tabs.csv')", "read_csv('…', delim => '\\t') reads it"),
            ("SELECT * FROM 'utf16.csv'", "utf16.csv is UTF-16 and not UTF-8"),
            ("SELECT * FROM 'packed.csv'", "packed.csv is compressed"),
        ],
    );
    check(
        &folder,
        &[
            ("SELECT * FROM read_csv('many.csv', delim => ';')", "a,b 1,2"),
            ("SELECT * FROM read_csv('many.csv', delim => ',')", "a;b 1;2"),
            ("SELECT * FROM read_csv('one.csv', delim => ',')", "a|b 1"),
        ],
    );
}

#[test]
fn empty_lines_are_rows_of_one_column() {
    let folder = Folder::new();
    folder.file("n.csv", "\n\na\n1\n\n3\n\n");
    folder.file("crlf.csv", "a\r\n\r\n3\r\n");
    folder.file("two.csv", "a,b\n1,2\n\n3,4\n");
    let counts = |file: &str| format!("SELECT count(*) AS n, count(a) AS c, sum(a) AS s FROM '{file}'");
    check(
        &folder,
        &[
            (&counts("n.csv"), "n,c,s 4,2,4"),
            (&counts("crlf.csv"), "n,c,s 2,1,3"),
            (&counts("two.csv"), "n,c,s 2,2,4"),
            ("SELECT count(*) AS n FROM 'n.csv' WHERE a IS NULL", "n 2"),
        ],
    );
    let rows: String =
        (0..50_000).map(|row| if row % 3 == 0 { "\n".to_string() } else { format!("{row}\n") }).collect();
    folder.file("long.csv", rows);
    let share =
        "SET datafusion.execution.target_partitions = 7; SET datafusion.optimizer.repartition_file_min_size = 0; ";
    let table = "CREATE EXTERNAL TABLE t (a BIGINT) STORED AS CSV LOCATION 'long.csv' \
                 OPTIONS ('format.has_header' 'false', 'format.newlines_in_values' 'false'); ";
    // The first line of all is before the first row.
    check(&folder, &[(&format!("{share}{table}SELECT count(*) AS n, count(a) AS c FROM t"), "n,c 49999,33333")]);
}

#[test]
fn copy_writes_what_its_options_say() {
    let folder = Folder::new();
    let written = || read_to_string(folder.path().join("w.csv")).unwrap();
    folder.rows("COPY (SELECT 1 AS a, NULL AS b, NULL::INT AS c) TO 'w.csv' (NULL 'NA')");
    assert_eq!(written(), "a,b,c\n1,NA,NA\n");
    folder.rows("COPY (SELECT 'it''s, \"x\"' AS a, 2 AS b) TO 'w.csv' (QUOTE '''')");
    assert_eq!(written(), "a,b\n'it''s, \"x\"',2\n");
    check(&folder, &[("SELECT a FROM read_csv('w.csv', quote => '''')", "a \"it's, \"\"x\"\"\"")]);
    folder.rows("COPY (SELECT '' AS a) TO 'w.csv' (NULL 'NA')");
    assert_eq!(written(), "a\n\"\"\n");
}

#[test]
fn lines_before_the_header_are_left_out() {
    let folder = Folder::new();
    folder.file("s.csv", "made \"by\", hand\n\na,b\n1,2\n3,x\n");
    let table = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 's.csv' OPTIONS ('format.skip' '2'); ";
    check(
        &folder,
        &[
            ("SELECT * FROM read_csv('s.csv', skip => 2)", "a,b 1,2 3,x"),
            ("SELECT count(*) AS n FROM read_csv('s.csv', skip => 3, header => false)", "n 2"),
            (&format!("{table}SELECT b FROM t WHERE a = 3"), "b x"),
        ],
    );
    // More lines, and longer ones, than are read at once.
    folder.file("many.csv", format!("{}{}\na,b\n1,2\n", "x\n".repeat(50_000), "y".repeat(200_000)));
    check(&folder, &[("SELECT * FROM read_csv('many.csv', skip => 50001)", "a,b 1,2")]);
    let types = "types => {'b': 'BIGINT'}";
    refused(
        &folder,
        &[
            (&format!("SELECT * FROM read_csv('s.csv', skip => 2, {types})"), "line 5 of /"),
            ("SELECT * FROM read_csv('s.csv', skip => -1)", "skip is -1, and not a number of lines"),
        ],
    );
}

#[test]
fn several_files_are_a_list() {
    let folder = Folder::new();
    for (name, rows) in [("a.csv", "n,s\n1,x\n"), ("b.csv", "n,s\n2.5,y\n"), ("c.csv", "n\n3\n")] {
        folder.file(name, rows);
    }
    folder.rows("COPY (SELECT 1 AS a) TO 'a.parquet'; COPY (SELECT 2 AS a, 3 AS b) TO 'b.parquet'");
    check(
        &folder,
        &[
            ("SELECT * FROM read_csv(['a.csv', 'b.csv']) ORDER BY n", "n,s 1.0,x 2.5,y"),
            ("SELECT * FROM read_csv(['b.csv'])", "n,s 2.5,y"),
            ("SELECT * FROM read_parquet(['a.parquet', 'b.parquet']) ORDER BY a", "a,b 1, 2,3"),
        ],
    );
    refused(
        &folder,
        &[
            ("SELECT * FROM read_csv(['a.csv', 'c.csv'])", "c.csv has the columns n, but /"),
            ("SELECT * FROM read_csv(['a.csv', 'none.csv'])", "read_csv finds no file `none.csv`"),
            ("SELECT * FROM read_csv(['a.csv', 'none*.csv'])", "read_csv finds no file `none*.csv`"),
            ("SELECT * FROM read_csv(['a.csv', '*.csv'])", "a list names /"),
            ("SELECT * FROM read_csv([])", "the path of read_csv"),
        ],
    );
}

#[test]
fn arrays_of_json_have_commas() {
    let folder = Folder::new();
    folder.file("none.json", "[{\"a\":1}\n {\"a\":2}]");
    folder.file("two.json", "[{\"a\":1},,{\"a\":2}]");
    folder.file("brace.json", "[{\"a\":1}}");
    refused(
        &folder,
        &[
            ("SELECT * FROM 'none.json'", "none.json has no comma between two values of its array, line 2"),
            ("SELECT * FROM 'two.json'", "two.json has a comma without a value before it, line 1"),
            ("SELECT * FROM 'brace.json'", "brace.json ends its array with } in place of ], line 1"),
        ],
    );
}

#[test]
fn copy_writes_null_to_json() {
    let folder = Folder::new();
    folder.rows("COPY (SELECT 1 AS a, NULL AS b, NULL::INT AS c, {'x': 1, 'y': NULL::INT} AS s) TO 'w.json'");
    let written = read_to_string(folder.path().join("w.json")).unwrap();
    assert_eq!(written, "{\"a\":1,\"b\":null,\"c\":null,\"s\":{\"x\":1,\"y\":null}}\n");
    folder.rows("COPY (SELECT 1 AS a, NULL::INT AS c) TO 'w.json.gz'");
    check(&folder, &[("SELECT * FROM 'w.json.gz'", "a,c 1,")]);
}

#[test]
fn numbers_of_json_are_not_times() {
    let folder = Folder::new();
    folder
        .file("t.json", "{\"a\":\"2024-01-01T10:00:00.5+02:00\",\"d\":\"2024-02-29\",\"l\":[{\"t\":\"10:00:00\"}]}\n");
    folder.file("n.json", "{\"a\":1700000000,\"d\":19000,\"l\":[{\"t\":36000}]}\n");
    let read = |file: &str, column: &str, sql_type: &str| {
        format!("SELECT {column} FROM read_json('{file}', types => {{'{column}': '{sql_type}'}})")
    };
    check(
        &folder,
        &[
            (&read("t.json", "a", "TIMESTAMP"), "a 2024-01-01T08:00:00.500"),
            (&read("t.json", "d", "DATE"), "d 2024-02-29"),
            (&read("t.json", "l", "STRUCT<t TIME>[]"), "l [{t: 10:00:00}]"),
        ],
    );
    refused(
        &folder,
        &[
            (&read("n.json", "a", "TIMESTAMP"), "n.json has `1700000000` in column a, which is not a TIMESTAMP"),
            (&read("n.json", "d", "DATE"), "n.json has `19000` in column d, which is not a DATE"),
        ],
    );
}

#[test]
fn two_columns_of_one_name_in_an_arrow_file_are_an_error() {
    let folder = Folder::new();
    let column = Field::new("a", DataType::Int64, true);
    let file = File::create(folder.path().join("two.arrow")).unwrap();
    FileWriter::try_new(file, &Schema::new(vec![column.clone(), column])).unwrap().finish().unwrap();
    refused(&folder, &[("SELECT * FROM 'two.arrow'", "two.arrow has two columns named `a`")]);
}

#[test]
fn parquet_of_others_is_read_or_refused() {
    let folder = Folder::new();
    let copy = |name: &str| {
        create_dir(folder.path().join(name)).unwrap();
        let from = format!("{}/tests/it/answers/{name}.parquet", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(from, folder.path().join(format!("{name}/f.parquet"))).unwrap();
    };
    ["intervals", "times_of_day"].into_iter().for_each(copy);
    refused(&folder, &[("SELECT * FROM 'intervals/f.parquet'", "f.parquet has INTERVAL in `iv`, whose months")]);
    check(
        &folder,
        &[
            ("SELECT t, ms FROM 'times_of_day/f.parquet' WHERE t >= TIME '10:00:00'", "t,ms 10:00:00,10:00:00"),
            ("SELECT min(t) AS t, max(ms) AS ms FROM 'times_of_day/'", "t,ms 09:59:59.999999,10:00:00"),
            ("SELECT count(*) AS n FROM 'times_of_day/' WHERE ms IN (TIME '10:00:00', TIME '11:00:00')", "n 1"),
            ("SELECT count(*) AS n FROM 'times_of_day/' WHERE t < TIME '10:00:00'", "n 1"),
        ],
    );
}
