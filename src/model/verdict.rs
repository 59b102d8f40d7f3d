//! Whether a score beats a baseline, in words: the one place for them.
//!
//! In: the paired difference of two average precisions with its interval, and the number of episodes behind it. Out: a verdict,
//! with what it would take where it cannot be told yet.

use std::fmt;

use super::bootstrap::Interval;

/// With fewer episodes than this, resamples repeat the same few events, and an interval looks surer than it is.
pub const LEAST_EPISODES: u64 = 10;

/// The average precision of a score that is the same everywhere differs from that of guessing by rounding only.
const ROUNDING: f64 = 1e-9;

/// With more episodes than this nobody waits for the answer.
const MOST_EPISODES: f64 = 100_000.0;

/// A forecast of something rarer than this that reaches this average precision on rows that it has not seen is hardly one: a feature
/// knows the label, as a label that is moved by one row does.
pub const TOO_GOOD: f64 = 0.9;
pub const RARE: f64 = 0.3;

/// With fewer positive rows than this, a high average precision may be luck; where episodes are known, they are counted instead.
pub const LEAST_POSITIVES: u64 = 50;

/// What is said of it.
pub const TOO_GOOD_WARNING: &str = "its average precision is too good to be true: does a feature know the label?";

/// What a comparison on the same rows found.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Comparison {
    /// The average precision of the score, that of the baseline, and that of guessing.
    pub average_precision: Option<f64>,
    pub baseline: Option<f64>,
    pub prevalence: Option<f64>,
    /// The interval of the difference between the first two.
    pub interval: Option<Interval>,
    pub episodes: Option<u64>,
}

/// Whether a score beats the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The interval of the difference lies above 0.
    Beats,
    /// The interval of the difference lies below 0.
    DoesNotBeat,
    /// The score does not rank: its average precision is that of guessing.
    EqualsGuessing,
    /// The interval holds 0, or there are too few episodes. With about so many the interval would not hold 0; `None` if that
    /// number is not known or beyond reach.
    CannotBeToldYet { episodes_needed: Option<u64> },
    /// All rows are positive, or none is: every score ranks them equally well.
    OneClass,
    /// An average precision or the interval is undefined.
    Unknown,
}

impl Comparison {
    /// Returns the verdict.
    ///
    /// The width of an interval shrinks as one over the root of the number of episodes. So the number needed follows from how
    /// far the end beyond 0 lies from the difference.
    pub fn verdict(&self) -> Verdict {
        if self.prevalence.is_some_and(|guessing| guessing <= 0.0 || guessing >= 1.0) {
            return Verdict::OneClass;
        }
        let (Some(ours), Some(theirs)) = (self.average_precision, self.baseline) else { return Verdict::Unknown };
        if self.prevalence.is_some_and(|guessing| (ours - guessing).abs() <= ROUNDING) {
            return Verdict::EqualsGuessing;
        }
        let (Some(interval), Some(episodes)) = (self.interval, self.episodes) else { return Verdict::Unknown };
        let difference = ours - theirs;
        let few = episodes < LEAST_EPISODES;
        if interval.low > 0.0 && !few {
            return Verdict::Beats;
        }
        if interval.high < 0.0 && !few {
            return Verdict::DoesNotBeat;
        }
        let beyond = if difference > 0.0 { difference - interval.low } else { interval.high - difference };
        let needed = episodes as f64 * (beyond / difference).powi(2);
        // Exactly as many as there are would leave an end at 0.
        let needed = (needed.is_finite() && needed <= MOST_EPISODES).then(|| needed.ceil() as u64 + 1);
        Verdict::CannotBeToldYet { episodes_needed: needed.map(|needed| needed.max(LEAST_EPISODES)) }
    }
}

impl Verdict {
    /// Returns the verdict as a short text; `baseline` is such as "the naive rule".
    pub fn words(self, baseline: &str) -> String {
        match self {
            Verdict::Beats => format!("beats {baseline}"),
            Verdict::DoesNotBeat => format!("does not beat {baseline}"),
            Verdict::EqualsGuessing => format!("equals guessing and does not beat {baseline}"),
            Verdict::CannotBeToldYet { episodes_needed: Some(needed) } => {
                format!("cannot be told yet: it would take about {} episodes", rounded(needed))
            }
            Verdict::CannotBeToldYet { episodes_needed: None } => {
                "cannot be told yet: the difference is too small for any number of episodes within reach".into()
            }
            Verdict::OneClass => "cannot be told: the rows are all of one class".into(),
            Verdict::Unknown => "not known".into(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words("the naive rule"))
    }
}

/// Rounds up to two digits: the number is an estimate.
fn rounded(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number.div_ceil(unit) * unit
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Interval, Verdict};

    fn compare(ours: f64, low: f64, high: f64, episodes: u64) -> Verdict {
        let comparison = Comparison {
            average_precision: Some(ours),
            baseline: Some(0.3),
            prevalence: Some(0.05),
            interval: Some(Interval { low, high }),
            episodes: Some(episodes),
        };
        comparison.verdict()
    }

    #[test]
    fn only_an_interval_without_0_decides() {
        assert_eq!(compare(0.4, 0.02, 0.18, 30), Verdict::Beats);
        assert_eq!(compare(0.2, -0.18, -0.02, 30), Verdict::DoesNotBeat);
        // The low end is twice the difference away, so four times the episodes.
        let verdict = compare(0.4, -0.1, 0.3, 30);
        assert!(matches!(verdict, Verdict::CannotBeToldYet { episodes_needed: Some(120..=122) }), "{verdict:?}");
        assert_eq!(verdict.to_string(), "cannot be told yet: it would take about 130 episodes");
        let below = compare(0.2, -0.3, 0.1, 30);
        assert!(matches!(below, Verdict::CannotBeToldYet { episodes_needed: Some(120..=122) }), "{below:?}");
        assert_eq!(compare(0.3, -0.1, 0.1, 30), Verdict::CannotBeToldYet { episodes_needed: None });
        assert_eq!(compare(0.300_1, -0.1, 0.1, 30), Verdict::CannotBeToldYet { episodes_needed: None });
    }

    #[test]
    fn a_few_episodes_decide_nothing() {
        assert_eq!(compare(0.4, 0.02, 0.18, 9), Verdict::CannotBeToldYet { episodes_needed: Some(10) });
        assert_eq!(compare(0.4, 0.02, 0.18, 10), Verdict::Beats);
    }

    #[test]
    fn a_constant_score_equals_guessing() {
        assert_eq!(compare(0.05 + 1e-12, 0.01, 0.02, 500), Verdict::EqualsGuessing);
        assert_eq!(compare(0.04, -0.3, -0.2, 500), Verdict::DoesNotBeat);
        assert_eq!(Verdict::EqualsGuessing.to_string(), "equals guessing and does not beat the naive rule");
    }

    #[test]
    fn rows_of_one_class_tell_nothing() {
        for prevalence in [0.0, 1.0] {
            let one = Comparison {
                average_precision: Some(prevalence),
                baseline: Some(prevalence),
                prevalence: Some(prevalence),
                interval: Some(Interval { low: 0.0, high: 0.0 }),
                episodes: Some(50),
            };
            assert_eq!(one.verdict(), Verdict::OneClass);
        }
        assert_eq!(Verdict::OneClass.to_string(), "cannot be told: the rows are all of one class");
    }

    #[test]
    fn what_is_undefined_is_not_known() {
        assert_eq!(Comparison::default().verdict(), Verdict::Unknown);
        let no_interval = Comparison { average_precision: Some(0.4), baseline: Some(0.3), ..Comparison::default() };
        assert_eq!(no_interval.verdict(), Verdict::Unknown);
    }
}
