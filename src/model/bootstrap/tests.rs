//! The bootstrap against a reimplementation in numpy, and what does not change its draws.

use serde_json::Value;

use super::{AveragePrecisions, Blocks, Interval, Intervals, LANES, Settings, Weights};
use crate::model::metrics::{
    AVERAGE_PRECISION, BRIER, F1, LOG_LOSS, METRICS, Metric, PRECISION, RECALL, ROC_AUC, Sample,
};

const SECOND: i64 = 1_000_000_000;
const THRESHOLD: f64 = 0.75;

/// The rows of `tests/reference/bootstrap.py`: labels, two scores, times.
fn rows() -> (Vec<bool>, Vec<f64>, Vec<f64>, Vec<i64>) {
    let uniform = |index: i64| {
        let mut z = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let level = |t: i64| (t as f64 / 700.0).sin() + (t as f64 / 111.0).sin();
    let squash = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut labels, mut first, mut second, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for t in (0..5 * 3600).filter(|t| !(6000..9000).contains(t)) {
        for product in 0..if t % 3 == 0 { 2 } else { 1 } {
            let noise = [0, 1, 2].map(|k| uniform(8 * t + 4 * product + k) - 0.5);
            labels.push(level(t + 30) + 0.6 * noise[0] > 1.5);
            first.push(squash(level(t) + noise[1]));
            second.push(squash(level(t) + 3.0 * noise[2]));
            times.push(t * SECOND);
        }
    }
    (labels, first, second, times)
}

fn reference() -> Value {
    serde_json::from_str(include_str!("../../../tests/reference/bootstrap.json")).unwrap()
}

/// An end of an interval from 4,000 resamples has a standard error of 0.04 standard deviations; so do the reference's.
#[track_caller]
fn assert_agrees(ours: Option<Interval>, name: &str) {
    let ours = ours.unwrap_or_else(|| panic!("{name} has no interval"));
    let figure = &reference()["figures"][name];
    let number = |key: &str| figure[key].as_f64().unwrap();
    let tolerance = 0.2 * number("deviation");
    for (end, ours) in [("low", ours.low), ("high", ours.high)] {
        assert!((ours - number(end)).abs() < tolerance, "{name}: {end} is {ours}, the reference has {}", number(end));
    }
}

const SETTINGS: Settings = Settings { resamples: 4000, block_s: 600, seed: 1 };

#[test]
fn intervals_of_pairs_agree_with_the_reference() {
    let (labels, first, second, times) = rows();
    let reference = reference();
    assert_eq!(labels.len() as u64, reference["rows"].as_u64().unwrap());
    let pairs = AveragePrecisions::new(&labels, &[&first, &second], &times, &SETTINGS);
    for (index, name) in ["average_precision", "second"].into_iter().enumerate() {
        let theirs = reference["estimate"][name].as_f64().unwrap();
        assert!((pairs.estimates[index].unwrap() - theirs).abs() < 1e-12, "{name}");
        assert_agrees(pairs.interval(index), name);
    }
    let gain = pairs.gain(0, 1).unwrap();
    assert_agrees(gain.interval, "gain");
    let better = reference["share_better"].as_f64().unwrap();
    assert!((gain.share_better.unwrap() - better).abs() < 0.03, "{gain:?} {better}");
    assert_eq!((pairs.resamples + pairs.left_out, pairs.reason), (4000, None));
}

#[test]
fn intervals_of_metrics_agree_with_the_reference() {
    let (labels, first, _, times) = rows();
    let sample = Sample::new(&labels, &first, Some(THRESHOLD), true);
    let intervals = Intervals::measure(&sample, &times, &SETTINGS);
    let compared: [&Metric; 7] = [&AVERAGE_PRECISION, &ROC_AUC, &LOG_LOSS, &BRIER, &PRECISION, &RECALL, &F1];
    for (metric, interval) in METRICS.iter().zip(&intervals.values) {
        match compared.iter().any(|known| known.name == metric.name) {
            true => assert_agrees(*interval, metric.name),
            false => assert_eq!(*interval, None, "{}", metric.name),
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let (labels, first, second, times) = rows();
    let settings = Settings { resamples: 200, ..SETTINGS };
    let one = AveragePrecisions::new(&labels, &[&first, &second], &times, &settings);
    let order: Vec<usize> = (0..labels.len()).map(|index| index * 7919 % labels.len()).collect();
    assert_eq!(order.iter().collect::<std::collections::BTreeSet<_>>().len(), labels.len());
    let of = |values: &[f64]| order.iter().map(|&index| values[index]).collect::<Vec<f64>>();
    let (labels, times): (Vec<bool>, Vec<i64>) = order.iter().map(|&index| (labels[index], times[index])).unzip();
    let other = AveragePrecisions::new(&labels, &[&of(&first), &of(&second)], &times, &settings);
    assert_eq!(one, other);
    let seed = AveragePrecisions::new(&labels, &[&of(&first)], &times, &Settings { seed: 2, ..settings });
    assert_ne!(one.interval(0), seed.interval(0));
}

#[test]
fn threads_do_not_change_the_draws() {
    let times: Vec<i64> = (0..3600).map(|t| t * SECOND).collect();
    let blocks = Blocks::new(&times, 600).unwrap();
    let of_lanes = |weights: &[Weights]| -> [Vec<u32>; LANES] {
        std::array::from_fn(|lane| weights.iter().map(|weights| weights[lane]).collect())
    };
    let many = Settings { resamples: 1000, ..Settings::default() };
    let drawn = blocks.resample(&many, of_lanes);
    let few = blocks.resample(&Settings { resamples: 10, ..many }, of_lanes);
    assert_eq!((&drawn[..10], drawn.len()), (few.as_slice(), 1000));
    assert!(drawn.iter().all(|weights| weights.iter().sum::<u32>() == 300));
}

#[test]
fn long_gaps_are_taken_out_and_short_ones_stay() {
    // Cells of 12 s: a row in every minute, and a day's pause.
    let times: Vec<i64> = (0..60).map(|n| n * 60 * SECOND + if n < 30 { 0 } else { 86_400 * SECOND }).collect();
    let blocks = Blocks::new(&times, 600).unwrap();
    assert_eq!((blocks.cells[1], blocks.cells[29], blocks.cells[30], blocks.cells[31]), (5, 145, 146, 151));
    assert!(Blocks::new(&times[..10], 600).is_err());
    assert!(Blocks::new(&[i64::MIN, i64::MAX], 600).is_err());
}

#[test]
fn what_is_not_known_has_a_reason() {
    let times: Vec<i64> = (0..7200).map(|t| t * SECOND).collect();
    let scores: Vec<f64> = times.iter().map(|t| (t % 977) as f64).collect();
    let reason = |labels: &[bool], scores: &[f64], times: &[i64]| {
        let one = AveragePrecisions::new(labels, &[scores], times, &Settings::default());
        assert_eq!(one.interval(0).is_none(), one.reason.is_some());
        let all = Intervals::measure(&Sample::new(labels, scores, None, true), times, &Settings::default());
        assert_eq!(all.reason, one.reason);
        one.reason
    };
    let spikes: Vec<bool> = (0..7200).map(|t| t % 600 < 20).collect();
    assert_eq!(reason(&[], &[], &[]), Some("no rows"));
    assert_eq!(reason(&vec![false; 7200], &scores, &times), Some("no row is positive"));
    assert_eq!(reason(&spikes, &vec![f64::NAN; 7200], &times), Some("a label or a score is NaN"));
    assert_eq!(
        reason(&spikes[..900], &scores[..900], &times[..900]),
        Some("the rows span less than two blocks of time")
    );
    assert_eq!(reason(&spikes, &scores, &times), None);
    // The first row of all is in one block of 6,601, so that nearly no resample has it.
    let first: Vec<bool> = (0..7200).map(|t| t == 0).collect();
    assert_eq!(reason(&first, &scores, &times), Some("most resamples have no positive row"));
}

#[test]
fn equal_scores_are_never_better() {
    let (labels, first, _, times) = rows();
    let settings = Settings { resamples: 200, ..SETTINGS };
    let gain = AveragePrecisions::new(&labels, &[&first, &first], &times, &settings).gain(0, 1).unwrap();
    assert_eq!((gain.estimate, gain.share_better), (0.0, Some(0.0)));
    assert_eq!(gain.interval, Some(Interval { low: 0.0, high: 0.0 }));
}

#[test]
fn blocks_are_ten_horizons_long_and_ten_minutes_at_least() {
    assert_eq!(Settings::for_horizon(0).block_s, 600);
    assert_eq!(Settings::for_horizon(60 * SECOND).block_s, 600);
    assert_eq!(Settings::for_horizon(300 * SECOND).block_s, 3000);
    assert_eq!(Settings::for_horizon(i64::MAX).block_s, Settings::LONGEST_BLOCK_S);
}
