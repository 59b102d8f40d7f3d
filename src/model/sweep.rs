//! What each threshold would do: the figures by row and by episode from which a person chooses one.
//!
//! In: labels, scores and times of the rows of one product. Out: a bounded number of thresholds, each one of the scores.

use super::confusion::Confusion;
use super::episodes::{Alerts, Timeline};
use super::ranking::Ranked;

/// What a threshold does.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// By row.
    pub counts: Confusion,
    /// By alert and episode.
    pub alerts: Alerts,
}

/// Returns at most `max_points` thresholds, by falling threshold.
///
/// If there are more distinct scores, the numbers of rows that reach the thresholds grow by about equal factors, from one row to all:
/// alerts are rare, so what a reader chooses between lies among the highest scores.
pub fn sweep(ranked: &Ranked, timeline: &Timeline, max_points: usize) -> Vec<Point> {
    let steps = ranked.steps();
    let rows = |index: usize| (steps[index].true_positives + steps[index].false_positives) as f64;
    let chosen: Vec<usize> = if steps.len() <= max_points {
        (0..steps.len()).collect()
    } else {
        let (first, last) = (rows(0), rows(steps.len() - 1));
        let wanted = |point: usize| first * (last / first).powf(point as f64 / (max_points - 1) as f64);
        let mut chosen: Vec<usize> = (0..max_points - 1)
            .map(|point| {
                let wanted = wanted(point);
                let (mut low, mut high) = (0, steps.len() - 1);
                while low < high {
                    let middle = (low + high) / 2;
                    if rows(middle) < wanted { low = middle + 1 } else { high = middle }
                }
                low
            })
            .chain([steps.len() - 1])
            .collect();
        chosen.dedup();
        chosen
    };
    let point = |index: &usize| Point {
        counts: ranked.confusion(&steps[*index]),
        alerts: timeline.at(steps[*index].threshold),
    };
    chosen.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::sweep;
    use crate::model::episodes::Timeline;
    use crate::model::ranking::Ranked;

    #[test]
    fn few_scores_are_all_thresholds_and_of_many_both_ends_are() {
        let labels: Vec<bool> = (0..1000).map(|row| row % 50 == 0).collect();
        let scores: Vec<f64> = (0..1000).map(|row| f64::from(row * 7919 % 1000)).collect();
        let times: Vec<i64> = (0..1000).map(|row| row * 1_000_000_000).collect();
        let timeline = Timeline::new(&labels, &scores, &times, 60_000_000_000).unwrap();
        let ranked = Ranked::new(&labels, &scores).unwrap();
        assert_eq!(sweep(&ranked, &timeline, 1000).len(), 1000);
        let points = sweep(&ranked, &timeline, 20);
        assert!(points.len() <= 20 && points.len() >= 15, "{}", points.len());
        let thresholds: Vec<f64> = points.iter().map(|point| point.alerts.threshold).collect();
        assert!(thresholds.is_sorted_by(|a, b| a > b), "{thresholds:?}");
        assert_eq!((thresholds[0], thresholds.last()), (999.0, Some(&0.0)));
        // Half of the thresholds concern the highest 4 % of the scores.
        assert!(thresholds[thresholds.len() / 2] > 950.0, "{thresholds:?}");
        for point in &points {
            assert_eq!(point.alerts, timeline.at(point.alerts.threshold));
            assert_eq!(point.counts.true_positives + point.counts.false_negatives, 20);
        }
    }
}
