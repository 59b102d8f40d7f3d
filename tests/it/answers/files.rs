//! Text files and folders as tables, and what COPY writes. The values are those of DuckDB 2.0.1.

use std::fs::{create_dir, create_dir_all, read_to_string, write};

use super::Folder;

/// Checks what queries give, with a space between two lines.
pub fn check(folder: &Folder, queries: &[(&str, &str)]) {
    for (query, expected) in queries {
        assert_eq!(folder.rows(query).join(" "), *expected, "{query}");
    }
}

/// Checks what statements say that fail.
pub fn refused(folder: &Folder, statements: &[(&str, &str)]) {
    for (statement, expected) in statements {
        let said = folder.error(statement);
        assert!(said.contains(expected), "{statement}: {said}");
    }
}

impl Folder {
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        write(self.path().join(name), bytes).unwrap();
    }
}

#[test]
fn null_in_csv_is_what_the_options_say() {
    let folder = Folder::new();
    folder.file("n.csv", "a,b\n-,1\nx,-\n,3\n");
    let table = |option: &str| {
        format!(
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'n.csv' OPTIONS ('format.has_header' 'true', {option}); "
        )
    };
    let rows = "SELECT a IS NULL AS n, a, sum(b) OVER () AS s FROM";
    let expected = "n,a,s true,,4 false,x,4 false,,4";
    check(&folder, &[(&format!("{rows} read_csv('n.csv', nullstr => '-')"), expected)]);
    check(&folder, &[(&format!("{}{rows} t", table("'format.null_value' '-'")), expected)]);
    check(&folder, &[(&format!("{}{rows} t", table("'format.null_regex' '^-$'")), expected)]);
    let values = "(VALUES (1, '-'), (2, NULL), (3, ''), (4, 'x,\"y\"')) AS t (i, s)";
    folder.rows(&format!("COPY (SELECT * FROM {values}) TO 'w.csv' (HEADER, NULL '-')"));
    let written = || read_to_string(folder.path().join("w.csv")).unwrap();
    assert_eq!(written(), "i,s\n1,\"-\"\n2,-\n3,\n4,\"x,\"\"y\"\"\"\n");
    folder.rows(&format!("COPY (SELECT * FROM {values}) TO 'w.csv' (HEADER)"));
    assert_eq!(written(), "i,s\n1,-\n2,\n3,\"\"\n4,\"x,\"\"y\"\"\"\n");
    check(&folder, &[("SELECT * FROM 'w.csv'", "i,s 1,- 2, 3, 4,\"x,\"\"y\"\"\"")]);
}

#[test]
fn decimals_are_rounded() {
    let folder = Folder::new();
    folder.file("d.csv", "d\n1.009\n1.999\n-0.999\n1.5e3\n");
    folder.file("d.json", "{\"d\":1.509}\n{\"d\":\"2.999\"}\n{\"d\":null}\n");
    folder.file("long.csv", "d,e\n1.009,1\n99999999999,2\n");
    let types = "types => {'d': 'DECIMAL(10, 2)'}";
    check(&folder, &[(&format!("SELECT * FROM read_csv('d.csv', {types})"), "d 1.01 2.00 -1.00 1500.00")]);
    check(&folder, &[(&format!("SELECT * FROM read_json('d.json', {types})"), "d 1.51 3.00 \"\"")]);
    let said = folder.error(&format!("SELECT * FROM read_csv('long.csv', {types})"));
    assert!(said.contains("line 3 of") && said.contains("long.csv has `99999999999` in column d"), "{said}");
}

#[test]
fn folders_have_types() {
    let folder = Folder::new();
    folder.rows(
        "COPY (SELECT * FROM (VALUES (1, 10, DATE '2024-01-01', true, '007'), (2, 2, DATE '2024-01-02', false, 'x')) \
         AS t (a, n, d, b, s)) TO 'pt' (FORMAT parquet, PARTITION_BY (n, d, b, s))",
    );
    let types = "SELECT arrow_typeof(n), arrow_typeof(d), arrow_typeof(b)";
    check(
        &folder,
        &[
            ("SELECT max(n) AS n, sum(n) AS s, min(n + 1) AS m FROM 'pt'", "n,s,m 10,12,3"),
            ("SELECT n FROM 'pt' ORDER BY n", "n 2 10"),
            ("SELECT n FROM 'pt' WHERE b", "n 10"),
            ("SELECT n FROM 'pt' WHERE n = 2 AND d = DATE '2024-01-02' AND NOT b", "n 2"),
            ("SELECT n FROM read_parquet('pt') WHERE d = '2024-01-01'", "n 10"),
            ("SELECT s FROM 'pt' ORDER BY n", "s x 007"),
            ("SELECT n FROM 'pt/n=*/d=*/b=*/s=*/*.parquet' ORDER BY n", "n 2 10"),
            ("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'pt/'; SELECT sum(n) AS s FROM t", "s 12"),
        ],
    );
    for from in ["'pt'", "read_parquet('pt')"] {
        let found = folder.rows(&format!("{types} FROM {from} LIMIT 1"));
        assert_eq!(found[1], "Int64,Date32,Boolean", "{from}");
    }
    // A folder for NULL, and a number that is written otherwise, are text.
    for part in ["k=1", "k=__HIVE_DEFAULT_PARTITION__", "m=1", "m=02"] {
        create_dir_all(folder.path().join(&part[..1]).join(part)).unwrap();
        folder.file(&format!("{}/{part}/x.csv", &part[..1]), "a\n1\n");
    }
    check(&folder, &[("SELECT k FROM 'k' ORDER BY k", "k 1 \"\""), ("SELECT m FROM 'm' WHERE m = '02'", "m 02")]);
    refused(
        &folder,
        &[
            ("SELECT * FROM 'pt/*/*.parquet'", "no file is named like `pt/*/*.parquet`"),
            ("COPY (SELECT 1 AS a, 2 AS b) TO 'all' (FORMAT csv, PARTITION_BY (a, b))", "names all columns"),
        ],
    );
}

#[test]
fn values_of_csv_decide_the_types() {
    let folder = Folder::new();
    folder.file("e.csv", "a,b,c\n9223372036854775808,nan,10:00\n10000000000000000000,-Infinity,09:30:01.5\n");
    let types = "SELECT arrow_typeof(a), arrow_typeof(b), arrow_typeof(c) FROM 'e.csv' LIMIT 1";
    assert_eq!(folder.rows(types)[1], "\"Decimal128(38, 0)\",Float64,Time64(ns)");
    check(
        &folder,
        &[("SELECT max(a) AS a, min(b) AS b, max(c) AS c FROM 'e.csv'", "a,b,c 10000000000000000000,-inf,10:00:00")],
    );
}

#[test]
fn long_integers_of_json_keep_their_digits() {
    let folder = Folder::new();
    let rows = ["{\"a\":9223372036854775808,\"b\":[1e30]}", "{\"a\":-12345678901234567890123,\"b\":[2]}"];
    folder.file("lines.json", rows.join("\n"));
    folder.file("array.json", format!("[{}]", rows.join(",\n")));
    folder.file("longer.json", "{\"a\":1234567890123456789012345678901234567890}\n{\"a\":1}\n");
    for file in ["lines.json", "array.json"] {
        let types = folder.rows(&format!("SELECT arrow_typeof(a) AS a, arrow_typeof(b) AS b FROM '{file}' LIMIT 1"));
        assert_eq!(types[1], "\"Decimal128(38, 0)\",List(Float64)", "{file}");
        let rows = "a,b -12345678901234567890123,[2.0] 9223372036854775808,[1e30]";
        check(&folder, &[(&format!("SELECT a, b FROM '{file}' ORDER BY a"), rows)]);
    }
    check(&folder, &[("SELECT a FROM 'longer.json'", "a 1234567890123456789012345678901234567890 1")]);
}

#[test]
fn json_of_differing_types_is_read() {
    let folder = Folder::new();
    create_dir(folder.path().join("many")).unwrap();
    folder.file("many/1.json", "{\"p\":100}\n");
    folder.file("many/2.json", "{\"p\":100.5}\n");
    folder.file("mixed.json", "{\"a\":1,\"b\":1}\n{\"a\":\"x\",\"b\":{}}\n");
    folder.file("mark.json", "\u{feff}[{\"a\":1},\n{\"a\":2}]\n");
    folder.file("pretty.json", "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n");
    for ending in ["gz", "zst", "bz2", "xz"] {
        // The writer of CSV compresses any text.
        folder.rows(&format!(
            "COPY (SELECT '[{{\"a\":1}}' AS x, '{{\"a\":2}}]' AS y) TO 'a.json.{ending}' \
             STORED AS CSV OPTIONS ('format.has_header' 'false', 'format.quote_style' 'Never', 'format.compression' '{ending}')"
        ));
        check(&folder, &[(&format!("SELECT a FROM 'a.json.{ending}'"), "a 1 2")]);
    }
    check(
        &folder,
        &[
            ("SELECT p FROM 'many/*.json' ORDER BY p", "p 100.0 100.5"),
            ("SELECT p FROM read_json('many/*.json', types => {'p': 'DOUBLE'}) ORDER BY p", "p 100.0 100.5"),
            ("SELECT a FROM 'mixed.json'", "a 1 x"),
            ("SELECT a FROM read_json('mixed.json', types => {'a': 'VARCHAR'})", "a 1 x"),
            ("SELECT a FROM 'mark.json'", "a 1 2"),
            ("SELECT a FROM 'pretty.json'", "a 1 2"),
        ],
    );
    refused(&folder, &[("SELECT b FROM 'mixed.json'", "mixed.json has an array or an object in column b")]);
}

#[test]
fn threads_share_a_file_and_read_each_line_once() {
    let folder = Folder::new();
    let rows: String =
        (1..=50_000).map(|row| format!("{{\"a\":{row},\"s\":\"{}\"}}\n", "x".repeat(row % 50))).collect();
    folder.file("a.json", &rows);
    folder.file("a.csv", rows.replace(['{', '}'], "").replace("\"a\":", "").replace("\"s\":\"", "").replace('"', ""));
    let share =
        "SET datafusion.execution.target_partitions = 7; SET datafusion.optimizer.repartition_file_min_size = 0; ";
    let expected = "n,s 50000,1250025000";
    let table = "CREATE EXTERNAL TABLE t (a BIGINT, s VARCHAR) STORED AS CSV LOCATION 'a.csv' \
                 OPTIONS ('format.has_header' 'false', 'format.newlines_in_values' 'false'); ";
    let sums = "SELECT count(*) AS n, sum(a) AS s FROM";
    check(&folder, &[(&format!("{share}{sums} 'a.json'"), expected), (&format!("{share}{table}{sums} t"), expected)]);
    assert!(folder.rows(&format!("{share}EXPLAIN {sums} 'a.json'")).join(" ").contains("7 groups"));
}

#[test]
fn an_error_of_a_text_file_names_its_line() {
    let folder = Folder::new();
    folder.file("open.csv", "a,b\n1,x\n2,\"abc\n3,y\n4,z\n");
    folder.file("value.csv", "a,b\n1,\"2\n\"\n\n3,x\n");
    folder.file("value.json", "{\"b\":1}\n\n{\"b\":\"x\"}\n");
    folder.file("bad.json", "{\"a\":1}\n{\"a\":}\n");
    folder.file("latin.csv", b"a,b\n1,\xe9\n");
    folder.file("other.csv", "a;b\n1;2\n1,5;3\n");
    folder.file("short.csv", "a,b\n1,2\n1\n");
    folder.file("cut.csv.gz", [0x1f_u8, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b]);
    let here = folder.path().canonicalize().unwrap();
    let line = |line: usize, name: &str, what: &str| format!("line {line} of {}/{name} {what}", here.display());
    let types = "types => {'b': 'BIGINT'}";
    for (query, expected) in [
        (
            "SELECT * FROM 'open.csv'".to_string(),
            format!("{}/open.csv has a quote that does not end, line 3", here.display()),
        ),
        (
            "CREATE EXTERNAL TABLE t (a BIGINT, b VARCHAR) STORED AS CSV LOCATION 'open.csv'; SELECT * FROM t".into(),
            "a quote that does not end, line 3".into(),
        ),
        (
            format!("SELECT * FROM read_csv('value.csv', {types}, null_padding => true) WHERE a = 3"),
            line(5, "value.csv", "has `x` in column b, which is not a BIGINT"),
        ),
        (format!("SELECT b FROM read_json('value.json', {types})"), line(3, "value.json", "has `x` in column b")),
        ("SELECT * FROM 'bad.json'".into(), line(2, "bad.json", "is not an object of JSON")),
        ("SELECT * FROM 'latin.csv'".into(), line(2, "latin.csv", "is not UTF-8")),
        ("SELECT * FROM 'other.csv'".into(), line(3, "other.csv", "has 2 values, and the file has 1 column")),
        ("SELECT * FROM 'short.csv'".into(), line(3, "short.csv", "has 1 value, and the file has 2 columns")),
        ("SELECT * FROM 'cut.csv.gz'".into(), format!("cannot read {}/cut.csv.gz", here.display())),
    ] {
        let said = folder.error(&query);
        assert!(said.contains(&expected), "{query}: {said}");
    }
}

#[test]
fn an_error_of_one_of_several_parquet_files_names_it() {
    let folder = Folder::new();
    folder.rows("COPY (SELECT 1::INT AS p) TO 'a.parquet'; COPY (SELECT 1::BIGINT AS p) TO 'b.parquet'");
    let said = folder.error("SELECT * FROM '[ab].parquet'");
    assert!(said.contains("INTEGER in /") && said.contains("BIGINT in /"), "{said}");
    folder.file("c.parquet", "hello, this is not Parquet");
    assert!(folder.error("SELECT * FROM '[ac].parquet'").contains("c.parquet: "));
}

#[test]
fn absurd_options_are_errors() {
    let folder = Folder::new();
    for (option, expected) in [
        ("ROW_GROUP_SIZE 0", "`max_row_group_size` is 0"),
        ("ROW_GROUP_SIZE -5", "not a whole number"),
        ("WRITE_BATCH_SIZE 0", "`write_batch_size` is 0"),
        ("MAXIMUM_PARALLEL_ROW_GROUP_WRITERS 0", "is 0"),
        ("STATISTICS_TRUNCATE_LENGTH 0", "is 0"),
        ("BLOOM_FILTER_ON_WRITE true, BLOOM_FILTER_FPP 5", "between 0 and 1"),
    ] {
        refused(&folder, &[(&format!("COPY (SELECT 1 AS a) TO 'x.parquet' ({option})"), expected)]);
    }
    for (option, expected) in [
        ("DELIM '||'", "the delimiter '||' is not one ASCII character"),
        ("QUOTE ''", "the quote '' is not one ASCII character"),
        ("COMPRESSION gzip, COMPRESSION_LEVEL 99", "the compression level 99 does not exist"),
    ] {
        refused(&folder, &[(&format!("COPY (SELECT 1 AS a) TO 'x.csv' ({option})"), expected)]);
    }
    folder.rows("COPY (SELECT 1 AS a, 2 AS b) TO 'x.csv' (DELIM '\\t')");
    assert_eq!(read_to_string(folder.path().join("x.csv")).unwrap(), "a\tb\n1\t2\n");
}
