//! Distances in months of the calendar.
//!
//! In: a time as an integer, in any unit of which a day has a whole number. Out: the time some months later or earlier, on the
//! same day of the month, or on the month's last day if it has fewer days. Times are in UTC. A later time never becomes an
//! earlier one, so frames only move forward.
//!
//! Dates are computed as by H. Hinnant, "chrono-compatible low-level date algorithms", 2021.

/// A number of months, and a rest with a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    pub months: i64,
    /// In the unit of the times.
    pub rest: i64,
    /// How many units a day has.
    pub day: i64,
}

impl Months {
    /// Returns the same distance in the other direction.
    pub fn reversed(self) -> Self {
        Months { months: self.months.saturating_neg(), rest: self.rest.saturating_neg(), ..self }
    }

    /// Returns whether the distance leads to later times.
    pub fn is_positive(self) -> bool {
        (self.months, self.rest) > (0, 0)
    }

    /// Returns the time at this distance from a time; `None` if it is out of range.
    pub fn after(self, time: i64) -> Option<i64> {
        let (days, within) = (time.div_euclid(self.day), time.rem_euclid(self.day));
        let (year, month, day) = date_of(days);
        let months = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(self.months)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let days = days_of(year, month, day.min(length(year, month)));
        days.checked_mul(self.day)?.checked_add(within)?.checked_add(self.rest)
    }
}

/// Returns year, month and day of a number of days since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Returns the number of days since 1970.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn length(year: i64, month: i64) -> i64 {
    let next = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
    next - days_of(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::{Months, date_of, days_of};

    #[test]
    fn dates_and_days_agree() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!((date_of(0), date_of(19_782)), ((1970, 1, 1), (2024, 2, 29)));
    }

    #[test]
    fn the_last_day_of_a_month_stays_in_its_month() {
        let month = Months { months: 1, rest: 0, day: 1 };
        assert_eq!(month.after(days_of(2024, 1, 31)), Some(days_of(2024, 2, 29)));
        assert_eq!(month.reversed().after(days_of(2024, 3, 31)), Some(days_of(2024, 2, 29)));
        assert_eq!(month.after(days_of(2023, 12, 15)), Some(days_of(2024, 1, 15)));
        let back = Months { months: -12, rest: -1, day: 86_400 };
        assert_eq!(back.after(days_of(2024, 2, 29) * 86_400), Some(days_of(2023, 2, 28) * 86_400 - 1));
        assert_eq!(Months { months: i64::MAX, rest: 0, day: 1 }.after(0), None);
    }
}
