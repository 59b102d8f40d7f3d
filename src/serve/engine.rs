//! What a connection asks the engine: plans of statements, with a connection's own settings over tables that all connections share.
//!
//! In: a statement as text, and the values of its parameters. Out: a plan, or why there is none. Every statement goes through the
//! dialect, as in the shell.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan, visit_expressions, visit_expressions_mut};
use futures::TryFutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinSet, block_in_place};

use super::commands::Command;
use super::failure::Failure;
use super::reflect::{self, Facts, Relation};
use super::types::Shown;
use crate::catalog::Session;
use crate::dialect;
use crate::error::panics::{self, Quiet};
use crate::repl::Error;

/// Opens a session over the project as it is now.
pub type Open = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<Session>, String>> + Send + Sync>;

/// How many parameters the protocol can count.
const MOST_PARAMETERS: usize = 65_535;

/// How old the project may be that a statement sees.
const FRESH: Duration = Duration::from_secs(10);

/// What all connections share: the session, and the memory that queries may use together.
pub struct Shared {
    open: Open,
    current: Mutex<(Arc<Session>, Instant)>,
    runtime: Arc<RuntimeEnv>,
    /// The threads of statements. Planning can take long, and must not hold up those who accept clients and watch over time limits.
    threads: Handle,
}

impl Shared {
    /// Opens the project.
    ///
    /// # Errors
    /// The project cannot be opened.
    pub async fn new(open: Open, threads: Handle) -> Result<Shared, String> {
        let session = open().await?;
        reflect::install(&session);
        let runtime = session.context().runtime_env();
        Ok(Shared { open, current: Mutex::new((session, Instant::now())), runtime, threads })
    }

    /// Returns a session over the project as it was a moment ago at the most; `None` if the one before has to do: the project cannot be
    /// opened any more, or another connection opens it right now.
    async fn renewed(&self) -> Option<Arc<Session>> {
        let mut current = self.current.try_lock().ok()?;
        if current.1.elapsed() > FRESH {
            let opened = self.alone((self.open)().map_err(|why| Failure::told("XX000", why))).await;
            if let Ok(session) = opened {
                reflect::install(&session);
                current.0 = session;
            }
            current.1 = Instant::now();
        }
        Some(Arc::clone(&current.0))
    }

    /// Runs a future as a task of its own, on the threads of statements. While it computes, another thread takes its place, so that those
    /// who plan large statements do not hold up small ones. It ends when it next waits, if nobody waits for it any more.
    async fn alone<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let _quiet = Quiet::begin();
        let (_waiting, left) = oneshot::channel::<()>();
        let mut tasks = JoinSet::new();
        let until_left = async move {
            tokio::select! {
                done = future => Some(done),
                _ = left => None,
            }
        };
        tasks.spawn_on(async { block_in_place(|| Handle::current().block_on(until_left)) }, &self.threads);
        match tasks.join_next().await {
            Some(Ok(Some(done))) => done,
            // Nothing else ends the task, so it must have panicked.
            Some(Err(error)) if error.is_panic() => {
                Err(Error::Panicked(panics::said(error.into_panic().as_ref())).into())
            }
            _ => Err(Failure::told("XX000", "the statement did not run")),
        }
    }
}

/// A connection's view of the engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    pub session: Arc<Session>,
    pub context: SessionContext,
}

/// What stands in the places of `$1`, `$2` ….
#[derive(Debug, Clone)]
pub enum Given {
    /// The places stay, so that the engine says which types they have.
    Nothing,
    Values(Vec<Expr>),
}

impl Given {
    /// Returns whether a value may be an array that is written as text, because the client did not say its type.
    fn has_array(&self) -> bool {
        let Given::Values(values) = self else { return false };
        values.iter().any(|value| value.to_string().starts_with("'{"))
    }
}

impl Engine {
    pub async fn new(shared: Arc<Shared>) -> Engine {
        let session = Arc::clone(&shared.current.lock().await.0);
        let context = context(&session, &shared);
        Engine { shared, session, context }
    }

    /// Returns the threads of statements.
    pub fn threads(&self) -> &Handle {
        &self.shared.threads
    }

    /// Sees what was made in the project since the last statement.
    pub async fn refresh(&mut self) {
        let Some(session) = self.shared.renewed().await else { return };
        if !Arc::ptr_eq(&session, &self.session) {
            self.context = context(&session, &self.shared);
            self.session = session;
        }
    }

    /// Plans a statement that reads. A task of its own plans it, which ends when the future is dropped, and whose panic is an error.
    ///
    /// # Errors
    /// It cannot be planned, or it would change something.
    pub async fn plan(&self, text: &str, given: Given, facts: &Facts) -> Result<LogicalPlan, Failure> {
        let (engine, text, facts) = (self.clone(), text.to_string(), facts.clone());
        self.shared.alone(async move { engine.planned(&text, given, facts).await }).await
    }

    async fn planned(&self, text: &str, given: Given, facts: Facts) -> Result<LogicalPlan, Failure> {
        if Session::is_about_models(text) {
            if Command::read(text) != Command::Query {
                return Err(read_only("this statement"));
            }
            return Ok(self.session.sql(text).await?.into_unoptimized_plan());
        }
        match self.planned_by_dialect(text, given, facts).await {
            Ok(plan) => Ok(plan),
            // The session does not know the tables of PostgreSQL by the names that a statement has for them.
            Err(Failure::Sql(Error::Query(error))) if !reflect::may_concern(text) => {
                Err(self.session.explain(text, error).await.into())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn planned_by_dialect(&self, text: &str, given: Given, facts: Facts) -> Result<LogicalPlan, Failure> {
        let state = self.context.state();
        let mut statement = dialect::parse(&state, text)?;
        if let Some(ast) = tree(&mut statement) {
            if let Given::Values(values) = &given {
                fill(ast, values)?;
            }
            if reflect::may_concern(text) || given.has_array() {
                reflect::rewrite(&self.session, ast, facts).await;
            }
        }
        let plan = dialect::plan(&state, statement).await?;
        let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reads.verify_plan(&plan).map_err(|_| read_only("this statement"))?;
        Ok(plan)
    }

    /// Returns the tables and views that clients see.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn relations(&self, with_columns: bool) -> Result<Vec<Relation>, Failure> {
        let names = self.context.copied_config().options().catalog.clone();
        let schema = self.context.catalog(&names.default_catalog).and_then(|one| one.schema(&names.default_schema));
        let Some(schema) = schema else { return Ok(Vec::new()) };
        self.shared.alone(async move { Ok(reflect::relations(&schema, with_columns).await?) }).await
    }

    /// Carries out a statement that makes or removes a view or a model.
    ///
    /// # Errors
    /// It fails.
    pub async fn carry_out(&self, text: &str) -> Result<LogicalPlan, Failure> {
        let (session, text) = (Arc::clone(&self.session), text.to_string());
        self.shared.alone(async move { Ok(session.sql(&text).await?.into_unoptimized_plan()) }).await
    }

    /// Returns the types of a statement's parameters: as the client says, or else as the engine finds, or else text.
    ///
    /// # Errors
    /// The statement cannot be parsed.
    pub async fn parameters(&self, text: &str, said: &[u32], facts: &Facts) -> Result<Vec<u32>, Failure> {
        let state = self.context.state();
        let parsed = match dialect::parse(&state, text) {
            Ok(parsed) => parsed,
            Err(_) if Session::is_about_models(text) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let (count, casts) = placed(parsed);
        if count > MOST_PARAMETERS {
            let message = format!("the parameter ${count} is out of range");
            return Err(Failure::told("42P02", message).hint(format!("there are ${MOST_PARAMETERS} at most")));
        }
        let mut types = said.to_vec();
        types.resize(count.max(said.len()), 0);
        for (at, to) in casts {
            if let Some(oid) = at.checked_sub(1).and_then(|at| types.get_mut(at)).filter(|oid| **oid == 0) {
                let plan = dialect::plan_text(&state, &format!("SELECT CAST(NULL AS {to})")).await;
                // What is a type in PostgreSQL only, such as regclass, is written as text.
                *oid = plan.map_or(25, |plan| Shown::of(plan.schema().field(0).data_type()).oid());
            }
        }
        if types.contains(&0) {
            let found = match self.plan(text, Given::Nothing, facts).await {
                Ok(plan) => plan.get_parameter_types().unwrap_or_default().into_iter().collect(),
                // With the values in their places it may be planned; if not, the client is told then.
                Err(_) => BTreeMap::new(),
            };
            for (at, oid) in types.iter_mut().enumerate().filter(|(_, oid)| **oid == 0) {
                let data_type = found.get(&format!("${}", at + 1)).and_then(Option::as_ref);
                *oid = data_type.map_or(25, |data_type| Shown::of(data_type).oid());
            }
        }
        Ok(types)
    }
}

/// Checks that a statement changes nothing but what clients may make.
///
/// # Errors
/// It would change something, or the server does not have it.
pub fn permitted(command: &Command, allow_create: bool) -> Result<(), Failure> {
    match command {
        Command::Write("CREATE VIEW" | "CREATE MODEL" | "DROP VIEW") if allow_create => Ok(()),
        Command::Write(tag @ ("CREATE VIEW" | "CREATE MODEL" | "DROP VIEW")) => {
            Err(read_only(tag).hint("`squall serve --allow-create` allows views and models"))
        }
        Command::Write(tag) => Err(read_only(tag)),
        Command::Unknown(word) => Err(Failure::told("0A000", format!("{word} is not supported"))),
        _ => Ok(()),
    }
}

/// Says that a statement would change something.
pub fn read_only(what: &str) -> Failure {
    let message = format!("{what} would change something, and this server only reads");
    Failure::told("25006", message).hint("run it with `squall sql` or `squall repl` where the data is")
}

/// Makes a context with settings of its own over a session's tables. All contexts share the memory that queries may use.
fn context(session: &Session, shared: &Shared) -> SessionContext {
    let builder = SessionStateBuilder::new_from_existing(session.context().state());
    let state = builder.with_runtime_env(Arc::clone(&shared.runtime)).build();
    let context = SessionContext::new_with_state(state);
    reflect::register(&context);
    context
}

fn tree(statement: &mut Statement) -> Option<&mut datafusion::sql::sqlparser::ast::Statement> {
    match statement {
        Statement::Statement(tree) => Some(tree),
        Statement::Explain(explain) => tree(&mut explain.statement),
        _ => None,
    }
}

/// Returns the number in `$1`.
fn number(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => name.strip_prefix('$')?.parse().ok(),
        _ => None,
    }
}

/// Returns how many parameters a statement has, and the types to which some of them are cast.
fn placed(mut statement: Statement) -> (usize, Vec<(usize, String)>) {
    let mut most = 0;
    let mut casts = Vec::new();
    if let Some(ast) = tree(&mut statement) {
        let _ = visit_expressions(ast, |expression| {
            most = most.max(number(expression).unwrap_or(0));
            if let Expr::Cast { expr, data_type, .. } = expression {
                casts.extend(number(expr).map(|at| (at, data_type.to_string())));
            }
            ControlFlow::<()>::Continue(())
        });
    }
    (most, casts)
}

/// Puts values in the places of the parameters.
fn fill(ast: &mut datafusion::sql::sqlparser::ast::Statement, values: &[Expr]) -> Result<(), Failure> {
    let visited = visit_expressions_mut(ast, |expression| {
        let Some(at) = number(expression) else { return ControlFlow::Continue(()) };
        match at.checked_sub(1).and_then(|at| values.get(at)) {
            Some(value) => {
                *expression = value.clone();
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(at),
        }
    });
    match visited {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(at) => Err(Failure::told("42P02", format!("the parameter ${at} has no value"))
            .hint("send a value for each parameter, in the extended protocol")),
    }
}
