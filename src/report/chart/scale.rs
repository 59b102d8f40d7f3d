//! Axes: they map values to pixels and place the ticks.

use crate::text;

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
            (true, false) => (from - 0.5, from + 0.5),
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
        let step = nice_step((axis.to - axis.from) / 5.0);
        let (from, to) = ((axis.from / step).floor() * step, (axis.to / step).ceil() * step);
        Axis { from, to, ..axis }
    }

    /// Makes an axis of categories: the first lies between 0 and 1, and so on.
    pub fn categories(names: &[String]) -> Axis {
        let places = names.iter().enumerate().map(|(index, name)| (index as f64 + 0.5, shortened(name)));
        Axis::new("", Unit::Places(places.collect()), 0.0, names.len().max(1) as f64)
    }

    /// Returns a value's position: 0 at the axis' start, 1 at its end.
    pub fn position(&self, value: f64) -> f64 {
        // Halves, because the difference of the largest numbers is beyond what a DOUBLE holds.
        (value / 2.0 - self.from / 2.0) / (self.to / 2.0 - self.from / 2.0)
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
        let rough = self.to / count.max(1) as f64 - self.from / count.max(1) as f64;
        let step = nice_step(rough);
        // Allow half a thousandth of a step, so that rounding does not lose the last tick.
        let (first, last) = ((self.from / step - 5e-4).ceil(), (self.to / step + 5e-4).floor());
        let ticks = (last - first).clamp(0.0, 1_000.0) as u32;
        (0..=ticks)
            .map(|index| (first + f64::from(index)) * step)
            .map(|value| Tick { value, label: self.tick_label(value, step) })
            .collect()
    }

    fn tick_label(&self, value: f64, step: f64) -> String {
        match self.unit {
            Unit::Number if step < 1e-4 || self.from.abs().max(self.to.abs()) >= 1e15 => {
                if value.abs() < step / 2.0 {
                    "0".into()
                } else {
                    // Use enough digits for neighbouring ticks to differ.
                    let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
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
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough)
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
