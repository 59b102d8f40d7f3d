//! A made-up market with the columns of the SQL project's named queries: deterministic, small, with bursts of volatility.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::prelude::SessionContext;

/// 2025-11-24 09:00 UTC.
const START: i64 = 1_763_974_800_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// One row of `spike_training`.
#[derive(Debug, Clone)]
pub struct Row {
    pub ts: i64,
    pub split: &'static str,
    pub midprice: f64,
    pub current_vol: f64,
    pub forward_vol: f64,
    pub spike: bool,
}

/// Tables that a test can change before they are registered.
#[derive(Debug, Clone)]
pub struct Market {
    pub product: String,
    pub tau: f64,
    pub rows: Vec<Row>,
    /// Name; weight of the forward volatility in the score (the rest is current volatility).
    pub models: Vec<(String, f64)>,
    /// Whether every third score is NULL and every seventh NaN.
    pub undefined_scores: bool,
}

/// A linear congruential generator's upper bits, uniform in [0, 1).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns an approximately normal number: the sum of twelve uniform ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.roll()).sum::<f64>() - 6.0
    }
}

/// Returns a market of `rows` ticks, six seconds apart on average, with a gap of an hour in the test period.
pub fn market(rows: usize) -> Market {
    let mut dice = Dice(7);
    let (mut ts, mut price, mut level) = (START, 87_000.0, 0.0_f64);
    let mut volatility = Vec::with_capacity(rows + 10);
    for _ in 0..rows + 10 {
        level = 0.985 * level + 0.11 * dice.normal() + if dice.roll() < 0.002 { 1.6 } else { 0.0 };
        volatility.push(2.5e-4 * level.exp());
    }
    let mut market_rows = Vec::with_capacity(rows);
    let tau = 8e-4;
    for index in 0..rows {
        ts += (12.0 * dice.roll() * SECOND as f64) as i64 + 1;
        if index == rows * 9 / 10 {
            ts += 3_600 * SECOND;
        }
        price *= 1.0 + 0.35 * volatility[index] * dice.normal();
        let noise = |dice: &mut Dice| (0.15 * dice.normal()).exp();
        let current_vol = volatility[index] * noise(&mut dice);
        let forward_vol = volatility[index + 8] * noise(&mut dice);
        let split = match index * 10 / rows {
            0..6 => "train",
            6 | 7 => "validation",
            _ => "test",
        };
        market_rows.push(Row { ts, split, midprice: price, current_vol, forward_vol, spike: forward_vol >= tau });
    }
    let models = vec![
        ("spike_logistic".to_string(), 0.6),
        ("naive_volatility".to_string(), 0.0),
        ("volatility_threshold".to_string(), 0.0),
    ];
    Market { product: "BTC-USD".into(), tau, rows: market_rows, models, undefined_scores: false }
}

impl Market {
    /// Returns a model's score for a row: a squashed mix of current and future volatility.
    fn score(&self, model: &str, weight: f64, row: &Row) -> f64 {
        let mixed = weight * row.forward_vol.ln() + (1.0 - weight) * row.current_vol.ln();
        let odds = (2.2 * (mixed - self.tau.ln())).exp();
        if model == "volatility_threshold" {
            f64::from(u8::from(row.current_vol >= self.tau))
        } else {
            odds / (1.0 + odds)
        }
    }

    /// Counts the rows for which `matches` is true, given a model's score.
    pub fn count(&self, model: &str, matches: impl Fn(&Row, f64) -> bool) -> usize {
        let (_, weight) = self.models.iter().find(|(name, _)| name == model).unwrap();
        self.rows.iter().filter(|row| matches(row, self.score(model, *weight, row))).count()
    }

    /// Registers `spike_training` and `spike_scores`.
    pub async fn register(&self) -> SessionContext {
        let context = SessionContext::new();
        squall::catalog::FUNCTIONS.register(&context, std::path::Path::new("no/models/here"));
        let rows = &self.rows;
        let training = vec![
            ("product_id", text(rows.iter().map(|_| Some(self.product.as_str())))),
            ("ts", times(rows)),
            ("split", text(rows.iter().map(|row| Some(row.split)))),
            ("midprice", numbers(rows.iter().map(|row| Some(row.midprice)))),
            ("current_vol", numbers(rows.iter().map(|row| Some(row.current_vol)))),
            ("forward_vol", numbers(rows.iter().map(|row| Some(row.forward_vol)))),
            ("tau", numbers(rows.iter().map(|_| Some(self.tau)))),
            ("spike", flags(rows)),
            ("log_rv_60s", numbers(rows.iter().map(|row| Some(row.current_vol.ln())))),
        ];
        register(&context, "spike_training", vec![training]);

        let scores = self.models.iter().map(|(model, weight)| {
            vec![
                ("model", text(rows.iter().map(|_| Some(model.as_str())))),
                ("product_id", text(rows.iter().map(|_| Some(self.product.as_str())))),
                ("ts", times(rows)),
                ("split", text(rows.iter().map(|row| Some(row.split)))),
                ("midprice", numbers(rows.iter().map(|row| Some(row.midprice)))),
                ("current_vol", numbers(rows.iter().map(|row| Some(row.current_vol)))),
                ("forward_vol", numbers(rows.iter().map(|row| Some(row.forward_vol)))),
                ("tau", numbers(rows.iter().map(|_| Some(self.tau)))),
                ("spike", flags(rows)),
                (
                    "score",
                    numbers(rows.iter().enumerate().map(|(index, row)| match () {
                        () if self.undefined_scores && index % 3 == 0 => None,
                        () if self.undefined_scores && index % 7 == 0 => Some(f64::NAN),
                        () => Some(self.score(model, *weight, row)),
                    })),
                ),
            ]
        });
        register(&context, "spike_scores", scores.collect());

        context
    }
}

type Columns = Vec<(&'static str, ArrayRef)>;

/// Registers batches of columns as a table.
pub fn register(context: &SessionContext, name: &str, batches: Vec<Columns>) {
    let batches: Vec<RecordBatch> = batches
        .into_iter()
        .map(|columns| {
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
        })
        .collect();
    let table = datafusion::datasource::MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
    context.register_table(name, Arc::new(table)).unwrap();
}

pub fn numbers(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.collect::<Float64Array>())
}

pub fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn times(rows: &[Row]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.ts)).with_timezone("UTC"))
}

fn flags(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| Some(row.spike)).collect::<BooleanArray>())
}
