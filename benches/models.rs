//! Fitting, scoring and resampling a million rows of eight features.
//!
//! `cargo bench --bench models`; docs/performance.md has figures, and those of scikit-learn.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall::model::bootstrap::{AveragePrecisions, Intervals, Settings};
use squall::model::metrics::Sample;
use squall::model::{ModelType, Options, Scorer, Split, TrainingRows, TrainingSet};

const ROWS: usize = 1_000_000;
const FEATURES: usize = 8;

/// The rows of a batch, as the engine gives them.
const BATCH: usize = 8192;

/// A number in [0, 1) that looks random.
fn noise(number: usize) -> f64 {
    let mut bits = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Features that share a part, as volatilities do; about a twelfth of the rows are positive.
fn rows() -> TrainingSet {
    let normal = |number: usize| (0..6).map(|part| noise(number * 6 + part)).sum::<f64>() - 3.0;
    let value = |row: usize, k: usize| normal(row * 16) + normal(row * 16 + k + 1) * (1.0 + k as f64 / 4.0);
    let features: Vec<(String, Vec<f64>)> =
        (0..FEATURES).map(|k| (format!("x{k}"), (0..ROWS).map(|row| value(row, k)).collect())).collect();
    let level = |row: usize| 0.8 * value(row, 0) + 0.3 * value(row, 7) + 2.0 * normal(row * 16 + 12);
    let target: Vec<f64> = (0..ROWS).map(|row| (0.3 * level(row)).exp()).collect();
    TrainingSet {
        features,
        labels: target.iter().map(|value| *value >= 2.2).collect(),
        splits: vec![Split::Train; ROWS],
        target: Some(("y".into(), target)),
        ..TrainingSet::default()
    }
}

fn models(criterion: &mut Criterion) {
    let set = rows();
    let columns: Vec<&[f64]> = set.features.iter().map(|(_, column)| column.as_slice()).collect();
    let mut group = criterion.benchmark_group("models");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).throughput(Throughput::Elements(ROWS as u64));
    let mut scores = Vec::new();
    for name in ["logistic_reg", "linear_reg"] {
        let model_type = ModelType::named(name).expect("a type of the table");
        let options = Options::of(model_type);
        let fit =
            || (model_type.train)(TrainingRows::of(&set).expect("rows of both classes"), &options).expect("a fit");
        group.bench_function(format!("fit {name}"), |bencher| bencher.iter(fit));
        let scorer = Scorer::new(model_type, fit());
        group.bench_function(format!("score {name}"), |bencher| {
            bencher.iter(|| {
                for start in (0..ROWS).step_by(BATCH) {
                    let batch: Vec<&[f64]> =
                        columns.iter().map(|column| &column[start..ROWS.min(start + BATCH)]).collect();
                    black_box(scorer.score(&batch));
                }
            });
        });
        scores.push(scorer.score(&columns));
    }
    let times: Vec<i64> = (0..ROWS as i64).map(|second| second * 1_000_000_000).collect();
    let settings = Settings::default();
    group.bench_function("1000 resamples, all metrics", |bencher| {
        bencher.iter(|| Intervals::measure(&Sample::new(&set.labels, &scores[0], Some(0.5), true), &times, &settings));
    });
    group.bench_function("1000 resamples, two average precisions", |bencher| {
        bencher.iter(|| AveragePrecisions::new(&set.labels, &[&scores[0], &scores[1]], &times, &settings));
    });
    group.finish();
}

criterion_group!(benches, models);
criterion_main!(benches);
