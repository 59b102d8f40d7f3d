//! The walk of a plan, from its sources to its last node: which columns make a column, and in which way.
//!
//! In: a query's logical plan, in which other queries of the project are tables. Out: a [`Relation`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, SortExpr, TableScan};

use super::{Flow, Source, Use};
use crate::asof::AsofJoin;

/// Expressions that are nested deeper are not taken apart: each level takes room on the stack.
const MOST_DEPTH: usize = 200;

/// What is known about the rows of a node.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub columns: Vec<Flow>,
    /// On what it depends which rows there are.
    pub rows: Flow,
}

/// By table function, the queries that its strings name, each with its columns.
pub type Functions = BTreeMap<String, Vec<(Arc<str>, Vec<String>)>>;

/// One walk.
pub struct Walk<'a> {
    /// The queries that the strings of each table function name, each with its columns; a model has none.
    pub functions: &'a Functions,
    /// The rows around a subquery, from the outermost.
    outer: Vec<(DFSchema, Relation)>,
    /// The rows of recursive queries so far, by name.
    recursive: BTreeMap<String, Relation>,
    /// How deep the walk is in an expression.
    depth: usize,
}

impl<'a> Walk<'a> {
    pub fn new(functions: &'a Functions) -> Walk<'a> {
        Walk { functions, outer: Vec::new(), recursive: BTreeMap::new(), depth: 0 }
    }

    /// Returns what is known about the rows of a node.
    pub fn relation(&mut self, plan: &LogicalPlan) -> Result<Relation> {
        Ok(match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(projection) => {
                let rows = self.relation(&projection.input)?;
                let schema = projection.input.schema();
                let columns = projection.expr.iter().map(|expression| self.value(expression, schema, &rows));
                Relation { columns: columns.collect::<Result<_>>()?, rows: rows.rows }
            }
            LogicalPlan::Filter(filter) => {
                let mut rows = self.relation(&filter.input)?;
                let condition = self.value(&filter.predicate, filter.input.schema(), &rows)?;
                add(&mut rows.rows, &condition, Use::Filter);
                rows
            }
            LogicalPlan::Window(window) => {
                let mut rows = self.relation(&window.input)?;
                let made = window.window_expr.iter().map(|call| self.value(call, window.input.schema(), &rows));
                let made = made.collect::<Result<Vec<_>>>()?;
                rows.columns.extend(made);
                rows
            }
            LogicalPlan::Aggregate(aggregate) => self.groups(aggregate)?,
            LogicalPlan::Join(join) => self.join(join)?,
            LogicalPlan::Union(union) => {
                let mut all =
                    Relation { columns: vec![Flow::new(); union.schema.fields().len()], ..Relation::default() };
                for input in &union.inputs {
                    let rows = self.relation(input)?;
                    add(&mut all.rows, &rows.rows, Use::Value);
                    all.columns.iter_mut().zip(&rows.columns).for_each(|(all, one)| add(all, one, Use::Value));
                }
                all
            }
            LogicalPlan::Sort(sort) => {
                let mut rows = self.relation(&sort.input)?;
                let order = self.ordered(&sort.expr, sort.input.schema(), &rows)?;
                add(&mut rows.rows, &order, Use::Order);
                rows
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let mut rows = self.relation(input)?;
                for column in &rows.columns {
                    add(&mut rows.rows, column, Use::Group);
                }
                rows
            }
            LogicalPlan::Distinct(Distinct::On(distinct)) => {
                let rows = self.relation(&distinct.input)?;
                let schema = distinct.input.schema();
                let mut kept = rows.rows.clone();
                for expression in &distinct.on_expr {
                    add(&mut kept, &self.value(expression, schema, &rows)?, Use::Group);
                }
                let order = self.ordered(distinct.sort_expr.as_deref().unwrap_or_default(), schema, &rows)?;
                add(&mut kept, &order, Use::Order);
                let columns = distinct.select_expr.iter().map(|expression| self.value(expression, schema, &rows));
                Relation { columns: columns.collect::<Result<_>>()?, rows: kept }
            }
            LogicalPlan::Limit(limit) => self.relation(&limit.input)?,
            LogicalPlan::Repartition(repartition) => self.relation(&repartition.input)?,
            LogicalPlan::Subquery(subquery) => self.relation(&subquery.subquery)?,
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input)?,
            LogicalPlan::RecursiveQuery(recursive) => {
                let mut all = self.relation(&recursive.static_term)?;
                // Twice: what the second step takes from another column of the first one is known then.
                for _ in 0..2 {
                    self.recursive.insert(recursive.name.clone(), all.clone());
                    let step = self.relation(&recursive.recursive_term)?;
                    add(&mut all.rows, &step.rows, Use::Value);
                    all.columns.iter_mut().zip(&step.columns).for_each(|(all, one)| add(all, one, Use::Value));
                }
                self.recursive.remove(&recursive.name);
                all
            }
            LogicalPlan::Unnest(unnest) => {
                let rows = self.relation(&unnest.input)?;
                let mut all = Flow::new();
                rows.columns.iter().for_each(|column| add(&mut all, column, Use::Value));
                let columns = unnest.schema.iter().map(|(qualifier, field)| {
                    let old = unnest.input.schema().index_of_column_by_name(qualifier, field.name());
                    old.and_then(|old| rows.columns.get(old)).unwrap_or(&all).clone()
                });
                Relation { columns: columns.collect(), rows: rows.rows.clone() }
            }
            other => match AsofJoin::of(other) {
                Some(join) => self.join(&join.as_join())?,
                None => {
                    let mut all = Flow::new();
                    for input in other.inputs() {
                        let rows = self.relation(input)?;
                        rows.columns.iter().chain([&rows.rows]).for_each(|flow| add(&mut all, flow, Use::Value));
                    }
                    Relation { columns: vec![all.clone(); other.schema().fields().len()], rows: all }
                }
            },
        })
    }

    fn scan(&self, scan: &TableScan) -> Relation {
        let name = scan.table_name.table();
        if let Some(rows) = self.recursive.get(name) {
            return rows.clone();
        }
        let fields = scan.projected_schema.fields();
        let function = name.strip_suffix("()").and_then(|function| self.functions.get(function));
        let Some(read) = function.filter(|read| !read.is_empty()) else {
            let columns = fields.iter().map(|field| of(Source::column(name, field.name())));
            return Relation { columns: columns.collect(), rows: Flow::new() };
        };
        // A table function passes on the columns that have the name of one; everything else may be made of anything.
        let mut rows = Flow::new();
        for (query, _) in read {
            rows.insert(Source::rows(query), BTreeSet::from([Use::Filter]));
        }
        let columns = fields.iter().map(|field| {
            let mut flow = Flow::new();
            for (query, columns) in read {
                if columns.contains(field.name()) {
                    add(&mut flow, &of(Source::column(query, field.name())), Use::Value);
                }
            }
            if !flow.is_empty() {
                return flow;
            }
            for (query, columns) in read {
                if columns.is_empty() {
                    add(&mut flow, &of(Source::rows(query)), Use::Value);
                }
                columns.iter().for_each(|column| add(&mut flow, &of(Source::column(query, column)), Use::Value));
            }
            flow
        });
        Relation { columns: columns.collect(), rows }
    }

    fn groups(&mut self, aggregate: &Aggregate) -> Result<Relation> {
        let mut rows = self.relation(&aggregate.input)?;
        let schema = aggregate.input.schema();
        let keys = grouping_set_to_exprlist(&aggregate.group_expr)?;
        let keys = keys.into_iter().map(|key| self.value(key, schema, &rows)).collect::<Result<Vec<_>>>()?;
        let made =
            aggregate.aggr_expr.iter().map(|call| self.value(call, schema, &rows)).collect::<Result<Vec<_>>>()?;
        keys.iter().for_each(|key| add(&mut rows.rows, key, Use::Group));
        // With grouping sets, a column that numbers them lies between the keys and the values.
        let mut columns = keys;
        columns.resize(aggregate.schema.fields().len() - made.len(), Flow::new());
        columns.extend(made);
        Ok(Relation { columns, rows: rows.rows })
    }

    fn join(&mut self, join: &Join) -> Result<Relation> {
        let (left, right) = (self.relation(&join.left)?, self.relation(&join.right)?);
        let mut met = Flow::new();
        for (one, other) in &join.on {
            add(&mut met, &self.value(one, join.left.schema(), &left)?, Use::Join);
            add(&mut met, &self.value(other, join.right.schema(), &right)?, Use::Join);
        }
        let mut rows = left.rows.clone();
        add(&mut rows, &right.rows, Use::Value);
        let both = [left.columns.as_slice(), right.columns.as_slice()].concat();
        if let Some(filter) = &join.filter {
            let schema = join.left.schema().join(join.right.schema())?;
            let sides = Relation { columns: both.clone(), rows: Flow::new() };
            add(&mut met, &self.value(filter, &schema, &sides)?, Use::Join);
        }
        add(&mut rows, &met, Use::Join);
        let mark = || vec![marked(&met, Use::Condition)];
        let columns = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left.columns,
            JoinType::RightSemi | JoinType::RightAnti => right.columns,
            JoinType::LeftMark => [left.columns, mark()].concat(),
            JoinType::RightMark => [right.columns, mark()].concat(),
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => both,
        };
        Ok(Relation { columns, rows })
    }

    /// Returns of what an expression is made.
    fn value(&mut self, expression: &Expr, schema: &DFSchema, rows: &Relation) -> Result<Flow> {
        if self.depth == MOST_DEPTH {
            let mut flow = Flow::new();
            expression
                .column_refs()
                .into_iter()
                .for_each(|name| add(&mut flow, &column(name, schema, rows), Use::Value));
            return Ok(flow);
        }
        self.depth += 1;
        let value = self.value_of(expression, schema, rows);
        self.depth -= 1;
        value
    }

    fn value_of(&mut self, expression: &Expr, schema: &DFSchema, rows: &Relation) -> Result<Flow> {
        let mut flow = Flow::new();
        match expression {
            Expr::Column(name) => return Ok(column(name, schema, rows)),
            Expr::OuterReferenceColumn(_, name) => {
                let found = self.outer.iter().rev().find(|(schema, _)| schema.maybe_index_of_column(name).is_some());
                return Ok(found.map(|(schema, rows)| column(name, schema, rows)).unwrap_or_default());
            }
            Expr::WindowFunction(call) => {
                let WindowFunction { params, .. } = call.as_ref();
                self.add_all(&mut flow, &params.args, Use::Value, schema, rows)?;
                self.add_all(&mut flow, &params.partition_by, Use::Partition, schema, rows)?;
                self.add_all(&mut flow, params.filter.as_deref(), Use::Filter, schema, rows)?;
                add(&mut flow, &self.ordered(&params.order_by, schema, rows)?, Use::Order);
            }
            Expr::AggregateFunction(AggregateFunction { params, .. }) => {
                self.add_all(&mut flow, &params.args, Use::Value, schema, rows)?;
                self.add_all(&mut flow, params.filter.as_deref(), Use::Filter, schema, rows)?;
                add(&mut flow, &self.ordered(&params.order_by, schema, rows)?, Use::Order);
            }
            Expr::Case(case) => {
                let conditions = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
                self.add_all(
                    &mut flow,
                    case.expr.as_deref().into_iter().chain(conditions),
                    Use::Condition,
                    schema,
                    rows,
                )?;
                let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
                self.add_all(&mut flow, branches.chain(case.else_expr.as_deref()), Use::Value, schema, rows)?;
            }
            Expr::ScalarSubquery(subquery) => {
                let found = self.subquery(&subquery.subquery, schema, rows)?;
                found.columns.iter().take(1).for_each(|column| add(&mut flow, column, Use::Value));
                add(&mut flow, &found.rows, Use::Value);
            }
            Expr::Exists(exists) => {
                let found = self.subquery(&exists.subquery.subquery, schema, rows)?;
                add(&mut flow, &found.rows, Use::Condition);
            }
            Expr::InSubquery(test) => {
                self.add_all(&mut flow, [test.expr.as_ref()], Use::Value, schema, rows)?;
                let found = self.subquery(&test.subquery.subquery, schema, rows)?;
                found.columns.iter().for_each(|column| add(&mut flow, column, Use::Value));
                add(&mut flow, &found.rows, Use::Condition);
            }
            Expr::SetComparison(test) => {
                self.add_all(&mut flow, [test.expr.as_ref()], Use::Value, schema, rows)?;
                let found = self.subquery(&test.subquery.subquery, schema, rows)?;
                found.columns.iter().for_each(|column| add(&mut flow, column, Use::Value));
                add(&mut flow, &found.rows, Use::Condition);
            }
            _ => {
                let mut failed = None;
                expression.apply_children(|part| {
                    match self.value(part, schema, rows) {
                        Ok(part) => add(&mut flow, &part, Use::Value),
                        Err(error) => failed = Some(error),
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
                return failed.map_or(Ok(flow), Err);
            }
        }
        Ok(flow)
    }

    fn add_all<'e>(
        &mut self,
        flow: &mut Flow,
        expressions: impl IntoIterator<Item = &'e Expr>,
        how: Use,
        schema: &DFSchema,
        rows: &Relation,
    ) -> Result<()> {
        for expression in expressions {
            add(flow, &self.value(expression, schema, rows)?, how);
        }
        Ok(())
    }

    fn ordered(&mut self, order: &[SortExpr], schema: &DFSchema, rows: &Relation) -> Result<Flow> {
        let mut flow = Flow::new();
        self.add_all(&mut flow, order.iter().map(|key| &key.expr), Use::Order, schema, rows)?;
        Ok(flow)
    }

    fn subquery(&mut self, plan: &LogicalPlan, schema: &DFSchema, rows: &Relation) -> Result<Relation> {
        self.outer.push((schema.clone(), rows.clone()));
        let found = self.relation(plan);
        self.outer.pop();
        found
    }
}

fn column(name: &Column, schema: &DFSchema, rows: &Relation) -> Flow {
    let index = schema.maybe_index_of_column(name);
    index.and_then(|index| rows.columns.get(index)).cloned().unwrap_or_default()
}

fn of(source: Source) -> Flow {
    Flow::from([(source, BTreeSet::from([Use::Value]))])
}

/// Adds what flows into something that is used in a way: what makes a value keeps its own ways, all else takes the new one.
fn add(flow: &mut Flow, part: &Flow, how: Use) {
    for (source, uses) in part {
        let known = flow.entry(source.clone()).or_default();
        match how {
            Use::Value => known.extend(uses),
            other => {
                known.insert(other);
            }
        }
    }
}

fn marked(flow: &Flow, how: Use) -> Flow {
    let mut marked = Flow::new();
    add(&mut marked, flow, how);
    marked
}
