//! The walk of a plan, from its sources to its last node.
//!
//! In: a logical plan whose types are resolved and whose constants are folded. Out: the [`Relation`] of its last node. Joins,
//! windows and groups have files of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::{DFSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, TableScan, Union};

use super::aggregate::is_correlated;
use super::expression::{Input, chain, constant};
use super::local::only_reads;
use super::need::{Local, Need, either};
use super::relation::{Cause, Column, Deps, Fault, Relation, Source, Spot};
use super::tables::QueryTable;
use super::times::{Bound, Scope, Span, Times, Var};
use crate::asof::AsofJoin;
use crate::pipeline::{LANDED, Project};

/// Table functions that read nothing.
const SERIES: [&str; 2] = ["generate_series()", "range()"];

/// One walk.
pub struct Walk<'a> {
    pub project: &'a Project,
    /// The query whose plan it is, as an index into the project's queries.
    pub query: usize,
    pub times: Times,
    /// The rows around a subquery, from the outermost.
    pub outer: Vec<(DFSchema, Relation)>,
    /// Windows whose frame holds the row itself and later ones.
    pub holding: BTreeSet<Arc<Cause>>,
    /// How deep the walk is in an expression.
    pub depth: usize,
}

impl Walk<'_> {
    /// Returns what is known about the rows of a node.
    pub fn relation(&mut self, plan: &LogicalPlan) -> Result<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(self.scan(scan)),
            LogicalPlan::Projection(projection) => {
                let rows = self.relation(&projection.input)?;
                let input = Input { schema: projection.input.schema(), relation: &rows };
                let mut columns = Vec::new();
                let mut from = Vec::new();
                for expression in &projection.expr {
                    let need = self.need(expression, input)?;
                    columns.push(Column { need, ..self.value(expression, input)? });
                    from.push(position(expression, input.schema));
                }
                Ok(rows.remapped(columns, &from))
            }
            LogicalPlan::Filter(filter) => {
                let mut rows = self.relation(&filter.input)?;
                let input = Input { schema: filter.input.schema(), relation: &rows };
                let condition = self.value(&filter.predicate, input)?;
                let limits = self.limits(&filter.predicate, input)?;
                let constants = fixed(&filter.predicate, input.schema);
                let need = self.need(&filter.predicate, input)?;
                let local = rows.local.filtered(need, only_reads(&filter.predicate, &rows.local.product, input.schema));
                self.keep(limits, rows.scope);
                rows.members.retain(|var| !condition.deps.sources.contains_key(var));
                rows.table = rows.table.map(|(name, _)| (name, false));
                rows.rows.union(&condition.deps);
                rows.constants.extend(constants);
                rows.local = local;
                Ok(rows)
            }
            LogicalPlan::Window(window) => self.windows(window),
            LogicalPlan::Aggregate(aggregate) => self.groups(aggregate),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Sort(sort) => match sort.fetch {
                None => self.relation(&sort.input),
                Some(_) => self.limited(&sort.input),
            },
            LogicalPlan::Limit(limit) => self.limited(&limit.input),
            LogicalPlan::Repartition(repartition) => self.relation(&repartition.input),
            LogicalPlan::Subquery(subquery) => Ok(self.relation(&subquery.subquery)?.with_unknown_need()),
            LogicalPlan::SubqueryAlias(alias) => {
                let first = self.times.count();
                let rows = self.relation(&alias.input)?;
                let name = alias.alias.table();
                let cause = self.joined_table(name);
                self.times.name_since(first, &cause);
                Ok(rows)
            }
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => Ok(self.made_up(plan.schema())),
            LogicalPlan::Unnest(unnest) => {
                let rows = self.relation(&unnest.input)?;
                let all = super::expression::together(&rows.columns);
                let known = |index: usize| {
                    let (qualifier, field) = unnest.schema.qualified_field(index);
                    let old = unnest.input.schema().index_of_column_by_name(qualifier, field.name());
                    old.filter(|old| unnest.input.schema().field(*old).data_type() == field.data_type())
                };
                let from: Vec<Option<usize>> = (0..unnest.schema.fields().len()).map(known).collect();
                let columns = from.iter().map(|old| match old {
                    Some(old) => rows.columns[*old].clone(),
                    None => Column { deps: all.clone(), ..Column::default() },
                });
                let rows = Relation {
                    keys: Vec::new(),
                    table: None,
                    unjoined: false,
                    ..rows.remapped(columns.collect(), &from)
                };
                Ok(rows.with_unknown_need())
            }
            LogicalPlan::RecursiveQuery(recursive) => {
                let how = format!("`{}` is a recursive query", recursive.name);
                Ok(self.opaque(plan.schema(), Spot::Keyword("RECURSIVE"), how))
            }
            other => match AsofJoin::of(other) {
                Some(join) => self.newest(join),
                None => Ok(self.opaque(other.schema(), Spot::Start, format!("it holds {}", kind_of(other)))),
            },
        }
    }

    pub fn cause(&self, spot: Spot, how: impl Into<String>) -> Arc<Cause> {
        Arc::new(Cause { query: self.query, spot, how: how.into() })
    }

    fn joined_table(&self, name: &str) -> Arc<Cause> {
        let how = format!("it joins `{name}`, whose rows may be later than the row itself");
        self.cause(Spot::Table(name.into()), how)
    }

    /// Takes over what a condition says about times; a condition says nothing about rows outside of `scope`.
    pub fn keep(&mut self, limits: Vec<super::condition::Limit>, scope: Scope) {
        for (from, to, bound) in limits {
            let within = [from, to].map(|var| self.times.belongs(var, scope));
            if within == [false, false] {
                continue;
            }
            // A comparison holds only if both times are there.
            for (var, _) in [from, to].into_iter().zip(within).filter(|(_, within)| *within) {
                self.times.merge(scope, self.times.scope_of(var));
            }
            self.times.limit(from, to, bound);
        }
    }

    /// Returns a dependency on every row.
    pub fn everything(&mut self, scope: Scope, cause: &Arc<Cause>) -> Deps {
        let var = self.times.add(scope, Some(Arc::clone(cause)));
        let mut deps = Deps::default();
        let (ahead, back) = (Some(Arc::clone(cause)), Some(Arc::clone(cause)));
        deps.add(var, Source { span: Span::OWN, counted: None, ahead, back });
        deps
    }

    fn scan(&mut self, scan: &TableScan) -> Relation {
        let name = scan.table_name.table();
        let provider = source_as_provider(&scan.source).ok();
        if let Some(table) = provider.as_ref().and_then(|provider| provider.downcast_ref::<QueryTable>()) {
            let cause = self.joined_table(name);
            let mut rows = table.summary.import(&mut self.times, &cause);
            rows.count_rows_of(name, &table.schema);
            if !matches!(&rows.table, Some((_, true))) {
                rows.table = Some((name.into(), true));
            }
            return rows;
        }
        let schema = &scan.projected_schema;
        if name == LANDED {
            return self.landed(schema);
        }
        if SERIES.contains(&name) {
            return self.made_up(schema);
        }
        let (fault, how) = self.unknown_table(name);
        let cause = self.cause(Spot::Table(name.trim_end_matches("()").into()), how);
        self.faulty(schema, fault(cause))
    }

    /// The landed messages: within a product, `ts` strictly increases and is never before `event_time`.
    fn landed(&mut self, schema: &DFSchema) -> Relation {
        let scope = self.times.scope();
        let cause = self.joined_table(LANDED);
        let ts = self.times.add(scope, Some(cause));
        self.times.is_tick(ts);
        let mut columns = Vec::new();
        for field in schema.fields() {
            let mut column = Column { deps: Deps::row(ts), need: Some(Need::at(ts)), ..Column::default() };
            if field.name() == "ts" {
                column.time = Some(ts);
            } else if field.data_type().is_temporal() {
                let time = self.times.add(scope, None);
                if field.name() == "event_time" {
                    self.times.limit(ts, time, Bound::ZERO);
                }
                column.time = Some(time);
            }
            columns.push(column);
        }
        let find = |name| schema.index_of_column_by_name(None, name);
        let keys = find("product_id").zip(find("ts")).map(|(product, ts)| BTreeSet::from([product, ts]));
        let local = find("product_id").map(|product| Local::landed(ts, product));
        Relation {
            rows: Deps::row(ts),
            local: local.unwrap_or_default(),
            main: Some(ts),
            unjoined: true,
            keys: keys.into_iter().collect(),
            table: Some((LANDED.into(), true)),
            ..Relation::constant(columns, scope)
        }
    }

    /// Rows that the query itself makes up.
    fn made_up(&mut self, schema: &DFSchema) -> Relation {
        let scope = self.times.scope();
        let columns = schema.fields().iter().map(|field| {
            let time = field.data_type().is_temporal().then(|| self.times.add(scope, None));
            Column { time, need: Some(Need::default()), ..Column::default() }
        });
        let columns: Vec<Column> = columns.collect();
        let main = columns.iter().find_map(|column| column.time);
        let local = Local { rows: Some(Need::default()), ..Local::default() };
        Relation { main, local, ..Relation::constant(columns, scope) }
    }

    pub fn opaque(&mut self, schema: &DFSchema, spot: Spot, how: String) -> Relation {
        let cause = self.cause(spot, how);
        self.faulty(schema, Fault::Unknown(cause))
    }

    fn faulty(&mut self, schema: &DFSchema, fault: Fault) -> Relation {
        let mut rows = self.made_up(schema);
        let deps = Deps::fault(fault);
        rows.columns.iter_mut().for_each(|column| column.deps = deps.clone());
        rows.rows = deps;
        rows.with_unknown_need()
    }

    /// Says why it is not known on what a table depends; the file of a label's or a model's rows is one of these.
    fn unknown_table(&self, name: &str) -> (fn(Arc<Cause>) -> Fault, String) {
        if let Some(function) = name.strip_suffix("()") {
            return (Fault::Unknown, format!("the table function `{function}` may read any rows"));
        }
        if !name.contains(['/', '.', '\\']) {
            return (Fault::Unknown, format!("`{name}` is not a query of the project"));
        }
        let parts = name.split(['/', '\\']).flat_map(|part| part.split(['-', '.']));
        let stored: Vec<usize> = parts.filter_map(|part| self.project.position(part)).collect();
        let forbidden = stored.iter().find_map(|index| Some((*index, self.project.hindsight(*index)?)));
        match (forbidden, stored.first()) {
            (Some((index, what)), _) => {
                let query = &self.project.queries[index].name;
                (Fault::Reads, format!("it reads the file '{name}' of the {what} `{query}`"))
            }
            (None, Some(index)) => {
                let query = &self.project.queries[*index].name;
                (
                    Fault::Unknown,
                    format!("it reads the file '{name}', which holds rows of `{query}`: read `{query}` itself"),
                )
            }
            (None, None) => (Fault::Unknown, format!("it reads the file '{name}'")),
        }
    }

    fn limited(&mut self, input: &LogicalPlan) -> Result<Relation> {
        let mut rows = self.relation(input)?.with_unknown_need();
        let how = "a limit keeps a number of rows, so later rows change which rows are kept";
        // In a correlated subquery, the limit chooses among the rows that the condition finds for one row.
        if is_correlated(input) {
            return Ok(rows);
        }
        let cause = self.cause(Spot::Keyword("LIMIT"), how);
        let all = self.everything(rows.scope, &cause);
        rows.rows.union(&all);
        rows.table = rows.table.map(|(name, _)| (name, false));
        Ok(rows)
    }

    fn union(&mut self, union: &Union) -> Result<Relation> {
        let scope = self.times.scope();
        let mut branches = Vec::new();
        for input in &union.inputs {
            let rows = self.relation(input)?;
            self.times.nest(rows.scope, scope);
            branches.push(rows);
        }
        let mut columns = Vec::new();
        let mut known = BTreeMap::new();
        for index in 0..union.schema.fields().len() {
            let parts: Vec<&Column> = branches.iter().filter_map(|rows| rows.columns.get(index)).collect();
            let times: Option<Vec<Var>> = parts.iter().map(|part| part.time).collect();
            let mut deps = super::expression::together(parts.iter().copied());
            if parts.iter().any(|part| part.deps.sources.is_empty() && part.deps.faults.is_empty()) {
                // A constant says from which branch a row comes.
                branches.iter().for_each(|rows| deps.union(&rows.rows));
            }
            let need = parts.iter().try_fold(Need::default(), |need, part| either(Some(need), &part.need));
            columns.push(Column {
                deps,
                time: times.map(|times| self.one_of_branches(scope, &times, &mut known)),
                number: None,
                latest: None,
                next: None,
                place: None,
                need,
                made_of_time: parts.iter().any(|part| part.made_of_time || part.number.is_some()),
            });
        }
        let mains: Option<Vec<Var>> = branches.iter().map(|rows| rows.main).collect();
        let main = mains.map(|mains| self.one_of_branches(scope, &mains, &mut known));
        let local = Local::of_branches(&branches);
        let mut all = Relation { main, local, ..Relation::constant(columns, scope) };
        branches.iter().for_each(|rows| all.rows.union(&rows.rows));
        Ok(all)
    }

    /// Returns the time of a row that comes from one of several branches.
    fn one_of_branches(&mut self, scope: Scope, branches: &[Var], known: &mut BTreeMap<Vec<Var>, Var>) -> Var {
        if let Some(time) = known.get(branches) {
            return *time;
        }
        let time = self.times.add(scope, None);
        branches.iter().for_each(|branch| self.times.place(time, *branch, Span::OWN));
        if branches.iter().all(|branch| self.times.of_ticks(*branch)) {
            self.times.is_tick(time);
        }
        known.insert(branches.to_vec(), time);
        time
    }
}

/// Returns which column an expression is, if it is one.
pub fn position(expression: &Expr, schema: &DFSchema) -> Option<usize> {
    match expression {
        Expr::Column(name) => schema.maybe_index_of_column(name),
        Expr::Alias(alias) => position(&alias.expr, schema),
        _ => None,
    }
}

/// Returns the columns that a condition sets equal to a constant.
pub fn fixed(condition: &Expr, schema: &DFSchema) -> Vec<usize> {
    let parts = chain(condition, Operator::And).into_iter();
    let equal = parts.filter_map(|part| match part {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => Some(binary),
        _ => None,
    });
    let sides = equal.flat_map(|binary| [(&binary.left, &binary.right), (&binary.right, &binary.left)]);
    let found = sides.filter(|(_, value)| constant(value).is_some());
    found.filter_map(|(column, _)| position(column, schema)).collect()
}

fn kind_of(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Extension(_) => "an operator of an extension",
        LogicalPlan::Distinct(_) => "DISTINCT in a form that is not known",
        _ => "a statement that is not a query",
    }
}
