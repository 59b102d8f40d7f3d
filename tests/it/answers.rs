//! Right answers from files, and errors that name what is wrong, as the program gives them.

mod files;
mod reading;

use std::fs::{create_dir, read_dir, write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, statements: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        let command_line = ["--quiet", "sql", "--format", "csv", statements];
        command.args(command_line).current_dir(self.path()).env_clear().env("RUST_BACKTRACE", "1");
        command
    }

    /// Runs statements and returns what the last one printed, without the header.
    fn rows(&self, statements: &str) -> Vec<String> {
        let output = self.command(statements).output().unwrap();
        assert!(output.status.success(), "{statements}\n{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let last = printed.rsplit("\n\n").next().unwrap_or(&printed);
        last.lines().map(str::to_owned).collect()
    }

    /// Runs statements that fail, and returns what they said.
    fn error(&self, statements: &str) -> String {
        let output = self.command(statements).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{statements}\n{said}");
        assert!(!said.contains("panicked at") && !said.contains("stack backtrace"), "{said}");
        said
    }
}

/// Returns lines of a header and of rows, the last of which differs.
fn late(header: &str, row: &str, last: &str) -> String {
    format!("{header}\n{}{last}\n", format!("{row}\n").repeat(1500))
}

#[test]
fn nan_in_parquet_is_found() {
    let folder = Folder::new();
    let values = "(VALUES (1, 5.0::DOUBLE), (2, 'NaN'::DOUBLE)) AS t (i, x)";
    folder.rows(&format!("COPY (SELECT * FROM {values}) TO 'n.parquet'"));
    for (query, expected) in [
        ("SELECT x FROM 'n.parquet' ORDER BY i", "x 5.0 NaN"),
        ("SELECT max(x) AS x FROM 'n.parquet'", "x NaN"),
        ("SELECT min(x) AS x FROM 'n.parquet'", "x 5.0"),
        ("SELECT i FROM 'n.parquet' WHERE x > 6", "i 2"),
        ("SELECT i FROM 'n.parquet' WHERE x <> 5", "i 2"),
        ("SELECT i FROM 'n.parquet' WHERE x = 5", "i 1"),
        ("SELECT i FROM 'n.parquet' WHERE x < 6", "i 1"),
        ("SELECT i FROM 'n.parquet' ORDER BY x DESC LIMIT 1", "i 2"),
    ] {
        assert_eq!(folder.rows(query).join(" "), expected, "{query}");
    }
}

#[test]
fn minus_zero_in_parquet_is_found() {
    let folder = Folder::new();
    folder.rows(
        "COPY (SELECT * FROM (VALUES (1, -0.0::DOUBLE), (2, 5.0)) AS t (i, x)) TO 'z.parquet' STORED AS PARQUET \
         OPTIONS ('format.bloom_filter_on_write' 'true')",
    );
    for (condition, expected) in
        [("x = 0", "i 1"), ("x = -0.0", "i 1"), ("x <= 0", "i 1"), ("x < 0", "i"), ("x = 5", "i 2")]
    {
        for pushes in [false, true] {
            let setting = format!("SET datafusion.execution.parquet.pushdown_filters = {pushes}");
            let query = format!("{setting}; SELECT i FROM 'z.parquet' WHERE {condition}");
            assert_eq!(folder.rows(&query).join(" "), expected, "{query}");
        }
    }
}

#[test]
fn null_has_a_folder_of_its_own() {
    let folder = Folder::new();
    folder.rows("COPY (SELECT 1 AS v, NULL::VARCHAR AS p UNION ALL SELECT 2, 'x') TO 'out/' STORED AS PARQUET PARTITIONED BY (p)");
    let mut folders: Vec<_> =
        read_dir(folder.path().join("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    folders.sort();
    assert_eq!(folders, ["p=__HIVE_DEFAULT_PARTITION__", "p=x"]);
    for table in ["'out/'", "'out/**/*.parquet'", "read_parquet('out/')"] {
        assert_eq!(folder.rows(&format!("SELECT v, p FROM {table} ORDER BY v")), ["v,p", "1,", "2,x"], "{table}");
        assert_eq!(folder.rows(&format!("SELECT v FROM {table} WHERE p IS NULL")), ["v", "1"], "{table}");
        assert_eq!(folder.rows(&format!("SELECT v FROM {table} WHERE p = 'x'")), ["v", "2"], "{table}");
        assert_eq!(folder.rows(&format!("SELECT count(p) AS n FROM {table}")), ["n", "1"], "{table}");
    }
    let said = folder.error("COPY (SELECT 1 AS v, NULL::BIGINT AS p) TO 'more/' STORED AS PARQUET PARTITIONED BY (p)");
    assert!(said.contains("PARTITIONED BY is NULL"), "{said}");
}

#[test]
fn a_parquet_file_without_a_byte_is_an_error() {
    let folder = Folder::new();
    write(folder.path().join("nothing.parquet"), "").unwrap();
    let said = folder.error("SELECT * FROM 'nothing.parquet'");
    assert!(said.contains("nothing.parquet is empty"), "{said}");
    let said = folder.error("SELECT * FROM read_parquet('nothing.parquet')");
    assert!(said.contains("finds no file `nothing.parquet` with rows"), "{said}");
}

#[test]
fn what_comes_late_in_a_file_is_read_whole() {
    let folder = Folder::new();
    let file = |name: &str, text: &str| write(folder.path().join(name), text).unwrap();
    let last = |name: &str| folder.rows(&format!("SELECT * FROM '{name}' OFFSET 1500")).pop().unwrap();
    file("times.csv", &late("t", "2024-01-01T00:00:00", "2024-01-01T00:00:59.123456789"));
    assert_eq!(last("times.csv"), "2024-01-01T00:00:59.123456789");
    file("days.csv", &late("t", "2024-01-01", "2024-01-02T10:00:00"));
    assert!(last("days.csv").starts_with("2024-01-02T10:00:00"), "{}", last("days.csv"));
    // Line breaks inside quoted values, in a file that several threads would share.
    let rows: String = (0..100_000).map(|row| format!("{row},\"one\n{row},two\n{}\"\n", "x".repeat(100))).collect();
    file("breaks.csv", &format!("id,text\n{rows}"));
    assert_eq!(folder.rows("SELECT count(*), sum(id) FROM 'breaks.csv'").pop().unwrap(), "100000,4999950000");
    file("numbers.csv", &late("x", "1", "1.5"));
    assert_eq!(last("numbers.csv"), "1.5");
    file("keys.json", &late(r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":1.5,"b":2}"#));
    assert_eq!(folder.rows("SELECT a, b FROM 'keys.json' OFFSET 1501").pop().unwrap(), "1.5,2");
}

#[test]
fn files_with_other_headers_are_an_error() {
    let folder = Folder::new();
    create_dir(folder.path().join("many")).unwrap();
    write(folder.path().join("many/1.csv"), "a,b\n1,2\n").unwrap();
    write(folder.path().join("many/2.csv"), "b,a\n3,4\n").unwrap();
    let said = folder.error("SELECT * FROM 'many/'");
    assert!(said.contains("1.csv has") && said.contains("2.csv has") && said.contains("b, a"), "{said}");
    let path = folder.path().canonicalize().unwrap().join("many/2.csv");
    assert!(said.contains(&path.display().to_string()), "{said}");
}

#[test]
fn an_error_says_what_is_wrong() {
    let folder = Folder::new();
    let file = |name: &str, bytes: &[u8]| write(folder.path().join(name), bytes).unwrap();
    folder.rows("COPY (SELECT * FROM generate_series(1, 1000)) TO 'whole.parquet'");
    let whole = std::fs::read(folder.path().join("whole.parquet")).unwrap();
    file("magic.parquet", b"PAR1xxxxPAR1");
    file("cut.parquet", &whole[..whole.len() / 2]);
    let mut torn = whole;
    for byte in &mut torn[4..200] {
        *byte = 0xff;
    }
    file("torn.parquet", &torn);
    file("ragged.csv", b"a,b\n1,2\n1,2,3\n");
    for name in ["magic.parquet", "cut.parquet", "torn.parquet"] {
        let said = folder.error(&format!("SELECT * FROM '{name}'"));
        assert!(said.contains(&format!("cannot read {name}")), "{said}");
    }
    let said = folder.error("SELECT * FROM 'ragged.csv'");
    assert!(!said.contains("no table or view"), "{said}");
    let said = folder.error("CREATE TABLE q AS SELECT 1 / 0 AS a");
    assert!(said.to_lowercase().contains("divide by zero"), "{said}");
    let said = folder.error("SELECT * FROM 'nowhere.parquet'");
    assert!(said.contains("no table or view `nowhere.parquet`"), "{said}");
}

#[test]
fn an_interrupted_copy_leaves_nothing() {
    let folder = Folder::new();
    let copy = "COPY (SELECT a.value, b.value AS other FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b) TO 'out.csv'";
    let mut child = folder.command(copy).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let files = || {
        read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("out.csv"))
            .count()
    };
    let started = Instant::now();
    while files() == 0 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(files() > 0, "it writes");
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files(), 0);
}

/// Files that are in order by time, in order by key and time, or in none, and files whose order is broken in one place.
#[test]
fn an_asof_join_finds_the_same_rows_whatever_the_order_of_its_files() {
    let folder = Folder::new();
    let left = "SELECT value AS i, CASE WHEN value % 11 > 0 THEN 'k' || (value * 7 % 5) END AS k, value * 13 % 1009 AS ts FROM generate_series(1, 3000)";
    let right = "SELECT 'k' || (value % 6) AS k, value * 2 AS ts, value AS v FROM generate_series(1, 500)";
    let orders = ["ts, k", "k, ts", "k DESC, ts", "ts % 10, k", "CASE WHEN ts = 500 THEN 1 ELSE 2 END, k, ts"];
    let small = "SET datafusion.execution.batch_size = 100; SET datafusion.optimizer.repartition_file_min_size = 0";
    for (number, order) in orders.iter().enumerate() {
        for (side, rows) in [("l", left), ("r", right)] {
            folder.rows(&format!("COPY (SELECT * FROM ({rows}) ORDER BY {order}) TO '{side}{number}.parquet'"));
        }
    }
    let expected = folder.rows(
        "SELECT l.i, arg_max(r.v, r.ts) AS v FROM 'l0.parquet' l LEFT JOIN 'r0.parquet' r ON l.k = r.k AND r.ts <= l.ts \
         GROUP BY l.i ORDER BY l.i",
    );
    assert!(expected.len() == 3001 && expected.iter().filter(|row| !row.ends_with(',')).count() > 2000);
    for left in 0..orders.len() {
        for right in 0..orders.len() {
            let join = format!("'l{left}.parquet' l ASOF LEFT JOIN 'r{right}.parquet' r ON l.k = r.k AND l.ts >= r.ts");
            let found = folder.rows(&format!("{small}; SELECT l.i, r.v FROM {join} ORDER BY l.i"));
            assert_eq!(found, expected, "{} and {}", orders[left], orders[right]);
            let sorted = folder.rows(&format!("{small}; SELECT l.ts FROM {join} ORDER BY l.ts"));
            assert!(sorted[1..].is_sorted_by_key(|ts| ts.parse::<i64>().unwrap()), "{join}");
        }
    }
}

/// Files of another writer, in `tests/it/answers/`. pyarrow made them, except that one count of NULLs was cut out of `uncounted_nulls`.
#[test]
fn footers_say_no_more_than_they_do() {
    let folder = Folder::new();
    let file = |name: &str| format!("'{}/tests/it/answers/{name}.parquet'", env!("CARGO_MANIFEST_DIR"));
    let (sorted, again) = (file("sorted_groups"), file("sorted_groups_again"));
    let (extremes, nulls) = (file("some_extremes"), file("uncounted_nulls"));
    for (query, expected) in [
        (format!("SELECT c FROM {sorted} ORDER BY c"), "c 1 2 3 4 5 9"),
        (format!("SELECT c FROM {sorted} ORDER BY c LIMIT 2"), "c 1 2"),
        (format!("SELECT c, lag(c) OVER (ORDER BY c) AS p FROM {sorted} ORDER BY c"), "c,p 1, 2,1 3,2 4,3 5,4 9,5"),
        (
            format!("SELECT a.c, b.c AS d FROM {sorted} a ASOF JOIN {sorted} b ON a.c > b.c ORDER BY 1"),
            "c,d 2,1 3,2 4,3 5,4 9,5",
        ),
        (
            format!(
                "SET datafusion.execution.target_partitions = 1; SELECT c, count(*) AS n FROM {again} GROUP BY c ORDER BY c"
            ),
            "c,n 1,2 5,2 9,2",
        ),
        (format!("SELECT left(min(s), 2) AS a, left(max(s), 2) AS z FROM {extremes}"), "a,z aa,zz"),
        (format!("SELECT count(*) AS n FROM {extremes} WHERE s > 'n'"), "n 1"),
        (format!("SELECT count(*) AS n FROM {extremes} WHERE s < 'm'"), "n 1"),
        (format!("SELECT count(k) AS n FROM {nulls}"), "n 8"),
        (format!("SELECT count(*) AS n FROM {nulls} WHERE k IS NULL"), "n 1"),
        (format!("SELECT count(*) AS n FROM {nulls} WHERE k IS NULL OR k < 1"), "n 2"),
        (format!("SELECT k IS NULL AS n FROM {nulls} ORDER BY k NULLS FIRST LIMIT 1"), "n true"),
    ] {
        assert_eq!(folder.rows(&query).join(" "), expected, "{query}");
    }
    assert!(folder.error(&format!("SELECT * FROM {}", file("two_names"))).contains("two columns named `a`"));
}

#[test]
fn an_array_of_json_is_the_whole_file() {
    let folder = Folder::new();
    write(folder.path().join("good.json"), "[{\"a\": 1}, {\"a\": 2}]\n").unwrap();
    assert_eq!(folder.rows("SELECT a FROM 'good.json'"), ["a", "1", "2"]);
    for (text, expected) in [
        ("[{\"a\": 1}]\n[{\"a\": 2}]\n", "goes on after its array"),
        ("[{\"a\": 1}]\n{\"a\": 2}\n", "goes on after its array"),
        ("[{\"a\": 1}] garbage", "goes on after its array"),
        ("[{\"a\": 1},\n{\"a\": 2}", "ends within its array"),
        ("[{\"a\": 1}, {\"a\": 2}, ]", "has a comma before a bracket that closes"),
    ] {
        write(folder.path().join("bad.json"), text).unwrap();
        let said = folder.error("SELECT a FROM 'bad.json'");
        assert!(said.contains("bad.json") && said.contains(expected), "{text}: {said}");
    }
}
