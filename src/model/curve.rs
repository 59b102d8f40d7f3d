//! Precision-recall and ROC curves, reduced to few enough points for drawing.

use super::ranking::Ranked;

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The lowest score that is called positive; `None` at the end of the curve where no row is called positive.
    pub threshold: Option<f64>,
    /// Recall, or the false positive rate.
    pub x: f64,
    /// Precision, or the true positive rate.
    pub y: f64,
}

/// Returns (recall, precision) by rising recall, starting at (0, 1); `None` if no row is positive.
pub fn precision_recall(ranked: &Ranked) -> Option<Vec<Point>> {
    if ranked.positives() == 0 {
        return None;
    }
    let mut points = vec![Point { threshold: None, x: 0.0, y: 1.0 }];
    points.extend(ranked.steps().iter().map(|step| Point {
        threshold: Some(step.threshold),
        x: step.true_positives as f64 / ranked.positives() as f64,
        y: ranked.precision(step),
    }));
    Some(points)
}

/// Returns (false positive rate, true positive rate) from (0, 0) to (1, 1); `None` unless both classes occur.
pub fn roc(ranked: &Ranked) -> Option<Vec<Point>> {
    if ranked.positives() == 0 || ranked.negatives() == 0 {
        return None;
    }
    let mut points = vec![Point { threshold: None, x: 0.0, y: 0.0 }];
    points.extend(ranked.steps().iter().map(|step| Point {
        threshold: Some(step.threshold),
        x: step.false_positives as f64 / ranked.negatives() as f64,
        y: step.true_positives as f64 / ranked.positives() as f64,
    }));
    Some(points)
}

/// Keeps at most `max_points` of the points, including both ends, evenly spaced along the drawn line.
///
/// Distance is measured as |dx| + |dy|, so that steep stretches keep their shape.
///
/// # Panics
/// When `max_points` is below 2.
pub fn thin(points: &[Point], max_points: usize) -> Vec<Point> {
    assert!(max_points >= 2, "a line has two ends");
    if points.len() <= max_points {
        return points.to_vec();
    }
    let step = |pair: &[Point]| (pair[1].x - pair[0].x).abs() + (pair[1].y - pair[0].y).abs();
    let length: f64 = points.windows(2).map(step).sum();
    let spacing = length / (max_points - 1) as f64;
    let mut kept = vec![points[0]];
    let (mut travelled, mut mark) = (0.0, spacing);
    // The end point is kept below, whatever its distance.
    for pair in points[..points.len() - 1].windows(2) {
        travelled += step(pair);
        if travelled >= mark && kept.len() < max_points - 1 {
            kept.push(pair[1]);
            mark = spacing * ((travelled / spacing).floor() + 1.0);
        }
    }
    kept.extend(points.last());
    kept
}
