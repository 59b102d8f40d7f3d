//! Which query reads which other query: dependency order, cycles, and what a query needs.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::{Kind, Project, Query};
use crate::ml;
use crate::text::{self, did_you_mean};

/// Resolves references and puts each query after the queries that it reads; otherwise queries are ordered by name. Queries
/// that need each other cannot be ordered, so they are disabled.
pub(super) fn in_dependency_order(mut queries: Vec<Query>) -> (Vec<Query>, Vec<Disabled>) {
    queries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut circles = Vec::new();
    let mut order = visited(&mut queries, &mut circles);
    let in_circle: BTreeSet<usize> = circles.iter().flatten().copied().collect();
    order.retain(|index| !in_circle.contains(index));

    let disabled = disabled(&queries, &circles);
    let mut place = vec![None; queries.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = Some(new);
    }
    let mut placed: Vec<(usize, Query)> =
        queries.into_iter().enumerate().filter_map(|(old, query)| Some((place[old]?, query))).collect();
    placed.sort_by_key(|(new, _)| *new);
    let ordered = placed.into_iter().map(|(_, mut query)| {
        query.reads = query.reads.iter().filter_map(|read| place[*read]).collect();
        query
    });
    let mut ordered: Vec<Query> = ordered.collect();
    for index in 0..ordered.len() {
        let tokens: Vec<Token> = ordered[index].tokens().into_iter().map(|token| token.token).collect();
        ordered[index].fingerprint = fingerprint(&ordered[index], &tokens, &ordered);
        let has_window = tokens.iter().any(|token| matches!(token, Token::Word(word) if word.keyword == Keyword::OVER));
        ordered[index].windows = has_window || ordered[index].reads.iter().any(|read| ordered[*read].windows);
    }
    (ordered, disabled)
}

/// Returns a short name for what a query computes, in which comments and blanks do not count; what it reads has its own already.
fn fingerprint(query: &Query, tokens: &[Token], all: &[Query]) -> String {
    let sql: Vec<String> = tokens.iter().map(Token::to_string).collect();
    let mut text = format!("{}\n{:?}\n{:?}\n", sql.join("\n"), query.header.grain, query.header.time_column);
    for read in query.reads.iter().map(|read| &all[*read]) {
        // A model's text does not matter: its artifact does the scoring.
        let of = if read.kind == Kind::Model { "" } else { read.fingerprint.as_str() };
        text += &format!("{} {of}\n", read.name);
    }
    text::fingerprint(&text)
}

/// Resolves references and returns the queries, each after what it reads; circles are added to `circles`.
fn visited(queries: &mut [Query], circles: &mut Vec<Vec<usize>>) -> Vec<usize> {
    let index: BTreeMap<String, usize> =
        queries.iter().enumerate().map(|(index, query)| (query.name.clone(), index)).collect();
    let read = queries.iter().map(|query| {
        let named = query.parsed.references.names().into_iter().filter_map(|name| index.get(name).copied());
        let all = queries.iter().enumerate().filter(|(_, model)| reads_every(query, model)).map(|(model, _)| model);
        named.chain(all).collect::<BTreeSet<usize>>().into_iter().collect()
    });
    let read: Vec<Vec<usize>> = read.collect();
    for (query, read) in queries.iter_mut().zip(read) {
        query.reads = read;
    }
    let mut order = Vec::with_capacity(queries.len());
    let mut done = vec![false; queries.len()];
    let mut path = Vec::new();
    for start in 0..queries.len() {
        visit(start, queries, &mut path, &mut done, &mut order, circles);
    }
    order
}

/// Returns whether a query calls a function over every model that learned from a relation, and this is such a model.
fn reads_every(query: &Query, model: &Query) -> bool {
    let functions = &query.parsed.references.table_functions;
    let mut calls = functions.iter().filter(|(function, _)| ml::reads_every_model(function));
    let learned_from = &model.parsed.references.tables;
    model.kind == Kind::Model
        && calls.any(|(_, names)| {
            (!learned_from.is_empty() && learned_from.is_subset(names))
                || names.is_empty()
                || names.iter().any(|name| name.contains('*') && ml::matches(name, &model.name))
        })
}

fn visit(
    index: usize,
    queries: &[Query],
    path: &mut Vec<usize>,
    done: &mut [bool],
    order: &mut Vec<usize>,
    circles: &mut Vec<Vec<usize>>,
) {
    if done[index] {
        return;
    }
    if let Some(start) = path.iter().position(|on_path| *on_path == index) {
        circles.push(path[start..].to_vec());
        return;
    }
    path.push(index);
    for read in &queries[index].reads {
        visit(*read, queries, path, done, order, circles);
    }
    path.pop();
    done[index] = true;
    order.push(index);
}

/// Returns the queries of the circles: the first of each circle with the error, the others as its readers.
fn disabled(queries: &[Query], circles: &[Vec<usize>]) -> Vec<Disabled> {
    let mut disabled: BTreeMap<usize, Disabled> = BTreeMap::new();
    for circle in circles {
        // A query can be in several circles. Each circle is reported by a query that is not reported yet.
        let Some(start) = circle.iter().position(|index| !disabled.contains_key(index)) else { continue };
        let circle = [&circle[start..], &circle[..start]].concat();
        let (first, others) = (&circle[0], &circle[1..]);
        let name = |index: &usize| queries[*index].name.clone();
        let next = others.first().unwrap_or(first);
        let place = queries[*first].place_of_reference(&name(next));
        let path = circle.iter().chain([first]).map(name).collect();
        let of = |index: usize, why| Disabled::new(&queries[index], why);
        disabled.insert(*first, of(*first, Why::Wrong(Error::Cycle { place, path }.into())));
        for other in others {
            disabled.entry(*other).or_insert_with(|| of(*other, Why::Reads(name(first))));
        }
    }
    disabled.into_values().collect()
}

impl Project {
    /// Returns the queries and models that a query reads itself.
    pub fn parents<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a Query> {
        query.reads.iter().map(|index| &self.queries[*index])
    }

    /// Returns the error about a name that no query has.
    pub fn unknown(&self, name: &str) -> Error {
        let suggestion = did_you_mean(name, self.queries.iter().map(|query| query.name.as_str()));
        Error::UnknownQuery { name: name.into(), suggestion }
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
        let mut found = BTreeSet::from([index]);
        for later in index + 1..self.queries.len() {
            if self.queries[later].reads.iter().any(|read| found.contains(read)) {
                found.insert(later);
            }
        }
        found.remove(&index);
        found
    }
}
