//! Which query reads which other query: dependency order, cycles, selectors.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::{Kind, Project, Query};
use crate::text::did_you_mean;

/// Resolves references and puts each query after the queries that it reads; otherwise queries are ordered by name.
pub(super) fn in_dependency_order(mut queries: Vec<Query>) -> Result<Vec<Query>, Error> {
    queries.sort_by(|a, b| a.name.cmp(&b.name));
    let index: BTreeMap<String, usize> =
        queries.iter().enumerate().map(|(index, query)| (query.name.clone(), index)).collect();
    for query in &mut queries {
        query.reads = query.parsed.references.names().into_iter().filter_map(|name| index.get(name).copied()).collect();
    }
    let mut order = Vec::with_capacity(queries.len());
    let mut path = Vec::new();
    for start in 0..queries.len() {
        visit(start, &queries, &mut path, &mut order)?;
    }
    let mut place = vec![0; queries.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut placed: Vec<(usize, Query)> =
        queries.into_iter().enumerate().map(|(old, query)| (place[old], query)).collect();
    placed.sort_by_key(|(new, _)| *new);
    Ok(placed
        .into_iter()
        .map(|(_, mut query)| {
            query.reads.iter_mut().for_each(|read| *read = place[*read]);
            query
        })
        .collect())
}

fn visit(index: usize, queries: &[Query], path: &mut Vec<usize>, order: &mut Vec<usize>) -> Result<(), Error> {
    if order.contains(&index) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|on_path| *on_path == index) {
        let cycle = path[start..].iter().chain([&index]);
        return Err(Error::Cycle { path: cycle.map(|index| queries[*index].name.clone()).collect() });
    }
    path.push(index);
    for read in &queries[index].reads {
        visit(*read, queries, path, order)?;
    }
    path.pop();
    order.push(index);
    Ok(())
}

impl Project {
    /// Returns the queries that match a selector, in dependency order. A selector is `NAME`, `+NAME` (and what it needs),
    /// `NAME+` (and what needs it), several of these separated by blanks, or `*` for all. Models and audits are left out.
    pub fn select(&self, selector: &str) -> Result<Vec<&str>, Error> {
        Ok(self.selected(selector)?.into_iter().map(|index| self.queries[index].name.as_str()).collect())
    }

    pub(super) fn selected(&self, selector: &str) -> Result<BTreeSet<usize>, Error> {
        if self.queries.is_empty() {
            return Err(Error::NoProject { dir: self.dir.clone() });
        }
        let mut selected = BTreeSet::new();
        for word in selector.split_whitespace() {
            if word == "*" {
                selected.extend(0..self.queries.len());
                continue;
            }
            let needed = word.starts_with('+');
            let needing = word.ends_with('+');
            let name = word.trim_start_matches('+').trim_end_matches('+');
            let Some(index) = self.queries.iter().position(|query| query.name == name) else {
                let suggestion = did_you_mean(name, self.queries.iter().map(|query| query.name.as_str()));
                return Err(Error::UnknownQuery { name: name.into(), suggestion });
            };
            match self.queries[index].kind {
                Kind::Model if !needed && !needing => return Err(Error::IsModel { name: name.into() }),
                Kind::Audit => return Err(Error::IsAudit { name: name.into() }),
                _ => selected.insert(index),
            };
            if needed {
                selected.extend(self.upstream(index));
            }
            if needing {
                selected.extend(self.downstream(index));
            }
        }
        selected.retain(|index| !matches!(self.queries[*index].kind, Kind::Model | Kind::Audit));
        if selected.is_empty() { Err(Error::NothingSelected) } else { Ok(selected) }
    }

    /// Returns what a query needs, directly or indirectly.
    pub(super) fn upstream(&self, index: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.queries[index].reads.clone();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(&self.queries[next].reads);
            }
        }
        found
    }

    /// Returns what needs a query, directly or indirectly.
    pub(super) fn downstream(&self, index: usize) -> BTreeSet<usize> {
        (index + 1..self.queries.len()).filter(|later| self.upstream(*later).contains(&index)).collect()
    }
}
