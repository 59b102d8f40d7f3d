//! How far before and after its own time each column of a query can depend on other rows.
//!
//! In: a query, and the session's tables. Out: its [`Reaches`], found in the logical plan after types are resolved and
//! constants folded. So `lag(price, 1 - 2)`, a subquery, a join or a view cannot hide a look ahead. What a query reads is
//! measured first, once for each session.
//!
//! The modules are listed in the order in which a plan passes through them.

/// How far, in time and rows, as a header says it.
mod extent;

/// Lengths of time in SQL.
mod interval;

/// How far apart times are.
mod span;

/// Grids of time.
mod grid;

/// What is known about the times of rows.
mod times;

/// Which ticks a row needs.
mod need;

/// What is known about the rows of a node.
mod relation;

/// The tables that a query is planned against.
mod tables;

/// How large the engine would make a plan.
mod size;

/// The walk of a plan.
mod plan;

/// Expressions.
mod expression;

/// The starts of intervals.
mod bucket;

/// Times as numbers.
mod numbers;

/// Times as texts.
mod texts;

/// Comparisons that ask whether there are rows up to a time.
mod asked;

/// Conditions.
mod condition;

/// Windows.
mod window;

/// The order of a window.
mod window_order;

/// Rows that are counted.
mod steps;

/// What findings say about windows.
mod looks;

/// Joins.
mod join;

/// Groups.
mod aggregate;

/// The ticks that the rows of each node need.
mod local;

/// The ticks that a range of time needs.
mod lookback;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;

pub use extent::Extent;
pub use lookback::{Lookback, RowTime, Step};
pub(super) use relation::{Call, Cause, Column, Deps, Edge, Fault, Spot};
use relation::{Summary, relative};

use super::error::Error;
use super::{Kind, Project, Query};
use crate::dialect;
use plan::Walk;
use tables::{Planner, QueryTable};

/// How far something reaches before and after the row's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub before: Extent,
    pub after: Extent,
}

/// How far a query reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaches {
    /// The query's columns, in order, each with what its values depend on.
    pub columns: Vec<(String, Reach)>,
    /// What the existence of a row depends on: filters, joins, limits.
    pub rows: Reach,
}

impl Reaches {
    /// Returns how far the rows and all their columns reach: before, this is the lookback; after, the horizon.
    pub fn total(&self) -> Reach {
        let all = self.columns.iter().map(|(_, reach)| reach).chain([&self.rows]).cloned();
        all.reduce(|one, other| Reach { before: one.before.and(other.before), after: one.after.and(other.after) })
            .unwrap_or(Reach { before: Extent::NOTHING, after: Extent::NOTHING })
    }
}

/// A query that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub schema: SchemaRef,
    pub summary: Arc<Summary>,
    /// Windows whose frame holds the row itself and later ones.
    pub holding: BTreeSet<Arc<Cause>>,
    /// Whether its time column is the time of a row.
    pub dated: bool,
}

/// What was measured, in each session.
pub(super) type Memo = Mutex<BTreeMap<String, Session>>;

/// What was measured in one session, by the query's index.
pub(super) struct Session {
    planner: Planner,
    measured: BTreeMap<usize, Arc<Measured>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("measured", &self.measured.len()).finish_non_exhaustive()
    }
}

impl Measured {
    /// Returns a dependency as seen from the row's time.
    pub(super) fn reach(&self, deps: &Deps) -> Reach {
        let seen = self.seen(deps);
        let unknown = deps.faults.iter().find_map(|fault| match fault {
            Fault::Unknown(cause) => Some(cause.how.clone()),
            Fault::Ties(_) | Fault::Reads(_) => None,
        });
        let extent = |bound: Option<times::Bound>| match &unknown {
            Some(reason) => Extent::Unknown(reason.clone()),
            None => bound.map_or(Extent::NOTHING, Extent::of),
        };
        Reach {
            before: extent(seen.iter().map(|source| source.span.before).reduce(furthest)),
            after: extent(seen.iter().map(|source| source.span.after).reduce(furthest)),
        }
    }

    /// Returns whether the times of a column lie before or after the times of their rows; `None` if they may be the same, or
    /// on either side.
    pub(super) fn side(&self, column: &Column) -> Option<Ordering> {
        let (main, var) = self.summary.relation.main.zip(column.instant())?;
        let is_before = |from, to| matches!(self.summary.times.upper(from, to), times::Bound::Within { ns: ..0, .. });
        match (is_before(main, var), is_before(var, main)) {
            (true, _) => Some(Ordering::Less),
            (_, true) => Some(Ordering::Greater),
            _ => None,
        }
    }

    /// Returns a dependency's sources as seen from the row's time.
    pub(super) fn seen(&self, deps: &Deps) -> Vec<relation::Source> {
        let main = self.summary.relation.main;
        let sources = deps.sources.iter();
        sources.filter_map(|(var, source)| Some(relative(&self.summary.times, main?, *var, source))).collect()
    }
}

/// Returns the bound that reaches further; one that stays within the row itself counts for nothing beside another.
fn furthest(one: times::Bound, other: times::Bound) -> times::Bound {
    match (one.is_beyond(), other.is_beyond()) {
        (true, false) => one,
        (false, true) => other,
        _ => one.or(other),
    }
}

impl Project {
    /// Returns how far a query reaches, found in its plan and in the plans of everything it reads.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub async fn reach(&self, query: &Query, context: &SessionContext) -> Result<Reaches, Error> {
        let measured = self.measured(query, context).await?;
        let columns = measured.schema.fields().iter().zip(&measured.summary.relation.columns);
        Ok(Reaches {
            columns: columns.map(|(field, column)| (field.name().clone(), measured.reach(&column.deps))).collect(),
            rows: measured.reach(&measured.summary.relation.rows),
        })
    }

    /// Measures a query, and before it what it reads and was not measured in this session.
    pub(super) async fn measured(&self, query: &Query, context: &SessionContext) -> Result<Arc<Measured>, Error> {
        let Some(index) = self.position(&query.name) else {
            let name = query.name.clone();
            return Err(Error::UnknownQuery { name, suggestion: None });
        };
        let known = |session: &mut Session| session.measured.get(&index).cloned();
        if let Some(known) = self.session(context, known) {
            return Ok(known);
        }
        let is_query = |index: &usize| !matches!(self.queries[*index].kind, Kind::Model | Kind::Audit);
        let mut missing: Vec<usize> = self.upstream(index).into_iter().filter(is_query).collect();
        let planner = self.session(context, |session| {
            missing.retain(|index| !session.measured.contains_key(index));
            session.planner.clone()
        });
        for needed in missing {
            // A query that cannot be planned is missing in the plans of its readers.
            if let Ok(measured) = self.measure(needed, &planner).await {
                self.session(context, |session| session.measured.insert(needed, measured));
            }
        }
        let measured = self.measure(index, &planner).await?;
        self.session(context, |session| session.measured.insert(index, Arc::clone(&measured)));
        Ok(measured)
    }

    /// Plans a query against the project's other queries as tables, so that its plan holds nothing of theirs.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub(super) async fn plan_on_queries(&self, query: &Query, context: &SessionContext) -> Result<LogicalPlan, Error> {
        // What it reads is known to the planner once the query itself is measured.
        self.measured(query, context).await?;
        let planner = self.session(context, |session| session.planner.clone());
        let planned = plan_statement(&planner.state, query).await;
        planned.map_err(|error| self.plan_error(query, &error, &planner.context))
    }

    /// Returns how the engine would compute a query over the project's other queries as tables without rows.
    ///
    /// # Errors
    /// The query cannot be planned.
    pub(super) async fn physical_on_queries(
        &self,
        query: &Query,
        context: &SessionContext,
    ) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let plan = self.plan_on_queries(query, context).await?;
        let planner = self.session(context, |session| session.planner.clone());
        planner.state.create_physical_plan(&plan).await.map_err(|source| query.failed(source))
    }

    /// Returns a query's position in the project.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.queries.iter().position(|query| query.name == name)
    }

    /// Returns what a query is, if its rows are known only in hindsight.
    pub(super) fn hindsight(&self, index: usize) -> Option<&'static str> {
        match self.queries[index].kind {
            Kind::Label => Some("label"),
            Kind::Model => Some("model"),
            Kind::Plain if self.scores(index) => Some("score"),
            Kind::Plain | Kind::Feature | Kind::Audit => None,
        }
    }

    /// Forgets what was measured in a session: its functions or tables may have changed.
    pub(super) fn forget_measured(&self, context: &SessionContext) {
        let id = context.session_id();
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.flows.lock().unwrap_or_else(PoisonError::into_inner).retain(|(session, _), _| *session != id);
    }

    /// Looks at what was measured in a session, or changes it.
    fn session<T>(&self, context: &SessionContext, look: impl FnOnce(&mut Session) -> T) -> T {
        // The map is never left half changed.
        let mut memo = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        look(
            memo.entry(context.session_id())
                .or_insert_with(|| Session { planner: Planner::over(context), measured: BTreeMap::new() }),
        )
    }

    /// Measures a query, and makes it a table of the planner.
    async fn measure(&self, index: usize, planner: &Planner) -> Result<Arc<Measured>, Error> {
        let query = &self.queries[index];
        let failed = |error| self.plan_error(query, &error, &planner.context);
        let plan = plan_statement(&planner.state, query).await.map_err(failed)?;
        if let Some(function) = size::too_large(&plan).map_err(failed)? {
            let place = query.place_of_word(function).unwrap_or_else(|| query.start());
            let message =
                format!("calls of `{function}` are nested so deep that the engine would need minutes to plan them");
            let hint = Some(format!("give one `{function}` all values: {function}(a, b, c)"));
            return Err(Error::Plan { place, message, hint });
        }
        let plan = folded(plan, &planner.state).map_err(failed)?;
        let mut walk = Walk {
            project: self,
            query: index,
            times: times::Times::default(),
            outer: Vec::new(),
            holding: BTreeSet::new(),
            depth: 0,
        };
        let relation = walk.relation(&plan).map_err(failed)?;
        let model = query.parsed.model.as_ref();
        let time_column = query.header.time_column.as_deref().or_else(|| model?.statement.columns.time.as_deref());
        let time_column = time_column.and_then(|name| plan.schema().index_of_column_by_name(None, name));
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let dated = time_column.is_some_and(|index| relation.columns[index].time.is_some());
        let summary = Arc::new(Summary::of(relation, walk.times, time_column));
        let table = QueryTable { schema: Arc::clone(&schema), summary: Arc::clone(&summary) };
        planner.tables.add(&query.name, table);
        Ok(Arc::new(Measured { schema, summary, holding: walk.holding, dated }))
    }
}

/// Plans a query that squall's rules have prepared for the engine.
pub(super) async fn plan_statement(state: &SessionState, query: &Query) -> datafusion::error::Result<LogicalPlan> {
    dialect::plan(state, query.parsed.statement()).await
}

/// Resolves a plan's types, folds its constants, and makes groups of DISTINCT.
fn folded(plan: LogicalPlan, state: &SessionState) -> datafusion::error::Result<LogicalPlan> {
    let analysed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    // What is measured reads operators; it never runs.
    let analysed = crate::catalog::plain_arithmetic(analysed)?;
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> =
        vec![Arc::new(SimplifyExpressions::new()), Arc::new(ReplaceDistinctWithAggregate::new())];
    Optimizer::with_rules(rules).optimize(analysed, state, |_, _| {})
}
