//! Generated tables: few rows, many ties, NULLs. Every value is a multiple of 2^-10, so that sums of products are exact.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};

/// One row; every column may be NULL.
#[derive(Debug, Clone)]
pub struct Row {
    p: Option<u8>,
    q: Option<u8>,
    /// A time in microseconds, with ties.
    t: Option<i64>,
    x: Option<f64>,
    /// Some of these numbers are NaN or infinite, so no exact sum can hold them.
    y: Option<f64>,
    f: Option<f32>,
    i: Option<i32>,
    /// Integers whose sum wraps around.
    n: Option<i64>,
    u: Option<u64>,
    pub b: Option<bool>,
}

impl Row {
    /// Returns a column's value as a double.
    pub fn number(&self, column: &str) -> Option<f64> {
        match column {
            "x" => self.x,
            "y" => self.y,
            "q" => self.q.map(f64::from),
            "f" => self.f.map(f64::from),
            "i" => self.i.map(f64::from),
            _ => panic!("{column} is not a column of numbers"),
        }
    }
}

pub fn rows() -> impl Strategy<Value = Vec<Row>> {
    let finite = prop_oneof![
        6 => (-400..400i32).prop_map(|eighths| f64::from(eighths) / 8.0),
        3 => Just(1.5),
        1 => (-1_000_000..1_000_000i32).prop_map(|parts| f64::from(parts) / 1024.0),
        1 => Just(f64::from(1 << 25)),
    ];
    let special = prop_oneof![
        6 => (-80..80i32).prop_map(|eighths| f64::from(eighths) / 8.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(-0.0),
        1 => Just(0.0),
    ];
    // Large integers whose sums still fit, because a sum that does not fit is an error.
    let large = prop_oneof![9 => -100..100i64, 1 => any::<i64>().prop_map(|value| value >> 12)];
    let unsigned = prop_oneof![9 => 0..100u64, 1 => any::<u64>().prop_map(|value| value >> 12)];
    let row = (
        (prop::option::of(0..3u8), prop::option::weighted(0.9, 0..2u8), prop::option::weighted(0.9, 0..30i64)),
        (
            prop::option::weighted(0.85, finite),
            prop::option::weighted(0.85, special),
            prop::option::weighted(0.85, (-40..40i16).prop_map(|quarters| f32::from(quarters) / 4.0)),
        ),
        prop::option::weighted(0.85, -20..20i32),
        prop::option::weighted(0.85, large),
        prop::option::weighted(0.85, unsigned),
        prop::option::weighted(0.85, any::<bool>()),
    )
        .prop_map(|((p, q, t), (x, y, f), i, n, u, b)| Row { p, q, t, x, y, f, i, n, u, b });
    prop::collection::vec(row, 0..60)
}

/// Returns the rows as a table. `id` is a row's index; `k` is distinct and in another order than the rows.
pub fn table(rows: &[Row]) -> RecordBatch {
    let ids = 0..rows.len() as i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("k", Arc::new(Int64Array::from_iter_values(ids.map(|id| (id * 37) % 1009)))),
        ("p", Arc::new(rows.iter().map(|row| row.p.map(|p| format!("p{p}"))).collect::<StringArray>())),
        ("q", Arc::new(rows.iter().map(|row| row.q.map(i64::from)).collect::<Int64Array>())),
        ("t", Arc::new(rows.iter().map(|row| row.t).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        ("x", Arc::new(rows.iter().map(|row| row.x).collect::<Float64Array>())),
        ("y", Arc::new(rows.iter().map(|row| row.y).collect::<Float64Array>())),
        ("f", Arc::new(rows.iter().map(|row| row.f).collect::<Float32Array>())),
        ("i", Arc::new(rows.iter().map(|row| row.i).collect::<Int32Array>())),
        ("n", Arc::new(rows.iter().map(|row| row.n).collect::<Int64Array>())),
        ("u", Arc::new(rows.iter().map(|row| row.u).collect::<UInt64Array>())),
        ("b", Arc::new(rows.iter().map(|row| row.b).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}
