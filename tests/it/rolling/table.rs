//! The table of functions: every function runs in the operator, and docs/rolling.md lists it.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use squall::rolling::{self, Settings};

use super::{ROLLING, plan, query, register, session};

fn table() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("t", Arc::new(Int64Array::from_iter_values(0..20))),
        ("x", Arc::new(Float64Array::from_iter_values((0..20).map(|row| f64::from(row * row % 7 + 1))))),
        ("y", Arc::new(Float64Array::from_iter_values((0..20).map(f64::from)))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns are equally long")
}

/// Returns the syntax of each function, and whether the function takes FILTER.
fn syntaxes() -> Vec<(String, bool)> {
    let list = rolling::list();
    let rows = list.lines().skip(2).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[3] == "yes")
    });
    rows.collect()
}

/// Writes a call, given a value for each argument of the syntax.
fn call(syntax: &str) -> String {
    let (name, arguments) = syntax.trim_end_matches(')').split_once('(').expect("a function has parentheses");
    let argument = |argument: &str| match argument {
        "x" | "price" | "value" => "x",
        "y" => "y",
        "ts" => "t",
        "fraction" => "0.3",
        "half_life" | "n" => "2",
        "distance" => "1",
        "default" => "0.5",
        other => panic!("say here what stands for `{other}` of {syntax}"),
    };
    let arguments: Vec<&str> = arguments.split(", ").filter(|argument| !argument.is_empty()).map(argument).collect();
    format!("{name}({})", arguments.join(", "))
}

#[tokio::test]
async fn every_function_runs_in_the_operator() {
    let context = session(ROLLING);
    register(&context, "data", &table(), 1, 8192);
    let mut left_to_stock = Vec::new();
    for (syntax, filter) in syntaxes() {
        for frame in ["ROWS 3 PRECEDING", "RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING", "ROWS UNBOUNDED PRECEDING"] {
            for filter in [Some(""), filter.then_some(" FILTER (WHERE y > 2)")].into_iter().flatten() {
                let sql = format!("SELECT {}{filter} OVER (ORDER BY t {frame}) FROM data", call(&syntax));
                let shown = plan(&context, &sql).await;
                if !shown.contains("RollingWindowExec") || shown.contains("WindowAggExec") {
                    left_to_stock.push(sql);
                }
            }
        }
    }
    assert!(left_to_stock.is_empty(), "the stock operator has:\n{}", left_to_stock.join("\n"));
}

#[tokio::test]
async fn without_the_logical_rule_the_stock_operator_keeps_the_filter() {
    let config = SessionConfig::new().with_target_partitions(1).with_option_extension(Settings::default());
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_physical_optimizer_rule(rolling::rule())
        .build();
    let context = SessionContext::new_with_state(state);
    register(&context, "data", &table(), 1, 8192);
    let sql = "SELECT sum(y) FILTER (WHERE y > 17) OVER (ORDER BY t ROWS 3 PRECEDING) AS total FROM data ORDER BY t";
    assert!(!plan(&context, sql).await.contains("RollingWindowExec"), "nothing says whether the call has a filter");
    let found = query(&context, sql).await;
    assert_eq!(found["total"].as_primitive::<Float64Type>().value(19), 37.0);
}

#[test]
fn the_page_lists_every_function() {
    const BEGIN: &str =
        "<!-- The list of functions: SQUALL_BLESS=1 cargo test --test it rolling::table rewrites it. -->\n";
    const END: &str = "<!-- End of the list. -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rolling.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the list begins");
    let (_, after) = rest.split_once(END).expect("the page says where the list ends");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", rolling::list());
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, &expected).expect("the page can be written");
        return;
    }
    assert!(
        page == expected,
        "docs/rolling.md is stale: SQUALL_BLESS=1 cargo test --test it rolling::table rewrites it"
    );
}
