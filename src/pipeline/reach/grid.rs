//! Grids of time, such as the starts of minutes: which grid holds another.

use super::interval::{CALENDAR, DAY, LONGEST_MONTH, SHORTEST_MONTH};

/// The grid on which a time lies: multiples of a length, counted from an origin. Months have several lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    pub step: i64,
    /// The least length of a step.
    pub least: i64,
    pub origin: String,
}

impl Grid {
    /// Returns whether every time on another grid lies on this one. The calendar's units begin at midnight.
    pub fn divides(&self, other: &Grid) -> bool {
        let regular = |grid: &Grid| grid.least == grid.step;
        let same_start =
            self.origin == other.origin || (self.origin.is_empty() && CALENDAR.contains(&other.origin.as_str()));
        let whole = if regular(other) && self.origin == other.origin { other.step } else { DAY };
        let fits = whole % self.step == 0;
        regular(self) && same_start && fits
    }

    /// Returns whether an interval of months that has several lengths is over when so long has passed since its start: as many months
    /// as it has, or more.
    pub fn is_over_after(&self, least: i64, most: i64) -> bool {
        let own = match self.origin.as_str() {
            "month" => 1,
            "quarter" => 3,
            "year" => 12,
            _ => return false,
        };
        least >= own * SHORTEST_MONTH && most >= own * LONGEST_MONTH
    }
}
