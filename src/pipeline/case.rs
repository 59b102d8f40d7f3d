//! Tests of queries: `sql/tests/<query>.sql` gives the rows that the query reads, and the rows that it must return.
//!
//! In: the file's cases, and a session with its functions and its tables' schemas. Out: one [`Tested`] per case. Each case
//! runs in its own catalog, so that it sees only the given rows.

mod file;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{DataFrame, ident};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::cell;
use super::error::Error;
use super::place::Place;
use super::{Kind, Parameters, Project, read, sql_files};
use crate::error::{Hint, with_causes};
use crate::text::{counted, did_you_mean};
use written::Wrong;

/// The folder of the project that holds tests.
pub(super) const FOLDER: &str = "tests";

/// Floating-point numbers agree if they differ by at most this share of the larger one, or by [`ABSOLUTE_TOLERANCE`].
const RELATIVE_TOLERANCE: f64 = 1e-9;
const ABSOLUTE_TOLERANCE: f64 = 1e-15;

/// The outcome of one case.
#[derive(Debug)]
pub struct Tested {
    pub query: String,
    pub case: String,
    /// The line where the case begins.
    pub place: Place,
    /// How the result differs from the expectation; `None` if it does not.
    pub failure: Option<String>,
    pub hint: Option<String>,
}

/// Why a case fails.
struct Failure {
    message: String,
    hint: Option<String>,
    /// The line to blame, if it is not the line where the case begins.
    place: Option<Place>,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure { message, hint: None, place: None }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        message.to_string().into()
    }
}

/// One case of a test file.
#[derive(Debug)]
struct Case {
    name: String,
    place: Place,
    parameters: BTreeMap<String, (serde_json::Value, Place)>,
    given: Vec<(String, Rows)>,
    expected: Option<Rows>,
}

/// Columns, and a query that returns their rows.
#[derive(Debug)]
struct Rows {
    /// Where the columns are named.
    place: Place,
    columns: Vec<String>,
    /// With an empty line for each line that is not part of it, so that its lines are those after `place`.
    sql: String,
}

impl Rows {
    /// Returns the place of a part of the query.
    fn place_of(&self, at: Location) -> Place {
        let line = at.line as usize;
        let text = self.sql.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_string();
        let place = self.place.clone();
        Place { line: place.line + line, column: Some(at.column as usize), text, ..place }
    }
}

impl Project {
    /// Runs every case of `sql/tests/`; `context` has the project registered. What is wrong with a test file, or fails inside
    /// a case, is the outcome of that file or case.
    /// # Errors
    /// The folder of tests cannot be read.
    pub async fn test(&self, context: &SessionContext) -> Result<Vec<Tested>, Error> {
        self.tests_of(&[], context).await
    }

    /// Runs the cases of the named queries, or of all if none is named.
    pub(super) async fn tests_of(&self, names: &[&str], context: &SessionContext) -> Result<Vec<Tested>, Error> {
        let mut outcomes = Vec::new();
        let mut loaded = Vec::new();
        for file in sql_files(&self.dir.join(FOLDER))? {
            let query = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if !names.is_empty() && !names.contains(&query.as_str()) {
                continue;
            }
            let cases = match read(&file).and_then(|text| file::parse(&file, &text)) {
                Ok(cases) => cases,
                Err(error) => {
                    let place = error.place().cloned().unwrap_or_else(|| Place::start(&file));
                    let (failure, hint) = (Some(error.without_place()), error.hint());
                    outcomes.push(Tested { query, case: "its cases".into(), place, failure, hint });
                    continue;
                }
            };
            for case in cases {
                let outcome = self.run_case(&query, &case, context, &mut loaded).await.err();
                let (failure, hint, place) = match outcome {
                    None => (None, None, None),
                    Some(failure) => (Some(failure.message), failure.hint, failure.place),
                };
                let place = place.unwrap_or(case.place);
                outcomes.push(Tested { query: query.clone(), case: case.name, place, failure, hint });
            }
        }
        Ok(outcomes)
    }

    /// Runs a case; `loaded` keeps the project with each set of parameters, because a large one takes long to read.
    async fn run_case(
        &self,
        query: &str,
        case: &Case,
        context: &SessionContext,
        loaded: &mut Vec<(Parameters, Project)>,
    ) -> Result<(), Failure> {
        let mut parameters = self.parameters.clone();
        for (name, (value, place)) in &case.parameters {
            if !self.parameters.contains_key(name) {
                let near = did_you_mean(name, self.parameters.keys().map(String::as_str));
                let hint = near.or_else(|| Some("[parameters] in squall.toml lists the parameters".into()));
                return Err(Failure {
                    message: format!("the project has no parameter `{name}`"),
                    hint,
                    place: Some(place.clone()),
                });
            }
            parameters.insert(name.clone(), value.clone());
        }
        let known = loaded.iter().position(|(known, _)| *known == parameters);
        let known = match known {
            Some(known) => known,
            None => {
                let project = Project::load(&self.dir, &parameters).map_err(|error| error.to_string())?;
                loaded.push((parameters, project));
                loaded.len() - 1
            }
        };
        let project = &loaded[known].1;
        let Some(target) = project.queries.iter().position(|known| known.name == query) else {
            let error = project.explain(query, &[]).unwrap_or_else(|| project.unknown(query));
            return Err(Failure { message: with_causes(&error), hint: error.hint(), place: None });
        };
        let expected = case.expected.as_ref().ok_or("the case lacks `-- expect(…):`")?;

        let own = own_catalog(context);
        for (table, rows) in &case.given {
            let at = |message: String, hint| Failure { message, hint, place: Some(rows.place.clone()) };
            let Ok(provider) = context.table_provider(table.as_str()).await else {
                let near = did_you_mean(table, project.inputs(target).iter().map(String::as_str));
                return Err(at(format!("no table is named `{table}`"), near));
            };
            let inputs = project.inputs(target);
            if table != query && !inputs.contains(table) {
                let near = did_you_mean(table, inputs.iter().map(String::as_str));
                let message = format!("`{query}` does not read `{table}`, so giving it has no effect");
                return Err(at(message, near.or_else(|| Some(format!("it reads {}", listed(&inputs))))));
            }
            let batch = given(&own, rows, &provider.schema(), &format!("given {table}")).await?;
            let table_rows = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(|error| error.to_string())?;
            own.register_table(table.as_str(), Arc::new(table_rows)).map_err(|error| error.to_string())?;
        }
        let actual = project.rows_of(target, Some(&expected.columns), &own).await?;
        let expected = given(&own, expected, &actual.schema(), "expect").await?;
        Ok(compare(&actual, &expected)?)
    }

    /// Returns the names of all tables and queries that a query reads, directly or indirectly.
    fn inputs(&self, target: usize) -> BTreeSet<String> {
        let mut needed = self.upstream(target);
        needed.insert(target);
        let names = needed.into_iter().flat_map(|index| self.queries[index].parsed.references.names());
        names.map(str::to_string).collect()
    }

    /// Returns the query's rows in the order of its grain, in the named columns or in all; `own` has the given tables.
    pub(super) async fn rows_of(
        &self,
        target: usize,
        columns: Option<&[String]>,
        own: &SessionContext,
    ) -> Result<RecordBatch, String> {
        let mut needed = self.upstream(target);
        needed.insert(target);
        for index in needed {
            let query = &self.queries[index];
            let is_given = own.table_exist(query.name.as_str()).unwrap_or(false);
            if is_given && index == target {
                return Err("a case cannot give the rows that it tests".into());
            }
            if is_given || query.kind == Kind::Model {
                continue;
            }
            match self.plan(query, own).await {
                Ok(plan) => {
                    let view = DataFrame::new(own.state(), plan).into_view();
                    own.register_table(query.name.as_str(), view).map_err(|error| error.to_string())?;
                }
                Err(error) if index == target => {
                    let place = error.place().map(|place| format!("{place}: ")).unwrap_or_default();
                    return Err(format!("{place}{}", error.without_place()));
                }
                // A query that is hidden by a given table is not needed.
                Err(_) => {}
            }
        }
        let query = &self.queries[target];
        let rows = async {
            let frame = own.table(query.name.as_str()).await?;
            let order = query.header.grain.iter().map(|column| ident(column).sort(true, false)).collect::<Vec<_>>();
            let frame = if order.is_empty() { frame } else { frame.sort(order)? };
            let frame = match columns {
                Some(columns) => frame.select(columns.iter().map(ident).collect::<Vec<_>>())?,
                None => frame,
            };
            let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
            Ok::<_, DataFusionError>(concat_batches(&schema, &frame.collect().await?)?)
        };
        rows.await.map_err(|error| error.strip_backtrace())
    }
}

/// Returns a session with another session's functions and settings, but without tables.
pub(super) fn own_catalog(context: &SessionContext) -> SessionContext {
    let state = context.state();
    let names = state.config_options().catalog.clone();
    let catalog = MemoryCatalogProvider::new();
    // A new in-memory catalog accepts any schema.
    let _ = catalog.register_schema(&names.default_schema, Arc::new(MemorySchemaProvider::new()));
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(names.default_catalog, Arc::new(catalog));
    SessionContext::new_with_state(
        SessionStateBuilder::new_from_existing(state).with_catalog_list(Arc::new(catalogs)).build(),
    )
}

/// Returns the rows of a case with the columns of `schema`; those that the case does not name are NULL.
async fn given(own: &SessionContext, rows: &Rows, schema: &Schema, what: &str) -> Result<RecordBatch, Failure> {
    let written = written::rows(own, &rows.columns, &rows.sql, schema).await;
    written.map_err(|wrong| Failure {
        message: format!("{what}: {wrong}"),
        hint: None,
        place: Some(match &wrong {
            Wrong::Value { at: Some(at), .. } => rows.place_of(*at),
            _ => rows.place.clone(),
        }),
    })
}

/// Returns rows as a table of `schema`; columns that are not named are NULL.
pub(super) async fn table_of(
    own: &SessionContext,
    columns: &[String],
    sql: &str,
    schema: &Schema,
) -> Result<Arc<MemTable>, Wrong> {
    let batch = written::rows(own, columns, sql, schema).await?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

fn compare(actual: &RecordBatch, expected: &RecordBatch) -> Result<(), String> {
    if actual.num_rows() != expected.num_rows() {
        return Err(format!("expected {}, got {}", counted(expected.num_rows() as u64, "row"), actual.num_rows()));
    }
    for row in 0..actual.num_rows() {
        for (index, field) in actual.schema().fields().iter().enumerate() {
            let cell = |batch: &RecordBatch| ScalarValue::try_from_array(batch.column(index), row);
            let (got, wanted) = match (cell(actual), cell(expected)) {
                (Ok(got), Ok(wanted)) => (got, wanted),
                (Err(error), _) | (_, Err(error)) => return Err(error.strip_backtrace()),
            };
            if !agree(&got, &wanted) {
                let shown = |batch: &RecordBatch| cell::shown(batch.column(index), row);
                let (wanted, got) = (shown(expected), shown(actual));
                return Err(format!("row {}: expected {} = {wanted}, got {got}", row + 1, field.name()));
            }
        }
    }
    Ok(())
}

fn agree(got: &ScalarValue, wanted: &ScalarValue) -> bool {
    match (got, wanted) {
        (ScalarValue::Float64(Some(got)), ScalarValue::Float64(Some(wanted))) => {
            let tolerance = (RELATIVE_TOLERANCE * got.abs().max(wanted.abs())).max(ABSOLUTE_TOLERANCE);
            got == wanted || (got - wanted).abs() <= tolerance
        }
        _ if got.data_type() == DataType::Null => wanted.is_null(),
        _ => got == wanted || (got.is_null() && wanted.is_null()),
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
