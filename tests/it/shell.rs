//! The shell as a person uses it, in a pseudo-terminal: typing, completing, cancelling, pasting, paging.

mod terminal;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use terminal::{LARGE, SMALL, Terminal};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const TAB: &str = "\t";
const UP: &str = "\x1b[A";

/// More columns than fit into 80 characters, and fewer than fit into 200.
const WIDE: &str = "SELECT 1234567890123456 AS first, 2234567890123456 AS second, 3234567890123456 AS third, \
    4234567890123456 AS fourth, 5234567890123456 AS fifth, 6234567890123456 AS sixth";

#[test]
fn a_statement_runs_when_it_ends() {
    for size in [SMALL, LARGE] {
        let mut shell = Terminal::open(size);
        shell.run("SELECT 1 AS one;", " one\n─────\n   1\n(1 row, ");
        shell.keys("SELECT\r");
        shell.expect("......> ");
        shell.keys("'a\r");
        shell.expect(".....'> ");
        shell.keys("b' AS two;\r");
        shell.expect(" two\n──────\n a\\nb\n(1 row, ");
        shell.prompt();
        // The history has the whole statement.
        shell.keys(UP);
        shell.expect("b' AS two;");
        shell.keys("\r");
        shell.expect(" a\\nb\n(1 row, ");
        shell.prompt();
        shell.keys(CTRL_D);
        assert!(shell.ends_well());
    }
}

#[test]
fn ctrl_c_drops_what_is_typed_and_keeps_the_shell() {
    let mut shell = Terminal::open(SMALL);
    shell.keys("SELECT 'never\r");
    shell.expect(".....'> ");
    shell.keys(CTRL_C);
    shell.prompt();
    shell.keys("SELECT never");
    shell.expect("never");
    shell.keys(CTRL_C);
    shell.prompt();
    shell.run("SELECT 1 AS one;", "(1 row, ");
    shell.run("quit", "");
}

#[test]
fn ctrl_c_stops_computing() {
    let mut shell = Terminal::open(SMALL);
    shell.keys("SELECT sum(a.value % b.value) AS never FROM generate_series(1, 9000000) a, generate_series(1, 9000000) b; SELECT 'nor this';\r");
    // What runs shows how far it is.
    shell.expect(" rows");
    shell.keys(CTRL_C);
    shell.expect("cancelled\n");
    shell.prompt();
    shell.run("SELECT 6 * 7 AS answer;", "     42\n(1 row, ");
    assert!(!shell.all().contains("nor this\n"));
}

/// A join that compares all pairs of rows, and keeps none.
const NO_PAIR: &str = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE a.x + b.y < -1;";

#[test]
fn ctrl_c_stops_a_join_without_a_match() {
    let same_keys = "SELECT count(*) FROM range(100000) a(x) JOIN range(100000) b(y) ON x % 2 = y % 2 AND x + y < -1;";
    let mut shell = Terminal::open(LARGE);
    for join in [NO_PAIR, same_keys] {
        shell.keys(&format!("{join}\r"));
        shell.expect("< -1;\n");
        std::thread::sleep(Duration::from_secs(2));
        shell.keys(CTRL_C);
        shell.expect("cancelled\n");
        shell.prompt();
        // The threads that computed the join are free again.
        shell.run("SELECT count(*) + 41 AS answer FROM (SELECT DISTINCT 1);", "     42\n(1 row, ");
    }
    shell.run("quit", "");
    assert!(shell.ends_well());
}

#[test]
fn a_second_ctrl_c_ends_a_shell_that_does_not_hear_the_first() {
    let mut shell = Terminal::open(SMALL);
    let pipe = shell.folder().join("never-written");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    shell.keys(".read never-written\r");
    shell.expect(".read never-written\n");
    std::thread::sleep(Duration::from_millis(500));
    shell.keys(CTRL_C);
    std::thread::sleep(Duration::from_millis(500));
    shell.keys(CTRL_C);
    shell.expect("stopped\n");
    assert!(!shell.ends_well());
}

#[test]
fn ctrl_c_ends_a_statement_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "sql", NO_PAIR]).current_dir(folder.path()).env_clear();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none(), "the join takes hours");
    let interrupted = Instant::now();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(20));
    assert_eq!(ended.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("stopped before the statement ended"));
}

#[test]
fn ctrl_c_stops_output() {
    let mut shell = Terminal::open(SMALL);
    shell.run(".limit 0", "");
    shell.run(".pager off", "");
    shell.keys("SELECT * FROM generate_series(1, 1000000000); SELECT 'nor this';\r");
    shell.expect("10000\n");
    shell.keys(CTRL_C);
    shell.expect("cancelled\n");
    shell.prompt();
    shell.run("SELECT 6 * 7 AS answer;", "     42\n(1 row, ");
}

#[test]
fn every_statement_of_a_paste_runs() {
    let mut shell = Terminal::open(SMALL);
    let paste = "SELECT 1 AS a;\n.mode csv\nSELECT\n  2 AS b;\n-- a note\nSELECT 3 AS c; SELECT 4 AS d;\n.mode table\n";
    // As terminals without bracketed paste send it.
    shell.keys(&paste.replace('\n', "\r"));
    for result in [" a\n───\n 1\n", "b\n2\n", "c\n3\n", "d\n4\n"] {
        shell.expect(result);
    }
    shell.prompt();
    shell.keys(&format!("\x1b[200~{paste}SELECT 5 AS e\x1b[201~"));
    shell.expect("SELECT 5 AS e");
    shell.keys(";\r");
    for result in [" a\n───\n 1\n", "b\n2\n", "c\n3\n", "d\n4\n", " e\n───\n 5\n"] {
        shell.expect(result);
    }
    shell.prompt();
}

#[test]
fn a_long_paste_loses_nothing() {
    let mut shell = Terminal::open(LARGE);
    shell.run(".mode csv", "");
    shell.run(".timing off", "");
    let paste: String = (1..=400).map(|n| format!("SELECT {n} AS n{n};\r")).collect();
    shell.keys(&paste);
    for n in 1..=400 {
        shell.expect(&format!("n{n}\n{n}\n"));
    }
}

#[test]
fn tab_completes_by_context() {
    let mut shell = Terminal::open(SMALL);
    shell.run("CREATE TEMP TABLE quotes AS SELECT 1 AS price, 'x' AS product_id, 2 AS \"Mixed\";", "(done, ");
    for (keys, completed) in [
        ("SELECT * FROM quo", "FROM quotes"),
        ("SELECT * FROM quotes WHERE pric", "WHERE price"),
        ("SELECT * FROM quotes AS q ORDER BY q.prod", "q.product_id"),
        ("SELECT \"Mixed\" FROM quotes GROUP BY Mix", "BY \"Mixed\""),
        ("SELECT realized_vola", "realized_volatility("),
        ("SET datafusion.execution.coll", "SET datafusion.execution.collect_statistics"),
        ("SELECT * FROM 'in.cs", "FROM 'in.csv'"),
        (".mode ver", ".mode vertical"),
        (".schema quo", ".schema quotes"),
        (".read in.c", ".read in.csv"),
        (".sep", ".separators"),
    ] {
        std::fs::write(shell.folder().join("in.csv"), "a\n1\n").unwrap();
        shell.keys(keys);
        shell.keys(TAB);
        shell.expect(completed);
        shell.keys(CTRL_C);
        shell.prompt();
    }
    // The lines before belong to the statement.
    shell.keys("SELECT price, pro\r");
    shell.expect("......> ");
    shell.keys("FROM quotes WHERE produ");
    shell.keys(TAB);
    shell.expect("product_id");
    shell.keys(CTRL_C);
    shell.prompt();
    // Several candidates are listed, functions with their arguments.
    shell.keys("SELECT roun");
    shell.keys(TAB);
    shell.keys("(");
    shell.keys(CTRL_C);
    shell.prompt();
    shell.keys("SELECT log");
    shell.keys(TAB);
    shell.expect("log10(numeric_expression)");
    shell.keys(CTRL_C);
    shell.prompt();
    // What the candidates have in common is written, and what they are is shown at once.
    shell.keys("SELECT * FROM quotes ORDER BY produ");
    shell.keys(TAB);
    shell.expect("product_id");
    shell.expect("ORDER BY product");
}

#[test]
fn what_does_not_fit_goes_to_the_pager() {
    let pager = [("PAGER", "sed s/^/paged:/")];
    let forty = "SELECT value FROM generate_series(1, 40);";
    let mut shell = Terminal::with(SMALL, &pager);
    shell.run(forty, "paged:    40\n(40 rows, ");
    shell.run("SELECT 1 AS one;", "\n   1\n(1 row, ");
    shell.run(".functions", "paged:  ");
    shell.run(".pager off", "");
    shell.run(forty, "\n    40\n(40 rows, ");
    let mut shell = Terminal::with(LARGE, &pager);
    shell.run(forty, "\n    40\n(40 rows, ");
    shell.run(".limit 0", "");
    shell.run("SELECT value FROM generate_series(1, 2000);", "paged:  2000\n(2000 rows, ");
}

#[test]
fn leaving_the_pager_is_not_a_failure() {
    let mut shell = Terminal::with(SMALL, &[("PAGER", "head -n 3")]);
    shell.run(".limit 0", "");
    shell.run("SELECT * FROM generate_series(1, 100000000);", "\n     1\n");
    shell.run("SELECT 6 * 7 AS answer;", "     42\n(1 row, ");
    assert!(!shell.all().contains("Error"), "{}", shell.all());
}

#[test]
fn a_row_that_is_too_wide_stands_below_itself() {
    let mut shell = Terminal::open(SMALL);
    shell.run(&format!("{WIDE};"), "── row 1 ──\n first  1234567890123456\n");
    shell.run(&format!("CREATE TEMP TABLE wide AS {WIDE};"), "(done, ");
    shell.run(
        "SELECT * FROM wide CROSS JOIN generate_series(1, 5) ORDER BY fourth;",
        "│ … │           fourth │ … │ value\n",
    );
    shell.run(".width 0", "");
    shell.run(&format!("{WIDE};"), "│            sixth\n");
    let mut shell = Terminal::open(LARGE);
    shell.run(&format!("{WIDE};"), "│            sixth\n");
}

#[test]
fn the_editor_s_text_runs() {
    let mut shell = Terminal::with(SMALL, &[("EDITOR", "sed -i s/1/7/")]);
    shell.run("SELECT 1 AS seven;", "     1\n(1 row, ");
    shell.run(".edit", "SELECT 7 AS seven;\n seven\n───────\n     7\n(1 row, ");
    shell.keys(UP);
    shell.expect(".edit");
}

#[test]
fn a_plot_fits_on_the_screen() {
    for (columns, rows) in [SMALL, LARGE] {
        let mut shell = Terminal::open((columns, rows));
        shell.run("SELECT value AS x, sin(value / 10.0) AS y FROM generate_series(0, 100);", "rows, ");
        shell.run(".plot x, y", "└");
        let drawn = shell.all();
        let drawn = &drawn[drawn.rfind(".plot").unwrap()..];
        let lines: Vec<&str> = drawn.lines().skip(1).take_while(|line| !line.starts_with("squall>")).collect();
        assert!(lines.len() < usize::from(rows) && lines.len() > 10, "{drawn}");
        assert!(lines.iter().all(|line| line.chars().count() <= usize::from(columns)), "{drawn}");
        assert!(lines.iter().any(|line| line.chars().count() + 2 >= usize::from(columns)), "{drawn}");
    }
}

#[test]
fn progress_leaves_before_the_result_comes() {
    let mut shell = Terminal::open(SMALL);
    shell.limit(Duration::from_secs(120));
    shell.run(
        "SELECT count(*) AS n FROM generate_series(1, 3000) a, generate_series(1, 20000) b WHERE a.value * b.value % 7 = 8;",
        " n\n───\n 0\n(1 row, ",
    );
}
