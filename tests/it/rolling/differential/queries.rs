//! Generated windows, and calls over them.

use proptest::prelude::{Strategy, any, prop};

use super::super::between;
use super::oracle::Aggregate;

/// Functions that pick a row by its position in the frame or partition.
const POSITIONAL: &[&str] = &[
    "first_value(p)",
    "last_value(x)",
    "nth_value(n, 2)",
    "nth_value(f, 3)",
    "first_value(y)",
    "last_value(b)",
    "lag(x)",
    "lag(p, 2, 'none')",
    "lead(n, 3)",
    "lead(x, 1, 0.5)",
    "lag(t)",
    "row_number()",
];

/// Functions for which the order of the frame's rows does not matter. Their results are counted, picked or interpolated, and
/// stock gives the same bits.
const PICKED: &[&str] = &[
    "count(*)",
    "count(x)",
    "count(p)",
    "min(x)",
    "max(x)",
    "min(y)",
    "max(y)",
    "min(f)",
    "max(f)",
    "min(i)",
    "max(i)",
    "sum(n)",
    "sum(i)",
    "sum(u)",
    "min(n)",
    "max(n)",
    "min(u)",
    "max(u)",
    "min(t)",
    "max(t)",
    "median(x)",
    "median(y)",
    "median(f)",
    "median(n)",
    "median(u)",
    "percentile_cont(x, 0.75)",
    "percentile_cont(y, 0.25)",
    "percentile_cont(f, 0.125)",
    "quantile_cont(i, 0.625)",
    "percentile_cont(y, 0)",
    "percentile_cont(y, 1)",
    "regr_count(y, q)",
    "count(*) FILTER (WHERE b)",
    "max(y) FILTER (WHERE p = 'p1')",
    "sum(n) FILTER (WHERE b)",
    "median(y) FILTER (WHERE b)",
    "percentile_cont(x, 0.25) FILTER (WHERE b)",
    "regr_count(x, q) FILTER (WHERE b)",
];

const fn of(name: &'static str, first: &'static str, second: &'static str) -> Aggregate {
    Aggregate { name, first, second, filtered: false }
}

/// Aggregates with a rounded result.
const ROUNDED: &[Aggregate] = &[
    of("sum", "x", "x"),
    of("sum", "f", "f"),
    of("sum", "y", "y"),
    of("avg", "x", "x"),
    of("avg", "q", "q"),
    of("avg", "y", "y"),
    of("avg", "f", "f"),
    of("var_samp", "x", "x"),
    of("var_pop", "i", "i"),
    of("stddev_samp", "x", "x"),
    of("stddev_samp", "y", "y"),
    of("stddev_pop", "f", "f"),
    of("covar_samp", "x", "q"),
    of("covar_pop", "x", "f"),
    of("covar_samp", "x", "y"),
    of("corr", "x", "q"),
    of("corr", "f", "i"),
    of("corr", "x", "y"),
    of("regr_slope", "x", "q"),
    of("regr_slope", "y", "x"),
    of("regr_intercept", "f", "x"),
    of("regr_intercept", "x", "i"),
    of("regr_r2", "x", "q"),
    of("regr_r2", "y", "q"),
    of("regr_avgx", "q", "x"),
    of("regr_avgx", "x", "y"),
    of("regr_avgy", "x", "q"),
    of("regr_avgy", "y", "x"),
    of("regr_sxx", "y", "x"),
    of("regr_syy", "x", "f"),
    of("regr_sxy", "x", "q"),
    of("regr_sxy", "x", "y"),
    Aggregate { filtered: true, ..of("sum", "x", "x") },
    Aggregate { filtered: true, ..of("stddev_samp", "x", "x") },
    Aggregate { filtered: true, ..of("corr", "x", "q") },
    Aggregate { filtered: true, ..of("regr_slope", "x", "i") },
    Aggregate { filtered: true, ..of("covar_pop", "y", "q") },
];

/// Orders; the flag says whether frames may count differences of the order's key.
const ORDERS: &[(&str, bool)] = &[
    ("t", true),
    ("t DESC", true),
    ("t NULLS FIRST", true),
    ("t DESC NULLS LAST", true),
    ("k", true),
    ("k DESC", true),
    ("i", true),
    ("i DESC NULLS LAST", true),
    ("u NULLS FIRST", true),
    ("t, k", false),
    ("t DESC, k", false),
    ("b, k DESC", false),
    ("x", false),
    ("y DESC", false),
    ("f NULLS FIRST", false),
];

/// A window without ties, for functions whose result depends on the order of ties.
const TOTAL: &str = "(PARTITION BY p ORDER BY t DESC, k)";

#[derive(Debug, Clone)]
pub struct Window {
    pub sql: String,
    /// Whether no two rows of a partition are peers.
    total: bool,
    /// Whether rows leave a frame only when its partition ends, so that stock never retracts.
    pub only_grows: bool,
}

/// A call over the window with this index.
#[derive(Debug, Clone)]
pub enum Call {
    Same(String),
    Rounded(Aggregate, usize),
}

#[derive(Debug, Clone)]
pub struct Query {
    pub windows: Vec<Window>,
    pub calls: Vec<Call>,
    /// Which rows the query reads.
    pub input: &'static str,
}

type Choices = (usize, usize, (usize, usize), (u32, u32), usize);

fn window((order, units, bounds, offsets, partition): Choices) -> Window {
    let partition = ["", "PARTITION BY p ", "PARTITION BY q, p "][partition];
    let Some((order, countable)) = ORDERS.get(order) else {
        return Window { sql: format!("({partition})"), total: false, only_grows: true };
    };
    let units = ["ROWS", "RANGE", "GROUPS"][units];
    let distinct = order.contains('k');
    // No rule says which of several peers comes first.
    let order = if units == "ROWS" && !distinct { format!("{order}, k") } else { (*order).to_owned() };
    let offset = |offset: u32| match (units, order.as_bytes()[0]) {
        ("RANGE", b't') => format!("INTERVAL '{offset} microseconds'"),
        ("RANGE", b'k') => (offset * 40).to_string(),
        _ => offset.to_string(),
    };
    let (from, to) = match bounds {
        (from, to) if units == "RANGE" && !countable => ([0, 2][from % 2], [1, 3][to % 2]),
        bounds => bounds,
    };
    let between = between((from, to), offsets, offset);
    let sql = format!("({partition}ORDER BY {order} {units} {between})");
    Window { sql, total: distinct || units == "ROWS", only_grows: from == 0 }
}

fn call(choice: usize, window: usize, windows: &[Window]) -> Call {
    let over = &windows[window];
    if let Some(aggregate) = ROUNDED.get(choice) {
        return Call::Rounded(*aggregate, window);
    }
    let choice = choice - ROUNDED.len();
    Call::Same(match PICKED.get(choice) {
        Some(function) => format!("{function} OVER {}", over.sql),
        None => {
            let function = POSITIONAL[choice - PICKED.len()];
            format!("{function} OVER {}", if over.total { &over.sql } else { TOTAL })
        }
    })
}

pub fn queries() -> impl Strategy<Value = Query> {
    let choices = (0..ORDERS.len() + 2, 0..3usize, (0..4usize, 0..4usize), (0..12u32, 0..12u32), 0..3usize);
    let functions = ROUNDED.len() + PICKED.len() + POSITIONAL.len();
    (
        prop::collection::vec(choices.prop_map(window), 1..3),
        prop::collection::vec((0..functions, any::<prop::sample::Index>()), 1..7),
        prop::sample::select(vec![
            "data",
            "data",
            "data",
            "(SELECT * FROM data WHERE q = 1)",
            "(SELECT * FROM data WHERE b)",
        ]),
    )
        .prop_map(|(windows, calls, input)| {
            let calls =
                calls.into_iter().map(|(choice, over)| call(choice, over.index(windows.len()), &windows)).collect();
            Query { windows, calls, input }
        })
}

impl Query {
    /// Writes the query. `with_frames` adds the rows of each frame, as `w0`, `w1` and so on, for each window with rounded
    /// aggregates.
    pub fn sql(&self, with_frames: bool) -> String {
        let mut columns = vec!["id".to_owned()];
        columns.extend(self.calls.iter().enumerate().map(|(index, call)| match call {
            Call::Same(sql) => format!("{sql} AS c{index}"),
            Call::Rounded(Aggregate { name, first, second, filtered }, window) => {
                let arguments = if is_unary(name) { (*first).to_owned() } else { format!("{first}, {second}") };
                let filter = if *filtered { " FILTER (WHERE b)" } else { "" };
                format!("{name}({arguments}){filter} OVER {} AS c{index}", self.windows[*window].sql)
            }
        }));
        if with_frames {
            let rounded =
                |window| self.calls.iter().any(|call| matches!(call, Call::Rounded(_, over) if *over == window));
            let frames = self.windows.iter().enumerate().filter(|(index, _)| rounded(*index));
            columns.extend(frames.map(|(index, window)| format!("array_agg(id) OVER {} AS w{index}", window.sql)));
        }
        format!("SELECT {} FROM {} ORDER BY id", columns.join(", "), self.input)
    }
}

fn is_unary(name: &str) -> bool {
    ["sum", "avg", "var_samp", "var_pop", "stddev_samp", "stddev_pop"].contains(&name)
}
