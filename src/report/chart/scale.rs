//! Axes: they map values to pixels and place the ticks.

use crate::text;

/// From this on, numbers are written with a power of ten.
const LARGE: f64 = 1e15;

/// What an axis measures, which decides where its ticks are and how they are written.
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    Number,
    /// A share, shown as a percentage.
    Share,
    /// Places with their own names, ascending; as many names are shown as there is room for.
    Places(Vec<(f64, String)>),
}

/// One axis: its label, its unit and the range of values that it shows.
#[derive(Debug, Clone)]
pub struct Axis {
    pub label: String,
    pub unit: Unit,
    pub from: f64,
    pub to: f64,
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

impl Axis {
    /// Makes an axis over a range. An empty range is widened, so that it has a scale.
    pub fn new(label: impl Into<String>, unit: Unit, from: f64, to: f64) -> Axis {
        let (from, to) = match (from.is_finite() && to.is_finite(), from < to) {
            (true, true) => (from, to),
            (true, false) => {
                // Half a unit is lost beside a large number.
                let half = if from.abs() < LARGE { 0.5 } else { from.abs() * 1e-3 };
                ((from - half).max(-f64::MAX), (from + half).min(f64::MAX))
            }
            (false, _) => (0.0, 1.0),
        };
        Axis { label: label.into(), unit, from, to }
    }

    /// Makes an axis over all finite values, ending at round numbers; if `zero` is true, it starts at 0.
    pub fn fitted(label: impl Into<String>, unit: Unit, values: impl IntoIterator<Item = f64>, zero: bool) -> Axis {
        let start = if zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        let (from, to) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold(start, |(from, to), value| (f64::min(from, value), f64::max(to, value)));
        let axis = Axis::new(label, unit, from, if zero && to <= 0.0 { 1.0 } else { to });
        let step = axis.step(5);
        let (from, to) = ((axis.from / step).floor() * step, (axis.to / step).ceil() * step);
        if from < to && from.is_finite() && to.is_finite() { Axis { from, to, ..axis } } else { axis }
    }

    /// Makes an axis of categories: the first lies between 0 and 1, and so on.
    pub fn categories(names: &[String]) -> Axis {
        let places = names.iter().enumerate().map(|(index, name)| (index as f64 + 0.5, shortened(name)));
        Axis::new("", Unit::Places(places.collect()), 0.0, names.len().max(1) as f64)
    }

    /// Returns a value's position: 0 at the axis' start, 1 at its end.
    pub fn position(&self, value: f64) -> f64 {
        match self.to - self.from {
            whole if whole.is_finite() => (value - self.from) / whole,
            // The difference of the largest numbers is beyond what a DOUBLE holds, but that of their halves is not.
            _ => (value / 2.0 - self.from / 2.0) / (self.to / 2.0 - self.from / 2.0),
        }
    }

    /// Returns about `count` ticks at round values.
    pub fn ticks(&self, count: usize) -> Vec<Tick> {
        if let Unit::Places(places) = &self.unit {
            let apart = (self.to - self.from) / count.max(1) as f64;
            let mut ticks: Vec<Tick> = Vec::new();
            for (value, label) in places {
                if ticks.last().is_none_or(|last| value - last.value >= apart * 0.999) {
                    ticks.push(Tick { value: *value, label: label.clone() });
                }
            }
            return ticks;
        }
        let step = self.step(count);
        // Allow half a thousandth of a step, so that rounding does not lose the last tick.
        let (first, last) = ((self.from / step - 5e-4).ceil(), (self.to / step + 5e-4).floor());
        let ticks = (last - first).clamp(0.0, 1_000.0) as u32;
        let values = (0..=ticks).map(|index| (first + f64::from(index)) * step).filter(|value| value.is_finite());
        let mut ticks: Vec<Tick> = values.map(|value| Tick { value, label: self.tick_label(value, step) }).collect();
        // Neighbours of few digits may be the same number.
        ticks.dedup_by(|next, last| next.label == last.label);
        ticks
    }

    /// Returns the round distance between about `count` ticks.
    fn step(&self, count: usize) -> f64 {
        // Each end is divided first, because the difference of the largest numbers is beyond what a DOUBLE holds.
        let count = count.max(1) as f64;
        nice_step((self.to / count - self.from / count).clamp(f64::MIN_POSITIVE, f64::MAX))
    }

    fn tick_label(&self, value: f64, step: f64) -> String {
        match self.unit {
            Unit::Number if step < 1e-4 || self.from.abs().max(self.to.abs()) >= LARGE => {
                if value.abs() < step / 2.0 {
                    "0".into()
                } else {
                    // Use enough digits for neighbouring ticks to differ.
                    let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 15.0) as usize;
                    format!("{value:.digits$e}").replace('-', "−")
                }
            }
            Unit::Number | Unit::Places(_) => text::decimals(value, decimals(step)),
            Unit::Share => format!("{} %", text::decimals(value * 100.0, decimals(step * 100.0))),
        }
    }
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 12;
    if name.chars().count() <= LONGEST {
        return name.into();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn decimals(step: f64) -> usize {
    // With this slack, 0.1 gets one decimal; its logarithm may be computed as slightly below -1.
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize
}

/// Returns the smallest number that is at least `rough` and is 1, 2 or 5 times a power of ten.
fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= rough * 0.999 && step.is_finite()).unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::{Axis, Unit};

    fn labels(axis: &Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_fall_on_round_values() {
        assert_eq!(labels(&Axis::new("", Unit::Number, 0.0, 1.0), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::new("", Unit::Share, 0.0, 0.1), 5), ["0 %", "2 %", "4 %", "6 %", "8 %", "10 %"]);
        assert_eq!(
            labels(&Axis::new("", Unit::Number, 86_990.0, 87_310.0), 4),
            ["87,000", "87,100", "87,200", "87,300"]
        );
        assert_eq!(labels(&Axis::new("", Unit::Number, 0.0, 4e-5), 4), ["0", "1e−5", "2e−5", "3e−5", "4e−5"]);
        assert_eq!(labels(&Axis::new("", Unit::Number, 1e300, 1.2e300), 2), ["1.0e300", "1.1e300", "1.2e300"]);
        let widest = Axis::new("", Unit::Number, -f64::MAX, f64::MAX);
        assert_eq!(
            (labels(&widest, 4), widest.position(0.0)),
            (["−1e308", "0", "1e308"].map(String::from).into(), 0.5)
        );
    }

    #[test]
    fn labels_of_large_numbers_differ_and_are_numbers() {
        let large = [(1e15, 1e15 + 10.0), (1e17, 1e17 + 64.0), (1e17, 1e17 + 16.0), (1e17, 1e17), (f64::MAX, f64::MAX)];
        let wide = [(-f64::MAX, f64::MAX), (0.0, 5e-324), (-1e-320, 1e-320), (1.0, 1.0 + f64::EPSILON)];
        for (from, to) in large.into_iter().chain(wide) {
            let fitted = Axis::fitted("", Unit::Number, [from, to], false);
            for axis in [Axis::new("", Unit::Number, from, to), fitted] {
                assert!(
                    axis.from < axis.to && axis.to.is_finite() && axis.position(axis.from).abs() < 1e-9,
                    "{axis:?}"
                );
                for count in 1..8 {
                    let labels = labels(&axis, count);
                    let different: std::collections::BTreeSet<&String> = labels.iter().collect();
                    assert_eq!(different.len(), labels.len(), "{axis:?}: {labels:?}");
                    assert!(labels.iter().all(|label| !label.contains("NaN") && !label.contains("inf")), "{labels:?}");
                }
            }
        }
        let steps = ["1.000000000000000e15", "1.000000000000005e15", "1.000000000000010e15"];
        assert_eq!(labels(&Axis::new("", Unit::Number, 1e15, 1e15 + 10.0), 2), steps);
    }

    #[test]
    fn crowded_places_are_thinned() {
        let names: Vec<String> = (0..10).map(|index| format!("category {index}")).collect();
        assert_eq!(labels(&Axis::categories(&names), 5).len(), 5);
        assert_eq!(labels(&Axis::categories(&names[..2]), 5), ["category 0", "category 1"]);
        assert_eq!(labels(&Axis::categories(&["a rather long name".into()]), 5), ["a rather lo…"]);
    }

    #[test]
    fn a_range_without_width_still_has_a_scale() {
        for (from, to) in [(3.0, 3.0), (f64::NAN, 1.0), (f64::INFINITY, f64::NEG_INFINITY)] {
            let axis = Axis::new("", Unit::Number, from, to);
            assert!(axis.from < axis.to && !axis.ticks(4).is_empty(), "{from} to {to}");
        }
    }
}
