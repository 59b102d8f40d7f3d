//! Which landed ticks a row needs, exactly enough to compute a range of time from a part of the ticks.
//!
//! A [`Need`] says for some times on which ticks around them a value depends. It differs from the reach that lint reports in
//! what a number of rows means. There it is the rows over which a window runs, whichever these are. Here it is the rows of a
//! table that can be looked up ([`Basis`]), and the order of the steps counts: an hour before the tick before is not the tick
//! before the last hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::times::{Bound, Times, Var};

/// A table whose rows can be counted: all rows of each of its products, by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    pub table: String,
    pub time: String,
    pub product: Option<String>,
}

/// One step away from an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// A length of time, in nanoseconds.
    Time(i64),
    /// Rows of a table: for each product so many of them, and then to the furthest of these rows.
    Rows(Arc<Basis>, u64),
}

/// Steps from an instant, one after the other, all in one direction of time. A path with further or longer steps leads at least
/// as far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(Vec<Hop>);

/// A longer path counts as unknown.
const MOST_HOPS: usize = 12;

impl Path {
    pub fn of(hop: Hop) -> Path {
        Path::default().then(hop)
    }

    pub fn hops(&self) -> &[Hop] {
        &self.0
    }

    pub fn then(mut self, hop: Hop) -> Path {
        match (self.0.last_mut(), hop) {
            (_, Hop::Time(..=0) | Hop::Rows(_, 0)) => {}
            (Some(Hop::Time(known)), Hop::Time(more)) => *known = known.saturating_add(more),
            (Some(Hop::Rows(table, known)), Hop::Rows(same, more)) if *table == same => {
                *known = known.saturating_add(more);
            }
            (_, hop) => self.0.push(hop),
        }
        self
    }

    pub fn then_all(self, other: &Path) -> Path {
        other.0.iter().cloned().fold(self, Path::then)
    }

    /// Returns a path that leads at least as far as each of the two: it holds the steps of both in their order.
    pub fn or(&self, other: &Path) -> Path {
        let (mut ones, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        loop {
            let next = match (ones.peek(), others.peek()) {
                (None, None) => return Path(both),
                (Some(Hop::Time(one)), Some(Hop::Time(other))) => {
                    let longer = Hop::Time(*one.max(other));
                    ones.next();
                    others.next();
                    longer
                }
                (Some(Hop::Rows(table, one)), Some(Hop::Rows(same, other))) if table == same => {
                    let longer = Hop::Rows(Arc::clone(table), *one.max(other));
                    ones.next();
                    others.next();
                    longer
                }
                // Time comes first, so that rows meet rows.
                (Some(hop @ Hop::Time(_)), _) | (Some(hop), None) => {
                    let hop = (*hop).clone();
                    ones.next();
                    hop
                }
                (_, Some(hop @ Hop::Time(_))) | (None, Some(hop)) => {
                    let hop = (*hop).clone();
                    others.next();
                    hop
                }
                (Some(hop), Some(_)) => {
                    let hop = (*hop).clone();
                    ones.next();
                    hop
                }
            };
            both.push(next);
        }
    }
}

/// How far ticks reach before and after a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    pub back: Path,
    pub ahead: Path,
}

impl Paths {
    /// Returns these paths, taken after others.
    pub fn after(&self, first: &Paths) -> Paths {
        let join = |first: &Path, then: &Path| first.clone().then_all(then);
        Paths { back: join(&first.back, &self.back), ahead: join(&first.ahead, &self.ahead) }
    }

    fn or(&self, other: &Paths) -> Paths {
        Paths { back: self.back.or(&other.back), ahead: self.ahead.or(&other.ahead) }
    }

    fn is_short(&self) -> bool {
        self.back.0.len() <= MOST_HOPS && self.ahead.0.len() <= MOST_HOPS
    }
}

/// For some times, the ticks around them on which something depends. Nothing if it does not depend on ticks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    times: BTreeMap<Var, Paths>,
    /// Whether the last bits can also depend on the order of the rows, or on what left a frame: floating-point numbers are added.
    inexact: bool,
}

impl Need {
    /// The ticks at a time.
    pub fn at(var: Var) -> Need {
        Need { times: BTreeMap::from([(var, Paths::default())]), inexact: false }
    }

    /// Says that floating-point numbers are added.
    pub fn with_sums(mut self) -> Need {
        self.inexact = true;
        self
    }

    pub fn is_exact(&self) -> bool {
        !self.inexact
    }

    /// Returns a need that is at least as large as each of the two.
    pub fn or(mut self, other: &Need) -> Need {
        self.inexact |= other.inexact;
        for (var, paths) in &other.times {
            let known = self.times.entry(*var).or_insert_with(|| paths.clone());
            *known = known.or(paths);
        }
        self
    }

    /// Returns the need as seen from one time; `None` if it is not known how far the other times can lie from it.
    pub fn seen_from(&self, anchor: Var, times: &Times) -> Option<Paths> {
        let mut seen = Paths::default();
        for (var, paths) in &self.times {
            seen = seen.or(&paths.after(&distance(times, anchor, *var)?));
        }
        seen.is_short().then_some(seen)
    }

    /// Returns the need of rows that lie on `first` from a time; `None` if it is not known how far its times can lie from it.
    pub fn moved(&self, anchor: Var, first: &Paths, times: &Times) -> Option<Need> {
        let moved = self.seen_from(anchor, times)?.after(first);
        moved.is_short().then(|| Need { times: BTreeMap::from([(anchor, moved)]), inexact: self.inexact })
    }

    /// Returns the need with each of its times replaced by another.
    pub fn anchored(&self, anchor: impl Fn(Var) -> Option<Var>, times: &Times) -> Option<Need> {
        let mut anchored = Need { times: BTreeMap::new(), inexact: self.inexact };
        for (var, paths) in &self.times {
            let to = anchor(*var)?;
            let paths = paths.after(&distance(times, to, *var)?);
            anchored = anchored.or(&Need { times: BTreeMap::from([(to, paths)]), inexact: false });
        }
        Some(anchored)
    }

    /// Returns the need with other names for its times.
    pub fn renamed(&self, name: impl Fn(&Var) -> Option<Var>) -> Option<Need> {
        let times = self.times.iter().map(|(var, paths)| Some((name(var)?, paths.clone()))).collect::<Option<_>>()?;
        Some(Need { times, inexact: self.inexact })
    }
}

/// Returns a need that is at least as large as each of the two; `None` if one of them is not known.
pub fn either(one: Option<Need>, other: &Option<Need>) -> Option<Need> {
    Some(one?.or(other.as_ref()?))
}

/// Returns where time `var` lies from time `anchor`; `None` if that is not known as a length of time.
fn distance(times: &Times, anchor: Var, var: Var) -> Option<Paths> {
    let span = times.from(anchor, var);
    let length = |bound: Bound| match bound {
        Bound::Within { rows: 0, ns } => Some(Path::of(Hop::Time(ns))),
        _ => None,
    };
    Some(Paths { back: length(span.before)?, ahead: length(span.after)? })
}

/// What is known about the ticks that the rows of a node need.
#[derive(Debug, Clone, Default)]
pub struct Local {
    /// On which ticks it depends whether a row exists; `None` if that is not known.
    pub rows: Option<Need>,
    /// The table of which these are all rows of some products.
    pub basis: Option<Arc<Basis>>,
    /// The columns that hold the product.
    pub product: std::collections::BTreeSet<usize>,
    /// Whether a row may depend on the ticks of another product.
    pub across: bool,
    /// Whether it reads ticks at all.
    pub ticks: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &str, count: u64) -> Hop {
        Hop::Rows(Arc::new(Basis { table: table.into(), time: "ts".into(), product: None }), count)
    }

    fn path(hops: &[Hop]) -> Path {
        hops.iter().cloned().fold(Path::default(), Path::then)
    }

    #[test]
    fn steps_of_one_kind_add_up() {
        assert_eq!(
            path(&[Hop::Time(1), Hop::Time(2), rows("a", 1), rows("a", 2)]),
            path(&[Hop::Time(3), rows("a", 3)])
        );
        assert_eq!(path(&[rows("a", 1), rows("b", 1), rows("a", 1)]).hops().len(), 3);
        assert_eq!(path(&[Hop::Time(0), Hop::Time(-1), rows("a", 0)]), Path::default());
    }

    #[test]
    fn the_greater_of_two_paths_holds_the_steps_of_both() {
        let (frame, previous) = (path(&[Hop::Time(300), rows("a", 1)]), path(&[rows("a", 1)]));
        assert_eq!(frame.or(&previous), frame);
        assert_eq!(previous.or(&frame), frame);
        // The minute before the tick before is not the tick before the minute.
        let turned = path(&[rows("a", 1), Hop::Time(60)]);
        assert_eq!(turned.or(&frame), path(&[Hop::Time(300), rows("a", 1), Hop::Time(60)]));
        assert_eq!(path(&[rows("a", 1)]).or(&path(&[rows("b", 2)])), path(&[rows("a", 1), rows("b", 2)]));
    }
}
