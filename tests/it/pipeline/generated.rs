//! Generated window queries: what workers compute has the bits of one process.

use datafusion::physical_plan::displayable;
use squall::pipeline::Project;

use super::days::{Draws, land, market, session_of};
use super::workers::{with_workers, workers};
use super::{parameters, project_of, root, rows};

/// The number of queries; each has several windows.
const QUERIES: usize = 40;

/// What is read of a row: doubles, integers, and values that are often NULL.
const VALUES: [&str; 6] = [
    "price",
    "best_ask - best_bid",
    "log_offset",
    "nullif(log_offset % 5, 0)",
    "CASE WHEN log_offset % 3 > 0 THEN price END",
    "CAST(price AS DECIMAL(12, 3))",
];

const BOUNDS: [&str; 5] = ["{9} PRECEDING", "{5} PRECEDING", "CURRENT ROW", "{2} FOLLOWING", "{9} FOLLOWING"];

/// Returns one of the items.
fn one<'a>(draws: &mut Draws, items: &[&'a str]) -> &'a str {
    items[draws.below(items.len() as u64) as usize]
}

/// Returns a frame. Its rows lie within a time or a number of rows, because only then a query is divided by days.
fn frame(draws: &mut Draws) -> String {
    let start = draws.below(4) as usize;
    let end = start + draws.below(5 - start as u64) as usize;
    let is_of_rows = draws.below(2) == 0;
    let bound = |place: usize| match BOUNDS[place].split_once(' ') {
        Some((size, way)) if size.starts_with('{') => {
            let size = size.trim_matches(['{', '}']);
            if is_of_rows { format!("{size} {way}") } else { format!("INTERVAL '{size} minutes' {way}") }
        }
        _ => BOUNDS[place].to_string(),
    };
    let unit = if is_of_rows { "ROWS" } else { "RANGE" };
    let exclude = one(draws, &["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE TIES", " EXCLUDE GROUP"]);
    format!("{unit} BETWEEN {} AND {}{exclude}", bound(start), bound(end))
}

/// Returns a call of a function over a window. No two ticks of a product have one time, so the order is never left open.
fn call(draws: &mut Draws) -> String {
    let value = one(draws, &VALUES);
    let over = "PARTITION BY product_id ORDER BY ts";
    let double = format!("CAST({value} AS DOUBLE)");
    let function = match draws.below(11) {
        0 => format!("avg({value})"),
        1 => format!("sum({value})"),
        2 => format!("count({value})"),
        3 => format!("{}({value})", one(draws, &["min", "max"])),
        4 => format!("{}({double})", one(draws, &["stddev_samp", "stddev_pop", "var_samp", "var_pop"])),
        5 => format!("corr({double}, best_bid)"),
        6 => format!("quantile_cont({double}, 0.{})", 1 + draws.below(9)),
        7 => format!("{}({double})", one(draws, &["realized_volatility", "bipower_variation", "median"])),
        8 => format!("regr_slope({double}, epoch(ts))"),
        9 => format!("{}({value})", one(draws, &["first_value", "last_value"])),
        _ => return format!("{}({value}, {}) OVER ({over})", one(draws, &["lag", "lead"]), 1 + draws.below(4)),
    };
    format!("{function} OVER ({over} {})", frame(draws))
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_windows_have_the_bits_of_one_process_on_workers() {
    let mut draws = Draws(1_501);
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   c0: 1\n--   c1: 1\n--   c2: 1\n\n";
    let source = std::fs::read_to_string(root().join("sql/sources/ticks.sql")).unwrap();
    let mut files = vec![("sources/ticks.sql".to_string(), source)];
    for index in 0..QUERIES {
        let calls: Vec<String> = (0..3).map(|place| format!("{} AS c{place}", call(&mut draws))).collect();
        let text = format!("{header}SELECT product_id, ts, {} FROM ticks", calls.join(",\n  "));
        files.push((format!("labels/g{index}.sql"), text));
    }
    let texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let dir = project_of(&texts);
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(57, 2));
    let empty = tempfile::tempdir().unwrap();
    let local = session_of(data.path(), 1).await;
    project.attach(local.context(), empty.path()).unwrap();
    let mut wanted = Vec::new();
    let sql = |index: usize| format!("SELECT * FROM g{index} ORDER BY product_id, ts");
    for index in 0..QUERIES {
        wanted.push(rows(local.context(), &sql(index)).await);
    }
    for count in [1, 2, 4] {
        let session = with_workers(data.path(), &workers(count).await).await;
        project.attach(session.context(), empty.path()).unwrap();
        let mut remote = 0;
        for (index, wanted) in wanted.iter().enumerate() {
            let plan = session.context().sql(&sql(index)).await.unwrap().create_physical_plan().await.unwrap();
            remote += usize::from(displayable(plan.as_ref()).indent(false).to_string().contains("RemoteExec"));
            let got = rows(session.context(), &sql(index)).await;
            assert_eq!(got.columns(), wanted.columns(), "{count} workers, {}", files[index + 1].1);
        }
        assert!(remote >= QUERIES / 2, "{remote} queries are computed by {count} workers");
    }
}
