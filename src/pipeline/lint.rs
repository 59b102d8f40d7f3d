//! Lint: a feature looks only back, a label looks only ahead, a model learns only from what is known at the tick, and no value
//! depends on the order of ties or on when it is computed.
//!
//! In: how far a query and everything that it reads reach, as `reach` finds it in their plans. Out: [`Finding`]s, each with its
//! place, which can be in the file of a query that is read.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::header::{Header, UNKNOWN_REACH};
use super::place::Place;
use super::reach::{Call, Cause, Column, Deps, Extent, Fault, Measured, Reach, Spot};
use super::recipe::changes_by_itself;
use super::{Kind, Project, Query};

/// Something that lint refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    pub message: String,
}

/// A side of a row's time.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Ahead,
    Back,
}

impl Project {
    /// Returns what is wrong with how a feature, a label or a model looks at time; returns nothing for other queries.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub async fn lint(&self, query: &Query, context: &SessionContext) -> Result<Vec<Finding>, Error> {
        let Some(index) = self.position(&query.name) else { return Ok(Vec::new()) };
        let mut findings = Findings { project: self, query: index, found: Vec::new() };
        match query.kind {
            Kind::Plain | Kind::Audit => return Ok(Vec::new()),
            Kind::Feature => findings.hindsight(),
            Kind::Label | Kind::Model => {}
        }
        let measured = match self.measured(query, context).await {
            Ok(measured) => measured,
            // What scores with a model cannot be planned before the model is trained.
            Err(_) if self.untrained(index).is_some() || !findings.found.is_empty() => return Ok(findings.sorted()),
            Err(error) => return Err(error),
        };
        findings.allowances();
        match query.kind {
            Kind::Model => findings.model(&measured),
            Kind::Label => findings.label(&measured),
            _ => findings.feature(&measured),
        }
        if query.kind != Kind::Model {
            findings.changing(context);
        }
        Ok(findings.sorted())
    }
}

/// Collects findings about one query.
struct Findings<'a> {
    project: &'a Project,
    query: usize,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    fn own(&self) -> &'a Query {
        &self.project.queries[self.query]
    }

    fn add(&mut self, query: usize, spot: &Spot, message: String) {
        let place = self.project.queries[query].spot(spot);
        self.found.push(Finding { place, message });
    }

    fn sorted(mut self) -> Vec<Finding> {
        let key = |finding: &Finding| (finding.place.file.clone(), finding.place.line, finding.place.column);
        self.found.sort_by_key(|finding| (key(finding), finding.message.clone()));
        self.found.dedup();
        self.found
    }

    /// What a feature may not read: labels, models and scores.
    fn hindsight(&mut self) {
        let project = self.project;
        for read in &self.own().reads {
            let mut chain: Vec<usize> = project.upstream(*read).into_iter().collect();
            chain.push(*read);
            let kind = |index: &usize| matches!(project.queries[*index].kind, Kind::Label | Kind::Model);
            let Some(index) = chain.into_iter().find(kind) else { continue };
            let what = if project.queries[index].kind == Kind::Label { "label" } else { "model" };
            let (name, direct) = (&project.queries[index].name, &project.queries[*read].name);
            let through = if index == *read { String::new() } else { format!(" through `{direct}`") };
            self.add(self.query, &Spot::Table(direct.clone()), format!("it reads the {what} `{name}`{through}"));
        }
        for function in self.own().parsed.references.functions.iter().filter(|name| name.starts_with("ml_")) {
            let spot = Spot::Call(Call::named(function));
            self.add(self.query, &spot, format!("it calls `{function}`, whose value comes from a model"));
        }
    }

    /// What the header allows, and may not.
    fn allowances(&mut self) {
        for (rule, reason) in &self.own().header.allow {
            let example = format!("write `-- allow: {UNKNOWN_REACH}, REASON`");
            let entry = Spot::Header("allow".into());
            if rule.is_empty() {
                self.add(self.query, &entry, format!("the header's `allow` is empty: {example}"));
            } else if rule != UNKNOWN_REACH {
                let message = format!("the header allows `{rule}`, which cannot be allowed: {example}");
                self.add(self.query, &entry, message);
            } else if reason.is_empty() {
                let message = format!("the header allows `{UNKNOWN_REACH}` without a reason: {example}");
                self.add(self.query, &entry, message);
            }
        }
    }

    /// Functions whose value depends on when it is computed, in the query or in a plain query that it reads.
    fn changing(&mut self, context: &SessionContext) {
        let plain = |index: &usize| self.project.queries[*index].kind == Kind::Plain;
        let mut read: Vec<usize> = self.project.upstream(self.query).into_iter().filter(plain).collect();
        read.push(self.query);
        for index in read {
            let functions = &self.project.queries[index].parsed.references.functions;
            for function in functions.iter().filter(|name| !name.starts_with("ml_") && changes_by_itself(name, context))
            {
                let spot = Spot::Call(Call::named(function));
                let through = self.through(index);
                self.add(index, &spot, format!("the value of `{function}` depends on when it is computed{through}"));
            }
        }
    }

    fn feature(&mut self, measured: &Measured) {
        self.dated(measured);
        self.dated_by_grain(measured, Ordering::Less);
        let relation = &measured.summary.relation;
        let all = self.named(measured).chain([(None, &relation.rows)]);
        let all: Vec<(Option<String>, &Deps)> = all.collect();
        self.faults(&all, true);
        self.looks(&all, measured, Side::Ahead);
        let before = total(&all, measured).before;
        self.declared("lookback", self.own().header.lookback.clone(), &before);
    }

    fn label(&mut self, measured: &Measured) {
        self.dated(measured);
        self.dated_by_grain(measured, Ordering::Greater);
        let grain = &self.own().header.grain;
        let values: Vec<(Option<String>, &Deps)> =
            self.named(measured).filter(|(name, _)| name.as_ref().is_none_or(|name| !grain.contains(name))).collect();
        let rows = [(None, &measured.summary.relation.rows)];
        self.faults(&[values.as_slice(), &rows].concat(), false);
        self.looks(&values, measured, Side::Back);
        for cause in &measured.holding {
            let start = "let it start after the tick, at INTERVAL '1 nanosecond' FOLLOWING or 1 FOLLOWING";
            let message = format!("this label looks back: {}, but holds the tick itself: {start}", cause.how);
            self.add(cause.query, &cause.spot, message);
        }
        if !total(&values, measured).after.is_beyond() {
            self.add(self.query, &Spot::Start, "nothing in this label looks ahead".into());
        }
        let after = total(&[values.as_slice(), &rows].concat(), measured).after;
        self.declared("horizon", self.own().header.horizon.clone(), &after);
    }

    fn model(&mut self, measured: &Measured) {
        let Some(model) = self.own().parsed.model.clone() else { return };
        self.after_label(&model.statement.columns.label, measured);
        let columns: Vec<(Option<String>, &Deps)> = self
            .named(measured)
            .filter(|(name, _)| name.as_ref().is_none_or(|name| !model.other_columns.contains(name)))
            .collect();
        for (name, deps) in columns {
            let name = name.unwrap_or_default();
            let spot = Spot::Name(name.clone());
            let reach = measured.reach(deps).after;
            let ahead = measured.seen(deps).into_iter().filter(|source| source.span.after.is_beyond());
            let why = ahead.into_iter().find_map(|source| source.ahead);
            let unknown = deps.faults.iter().find_map(|fault| match fault {
                Fault::Unknown(cause) => Some(cause),
                Fault::Ties(_) | Fault::Reads(_) => None,
            });
            let read = deps.faults.iter().find_map(|fault| match fault {
                Fault::Reads(cause) => Some(cause),
                Fault::Ties(_) | Fault::Unknown(_) => None,
            });
            if let Some(cause) = read {
                let message = format!("this model learns from the future: for its feature `{name}`, {}", cause.how);
                self.add(self.query, &spot, format!("{message}{}", self.within(cause.query)));
                continue;
            }
            match unknown {
                Some(cause) if !self.is_allowed(cause) => {
                    let message = format!("squall cannot tell what the feature `{name}` of this model depends on");
                    self.add(self.query, &spot, format!("{message}: {}; {}", cause.how, allowing()));
                }
                Some(_) => {}
                None if reach.is_beyond() => {
                    let why = why.map(|cause| format!(": {}{}", cause.how, self.within(cause.query)));
                    let message = format!("this model learns from the future: its feature `{name}` looks ahead");
                    self.add(self.query, &spot, format!("{message} ({}){}", by(&reach), why.unwrap_or_default()));
                }
                None => {}
            }
        }
    }

    /// A model's time may not lie after what its label looks at: then everything that the label knows would count as the past.
    fn after_label(&mut self, label: &str, measured: &Measured) {
        let reads_label = |index: &usize| self.project.queries[*index].kind == Kind::Label;
        let found = self.named(measured).find(|(name, _)| name.as_deref() == Some(label)).map(|(_, deps)| deps);
        let Some(deps) = found.filter(|_| self.project.upstream(self.query).iter().any(reads_label)) else { return };
        let looks_at_rows = !deps.sources.is_empty() && deps.faults.is_empty();
        if looks_at_rows && !measured.reach(deps).after.is_beyond() {
            let message = format!(
                "the label `{label}` of this model does not look ahead: is the time of a row the tick from which the label looks?"
            );
            self.add(self.query, &Spot::Name(label.into()), message);
        }
    }

    /// Whoever joins by the grain takes its times for those of the rows. A feature may not be known only after them, and a label may
    /// not look from before them.
    fn dated_by_grain(&mut self, measured: &Measured, wrong: Ordering) {
        let Header { grain, time_column, .. } = &self.own().header;
        let columns = measured.schema.fields().iter().zip(&measured.summary.relation.columns);
        let times: Vec<(&String, Option<Ordering>)> = columns
            .filter(|(field, column)| grain.contains(field.name()) && column.instant().is_some())
            .map(|(field, column)| (field.name(), measured.side(column)))
            .collect();
        let Some((name, _)) = times.first().filter(|_| times.iter().all(|(_, side)| *side == Some(wrong))) else {
            return;
        };
        let time = time_column.as_deref().unwrap_or_default();
        let message = match wrong {
            Ordering::Less => format!(
                "the time `{name}` of the grain lies before the time column `{time}`: what joins by the grain would know the row too \
                 early; let the grain name `{time}`"
            ),
            _ => format!(
                "the time `{name}` of the grain lies after the time column `{time}`: what joins by the grain would know a part of \
                 what this label looks at; let the grain name `{time}`"
            ),
        };
        self.add(self.query, &Spot::Header("grain".into()), message);
    }

    /// The time of a row has to be known, or nothing can be said about before and after.
    fn dated(&mut self, measured: &Measured) {
        if !measured.dated {
            let time = self.own().header.time_column.clone().unwrap_or_default();
            let message =
                format!("squall cannot tell the time of a row: the time column `{time}` is not made of a tick's time");
            self.add(self.query, &Spot::Start, message);
        }
    }

    fn named<'m>(&self, measured: &'m Measured) -> impl Iterator<Item = (Option<String>, &'m Deps)> {
        let columns: std::slice::Iter<'m, Column> = measured.summary.relation.columns.iter();
        let names = measured.schema.fields().iter().map(|field| Some(field.name().clone()));
        names.zip(columns.map(|column| &column.deps))
    }

    /// What is wrong whichever way it looks.
    fn faults(&mut self, all: &[(Option<String>, &Deps)], reads: bool) {
        let faults: BTreeSet<&Fault> = all.iter().flat_map(|(_, deps)| &deps.faults).collect();
        for fault in faults {
            let (cause, message) = match fault {
                Fault::Ties(cause) => (cause, cause.how.clone()),
                Fault::Reads(cause) if reads => (cause, cause.how.clone()),
                Fault::Unknown(cause) if !self.is_allowed(cause) => {
                    (cause, format!("squall cannot tell how far it looks: {}; {}", cause.how, allowing()))
                }
                Fault::Reads(_) | Fault::Unknown(_) => continue,
            };
            let message = format!("{message}{}", self.through(cause.query));
            self.add(cause.query, &cause.spot, message);
        }
    }

    fn is_allowed(&self, cause: &Cause) -> bool {
        let allows = |query: usize| {
            let allowed = &self.project.queries[query].header.allow;
            allowed.iter().any(|(rule, reason)| rule == UNKNOWN_REACH && !reason.is_empty())
        };
        allows(self.query) || allows(cause.query)
    }

    /// Everything that reaches to the wrong side, one finding for each cause.
    fn looks(&mut self, all: &[(Option<String>, &Deps)], measured: &Measured, side: Side) {
        let mut causes: BTreeMap<Option<Arc<Cause>>, (Vec<String>, Extent)> = BTreeMap::new();
        for (name, deps) in all {
            for source in measured.seen(deps) {
                let (bound, cause) = match side {
                    Side::Ahead => (source.span.after, source.ahead),
                    Side::Back => (source.span.before, source.back),
                };
                let extent = Extent::of(bound);
                if !extent.is_beyond() {
                    continue;
                }
                let known = causes.entry(cause).or_insert((Vec::new(), Extent::NOTHING));
                known.1 = std::mem::replace(&mut known.1, Extent::NOTHING).and(extent);
                let name = name.as_ref().map_or_else(|| "which rows there are".to_string(), |name| format!("`{name}`"));
                if !known.0.contains(&name) {
                    known.0.push(name);
                }
            }
        }
        let (what, way) = match (self.own().kind, side) {
            (Kind::Label, Side::Back) => ("label", "back"),
            (Kind::Label, Side::Ahead) => ("label", "ahead"),
            _ => ("feature", "ahead"),
        };
        for (cause, (names, extent)) in causes {
            let query = cause.as_ref().map_or(self.query, |cause| cause.query);
            // What a label does is reported where the label is read.
            if side == Side::Ahead
                && self.project.queries[query].kind == Kind::Label
                && self.own().kind == Kind::Feature
            {
                continue;
            }
            let spot = cause.as_ref().map_or(Spot::Start, |cause| cause.spot.clone());
            let how = cause.as_ref().map_or("it reads rows of other times", |cause| cause.how.as_str());
            let whose =
                if query == self.query { format!("this {what}") } else { format!("the {what} `{}`", self.own().name) };
            let shown = match names.len() {
                0..=3 => names.join(", "),
                more => format!("{} and {} more", names[..2].join(", "), more - 2),
            };
            self.add(query, &spot, format!("{whose} looks {way} ({}): {how}: {shown}", by(&extent)));
        }
    }

    /// The header has to say what was found.
    fn declared(&mut self, entry: &str, said: Option<String>, found: &Extent) {
        let (Some(said), false) = (said, matches!(found, Extent::Unknown(_))) else { return };
        let message = match Extent::parse(&said) {
            None => format!(
                "squall cannot read the header's {entry} `{said}`: write {found}, which is what the query has (units: s, ms, min, h, d, ticks)"
            ),
            Some(extent) if extent.agrees(found) => return,
            Some(_) => format!("the header says `{entry}: {said}`, but the query has {entry}: {found}"),
        };
        self.add(self.query, &Spot::Header(entry.to_string()), message);
    }

    fn through(&self, query: usize) -> String {
        match query == self.query {
            true => String::new(),
            false => format!("; `{}` reads it", self.own().name),
        }
    }

    fn within(&self, query: usize) -> String {
        match query == self.query {
            true => String::new(),
            false => format!(", in `{}`", self.project.queries[query].name),
        }
    }
}

fn total(all: &[(Option<String>, &Deps)], measured: &Measured) -> Reach {
    let reaches = all.iter().map(|(_, deps)| measured.reach(deps));
    reaches
        .reduce(|one, other| Reach { before: one.before.and(other.before), after: one.after.and(other.after) })
        .unwrap_or(Reach { before: Extent::NOTHING, after: Extent::NOTHING })
}

fn by(extent: &Extent) -> String {
    match extent {
        Extent::Unbounded => "without limit".into(),
        other => other.to_string(),
    }
}

fn allowing() -> String {
    format!("if it is right, the header can say `-- allow: {UNKNOWN_REACH}, REASON`")
}
