//! Episodes: positive rows less than one horizon apart are one event, however many rows it covers.
//!
//! In: labels, scores and times of the rows of one product. Out: the number of episodes, and how alerts meet them.
//!
//! An **alert** is raised at a row whose score reaches the threshold while no alert stands, and it stands for one horizon: the time
//! for which it warns. So the number of alerts is what a reader of alerts would receive, and a rule that always alerts raises
//! one in every horizon. An alert is **false** if no row is positive while it stands. An episode is **caught** if an alert stands at one of
//! its rows.
//!
//! The **lead time** of a caught episode runs from its first alert to one horizon after its first row. The label of that row looks one
//! horizon ahead, and the label of the row before it was not yet positive, so the volatility that makes the episode arrives at
//! the far end of that horizon. A lead time below 0 means that the volatility had arrived before the alert.

use super::probability::quantile_sorted;

/// The horizon by default, in seconds.
pub const HORIZON_S: u64 = 60;

const NANOSECONDS_PER_HOUR: f64 = 3.6e12;

/// Returns the number of episodes among positive rows, given by their times in any order.
pub fn count(mut positives: Vec<i64>, horizon_ns: i64) -> u64 {
    positives.sort_unstable();
    let apart = positives.windows(2).filter(|pair| pair[1].saturating_sub(pair[0]) >= horizon_ns).count();
    if positives.is_empty() { 0 } else { apart as u64 + 1 }
}

/// Rows in order of time.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Time, score, label.
    rows: Vec<(i64, f64, bool)>,
    horizon_ns: i64,
}

/// How alerts meet episodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    pub threshold: f64,
    pub episodes: u64,
    pub caught: u64,
    /// The lead times of the caught episodes, in seconds, ascending.
    pub lead_s: Vec<f64>,
    pub alerts: u64,
    pub false_alerts: u64,
    /// The time that the rows cover, in hours; pauses of more than one horizon do not count.
    pub hours: f64,
}

impl Timeline {
    /// Sorts rows by time; `None` if a score is NaN.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn new(labels: &[bool], scores: &[f64], times: &[i64], horizon_ns: i64) -> Option<Timeline> {
        assert!(labels.len() == scores.len() && labels.len() == times.len(), "a row has a label, a score and a time");
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut rows: Vec<_> = times.iter().zip(scores).zip(labels).map(|((&t, &s), &l)| (t, s, l)).collect();
        rows.sort_unstable_by(|a, b| (a.0, a.2).cmp(&(b.0, b.2)).then(a.1.total_cmp(&b.1)));
        Some(Timeline { rows, horizon_ns })
    }

    /// Returns the number of alerts at a threshold.
    pub fn alerts(&self, threshold: f64) -> u64 {
        let mut ends = None;
        let mut alerts = 0;
        for &(time, score, _) in &self.rows {
            if score >= threshold && ends.is_none_or(|ends| time >= ends) {
                alerts += 1;
                ends = Some(time.saturating_add(self.horizon_ns));
            }
        }
        alerts
    }

    /// Returns the time that the rows cover, in hours.
    pub fn hours(&self) -> f64 {
        let steps = self.rows.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0));
        let covered: i128 = steps.filter(|step| *step <= self.horizon_ns).map(i128::from).sum();
        covered as f64 / NANOSECONDS_PER_HOUR
    }

    /// Returns the lowest threshold, one of the scores, with at most this many alerts an hour; `None` if every threshold has
    /// more, or if the rows cover no time.
    pub fn threshold_for(&self, alerts_per_hour: f64) -> Option<f64> {
        let hours = self.hours();
        if hours <= 0.0 {
            return None;
        }
        let mut scores: Vec<f64> = self.rows.iter().map(|row| row.1 + 0.0).collect();
        scores.sort_unstable_by(f64::total_cmp);
        scores.dedup();
        // Alerts are as many rows, at least one horizon apart, as can be chosen. A higher threshold leaves fewer rows to
        // choose from, so that the number of alerts never rises with the threshold.
        let first = scores.partition_point(|&score| self.alerts(score) as f64 > alerts_per_hour * hours);
        scores.get(first).copied()
    }

    /// Raises alerts at a threshold and compares them with the episodes.
    pub fn at(&self, threshold: f64) -> Alerts {
        let mut found = Alerts {
            threshold,
            episodes: 0,
            caught: 0,
            lead_s: Vec::new(),
            alerts: 0,
            false_alerts: 0,
            hours: self.hours(),
        };
        // The alert that stands: when it was raised, and whether a row was positive since.
        let mut alert: Option<(i64, bool)> = None;
        // The episode that lasts: its first and its last row so far, and whether it is caught.
        let mut episode: Option<(i64, i64, bool)> = None;
        for &(time, score, positive) in &self.rows {
            if let Some((raised, right)) = alert
                && time >= raised.saturating_add(self.horizon_ns)
            {
                found.false_alerts += u64::from(!right);
                alert = None;
            }
            if alert.is_none() && score >= threshold {
                found.alerts += 1;
                alert = Some((time, false));
            }
            if !positive {
                continue;
            }
            let (first, caught) = match episode {
                Some((first, last, caught)) if time.saturating_sub(last) < self.horizon_ns => (first, caught),
                _ => {
                    found.episodes += 1;
                    (time, false)
                }
            };
            if let Some((raised, right)) = &mut alert {
                *right = true;
                if !caught {
                    found.caught += 1;
                    let arrives = i128::from(first) + i128::from(self.horizon_ns);
                    found.lead_s.push((arrives - i128::from(*raised)) as f64 / 1e9);
                }
            }
            episode = Some((first, time, caught || alert.is_some()));
        }
        found.false_alerts += u64::from(alert.is_some_and(|(_, right)| !right));
        found.lead_s.sort_unstable_by(f64::total_cmp);
        found
    }
}

impl Alerts {
    /// Returns the share of episodes that are caught, in [0, 1]; `None` if there is no episode.
    pub fn caught_share(&self) -> Option<f64> {
        (self.episodes > 0).then(|| self.caught as f64 / self.episodes as f64)
    }

    /// Returns the median lead time of the caught episodes, in seconds; `None` if none is caught.
    pub fn median_lead_s(&self) -> Option<f64> {
        (!self.lead_s.is_empty()).then(|| quantile_sorted(&self.lead_s, 0.5))
    }

    /// Returns the number of episodes with an alert before their volatility arrives.
    pub fn in_time(&self) -> u64 {
        self.lead_s.iter().filter(|lead| **lead > 0.0).count() as u64
    }

    /// Returns alerts an hour; `None` if the rows cover no time.
    pub fn per_hour(&self, alerts: u64) -> Option<f64> {
        (self.hours > 0.0).then(|| alerts as f64 / self.hours)
    }
}

#[cfg(test)]
mod tests {
    use super::{Timeline, count};

    const SECOND: i64 = 1_000_000_000;

    fn timeline(rows: &[(i64, f64, bool)]) -> Timeline {
        let times: Vec<i64> = rows.iter().map(|row| row.0 * SECOND).collect();
        let scores: Vec<f64> = rows.iter().map(|row| row.1).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row.2).collect();
        Timeline::new(&labels, &scores, &times, 60 * SECOND).unwrap()
    }

    #[test]
    fn positives_less_than_a_horizon_apart_are_one_episode() {
        assert_eq!(count(Vec::new(), 60), 0);
        assert_eq!(count(vec![100, 0, 59, 118], 60), 1);
        assert_eq!(count(vec![60, 0], 60), 2);
        assert_eq!(count(vec![i64::MIN, i64::MAX], 60), 2);
    }

    /// A row a second for ten minutes: spikes from 200 to 259 and at 400; the score is high from 195 and at 500.
    fn example() -> Timeline {
        let rows: Vec<(i64, f64, bool)> = (0..=600)
            .map(|t| {
                let score = if (195..300).contains(&t) {
                    0.9
                } else if t == 500 {
                    0.8
                } else {
                    0.1
                };
                (t, score, (200..260).contains(&t) || t == 400)
            })
            .collect();
        timeline(&rows)
    }

    #[test]
    fn alerts_stand_for_a_horizon_and_catch_episodes() {
        let found = example().at(0.5);
        // Raised at 195 (spikes while it stands), 255 (259 is positive) and 500 (false).
        assert_eq!((found.alerts, found.false_alerts), (3, 1));
        assert_eq!((found.episodes, found.caught, found.in_time()), (2, 1, 1));
        // The first row of the episode is at 200, so its volatility arrives at 260.
        assert_eq!(found.lead_s, [65.0]);
        assert!((found.hours - 600.0 / 3600.0).abs() < 1e-12);
    }

    #[test]
    fn who_always_alerts_raises_one_alert_in_each_horizon() {
        let found = example().at(0.0);
        assert_eq!((found.alerts, found.episodes, found.caught), (11, 2, 2));
        assert_eq!(found.alerts, example().alerts(0.0));
        assert_eq!(found.false_alerts, 8);
    }

    #[test]
    fn a_late_alert_has_a_lead_time_below_0() {
        let rows: Vec<(i64, f64, bool)> = (0..200).map(|t| (t, f64::from(t >= 75), (0..80).contains(&t))).collect();
        assert_eq!(timeline(&rows).at(0.5).lead_s, [-15.0]);
    }

    #[test]
    fn a_budget_gives_the_lowest_threshold_that_keeps_it() {
        let timeline = example();
        // Six alerts an hour are one in these ten minutes, which no threshold but the highest can keep: it has two.
        assert_eq!(timeline.threshold_for(6.0), None);
        assert_eq!(timeline.threshold_for(12.0), Some(0.9));
        assert_eq!(timeline.threshold_for(18.0), Some(0.8));
        assert_eq!(timeline.threshold_for(1000.0), Some(0.1));
    }

    #[test]
    fn pauses_do_not_count_as_hours() {
        let rows = timeline(&[(0, 0.1, false), (36, 0.1, false), (7200, 0.1, false), (7236, 0.1, false)]);
        assert!((rows.hours() - 0.02).abs() < 1e-12);
    }
}
