//! Lineage: from which columns each column of a query comes, and in which way.
//!
//! In: a query's logical plan, in which the other queries of the project are tables. Out: its [`Flows`], and a [`Lineage`] that
//! joins those of several queries. Each query is analysed once in a session, so a chain of queries costs as much as its parts.
//! The ways are those of OpenLineage's column lineage: a value is direct, everything else is indirect.

mod html;
mod json;
mod mermaid;
mod text;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::{Kind, Project, Query};
use crate::text::did_you_mean;
use walk::Walk;

/// How something depends on a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It is made of the column's values.
    Value,
    /// The column decides which branch of an expression counts.
    Condition,
    /// The column decides which rows count.
    Filter,
    /// Rows meet by the column.
    Join,
    /// Rows are put together by the column.
    Group,
    /// A window holds the rows that share the column's value.
    Partition,
    /// Rows are ordered by the column.
    Order,
}

impl Use {
    /// Returns the name that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Use::Value => "value",
            Use::Condition => "condition",
            Use::Filter => "filter",
            Use::Join => "join",
            Use::Group => "group",
            Use::Partition => "partition",
            Use::Order => "order",
        }
    }
}

/// A column of a query, table or file; or which rows it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub relation: Arc<str>,
    /// `None` stands for which rows there are; of a model, for the model.
    pub column: Option<Arc<str>>,
}

impl Source {
    fn column(relation: &str, column: &str) -> Source {
        Source { relation: relation.into(), column: Some(column.into()) }
    }

    fn rows(relation: &str) -> Source {
        Source { relation: relation.into(), column: None }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}.{column}", self.relation),
            None => write!(f, "rows of {}", self.relation),
        }
    }
}

/// Sources, each with the ways in which it is used.
pub type Flow = BTreeMap<Source, BTreeSet<Use>>;

/// What one query takes directly from what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flows {
    pub columns: Vec<(Arc<str>, Flow)>,
    /// What decides which rows there are. Of a model, everything that it learns from.
    pub rows: Flow,
}

/// What was analysed, by session and query.
pub(super) type Memo = Mutex<BTreeMap<(String, usize), Arc<Flows>>>;

/// Which way to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what it comes from.
    Up,
    /// To what is made of it.
    Down,
}

/// A part of the project's lineage.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// What was asked for; empty for the whole project.
    pub about: Vec<Source>,
    pub direction: Direction,
    /// Each after those that it reads.
    pub nodes: Vec<Node>,
    /// Ordered by where they end.
    pub edges: Vec<Edge>,
}

/// A query, table or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub name: Arc<str>,
    /// `feature`, `label` …, or `table`.
    pub kind: &'static str,
    /// The columns that take part, in the query's order.
    pub columns: Vec<Arc<str>>,
}

/// One step of the lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub from: Source,
    pub to: Source,
    pub uses: BTreeSet<Use>,
}

impl Edge {
    /// Returns whether values flow along it.
    pub fn is_value(&self) -> bool {
        self.uses.contains(&Use::Value)
    }

    /// Returns the ways as text, such as `value, order`.
    pub fn how(&self) -> String {
        self.uses.iter().map(|how| how.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Project {
    /// Returns what each column of a query takes directly from what the query reads.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub async fn flows(&self, query: &Query, context: &SessionContext) -> Result<Arc<Flows>, Error> {
        let Some(index) = self.position(&query.name) else { return Err(self.unknown(&query.name)) };
        let key = (context.session_id(), index);
        // The map is never left half changed.
        let known = self.flows.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let flows = Arc::new(self.analysed(query, context).await?);
        self.flows.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&flows));
        Ok(flows)
    }

    async fn analysed(&self, query: &Query, context: &SessionContext) -> Result<Flows, Error> {
        let plan = self.plan_on_queries(query, context).await?;
        let mut functions = BTreeMap::new();
        for (function, strings) in &query.parsed.references.table_functions {
            let mut read: Vec<(Arc<str>, Vec<String>)> = Vec::new();
            for named in strings.iter().filter_map(|name| self.query(name)) {
                let columns = match named.kind {
                    Kind::Model => Vec::new(),
                    _ => match self.measured(named, context).await {
                        Ok(known) => known.schema.fields().iter().map(|field| field.name().clone()).collect(),
                        Err(_) => continue,
                    },
                };
                read.push((named.name.as_str().into(), columns));
            }
            functions.insert(function.clone(), read);
        }
        let found = Walk::new(&functions).relation(&plan);
        let found = found.map_err(|error| self.plan_error(query, &error, context))?;
        let names = plan.schema().fields().iter().map(|field| Arc::from(field.name().as_str()));
        let mut flows = Flows { columns: names.zip(found.columns).collect(), rows: found.rows };
        if query.kind == Kind::Model {
            for (_, flow) in &flows.columns {
                for (source, uses) in flow {
                    flows.rows.entry(source.clone()).or_default().extend(uses);
                }
            }
        }
        Ok(flows)
    }

    /// Returns the lineage of a query or of one of its columns; without a name, which query reads which.
    ///
    /// # Errors
    /// There is no such query or column, or the query cannot be planned.
    pub async fn lineage(
        &self,
        about: Option<&str>,
        direction: Direction,
        context: &SessionContext,
    ) -> Result<Lineage, Error> {
        let Some(about) = about else { return Ok(self.overview()) };
        let (name, column) = about.split_once('.').map_or((about, None), |(name, column)| (name, Some(column)));
        let mut all: Vec<(Source, Flow)> = Vec::new();
        let start: Vec<Source>;
        match self.query(name) {
            Some(query) => {
                let flows = self.flows(query, context).await?;
                let known = flows.columns.iter().map(|(name, _)| &**name);
                start = match column {
                    None => known.map(|column| Source::column(name, column)).chain([Source::rows(name)]).collect(),
                    Some(column) if known.clone().any(|name| name == column) => vec![Source::column(name, column)],
                    Some(column) => return Err(unknown_column(name, column, known)),
                };
            }
            None => {
                let table = context.table_provider(name).await.ok().filter(|_| direction == Direction::Down);
                let Some(table) = table else {
                    return Err(self.explain(name, &[]).unwrap_or_else(|| self.unknown(name)));
                };
                let schema = table.schema();
                let known = schema.fields().iter().map(|field| field.name().as_str());
                start = match column {
                    None => known.map(|column| Source::column(name, column)).collect(),
                    Some(column) if known.clone().any(|name| name == column) => vec![Source::column(name, column)],
                    Some(column) => return Err(unknown_column(name, column, known)),
                };
            }
        }
        let own = self.position(name);
        let concerned: Vec<usize> = match (direction, own) {
            (Direction::Up, Some(index)) => self.upstream(index).into_iter().chain([index]).collect(),
            (Direction::Down, Some(index)) => [index].into_iter().chain(self.downstream(index)).collect(),
            (_, None) => (0..self.queries.len()).collect(),
        };
        for index in concerned {
            let query = &self.queries[index];
            // What cannot be planned has no lineage; `check` says why.
            let Ok(flows) = self.flows(query, context).await else { continue };
            let columns = flows.columns.iter();
            let columns = columns.map(|(column, flow)| (Source::column(&query.name, column), flow.clone()));
            all.extend(columns.chain([(Source::rows(&query.name), flows.rows.clone())]));
        }
        Ok(self.part(start, direction, &all))
    }

    /// Returns which query reads which.
    fn overview(&self) -> Lineage {
        let mut nodes: Vec<Node> = Vec::new();
        let mut edges = Vec::new();
        let node = |name: &str, kind| Node { name: name.into(), kind, columns: Vec::new() };
        for query in self.queries.iter() {
            for read in self.reads(query) {
                if !nodes.iter().any(|node| *node.name == *read) {
                    nodes.push(node(read, "table"));
                }
                let uses = BTreeSet::from([Use::Value]);
                edges.push(Edge { from: Source::rows(read), to: Source::rows(&query.name), uses });
            }
            nodes.push(node(&query.name, query.kind.as_str()));
        }
        Lineage { about: Vec::new(), direction: Direction::Up, nodes, edges }
    }

    /// Returns what can be reached from `start`.
    fn part(&self, start: Vec<Source>, direction: Direction, all: &[(Source, Flow)]) -> Lineage {
        // Where the steps from each place lead.
        let mut steps: BTreeMap<&Source, Vec<&Source>> = BTreeMap::new();
        for (to, flow) in all {
            for from in flow.keys() {
                match direction {
                    Direction::Up => steps.entry(to).or_default().push(from),
                    Direction::Down => steps.entry(from).or_default().push(to),
                }
            }
        }
        let mut reached: BTreeSet<Source> = start.iter().cloned().collect();
        let mut open = start.clone();
        while let Some(place) = open.pop() {
            let mut next: Vec<Source> = steps.get(&place).into_iter().flatten().map(|next| (*next).clone()).collect();
            match direction {
                // Which rows a query has concerns each of its columns.
                Direction::Up => next.push(Source { column: None, ..place }),
                Direction::Down if place.column.is_none() => {
                    let columns = all.iter().map(|(to, _)| to).filter(|to| to.relation == place.relation);
                    next.extend(columns.cloned());
                }
                Direction::Down => {}
            }
            open.extend(next.into_iter().filter(|next| reached.insert(next.clone())));
        }
        let mut edges = Vec::new();
        for (to, flow) in all.iter().filter(|(to, _)| reached.contains(to)) {
            let flow = flow.iter().filter(|(from, _)| reached.contains(*from));
            edges.extend(flow.map(|(from, uses)| Edge { from: from.clone(), to: to.clone(), uses: uses.clone() }));
        }
        let mut nodes: Vec<Node> = Vec::new();
        let mut add = |place: &Source| {
            let known = nodes.iter().position(|node| node.name == place.relation).unwrap_or_else(|| {
                let kind = self.query(&place.relation).map_or("table", |query| query.kind.as_str());
                nodes.push(Node { name: Arc::clone(&place.relation), kind, columns: Vec::new() });
                nodes.len() - 1
            });
            if let Some(column) = place.column.as_ref().filter(|column| !nodes[known].columns.contains(column)) {
                nodes[known].columns.push(Arc::clone(column));
            }
        };
        start.iter().for_each(&mut add);
        for edge in &edges {
            add(&edge.from);
            add(&edge.to);
        }
        // Tables come first, and each query after what it reads.
        nodes.sort_by_key(|node| self.position(&node.name).map_or(0, |index| index + 1));
        Lineage { about: start, direction, nodes, edges }
    }
}

fn unknown_column<'a>(relation: &str, column: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let near = did_you_mean(column, known.clone());
    let hint = near.unwrap_or_else(|| format!("its columns are {}", known.collect::<Vec<_>>().join(", ")));
    Error::UnknownColumn { relation: relation.into(), column: column.into(), hint }
}
