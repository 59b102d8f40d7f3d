//! The one place that makes a `SessionContext`: tables, functions, optimizer rules and squall's own statements.
//!
//! In: [`Options`]. Out: a [`Session`] that runs SQL, `CREATE MODEL` and the other statements on models.

pub mod addresses;
mod answers;
mod bare;
mod damaged;
mod encoded;
mod environment;
mod external;
mod footers;
mod formats;
mod indexes;
mod kept;
mod landed;
mod missing;
mod ndjson;
mod one_stream;
pub mod sorted_files;
mod turns;
mod wanted;
mod whole_files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::config::TableOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as Ast;

use crate::asof;
use crate::dialect;
use crate::engine::write_parquet_so;
use crate::error::{Hint, Refused};
use crate::functions::{self, Library};
use crate::land::{self, Folder, Place};
use crate::ml;
use crate::model::{self, Registry};
use crate::rolling;
use crate::store::Stores;
use crate::tick;
use crate::track::Tracker;
pub use answers::{plain_arithmetic, unnamed};
pub use damaged::removed as removed_file;
pub use encoded::EncodedExec;
use kept::Kept;
use kept::schema::{KeptSchema, KeptTables};
pub use landed::LandedTicks;
pub use missing::Missing;
pub use one_stream::OneStream;
pub use wanted::Wanted;

/// Every SQL function that squall adds to DataFusion's own.
pub const FUNCTIONS: Library = Library(&[functions::FAMILIES, ml::FAMILIES]);

/// The table of all landed rows, of every status.
pub const LANDED_TICKS: &str = "landed_ticks";

/// The tables of squall's own: each holds more rows as time goes on.
pub const GROWING_TABLES: [&str; 7] =
    [LANDED_TICKS, "landed_files", "landed_gaps", "landed_silences", "feed_events", "dead_letters", "runs"];

/// Where tables and models are stored, and how the engine runs.
#[derive(Debug, Clone)]
pub struct Options {
    pub ticks_dir: PathBuf,
    pub tables_dir: PathBuf,
    pub models_dir: PathBuf,
    /// The threads that a query uses; 0 means one per core.
    pub threads: usize,
    pub batch_size: usize,
    /// 0 means no limit.
    pub memory_limit_mb: usize,
    /// Whether `RollingWindowExec` replaces DataFusion's window operators wherever it can.
    pub rolling: bool,
}

/// A SQL session over landed ticks, materialised tables and models.
pub struct Session {
    context: SessionContext,
    stores: Arc<Stores>,
    ticks: Folder,
    models: Registry,
    tracker: Option<Tracker>,
    kept: KeptTables,
}

impl Session {
    /// Opens a session with the table `landed_ticks`, squall's functions and its optimizer rules.
    pub async fn open(options: Options) -> Result<Session, Error> {
        let ticks = Folder::new(&options.ticks_dir)?;
        let stores = Arc::new(Stores::default());
        // What is listed is not kept: files come and go while a session lasts.
        let caches = CacheManagerConfig::default().with_list_files_cache_limit(0);
        let registry = Arc::clone(&stores) as Arc<dyn ObjectStoreRegistry>;
        let mut runtime = RuntimeEnvBuilder::new().with_object_store_registry(registry).with_cache_manager(caches);
        if options.memory_limit_mb > 0 {
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(options.memory_limit_mb << 20)));
        }
        let config = config(&options);
        let mut table_options = TableOptions::default_from_session_config(config.options());
        formats::read_more(&mut table_options);
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(indexes::SignedIndexes)];
        let builder = SessionStateBuilder::new().with_expr_planners(planners).with_default_features();
        let mut state = asof::install(builder)
            .with_config(config)
            .with_table_options(table_options)
            .with_runtime_env(runtime.build_arc()?)
            .with_analyzer_rules(answers::analyzer_rules())
            .with_physical_optimizer_rules(answers::physical_rules())
            .with_optimizer_rule(answers::keys_rule())
            .with_optimizer_rule(rolling::logical_rule())
            .with_optimizer_rule(answers::last_rule())
            .with_physical_optimizer_rule(rolling::rule())
            .with_physical_optimizer_rule(Arc::new(whole_files::WriteWholeFiles))
            .with_physical_optimizer_rule(Arc::new(turns::JoinsTakeTurns))
            .build();
        formats::register(&mut state)?;
        external::register(&mut state);
        let context = SessionContext::new_with_state(state);
        let kept = own_schema(&context)?;
        // A quoted path or address can also be read as a table: SELECT … FROM 'ticks.parquet'.
        let context = addresses::enable(context);
        let (_, prefix) = ticks.location();
        let table = LandedTicks::new(register_store(&context, ticks.place()), prefix.clone(), tick::schema());
        context.register_table(LANDED_TICKS, Arc::new(table))?;
        register_store(&context, &Place::new(&options.tables_dir)?);
        context.register_table("landed_files", Arc::new(footers::files(ticks.clone())))?;
        context.register_table("landed_gaps", Arc::new(footers::gaps(ticks.clone())))?;
        let silences = context.sql(include_str!("landed_silences.sql")).await?;
        context.register_table("landed_silences", silences.into_view())?;
        answers::aggregates().for_each(|aggregate| context.register_udaf(aggregate));
        let times = answers::times(context.state().config_options());
        times.into_iter().for_each(|function| context.register_udf(function));
        answers::of_elements().for_each(|function| context.register_udf(function));
        context.register_udf(answers::slices());
        answers::table_functions().into_iter().for_each(|(name, function)| context.register_udtf(name, function));
        FUNCTIONS.register(&context, &options.models_dir);
        context.register_udf(functions::getenv(false));
        let models = Registry::new(&options.models_dir);
        Ok(Session { context, stores, ticks, models, tracker: None, kept })
    }

    /// Adds the table `feed_events` over the folder to which `squall ingest` writes events.
    pub fn with_events(self, dir: &Path) -> Result<Session, Error> {
        ndjson::FEED_EVENTS.register(&self.context, dir)?;
        Ok(self)
    }

    /// Adds the table `dead_letters` over the folder to which `squall land` writes the messages that it cannot read.
    pub fn with_dead_letters(self, dir: &Path) -> Result<Session, Error> {
        register_store(&self.context, &Place::new(dir)?);
        ndjson::DEAD_LETTERS.register(&self.context, dir)?;
        Ok(self)
    }

    /// Records each training from now on, and adds the table `runs`.
    pub fn with_tracker(mut self, tracker: Tracker) -> Result<Session, Error> {
        self.context.register_table("runs", ml::runs_table(tracker.runs_dir().into())?)?;
        self.tracker = Some(tracker);
        Ok(self)
    }

    /// Lets CREATE TABLE and CREATE VIEW keep their results in a folder, and adds the tables and views that it has. A name that the
    /// session has already hides the one in the folder. Returns the hidden names.
    pub fn keep_tables(&self, dir: &Path) -> Result<Vec<String>, Error> {
        let kept = Kept::new(dir, &self.context).map_err(DataFusionError::from)?;
        let names = kept.names().into_iter();
        let hidden =
            names.filter(|name| self.context.table_exist(TableReference::bare(name.as_str())).unwrap_or(false));
        let hidden = hidden.collect();
        // A session keeps tables in one folder, the first.
        let _ = self.kept.set(kept);
        Ok(hidden)
    }

    /// Lets queries read the environment from now on, with `getenv`.
    pub fn read_environment(&self) {
        self.context.register_udf(functions::getenv(true));
    }

    /// Lets queries read no address from now on: their answers would come with the rights of this process.
    pub fn refuse_addresses(&self) {
        self.stores.close();
    }

    /// Returns the names of the models; those that can be listed.
    pub fn model_names(&self) -> Vec<String> {
        self.models.names().unwrap_or_default()
    }

    /// Returns where runs are recorded.
    pub fn tracker(&self) -> Option<&Tracker> {
        self.tracker.as_ref()
    }

    /// Returns the DataFusion context.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Runs one statement, either SQL or squall's own.
    ///
    /// `CREATE MODEL` trains at once and returns the model's metrics, one row per split. The other statements on models change them at
    /// once too.
    pub async fn sql(&self, statement: &str) -> Result<DataFrame, Error> {
        if let Some(statement) = ml::parse(statement) {
            let statement = statement?;
            if environment::is_read(&self.context, &statement.query) {
                return Err(Error::Refused(Refused {
                    message: "a model must not depend on the environment, which its artifact does not hold".into(),
                    hint: Some("write the value itself instead of getenv(…)".into()),
                }));
            }
            let created = ml::create(&self.context, &self.models, self.tracker.as_ref(), &statement).await;
            return match created {
                Ok(metrics) => Ok(metrics),
                Err(ml::Error::Query(error)) => Err(self.explain(&statement.query, error).await),
                Err(error) => Err(error.into()),
            };
        }
        if let Some(parsed) = ml::parse_manage(statement) {
            let parsed = parsed.map_err(Error::Manage)?;
            return match ml::carry_out(&self.context, &self.models, self.tracker.as_ref(), parsed).await {
                Err(ml::Error::Model(error)) => Err(Error::Model(error)),
                Err(error) => Err(error.into()),
                Ok(rows) => Ok(rows),
            };
        }
        match self.plan(statement).await {
            Ok((plan, temporary)) => self.carry_out(statement, plan, temporary).await,
            Err(error) => Err(self.explain(statement, error).await),
        }
    }

    /// Plans a statement. Returns the plan, and whether it makes a temporary table, which the engine cannot plan as such.
    async fn plan(&self, statement: &str) -> Result<(LogicalPlan, bool), DataFusionError> {
        let state = self.context.state();
        let mut parsed = dialect::parse(&state, statement)?;
        let mut temporary = false;
        if let Statement::Statement(parsed) = &mut parsed
            && let Ast::CreateTable(create) = parsed.as_mut()
            && self.kept.get().is_some()
        {
            temporary = std::mem::take(&mut create.temporary);
        }
        Ok((dialect::plan(&state, parsed).await?, temporary))
    }

    /// Returns the first Parquet file of a statement that cannot be read, and why.
    pub async fn damaged_file(&self, statement: &str) -> Option<(PathBuf, String)> {
        damaged::first(damaged::files(&self.context, statement).await).await
    }

    async fn carry_out(&self, statement: &str, plan: LogicalPlan, temporary: bool) -> Result<DataFrame, Error> {
        addresses::check(&plan)?;
        if let Some(kept) = self.kept.get()
            && kept.carry_out(&self.context, statement, &plan, temporary).await?.is_some()
        {
            return Ok(self.context.read_empty()?.limit(0, Some(0))?);
        }
        Ok(self.context.execute_logical_plan(plan).await?)
    }

    /// Returns whether a statement is one on models, which [`Session::sql`] carries out itself.
    pub fn is_about_models(statement: &str) -> bool {
        ml::parse(statement).is_some() || ml::parse_manage(statement).is_some()
    }

    /// Says which table is missing, if planning failed for that reason.
    pub async fn explain(&self, statement: &str, error: DataFusionError) -> Error {
        if Refused::of(&error).is_some() {
            return error.into();
        }
        match missing::missing_table(&self.context, statement).await {
            Some(missing) => {
                let landed = self.ticks.list().await.is_ok_and(|listing| listing.landed.visible().next().is_some());
                Error::Missing { missing, landed }
            }
            None => Error::Query(error),
        }
    }
}

/// Makes a place's store known to the session, which may later refuse to open others. Returns the store's address.
fn register_store(context: &SessionContext, place: &Place) -> ObjectStoreUrl {
    let url = place.store_url();
    if !place.is_local() {
        context.runtime_env().register_object_store(url.as_ref(), Arc::clone(place.location().0));
    }
    url
}

/// Replaces the session's default schema by one in which tables are kept on disk.
fn own_schema(context: &SessionContext) -> Result<KeptTables, Error> {
    let kept = KeptTables::default();
    let names = context.copied_config().options().catalog.clone();
    if let Some(catalog) = context.catalog(&names.default_catalog)
        && let Some(schema) = catalog.schema(&names.default_schema)
    {
        catalog.register_schema(&names.default_schema, Arc::new(KeptSchema::new(schema, Arc::clone(&kept))))?;
    }
    Ok(kept)
}

fn config(options: &Options) -> SessionConfig {
    let mut config = SessionConfig::new().with_batch_size(options.batch_size).with_information_schema(true);
    if options.threads > 0 {
        config = config.with_target_partitions(options.threads);
    }
    let mut windows = rolling::Settings::default();
    windows.rolling.enabled = options.rolling;
    let mut config = config.with_option_extension(windows);
    let threads = config.target_partitions();
    let settings = config.options_mut();
    if options.memory_limit_mb > 0 {
        // Each thread's sort reserves this much memory to merge what it spilled: together at most a quarter of the limit.
        let share = (options.memory_limit_mb << 20) / 4 / threads;
        let reserved = &mut settings.execution.sort_spill_reservation_bytes;
        *reserved = share.min(*reserved);
    }
    // Landed files and materialised tables are sorted; merging them costs less than sorting them again.
    settings.optimizer.prefer_existing_sort = true;
    settings.execution.time_zone = Some("UTC".into());
    // Otherwise threads begin to read CSV files at any line break, also at one inside a quoted value.
    settings.catalog.newlines_in_values = true;
    // Use one string type throughout, so that a query's result has the type that its materialised table has when read back.
    settings.execution.parquet.schema_force_view_types = false;
    settings.sql_parser.map_string_types_to_utf8view = false;
    write_parquet_so(&mut settings.execution.parquet);
    config
}

/// What can go wrong in a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("query failed")]
    Query(#[source] DataFusionError),
    #[error(transparent)]
    Refused(Refused),
    #[error("there is no table or view `{}`", missing.table)]
    Missing { missing: Missing, landed: bool },
    #[error(transparent)]
    Kept(kept::Error),
    #[error("cannot read CREATE MODEL")]
    Statement(#[from] ml::StatementError),
    #[error("cannot read the statement")]
    Manage(#[source] ml::StatementError),
    #[error(transparent)]
    Model(model::Error),
    #[error("cannot train the model")]
    Train(#[from] ml::Error),
    #[error("cannot open the landed ticks")]
    Ticks(#[from] land::Error),
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match Refused::of(&error) {
            Some(refused) => Error::Refused(refused.clone()),
            None => Error::Query(error),
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Query(error) => model_hint(error),
            Error::Refused(refused) => refused.hint(),
            Error::Kept(error) => error.hint(),
            Error::Statement(error) => error.hint(),
            Error::Manage(error) => error.hint(),
            Error::Model(error) => error.hint(),
            Error::Train(error) => error.hint(),
            Error::Missing { missing, .. } if missing.is_file() => {
                Some("where a table's name is a path, it is relative to the working directory".into())
            }
            Error::Missing { missing: Missing { suggestion: Some(suggestion), .. }, .. } => Some(suggestion.clone()),
            Error::Missing { landed: false, .. } => {
                Some("nothing is landed yet: `squall land` makes the table `landed_ticks`".into())
            }
            Error::Missing { .. } => Some("`squall sql 'SHOW TABLES'` lists tables and views".into()),
            Error::Ticks(error) => error.hint(),
        }
    }
}

/// Returns the hint of an error of ours that a query returned.
pub fn model_hint(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::External(source) => {
            let refused = || source.downcast_ref::<Refused>().and_then(Hint::hint);
            source.downcast_ref::<model::Error>().and_then(Hint::hint).or_else(refused)
        }
        _ => None,
    }
}
