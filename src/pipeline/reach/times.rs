//! What is known about the times of rows: for any two of them, how much later one can be than the other.
//!
//! A [`Var`] stands for the time of one row of a table, or for a value made of it, such as the start of its minute. A filter or
//! a join condition on times limits their difference, and limits add up along a chain (a difference-bound matrix).
//!
//! The right side of a LEFT JOIN or the rows of an EXISTS may be absent. What is known about such times holds only while they
//! are present. So each has a scope, and a chain passes through a time only if that time exists whenever one of the chain's
//! ends does.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::grid::Grid;
use super::relation::Cause;
pub use super::span::{Bound, Span};

/// A time.
pub type Var = usize;

/// A set of times that exist together.
pub type Scope = usize;

/// How a time is made of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Derivation {
    /// Later by a length between these two, in nanoseconds.
    Shifted(i64, i64),
    /// The start of the interval that holds it: the greatest and the least length of such intervals, and where they start.
    Bucket(i64, i64, String),
}

#[derive(Debug, Clone)]
struct Known {
    scope: Scope,
    grid: Option<Grid>,
    /// The table from which its rows come, if they are joined.
    cause: Option<Arc<Cause>>,
    /// Whether a join has fixed the name of that table.
    joined: bool,
    /// Whether it is the `ts` of a landed tick.
    tick: bool,
}

#[derive(Debug, Clone, Default)]
struct Nesting {
    merged_into: Option<Scope>,
    inside: Option<Scope>,
}

/// Everything that is known about some times.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// `upper[i][j]` bounds time `j` minus time `i`.
    upper: Vec<Vec<Bound>>,
    known: Vec<Known>,
    scopes: Vec<Nesting>,
    /// The start of 1970, from which constants count.
    origin: Option<Var>,
    derived: BTreeMap<(Var, Derivation), Var>,
}

impl Times {
    pub fn scope(&mut self) -> Scope {
        self.scopes.push(Nesting::default());
        self.scopes.len() - 1
    }

    /// Adds a time of which nothing is known.
    pub fn add(&mut self, scope: Scope, cause: Option<Arc<Cause>>) -> Var {
        let var = self.known.len();
        self.upper.iter_mut().for_each(|row| row.push(Bound::Unbounded));
        self.upper.push(vec![Bound::Unbounded; var + 1]);
        self.upper[var][var] = Bound::ZERO;
        self.known.push(Known { scope, grid: None, cause, joined: false, tick: false });
        var
    }

    /// Returns the time of a constant, in nanoseconds since 1970.
    pub fn constant(&mut self, ns: i64) -> Var {
        let origin = self.origin();
        self.derive(origin, Derivation::Shifted(ns, ns))
    }

    fn origin(&mut self) -> Var {
        if let Some(origin) = self.origin {
            return origin;
        }
        let scope = self.scope();
        let origin = self.add(scope, None);
        self.origin = Some(origin);
        origin
    }

    /// Returns the start of 1970, if a time was compared with a constant.
    pub fn known_origin(&self) -> Option<Var> {
        self.origin
    }

    /// Says that a time is the `ts` of a landed tick.
    pub fn is_tick(&mut self, var: Var) {
        self.known[var].tick = true;
    }

    /// Returns whether a time is the `ts` of a landed tick.
    pub fn of_ticks(&self, var: Var) -> bool {
        self.known[var].tick
    }

    /// Returns the greatest length of the intervals of which a time is the start.
    pub fn interval(&self, var: Var) -> Option<i64> {
        self.known[var].grid.as_ref().map(|grid| grid.step)
    }

    pub fn count(&self) -> usize {
        self.known.len()
    }

    pub fn scope_of(&self, var: Var) -> Scope {
        self.root(self.known[var].scope)
    }

    pub fn cause(&self, var: Var) -> Option<&Arc<Cause>> {
        self.known[var].cause.as_ref()
    }

    /// Names the table from which rows come, for every time from `first` on that no join has named.
    pub fn name_since(&mut self, first: Var, cause: &Arc<Cause>) {
        for known in self.known[first..].iter_mut().filter(|known| !known.joined) {
            known.cause = Some(Arc::clone(cause));
        }
    }

    /// Fixes the names of the tables from which rows come, for every time from `first` on.
    pub fn join_since(&mut self, first: Var) {
        self.known[first..].iter_mut().for_each(|known| known.joined = true);
    }

    /// Says that the rows of two scopes exist together.
    pub fn merge(&mut self, one: Scope, other: Scope) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            let inside = self.scopes[other].inside;
            self.scopes[other].merged_into = Some(one);
            let outer = self.scopes[one].inside.or(inside);
            self.scopes[one].inside = outer.filter(|outer| self.root(*outer) != one);
        }
    }

    /// Says that the rows of the scope `inner` exist only where those of `outer` do.
    pub fn nest(&mut self, inner: Scope, outer: Scope) {
        let (inner, outer) = (self.root(inner), self.root(outer));
        if !self.around(outer).contains(&inner) {
            self.scopes[inner].inside = Some(outer);
        }
    }

    pub fn root(&self, mut scope: Scope) -> Scope {
        while let Some(into) = self.scopes[scope].merged_into {
            scope = into;
        }
        scope
    }

    /// Returns the scope and those around it.
    fn around(&self, scope: Scope) -> Vec<Scope> {
        let mut around = vec![self.root(scope)];
        let mut next = around[0];
        while let Some(outer) = self.scopes[next].inside.map(|outer| self.root(outer)) {
            if around.contains(&outer) {
                break;
            }
            around.push(outer);
            next = outer;
        }
        around
    }

    /// Returns whether a time exists only where the rows of a scope do.
    pub fn belongs(&self, var: Var, scope: Scope) -> bool {
        self.around(self.known[var].scope).contains(&self.root(scope))
    }

    /// Returns the bound on time `to` minus time `from`.
    pub fn upper(&self, from: Var, to: Var) -> Bound {
        self.upper[from][to]
    }

    /// Returns where time `var` lies from time `anchor`.
    pub fn from(&self, anchor: Var, var: Var) -> Span {
        Span { before: self.upper[var][anchor], after: self.upper[anchor][var] }
    }

    /// Says that time `to` minus time `from` is at most `bound`.
    pub fn limit(&mut self, from: Var, to: Var, bound: Bound) {
        if from == to || bound >= self.upper[from][to] {
            return;
        }
        let count = self.known.len();
        let reachable = |known: Bound| known != Bound::Unbounded;
        let with_scopes = |var: Var| (var, self.around(self.known[var].scope));
        let starts: Vec<_> = (0..count).filter(|a| reachable(self.upper[*a][from])).map(with_scopes).collect();
        let ends: Vec<_> = (0..count).filter(|b| reachable(self.upper[to][*b])).map(with_scopes).collect();
        let (from_scope, to_scope) = (self.scope_of(from), self.scope_of(to));
        // Constants are always there.
        let always = self.origin.map(|origin| self.scope_of(origin));
        for (a, around_a) in &starts {
            for (b, around_b) in &ends {
                let passes = |middle: Var, scope: Scope| {
                    let exists = around_a.contains(&scope) || around_b.contains(&scope) || always == Some(scope);
                    middle == *a || middle == *b || exists
                };
                let through = self.upper[*a][from].plus(bound).plus(self.upper[to][*b]);
                if a != b && through < self.upper[*a][*b] && passes(from, from_scope) && passes(to, to_scope) {
                    self.upper[*a][*b] = through;
                }
            }
        }
    }

    /// Says where time `var` lies from time `anchor`.
    pub fn place(&mut self, anchor: Var, var: Var, span: Span) {
        self.limit(anchor, var, span.after);
        self.limit(var, anchor, span.before);
    }

    /// Returns the time of which a time is made by adding an exact length, and that length.
    pub fn unshifted(&self, var: Var) -> (Var, i64) {
        let made = self.derived.iter().find(|(_, made)| **made == var).map(|(key, _)| key);
        match made {
            Some((base, Derivation::Shifted(least, most))) if least == most => (*base, *least),
            _ => (var, 0),
        }
    }

    /// Returns the time of which a time is made in this way, if it is.
    pub fn made_by(&self, var: Var, how: &Derivation) -> Option<Var> {
        let made = self.derived.iter().find(|((_, known), made)| **made == var && known == how);
        made.map(|((base, _), _)| *base)
    }

    /// Where `one` is the start of a month or of another interval that has several lengths, and is before the start of the
    /// interval from which `other` is made: returns that start, and the time in the interval of `one`. That interval is over then.
    pub fn ended_before(&self, one: Var, other: Var, strict: bool) -> Option<(Var, Var)> {
        let made_of = |var: Var| self.derived.iter().find(|(_, made)| **made == var).map(|(key, _)| key);
        let grid = self.known[one].grid.as_ref().filter(|grid| grid.least < grid.step)?;
        let (time, Derivation::Bucket(..)) = made_of(one)? else { return None };
        let (start, shift) = match made_of(other)? {
            (_, Derivation::Bucket(..)) => (other, 0),
            (base, Derivation::Shifted(_, most)) => (*base, *most),
        };
        let before = shift < 0 || (strict && shift == 0);
        (before && self.known[start].grid.as_ref() == Some(grid)).then_some((start, *time))
    }

    /// Returns the time that lies in the interval that a time starts.
    fn within(&self, start: Var) -> Option<Var> {
        let mut made = self.derived.iter().filter(|(_, made)| **made == start);
        made.find_map(|((time, how), _)| matches!(how, Derivation::Bucket(..)).then_some(*time))
    }

    /// Returns the time that is made of another.
    pub fn derive(&mut self, var: Var, derivation: Derivation) -> Var {
        if derivation == Derivation::Shifted(0, 0) {
            return var;
        }
        if let Derivation::Bucket(length, shortest, origin) = &derivation {
            let grid = Grid { step: *length, least: *shortest, origin: origin.clone() };
            // A time on a grid is the start of its interval already.
            if self.known[var].grid.as_ref().is_some_and(|known| grid == *known || grid.divides(known)) {
                return var;
            }
            // The hour of a minute is the hour of the time in that minute.
            if self.known[var].grid.as_ref().is_some_and(|known| known.divides(&grid))
                && let Some(time) = self.within(var)
            {
                return self.derive(time, derivation);
            }
        }
        let key = (var, derivation);
        if let Some(known) = self.derived.get(&key) {
            return *known;
        }
        let made = self.add(self.known[var].scope, self.known[var].cause.clone());
        self.known[made].joined = self.known[var].joined;
        match &key.1 {
            Derivation::Shifted(least, most) => {
                self.place(var, made, Span { before: Bound::ns(least.saturating_neg()), after: Bound::ns(*most) });
                let keeps = |grid: &Grid| least == most && grid.least == grid.step && least % grid.step == 0;
                self.known[made].grid = self.known[var].grid.clone().filter(keeps);
                if self.known[var].grid.as_ref().is_some_and(|grid| grid.is_over_after(*least, *most))
                    && let Some(time) = self.within(var)
                {
                    self.limit(made, time, Bound::ns(-1));
                }
            }
            Derivation::Bucket(length, shortest, origin) => {
                self.place(var, made, Span { before: Bound::ns(length.saturating_sub(1)), after: Bound::ZERO });
                self.known[made].grid = Some(Grid { step: *length, least: *shortest, origin: origin.clone() });
            }
        }
        self.derived.insert(key, made);
        made
    }

    /// Returns a time that equals another, or is absent.
    pub fn maybe(&mut self, var: Var) -> Var {
        let scope = self.scope();
        self.nest(scope, self.known[var].scope);
        let made = self.add(scope, self.known[var].cause.clone());
        self.known[made].joined = self.known[var].joined;
        self.place(var, made, Span::OWN);
        made
    }

    /// Returns a time that equals one of several; `None` if there are none.
    pub fn one_of(&mut self, choices: &[Var]) -> Option<Var> {
        let first = *choices.first()?;
        if choices.iter().all(|var| *var == first) {
            return Some(first);
        }
        let spans = (0..self.known.len()).map(|anchor| {
            let spans = choices.iter().map(|choice| self.from(anchor, *choice));
            spans.reduce(Span::or).unwrap_or(Span::ALL)
        });
        let spans: Vec<Span> = spans.collect();
        let made = self.add(self.known[first].scope, self.known[first].cause.clone());
        for (anchor, span) in spans.into_iter().enumerate() {
            self.place(anchor, made, span);
        }
        Some(made)
    }

    /// Returns at most how much later a time is than another that is strictly later: two times on one grid differ by a step.
    pub fn strictly(&self, one: Var, other: Var) -> Bound {
        match (&self.known[one].grid, &self.known[other].grid) {
            // Where one grid divides the other, every time of the other lies on it too.
            (Some(grid), Some(same)) if grid == same => Bound::ns(-grid.least),
            (Some(grid), Some(other)) if grid.divides(other) => Bound::ns(-grid.step),
            (Some(grid), Some(other)) if other.divides(grid) => Bound::ns(-other.step),
            _ => Bound::ns(-1),
        }
    }

    /// Returns where one time of a grid can lie from another, if it lies within a span: whole steps away.
    pub fn stepped(&self, var: Var, span: Span) -> Span {
        let Some(grid) = self.known[var].grid.as_ref().filter(|grid| grid.least == grid.step) else { return span };
        let whole = |bound: Bound| match bound {
            Bound::Within { rows: 0, ns } => Bound::ns(ns.div_euclid(grid.step).saturating_mul(grid.step)),
            _ => bound,
        };
        Span { before: whole(span.before), after: whole(span.after) }
    }

    /// Returns whether a time is the start of the interval that holds another, on the same grid.
    pub fn starts_interval_of(&self, start: Var, time: Var) -> bool {
        let Some(grid) = &self.known[start].grid else { return false };
        let bucket = Derivation::Bucket(grid.step, grid.least, grid.origin.clone());
        let own = self.derived.get(&(time, bucket)).copied();
        own.is_some_and(|own| self.from(own, start) == Span::OWN)
    }

    /// Returns whether two times differ by a constant.
    pub fn is_fixed(&self, one: Var, other: Var) -> bool {
        match (self.upper[one][other], self.upper[other][one]) {
            (Bound::Within { rows: 0, ns }, Bound::Within { rows: 0, ns: back }) => ns == back.saturating_neg(),
            _ => false,
        }
    }

    /// Copies what is known about some times of `other`. Returns the scope that stands for `rows`, and the new times.
    pub fn import(
        &mut self,
        other: &Times,
        rows: Scope,
        vars: &[Var],
        cause: Option<&Arc<Cause>>,
    ) -> (Scope, Vec<Var>) {
        let own = self.scope();
        let mut scopes = BTreeMap::from([(other.root(rows), own)]);
        let mut added = Vec::new();
        for var in vars {
            if Some(*var) == other.origin {
                added.push(self.origin());
                continue;
            }
            // From the outermost scope inwards.
            let mut outer = own;
            for scope in other.around(other.known[*var].scope).into_iter().rev() {
                let known = *scopes.entry(scope).or_insert_with(|| self.scope());
                if known != own {
                    self.nest(known, outer);
                }
                outer = known;
            }
            let new = self.add(outer, cause.cloned());
            self.known[new].grid.clone_from(&other.known[*var].grid);
            self.known[new].tick = other.known[*var].tick;
            added.push(new);
        }
        let fixed = other.origin;
        let own_times = || added.iter().zip(vars).filter(move |(_, var)| Some(**var) != fixed);
        for (new, var) in own_times() {
            for (other_new, other_var) in own_times() {
                self.upper[*new][*other_new] = other.upper[*var][*other_var];
            }
        }
        for (origin, from) in added.iter().zip(vars).filter(|(_, var)| Some(**var) == fixed) {
            for (new, var) in own_times() {
                self.place(*origin, *new, other.from(*from, *var));
            }
        }
        (own, added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_add_up() {
        let mut times = Times::default();
        let scope = times.scope();
        let [a, b, c] = [(); 3].map(|()| times.add(scope, None));
        times.limit(a, b, Bound::ns(5));
        times.limit(b, c, Bound::ns(-2));
        assert_eq!(times.upper(a, c), Bound::ns(3));
        assert_eq!(times.upper(c, a), Bound::Unbounded);
    }

    #[test]
    fn what_may_be_absent_proves_nothing_about_what_is_there() {
        let mut times = Times::default();
        let (rows, matches) = (times.scope(), times.scope());
        times.nest(matches, rows);
        let (a, b) = (times.add(rows, None), times.add(rows, None));
        let (m, n) = (times.add(matches, None), times.add(matches, None));
        times.limit(a, m, Bound::ZERO);
        times.limit(m, b, Bound::ZERO);
        assert_eq!(times.upper(a, b), Bound::Unbounded, "a row without a match exists too");
        times.limit(m, n, Bound::ZERO);
        assert_eq!(times.upper(a, n), Bound::ZERO, "where n is, m is too");
    }

    #[test]
    fn the_bucket_before_ends_before_this_one() {
        let mut times = Times::default();
        let scope = times.scope();
        let (a, b) = (times.add(scope, None), times.add(scope, None));
        let minute = Derivation::Bucket(60, 60, String::new());
        let (start_a, start_b) = (times.derive(a, minute.clone()), times.derive(b, minute.clone()));
        assert_eq!(times.derive(a, minute), start_a);
        times.limit(start_a, start_b, times.strictly(start_a, start_b));
        assert_eq!(times.upper(a, b), Bound::ns(-1));
    }
}
