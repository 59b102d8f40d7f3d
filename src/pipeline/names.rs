//! The project's queries as names of a session's default schema.
//!
//! In: a project, and the schema that holds the session's own tables. Out: the same schema with the queries in front of it. A
//! query is planned when somebody first asks for its name, so that a session with hundreds of queries starts at once. The name
//! then is its materialised table if that is fresh, else a view. The name of a query that cannot be used answers with the
//! reason.

use crate::engine;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::TableType;

use super::computed_once::ComputedOnce;
use super::disabled::{Disabled, Why};
use super::error::Error;
use super::partly_fresh::PartlyFresh;
use super::pieces::computes;
use super::recipe::Looks;
use super::table::Table;
use super::{Kind, Project, slice};
use crate::engine::elsewhere::elsewhere;
use crate::error::Hint;
use crate::error::Refused;

/// A view whose plan would read more tables than this is computed once.
const MOST_INLINED: usize = 64;

/// What a query's name stands for.
type Ready = Result<Arc<dyn TableProvider>, Disabled>;

/// The queries of a project, as far as they have been asked for.
pub(super) struct Shared {
    pub project: Project,
    pub tables_dir: PathBuf,
    /// These names themselves, for tables that ask them again when they are read.
    own: Weak<Shared>,
    /// The session's own tables.
    base: Arc<dyn SchemaProvider>,
    /// The session in which queries are planned. It owns this, so it is not owned from here.
    state: Box<dyn Fn() -> Option<SessionState> + Send + Sync>,
    /// The spans whose ticks the session sees; `None` if it sees all.
    slice: Option<Range<i64>>,
    ready: Mutex<BTreeMap<usize, Ready>>,
    /// How many tables a view's plan reads, counting each as often as it is read.
    sizes: Mutex<BTreeMap<usize, usize>>,
    /// Whether the windows of a query are computed exactly, as far as its own plan shows that.
    determined: Mutex<BTreeMap<usize, bool>>,
    /// One look at the files behind the tables, for everything that is asked for until the next look.
    looks: Mutex<Arc<tokio::sync::Mutex<Looks>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("queries", &self.project.queries.len()).finish_non_exhaustive()
    }
}

/// The schema that a session sees.
#[derive(Debug)]
struct Names(Arc<Shared>);

impl Project {
    /// Puts the project's queries in front of a session's tables, without planning any.
    ///
    /// # Errors
    /// The session has no default schema, or cannot replace it.
    pub fn attach(&self, context: &SessionContext, tables_dir: &Path) -> Result<(), Error> {
        let shared = self.names(context, tables_dir)?;
        // Whoever attaches a project wants to see it as it is now.
        shared.forget_all();
        self.forget_measured(context);
        Ok(())
    }

    /// Returns the names of this project in a session; attaches it if it is not.
    pub(super) fn names(&self, context: &SessionContext, tables_dir: &Path) -> Result<Arc<Shared>, Error> {
        let config = context.copied_config();
        let attached = config.get_extension::<Shared>();
        if let Some(attached) = &attached
            && Arc::ptr_eq(&attached.project.queries, &self.queries)
            && attached.project.models_dir == self.models_dir
            && attached.tables_dir == tables_dir
        {
            return Ok(Arc::clone(attached));
        }
        let names = &config.options().catalog;
        let missing = || Error::Session { message: format!("the session has no schema `{}`", names.default_schema) };
        let catalog = context.catalog(&names.default_catalog).ok_or_else(missing)?;
        let base = match attached {
            Some(attached) => Arc::clone(&attached.base),
            None => catalog.schema(&names.default_schema).ok_or_else(missing)?,
        };
        let shared = Shared::over(context, self, tables_dir, base, None);
        let registered = catalog.register_schema(&names.default_schema, shared.schema());
        registered.map_err(|error| Error::Session { message: error.message().into_owned() })?;
        Ok(shared)
    }

    /// Plans every query of an attached project that was not asked for yet, and returns those that cannot be used.
    pub async fn unplanned(&self, context: &SessionContext) -> Vec<Disabled> {
        let Some(shared) = context.copied_config().get_extension::<Shared>() else { return Vec::new() };
        for (index, query) in self.queries.iter().enumerate() {
            if matches!(query.kind, Kind::Model | Kind::Audit) || shared.ready().contains_key(&index) {
                continue;
            }
            // What it reads counts by its columns alone, so that each query is planned once.
            let why = match self.why_not(query, &shared.unplanned()) {
                Some(why) => Some(why),
                None => self.measured(query, context).await.err().map(|error| self.why_unplanned(index, error)),
            };
            if let Some(why) = why {
                shared.ready().insert(index, Err(Disabled::new(query, why)));
            }
        }
        shared.unplanned()
    }

    /// Attaches the project, plans every query, and returns those that cannot be used, each with the reason.
    ///
    /// A query that scores with a model cannot be planned before the model is trained. Until then it cannot be used, and
    /// neither can the queries that read it.
    ///
    /// # Errors
    /// As [`Project::attach`].
    pub async fn register(&self, context: &SessionContext, tables_dir: &Path) -> Result<Vec<Disabled>, Error> {
        self.attach(context, tables_dir)?;
        Ok(self.unplanned(context).await)
    }
}

impl Shared {
    /// Makes the names of a project in a session, over its own tables. They are part of the session once their schema is.
    pub fn over(
        context: &SessionContext,
        project: &Project,
        tables_dir: &Path,
        base: Arc<dyn SchemaProvider>,
        slice: Option<Range<i64>>,
    ) -> Arc<Shared> {
        let state = context.state_weak_ref();
        let shared = Arc::new_cyclic(|own| Shared {
            project: project.clone(),
            tables_dir: tables_dir.into(),
            own: own.clone(),
            base,
            state: Box::new(move || Some(state.upgrade()?.read().clone())),
            slice,
            ready: Mutex::default(),
            sizes: Mutex::default(),
            determined: Mutex::default(),
            looks: Mutex::default(),
        });
        context.state_ref().write().config_mut().set_extension(Arc::clone(&shared));
        shared
    }

    /// Returns the schema that a session sees.
    pub fn schema(self: &Arc<Shared>) -> Arc<dyn SchemaProvider> {
        Arc::new(Names(Arc::clone(self)))
    }

    /// Returns the session's own tables.
    pub fn base(&self) -> &Arc<dyn SchemaProvider> {
        &self.base
    }

    /// Takes the look of another session.
    pub fn look_as(&self, other: &Shared) {
        *self.looks.lock().unwrap_or_else(PoisonError::into_inner) = other.looks();
    }

    /// Returns what a query stands for; `None` if it was not asked for, or cannot be used.
    pub fn standing(&self, index: usize) -> Option<Arc<dyn TableProvider>> {
        self.ready().get(&index)?.as_ref().ok().cloned()
    }

    /// Returns the queries that were asked for and cannot be used.
    pub fn unplanned(&self) -> Vec<Disabled> {
        self.ready().values().filter_map(|ready| ready.as_ref().err().cloned()).collect()
    }

    /// Forgets what names stand for, and the files that were seen.
    pub fn forget_all(&self) {
        self.ready().clear();
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.determined().clear();
        *self.looks.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// Forgets what a query and everything that reads it stand for: its table has changed.
    pub fn forget(&self, index: usize) {
        let changed: BTreeSet<usize> = self.project.downstream(index);
        let is_kept = |known: &usize| *known != index && !changed.contains(known);
        self.ready().retain(|known, _| is_kept(known));
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).retain(|known, _| is_kept(known));
    }

    /// Returns these names, unless they are those of a slice.
    pub fn whole(&self) -> Option<Weak<Shared>> {
        self.slice.is_none().then(|| self.own.clone())
    }

    /// Returns the look at files that names share.
    pub fn looks(&self) -> Arc<tokio::sync::Mutex<Looks>> {
        Arc::clone(&self.looks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns of which queries it is known whether their windows are computed exactly.
    pub fn determined(&self) -> MutexGuard<'_, BTreeMap<usize, bool>> {
        // The map is never left half changed.
        self.determined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, BTreeMap<usize, Ready>> {
        // The map is never left half changed.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, name: &str) -> Option<usize> {
        let index = self.project.position(name)?;
        (!matches!(self.project.queries[index].kind, Kind::Model | Kind::Audit)).then_some(index)
    }

    /// Makes sure that it is known what a query stands for; what it reads comes first, so that no plan waits for another.
    pub async fn prepare(&self, index: usize, context: &SessionContext) {
        let needed = self.project.upstream(index);
        for needed in needed.into_iter().chain([index]) {
            let kind = self.project.queries[needed].kind;
            if matches!(kind, Kind::Model | Kind::Audit) || self.ready().contains_key(&needed) {
                continue;
            }
            let made = self.make(needed, context).await;
            self.ready().insert(needed, made);
        }
    }

    async fn make(&self, index: usize, context: &SessionContext) -> Ready {
        let query = &self.project.queries[index];
        let disabled = |why| Disabled::new(query, why);
        if let Some(why) = self.project.why_not(query, &self.unplanned()) {
            return Err(disabled(why));
        }
        let fresh = match self.project.fresh_table(index, context, self).await {
            Ok(Some(table)) => slice::table(table, query, context, self.slice.as_ref()).map(Some),
            other => other.map(|_| None),
        };
        match fresh {
            Ok(Some(table)) => Ok(table),
            Ok(None) => self.computed(index, context).await.map_err(disabled),
            Err(error) => Err(disabled(Why::Wrong(error.into()))),
        }
    }

    /// Returns a query that has no table. If the session has other processes that can compute it, it is a table all of whose days are
    /// stale; otherwise a view.
    async fn computed(&self, index: usize, context: &SessionContext) -> Result<Arc<dyn TableProvider>, Why> {
        let view = self.view(index, context).await?;
        let Some(names) = self.whole().filter(|_| elsewhere(&context.copied_config()).is_some()) else {
            return Ok(view);
        };
        let computes = view.get_logical_plan().is_some_and(|plan| computes(&plan));
        if !computes || self.project.local(index, context).await.is_err() {
            return Ok(view);
        }
        Ok(Arc::new(PartlyFresh::new(names, index, None, &view.schema())))
    }

    /// Returns a query as a view. If it reads others in so many ways that a plan of all of them would explode, its rows are
    /// computed once for each statement.
    async fn view(&self, index: usize, context: &SessionContext) -> Result<Arc<dyn TableProvider>, Why> {
        let plan = self.project.view(index, context).await?;
        let reads = &self.project.queries[index].reads;
        let size = {
            let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            reads.iter().map(|read| sizes.get(read).copied().unwrap_or(1)).sum::<usize>().max(1)
        };
        let (size, view): (usize, Arc<dyn TableProvider>) = match size > MOST_INLINED {
            true => (1, Arc::new(ComputedOnce::new(plan))),
            false => {
                let definition = self.project.queries[index].rendered.sql.clone();
                (size, Arc::new(ViewTable::new(plan, Some(definition))))
            }
        };
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(index, size);
        Ok(view)
    }

    /// Returns the error about a query that cannot be used.
    fn refused(&self, name: &str) -> DataFusionError {
        let error = self.project.explain(name, &self.unplanned());
        let error = error.unwrap_or_else(|| self.project.unknown(name));
        DataFusionError::External(Box::new(Refused { message: error.to_string(), hint: error.hint() }))
    }
}

#[async_trait]
impl SchemaProvider for Names {
    fn table_names(&self) -> Vec<String> {
        let shared = &self.0;
        let wrong: BTreeSet<usize> =
            shared.ready().iter().filter(|(_, ready)| ready.is_err()).map(|(index, _)| *index).collect();
        let queries = shared.project.queries.iter().enumerate();
        let queries =
            queries.filter(|(index, query)| !wrong.contains(index) && !matches!(query.kind, Kind::Model | Kind::Audit));
        let mut names = shared.base.table_names();
        names.extend(queries.map(|(_, query)| query.name.clone()));
        names.sort();
        names
    }

    engine::table!();

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        match self.0.index(name) {
            Some(_) => Ok(Some(TableType::View)),
            None => self.0.base.table_type(name).await,
        }
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.0.base.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.0.base.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        match self.0.index(name) {
            Some(index) => self.0.ready().get(&index).is_none_or(|ready| ready.is_ok()),
            None => self.0.base.table_exist(name),
        }
    }
}

impl Names {
    fn boxed_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            let shared = &self.0;
            if let Some(index) = shared.index(name) {
                let mut known = shared.ready().get(&index).cloned();
                let was_replaced = |table: &Arc<dyn TableProvider>| {
                    let partly = table.downcast_ref::<PartlyFresh>().is_some_and(PartlyFresh::is_gone);
                    partly || table.downcast_ref::<Table>().is_some_and(Table::is_gone)
                };
                if known.as_ref().and_then(|ready| ready.as_ref().ok()).is_some_and(was_replaced) {
                    shared.forget_all();
                    known = None;
                }
                let ready = match known {
                    Some(ready) => Some(ready),
                    None => {
                        // The session is gone only together with whoever could ask.
                        let Some(state) = (shared.state)() else { return Ok(None) };
                        shared.prepare(index, &SessionContext::new_with_state(state)).await;
                        shared.ready().get(&index).cloned()
                    }
                };
                return match ready {
                    Some(Ok(table)) => Ok(Some(table)),
                    _ => Err(shared.refused(name)),
                };
            }
            let table = shared.base.table(name).await?;
            let is_disabled = shared.project.disabled.iter().any(|disabled| disabled.name == name);
            if table.is_none() && is_disabled { Err(shared.refused(name)) } else { Ok(table) }
        })
    }
}
