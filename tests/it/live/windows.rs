//! The state of windows: random rows in random portions give the bits of one execution, over generated functions and frames.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::catalog::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use squall::rolling::{self, Carried, RollingWindowExec, Settings};

const FUNCTIONS: [&str; 44] = [
    "count(*)",
    "count(x)",
    "sum(x)",
    "avg(x)",
    "min(x)",
    "max(x)",
    "sum(n)",
    "min(n)",
    "var_samp(x)",
    "var_pop(x)",
    "stddev_samp(x)",
    "stddev_pop(y)",
    "sum(y)",
    "max(y)",
    "median(x)",
    "median(y)",
    "percentile_cont(x, 0.9)",
    "corr(x, n)",
    "covar_samp(x, y)",
    "regr_slope(x, n)",
    "regr_r2(x, n)",
    "first_value(x)",
    "last_value(x)",
    "nth_value(x, 2)",
    "lag(x)",
    "lag(n, 3)",
    "row_number()",
    "ewma(x, INTERVAL '40 nanoseconds')",
    "decayed_sum(x, INTERVAL '40 nanoseconds')",
    "price_changes(x)",
    "realized_volatility(x)",
    "bipower_variation(x)",
    "tick_imbalance(x)",
    "max_gap(t)",
    "sum(x) FILTER (WHERE n > 0)",
    "count(*) FILTER (WHERE x > 0)",
    "sum(DISTINCT x)",
    "avg(DISTINCT y)",
    "var_pop(DISTINCT x)",
    "sum(DISTINCT n)",
    "approx_median(x)",
    "approx_median(n)",
    "approx_percentile_cont(x, 0.3)",
    "approx_percentile_cont_with_weight(x, abs(n), 0.3)",
];

const STARTS: [&str; 3] = ["UNBOUNDED PRECEDING", "{} PRECEDING", "CURRENT ROW"];

fn session() -> SessionContext {
    let mut settings = Settings::default();
    settings.rolling.enabled = true;
    let config = SessionConfig::new().with_target_partitions(1).with_option_extension(settings);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_optimizer_rule(rolling::logical_rule())
        .with_physical_optimizer_rule(rolling::rule())
        .build();
    let context = SessionContext::new_with_state(state);
    squall::catalog::FUNCTIONS.register(&context, "no/models/here".as_ref());
    context
}

/// Rows of several partitions whose times rise strictly within each.
fn table(random: &mut StdRng) -> RecordBatch {
    let rows = random.random_range(1..300);
    let partitions = random.random_range(1..6);
    let mut time = 0i64;
    let (mut p, mut t, mut x, mut y, mut n) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        time += random.random_range(1..40);
        p.push(format!("p{}", random.random_range(0..partitions)));
        t.push(time);
        x.push((random.random_range(0..9) > 0).then(|| random.random_range(-100.0..100.0)));
        y.push(match random.random_range(0..12) {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(f64::INFINITY),
            3 => Some(-0.0),
            4 => Some(1e300),
            _ => Some(random.random_range(-1.0..1.0)),
        });
        n.push((random.random_range(0..9) > 0).then(|| random.random_range(-50..50)));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("p", Arc::new(StringArray::from(p))),
        ("t", Arc::new(TimestampNanosecondArray::from(t).with_timezone("UTC"))),
        ("x", Arc::new(Float64Array::from(x))),
        ("y", Arc::new(Float64Array::from(y))),
        ("n", Arc::new(Int64Array::from(n))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn window(random: &mut StdRng) -> String {
    let units = ["ROWS", "RANGE", "GROUPS"][random.random_range(0..3)];
    let bound = |text: &str, offset: u32| match units {
        "RANGE" => text.replace("{}", &format!("INTERVAL '{} nanoseconds'", offset * 17)),
        _ => text.replace("{}", &offset.to_string()),
    };
    let (far, near) = (random.random_range(3..9), random.random_range(0..3));
    let start = random.random_range(0..3);
    let end = if start < 2 && random.random_range(0..4) == 0 { STARTS[1] } else { STARTS[2] };
    format!("(PARTITION BY p ORDER BY t {units} BETWEEN {} AND {})", bound(STARTS[start], far), bound(end, near))
}

fn windows_of(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let mut found: Vec<Arc<dyn ExecutionPlan>> = plan.children().into_iter().flat_map(windows_of).collect();
    if plan.is::<RollingWindowExec>() {
        found.push(Arc::clone(plan));
    }
    found
}

/// Returns each row's bytes, by its id: rows are the same if, and only if, their bytes are.
fn by_id(batch: &RecordBatch) -> Vec<(i64, Vec<u8>)> {
    use datafusion::arrow::datatypes::Int64Type;
    let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
    let fields = batch.columns().iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields).unwrap().convert_columns(batch.columns()).unwrap();
    let mut found: Vec<(i64, Vec<u8>)> =
        (0..batch.num_rows()).map(|row| (ids.value(row), rows.row(row).data().to_vec())).collect();
    found.sort();
    found
}

#[tokio::test]
async fn random_portions_give_the_bits_of_one_execution() {
    let mut random = StdRng::seed_from_u64(14);
    let mut covered = 0;
    for case in 0..400 {
        let context = session();
        let rows = table(&mut random);
        context
            .register_table("data", Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]]).unwrap()))
            .unwrap();
        let calls: Vec<String> = (0..random.random_range(1..6))
            .map(|number| {
                let function = FUNCTIONS[random.random_range(0..FUNCTIONS.len())];
                format!("{function} OVER {} AS c{number}", window(&mut random))
            })
            .collect();
        let sql = format!("SELECT id, p, t, {} FROM data", calls.join(", "));
        let plan = context.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        for window in windows_of(&plan) {
            let rolling = window.downcast_ref::<RollingWindowExec>().unwrap();
            assert!(!rolling.looks_ahead(), "{sql}");
            let input = rolling.input();
            let before =
                concat_batches(&input.schema(), &collect(Arc::clone(input), context.task_ctx()).await.unwrap());
            let before = before.unwrap();
            let after = collect(Arc::clone(&window), context.task_ctx()).await.unwrap();
            let expected = concat_batches(&window.schema(), &after).unwrap();
            // Portions come in the order of time, with the rows of a portion by partition, as polls have them.
            let column =
                |name: &str| SortColumn { values: Arc::clone(before.column_by_name(name).unwrap()), options: None };
            let in_time = take_record_batch(&before, &lexsort_to_indices(&[column("t")], None).unwrap()).unwrap();
            let mut state = Carried::of(rolling).unwrap();
            let mut found = Vec::new();
            let mut from = 0;
            while from < in_time.num_rows() {
                let count = random.random_range(1..=60).min(in_time.num_rows() - from);
                let portion = in_time.slice(from, count);
                let keys = ["p", "t"].map(|name| SortColumn {
                    values: Arc::clone(portion.column_by_name(name).unwrap()),
                    options: None,
                });
                let portion = take_record_batch(&portion, &lexsort_to_indices(&keys, None).unwrap()).unwrap();
                found.extend(state.advance(&[portion]).unwrap());
                from += count;
            }
            let found = concat_batches(&window.schema(), &found).unwrap();
            assert_eq!(by_id(&found), by_id(&expected), "case {case}: {sql}");
            assert!((1..6).contains(&state.partitions()));
            covered += 1;
        }
    }
    assert!(covered >= 400, "{covered} windows were compared");
}

#[tokio::test]
async fn time_that_goes_back_is_an_error() {
    let context = session();
    let rows = table(&mut StdRng::seed_from_u64(1));
    context.register_table("data", Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap())).unwrap();
    let sql = "SELECT sum(x) OVER (PARTITION BY p ORDER BY t RANGE INTERVAL '9 nanoseconds' PRECEDING) AS c FROM data";
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let window = windows_of(&plan).pop().unwrap();
    let rolling = window.downcast_ref::<RollingWindowExec>().unwrap();
    let input = collect(Arc::clone(rolling.input()), context.task_ctx()).await.unwrap();
    let mut state = Carried::of(rolling).unwrap();
    state.advance(&input).unwrap();
    let error = state.advance(&input).unwrap_err().to_string();
    assert!(error.contains("descends"), "{error}");
}
