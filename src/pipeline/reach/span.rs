//! How far apart times are: bounds, and spans around a time.

/// At most how much later one time is than another: a length of time, which may be negative, and then a number of rows.
/// A smaller bound knows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    Within { rows: u32, ns: i64 },
    Unbounded,
}

impl Bound {
    pub const ZERO: Bound = Bound::Within { rows: 0, ns: 0 };

    pub const fn ns(ns: i64) -> Bound {
        Bound::Within { rows: 0, ns }
    }

    pub const fn rows(rows: u32) -> Bound {
        Bound::Within { rows, ns: 0 }
    }

    pub fn plus(self, other: Bound) -> Bound {
        match (self, other) {
            (Bound::Within { rows, ns }, Bound::Within { rows: more_rows, ns: more_ns }) => {
                Bound::Within { rows: rows.saturating_add(more_rows), ns: ns.saturating_add(more_ns) }
            }
            _ => Bound::Unbounded,
        }
    }

    /// Returns a bound that holds wherever one of the two does.
    pub fn or(self, other: Bound) -> Bound {
        match (self, other) {
            (Bound::Within { rows, ns }, Bound::Within { rows: other_rows, ns: other_ns }) => {
                Bound::Within { rows: rows.max(other_rows), ns: ns.max(other_ns) }
            }
            _ => Bound::Unbounded,
        }
    }

    /// Returns whether the bound allows anything beyond the row itself.
    pub fn is_beyond(self) -> bool {
        match self {
            Bound::Unbounded => true,
            Bound::Within { rows, ns } => ns > 0 || rows > 0,
        }
    }

    /// Returns the bound before a row, without the row itself: the row before one that is later is at the earliest the row
    /// itself.
    pub fn without_step(self) -> Bound {
        match self {
            Bound::Within { rows, ns } if ns < 0 && rows > 0 => Bound::rows(rows - 1),
            other => other,
        }
    }
}

/// Where rows lie from a time: at most so far before it, and at most so far after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub before: Bound,
    pub after: Bound,
}

impl Span {
    pub const OWN: Span = Span { before: Bound::ZERO, after: Bound::ZERO };
    pub const ALL: Span = Span { before: Bound::Unbounded, after: Bound::Unbounded };

    pub fn plus(self, other: Span) -> Span {
        Span { before: self.before.plus(other.before), after: self.after.plus(other.after) }
    }

    pub fn or(self, other: Span) -> Span {
        Span { before: self.before.or(other.before), after: self.after.or(other.after) }
    }

    /// Returns the span seen against the direction of time.
    pub fn reversed(self) -> Span {
        Span { before: self.after, after: self.before }
    }
}
