//! Selectors: which queries of the project a command means, in the words of dbt.
//!
//! In: text such as `+spike_training tag:quotes,kind:feature --exclude tick_*`. Out: a [`Selection`]. Blanks separate what is
//! added up, commas what has to hold at once; what follows `--exclude` is taken away. Each part is a name, a name with
//! wildcards, or `METHOD:VALUE`; `+` before it adds what it reads and `+` after it what reads it, with a number only so many
//! steps far.

use std::collections::BTreeSet;
use std::path::Path;

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::pattern::matches;
use super::table::Table;
use super::{Kind, Project, Query};
use crate::text::did_you_mean;

/// The word after which a selector says what to leave out.
pub const EXCLUDE: &str = "--exclude";

/// What a selector can look at, each before a colon.
const METHODS: [&str; 5] = ["name", "tag", "path", "kind", "state"];

/// The kinds, as `kind:` names them.
const KINDS: [Kind; 5] = [Kind::Plain, Kind::Feature, Kind::Label, Kind::Model, Kind::Audit];

/// The states, as `state:` names them.
const STATES: [(&str, State); 2] = [("stale", State::Stale), ("fresh", State::Fresh)];

/// Whether `run` has anything to do for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no materialised table, or it was made from something else than the query would read now.
    Stale,
    Fresh,
}

/// What a selector is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To materialise queries: models and audits are left out, and naming one is an error.
    Run,
    /// To look at them.
    Look,
}

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selector {
    /// Each group is a list of terms that have to hold at once.
    include: Vec<Vec<Term>>,
    exclude: Vec<Vec<Term>>,
}

/// One part of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// As it is written, for errors.
    text: String,
    what: What,
    /// How many steps to follow what is read; `None` for none.
    parents: Option<usize>,
    /// How many steps to follow what reads it.
    children: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Name(String),
    /// A name with `*` or `?`.
    Pattern(String),
    Tag(String),
    Path(String),
    Kind(Kind),
    State(State),
}

/// The queries that a selector selects.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub all: BTreeSet<usize>,
    /// Those that the selector names itself.
    pub named: BTreeSet<usize>,
}

impl Selector {
    fn parse(text: &str) -> Result<Selector, Error> {
        let mut selector = Selector { include: Vec::new(), exclude: Vec::new() };
        let mut excluding = false;
        for word in text.split_whitespace() {
            if word == EXCLUDE {
                excluding = true;
                continue;
            }
            let group = word.split(',').map(|part| Term::parse(part, word)).collect::<Result<_, _>>()?;
            let groups = if excluding { &mut selector.exclude } else { &mut selector.include };
            groups.push(group);
        }
        Ok(selector)
    }

    fn needs_state(&self) -> bool {
        self.include.iter().chain(&self.exclude).flatten().any(|term| matches!(term.what, What::State(_)))
    }
}

impl Term {
    fn parse(text: &str, word: &str) -> Result<Term, Error> {
        let wrong = |problem: String, hint: &str| Error::Selector { word: word.into(), problem, hint: hint.into() };
        let (parents, rest) = match text.split_once('+') {
            Some((steps, rest)) if steps.chars().all(|c| c.is_ascii_digit()) => (Some(steps), rest),
            _ => (None, text),
        };
        let (rest, children) = match rest.rsplit_once('+') {
            Some((rest, steps)) if steps.chars().all(|c| c.is_ascii_digit()) => (rest, Some(steps)),
            _ => (rest, None),
        };
        let steps = |steps: &str| match steps {
            "" => Ok(usize::MAX),
            digits => digits.parse().map_err(|_| {
                wrong(format!("`{digits}` steps are too many to count"), "without a number, `+` follows every step")
            }),
        };
        if rest.is_empty() {
            return Err(wrong("a name is missing".into(), FORM));
        }
        if rest.contains('+') {
            return Err(wrong(format!("`+` stands inside `{rest}`"), FORM));
        }
        let what = match rest.split_once(':') {
            None => What::name(rest),
            Some((method, "")) => return Err(wrong(format!("nothing follows `{method}:`"), FORM)),
            Some(("name", value)) => What::name(value),
            Some(("tag", value)) => What::Tag(value.into()),
            Some(("path", value)) => What::Path(value.trim_start_matches("./").trim_end_matches('/').into()),
            Some(("kind", value)) => {
                let names = || KINDS.iter().map(|kind| kind.as_str());
                let kind = KINDS.into_iter().find(|kind| kind.as_str() == value);
                let hint =
                    || did_you_mean(value, names()).unwrap_or_else(|| format!("the kinds are {}", list(names())));
                What::Kind(kind.ok_or_else(|| wrong(format!("no kind is named `{value}`"), &hint()))?)
            }
            Some(("state", value)) => {
                let names = || STATES.iter().map(|(name, _)| *name);
                let state = STATES.into_iter().find(|(name, _)| *name == value).map(|(_, state)| state);
                let hint =
                    || did_you_mean(value, names()).unwrap_or_else(|| format!("the states are {}", list(names())));
                What::State(state.ok_or_else(|| wrong(format!("no state is named `{value}`"), &hint()))?)
            }
            Some((method, _)) => {
                let hint = did_you_mean(method, METHODS)
                    .unwrap_or_else(|| format!("a selector knows {}", list(METHODS.into_iter())));
                return Err(wrong(format!("`{method}:` is unknown"), &hint));
            }
        };
        let (parents, children) = (parents.map(steps).transpose()?, children.map(steps).transpose()?);
        Ok(Term { text: text.into(), what, parents, children })
    }
}

/// What a selector looks like, in a hint.
const FORM: &str =
    "write NAME, +NAME with what it reads, NAME+ with what reads it, spike_*, tag:T, path:P, kind:K or state:stale";

impl What {
    fn name(text: &str) -> What {
        if text.contains(['*', '?']) { What::Pattern(text.into()) } else { What::Name(text.into()) }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Project {
    /// Returns the queries that match a selector, in dependency order; models and audits are left out. docs/pipeline.md
    /// describes selectors.
    ///
    /// # Errors
    /// The selector cannot be read, one of its parts matches nothing, or it asks for a state: [`Project::select_in`] knows it.
    pub fn select(&self, selector: &str) -> Result<Vec<&str>, Error> {
        Ok(self.named(self.selected(selector)?))
    }

    /// Does the same as [`Project::select`], for selectors that may ask for `state:stale`.
    ///
    /// # Errors
    /// The selector cannot be read, one of its parts matches nothing, or a materialised table cannot be opened.
    pub async fn select_in(
        &self,
        selector: &str,
        context: &SessionContext,
        tables_dir: &Path,
    ) -> Result<Vec<&str>, Error> {
        Ok(self.named(self.selected_in(selector, Purpose::Run, context, tables_dir).await?))
    }

    /// Returns the queries, models and audits that match a selector, in dependency order; all if it is empty.
    ///
    /// # Errors
    /// The selector cannot be read, one of its parts matches nothing, or a materialised table cannot be opened.
    pub async fn choose(
        &self,
        selector: &str,
        context: &SessionContext,
        tables_dir: &Path,
    ) -> Result<Vec<&Query>, Error> {
        let all = self.selected_in(selector, Purpose::Look, context, tables_dir).await?.all;
        Ok(all.into_iter().map(|index| &self.queries[index]).collect())
    }

    fn named(&self, selection: Selection) -> Vec<&str> {
        selection.all.into_iter().map(|index| self.queries[index].name.as_str()).collect()
    }

    /// Returns what a selector selects to be run, if it does not ask for a state.
    pub(super) fn selected(&self, selector: &str) -> Result<Selection, Error> {
        self.matching(selector, Purpose::Run, None)
    }

    pub(super) async fn selected_in(
        &self,
        selector: &str,
        purpose: Purpose,
        context: &SessionContext,
        tables_dir: &Path,
    ) -> Result<Selection, Error> {
        let stale = match Selector::parse(selector)?.needs_state() {
            true => Some(self.stale(context, tables_dir).await?),
            false => None,
        };
        self.matching(selector, purpose, stale.as_ref())
    }

    /// Returns the queries for which `run` would have something to do.
    async fn stale(&self, context: &SessionContext, tables_dir: &Path) -> Result<BTreeSet<usize>, Error> {
        let names = self.names(context, tables_dir)?;
        let mut stale = BTreeSet::new();
        for index in (0..self.queries.len()).filter(|index| self.queries[*index].can_run()) {
            names.prepare(index, context).await;
            if !names.standing(index).is_some_and(|table| table.is::<Table>()) {
                stale.insert(index);
            }
        }
        Ok(stale)
    }

    fn matching(&self, selector: &str, purpose: Purpose, stale: Option<&BTreeSet<usize>>) -> Result<Selection, Error> {
        if self.is_empty() {
            return Err(Error::NoProject { dir: self.dir.clone() });
        }
        let parsed = Selector::parse(selector)?;
        // That nothing is stale is an answer.
        let may_be_empty = parsed.needs_state();
        let Selector { mut include, exclude } = parsed;
        let mut selection = Selection::default();
        if include.is_empty() && (purpose == Purpose::Look || !exclude.is_empty()) {
            include.push(vec![Term::parse("*", "*")?]);
        }
        for group in &include {
            selection.all.extend(self.all_of(group, stale)?);
            let [Term { what: What::Name(name), parents, children, .. }] = group.as_slice() else { continue };
            let Some(index) = self.position(name) else { continue };
            let alone = parents.is_none() && children.is_none();
            match self.queries[index].kind {
                Kind::Model if alone && purpose == Purpose::Run => return Err(Error::IsModel { name: name.clone() }),
                Kind::Audit if alone && purpose == Purpose::Run => return Err(Error::IsAudit { name: name.clone() }),
                _ => selection.named.insert(index),
            };
        }
        for group in &exclude {
            for index in self.all_of(group, stale)? {
                selection.all.remove(&index);
                selection.named.remove(&index);
            }
        }
        if purpose == Purpose::Run {
            selection.all.retain(|index| !matches!(self.queries[*index].kind, Kind::Model | Kind::Audit));
        }
        if selection.all.is_empty() && !may_be_empty { Err(Error::NothingSelected) } else { Ok(selection) }
    }

    /// Returns the queries for which every term of a group holds.
    fn all_of(&self, group: &[Term], stale: Option<&BTreeSet<usize>>) -> Result<BTreeSet<usize>, Error> {
        let mut all: Option<BTreeSet<usize>> = None;
        for term in group {
            let found = self.matches_of(term, stale)?;
            all = Some(match all {
                None => found,
                Some(known) => known.intersection(&found).copied().collect(),
            });
        }
        Ok(all.unwrap_or_default())
    }

    fn matches_of(&self, term: &Term, stale: Option<&BTreeSet<usize>>) -> Result<BTreeSet<usize>, Error> {
        let matching = |holds: &dyn Fn(usize, &Query) -> bool| -> BTreeSet<usize> {
            let found = self.queries.iter().enumerate().filter(|(index, query)| holds(*index, query));
            found.map(|(index, _)| index).collect()
        };
        let nothing = |hint: Option<String>| Error::NoMatch { word: term.text.clone(), hint };
        let found = match &term.what {
            What::Name(name) => match self.position(name) {
                Some(index) => BTreeSet::from([index]),
                None => return Err(self.explain(name, &[]).unwrap_or_else(|| self.unknown(name))),
            },
            What::Pattern(pattern) => matching(&|_, query| matches(pattern, &query.name)),
            What::Tag(tag) => {
                let found = matching(&|_, query| query.header.tags.iter().any(|known| matches(tag, known)));
                if found.is_empty() {
                    let known: BTreeSet<&str> =
                        self.queries.iter().flat_map(|query| &query.header.tags).map(String::as_str).collect();
                    let there_are = || match known.is_empty() {
                        true => Some("a header sets tags with `-- tags: one, another`".into()),
                        false => Some(format!("the tags are {}", list(known.iter().copied()))),
                    };
                    return Err(nothing(did_you_mean(tag, known.iter().copied()).or_else(there_are)));
                }
                found
            }
            What::Path(path) => matching(&|_, query| self.lies_at(query, path)),
            What::Kind(kind) => return Ok(self.with_neighbours(matching(&|_, query| query.kind == *kind), term)),
            What::State(state) => {
                let Some(stale) = stale else {
                    let problem = "the state of tables is not known here".into();
                    let hint = "name the queries instead".into();
                    return Err(Error::Selector { word: term.text.clone(), problem, hint });
                };
                let found =
                    matching(&|index, query| query.can_run() && stale.contains(&index) == (*state == State::Stale));
                // That nothing is stale is an answer, not a mistake.
                return Ok(self.with_neighbours(found, term));
            }
        };
        if found.is_empty() {
            return Err(nothing(None));
        }
        Ok(self.with_neighbours(found, term))
    }

    /// Returns whether a query's file is at a path or below it. The path may have wildcards, and may start in the working
    /// directory, in the project's folder or beside it.
    fn lies_at(&self, query: &Query, path: &str) -> bool {
        let whole = query.file.to_string_lossy();
        let inner = query.file.strip_prefix(&self.dir).unwrap_or(&query.file).to_string_lossy();
        let folder = self.dir.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        [whole.trim_start_matches("./").to_string(), inner.to_string(), format!("{folder}/{inner}")].iter().any(
            |file| {
                let folders = file.match_indices('/').map(|(at, _)| &file[..at]);
                folders.chain([file.as_str()]).any(|part| matches(path, part))
            },
        )
    }

    fn with_neighbours(&self, found: BTreeSet<usize>, term: &Term) -> BTreeSet<usize> {
        let mut all = found.clone();
        if let Some(steps) = term.parents {
            all.extend(within(&found, steps, |index| self.queries[index].reads.clone()));
        }
        if let Some(steps) = term.children {
            all.extend(within(&found, steps, |index| self.readers(index)));
        }
        all
    }

    /// Returns the queries that read a query directly.
    pub(super) fn readers(&self, index: usize) -> Vec<usize> {
        (index + 1..self.queries.len()).filter(|later| self.queries[*later].reads.contains(&index)).collect()
    }
}

/// Returns what is reached in at most so many steps.
fn within(from: &BTreeSet<usize>, steps: usize, next: impl Fn(usize) -> Vec<usize>) -> BTreeSet<usize> {
    let mut reached = from.clone();
    let mut edge: Vec<usize> = from.iter().copied().collect();
    for _ in 0..steps {
        edge = edge.into_iter().flat_map(&next).filter(|index| reached.insert(*index)).collect();
        if edge.is_empty() {
            break;
        }
    }
    reached
}

#[cfg(test)]
mod tests;
