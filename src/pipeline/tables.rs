//! The project as tables: its queries, their columns, their lineage, and what lint and headers find.
//!
//! In: a project, and the session to which the tables are added. Out: the tables `squall_queries`, `squall_columns`,
//! `squall_lineage` and `squall_findings`. A table is computed when it is read, from the queries' plans, so a session that does
//! not read it pays nothing.

use crate::engine;
use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::plan_datafusion_err;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::describe::DescribedColumn;
use super::disabled::Why;
use super::error::Error;
use super::fault::{Check, Fault};
use super::{Kind, Project, Query};

/// The tables' names.
pub(super) const NAMES: [&str; 4] = ["squall_queries", "squall_columns", "squall_lineage", "squall_findings"];

/// What a table tells.
#[derive(Debug, Clone, Copy)]
enum What {
    Queries,
    Columns,
    Lineage,
    Findings,
}

/// The tables, in the order of [`NAMES`].
const ALL: [What; 4] = [What::Queries, What::Columns, What::Lineage, What::Findings];

/// A value of a row.
enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(Option<bool>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.into()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        Value::Text(text)
    }
}

/// A list as text; an empty list is NULL.
fn listed<T: AsRef<str>>(names: &[T]) -> Value {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Value::Text((!names.is_empty()).then(|| names.join(", ")))
}

/// One of the tables.
struct Told {
    what: What,
    project: Project,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Adds the tables to a session; the project must be registered with the same session before they are read.
///
/// # Errors
/// The session has a table with one of the names.
pub fn register(project: &Project, context: &SessionContext) -> Result<(), Error> {
    for (name, what) in NAMES.into_iter().zip(ALL) {
        let table = Told { what, project: project.clone() };
        let registered = context.register_table(name, Arc::new(table));
        registered.map_err(|error| Error::Session { message: error.message().into_owned() })?;
    }
    Ok(())
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Number,
    Flag,
}

impl Shape {
    fn data_type(self) -> DataType {
        match self {
            Shape::Text => DataType::Utf8,
            Shape::Number => DataType::Int64,
            Shape::Flag => DataType::Boolean,
        }
    }
}

impl What {
    /// Returns the names of the columns, each with its type.
    fn fields(self) -> &'static [(&'static str, Shape)] {
        use Shape::{Flag, Number, Text as T};
        match self {
            What::Queries => &[
                ("name", T),
                ("kind", T),
                ("file", T),
                ("description", T),
                ("grain", T),
                ("time_column", T),
                ("lookback", T),
                ("horizon", T),
                ("tags", T),
                ("severity", T),
                ("reads", T),
                ("read_by", T),
                ("error", T),
                ("sql", T),
            ],
            What::Columns => &[
                ("query", T),
                ("position", Number),
                ("name", T),
                ("type", T),
                ("unit", T),
                ("nullable", Flag),
                ("lookback", T),
                ("horizon", T),
                ("formula", T),
            ],
            What::Lineage => &[("query", T), ("column_name", T), ("source", T), ("source_column", T), ("uses", T)],
            What::Findings => &[
                ("kind", T),
                ("severity", T),
                ("query", T),
                ("file", T),
                ("line", Number),
                ("column", Number),
                ("message", T),
                ("hint", T),
            ],
        }
    }
}

impl Told {
    async fn rows(&self, context: &SessionContext) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for query in self.project.queries() {
            match self.what {
                What::Queries => rows.push(self.query(query, context).await),
                What::Columns => rows.extend(self.columns(query, context).await),
                What::Lineage => rows.extend(self.lineage(query, context).await),
                What::Findings => rows.extend(self.project.findings(query, context).await.iter().map(finding)),
            }
        }
        for disabled in self.project.disabled() {
            let (Some(error), Why::Wrong(own)) = (self.project.explain(&disabled.name, &[]), &disabled.why) else {
                continue;
            };
            match self.what {
                What::Queries => {
                    let mut row: Vec<Value> = Vec::new();
                    let file = disabled.file.display().to_string();
                    row.extend([disabled.name.as_str().into(), disabled.kind.as_str().into(), file.into()]);
                    row.extend(std::iter::repeat_with(|| Value::Text(None)).take(9));
                    row.extend([error.to_string().into(), Value::Text(None)]);
                    rows.push(row);
                }
                What::Findings => rows.push(finding(&Fault::of(Check::Parse, &disabled.name, own))),
                What::Columns | What::Lineage => {}
            }
        }
        rows
    }

    async fn query(&self, query: &Query, context: &SessionContext) -> Vec<Value> {
        let described = self.project.describe(query, context).await;
        let header = &query.header;
        let reach = described.as_ref().ok().map(|found| &found.reach);
        vec![
            query.name.as_str().into(),
            query.kind.as_str().into(),
            query.file.display().to_string().into(),
            Value::Text((!header.description.is_empty()).then(|| header.description.clone())),
            listed(&header.grain),
            header.time_column.clone().into(),
            reach.map(|reach| reach.before.to_string()).into(),
            reach.map(|reach| reach.after.to_string()).into(),
            listed(&header.tags),
            header.severity.map(|severity| severity.as_str().to_string()).into(),
            listed(&self.project.reads(query)),
            listed(&self.project.read_by(query)),
            described.err().map(|error| error.without_place()).into(),
            query.sql.as_str().into(),
        ]
    }

    async fn columns(&self, query: &Query, context: &SessionContext) -> Vec<Vec<Value>> {
        let Ok(described) = self.project.describe(query, context).await else { return Vec::new() };
        let row = |(position, column): (usize, &DescribedColumn)| {
            vec![
                query.name.as_str().into(),
                Value::Number(Some(position as i64 + 1)),
                column.name.as_str().into(),
                column.sql_type.as_str().into(),
                column.unit.clone().into(),
                Value::Flag(Some(column.nullable)),
                column.reach.before.to_string().into(),
                column.reach.after.to_string().into(),
                column.formula.clone().into(),
            ]
        };
        described.columns.iter().enumerate().map(row).collect()
    }

    async fn lineage(&self, query: &Query, context: &SessionContext) -> Vec<Vec<Value>> {
        let Ok(flows) = self.project.flows(query, context).await else { return Vec::new() };
        let columns = flows.columns.iter().map(|(name, flow)| (Some(name), flow)).chain([(None, &flows.rows)]);
        let steps = columns.flat_map(|(column, flow)| {
            flow.iter().map(move |(source, uses)| {
                let uses: Vec<&str> = uses.iter().map(|how| how.as_str()).collect();
                vec![
                    query.name.as_str().into(),
                    column.map(|name| name.to_string()).into(),
                    source.relation.to_string().into(),
                    source.column.as_ref().map(|name| name.to_string()).into(),
                    uses.join(", ").into(),
                ]
            })
        });
        steps.collect()
    }
}

fn finding(fault: &Fault) -> Vec<Value> {
    let place = &fault.place;
    vec![
        fault.check.as_str().into(),
        fault.severity.as_str().into(),
        fault.query.as_str().into(),
        place.file.display().to_string().into(),
        Value::Number(Some(place.line as i64)),
        Value::Number(place.column.map(|column| column as i64)),
        fault.message.as_str().into(),
        fault.hint.clone().into(),
    ]
}

impl Project {
    /// Returns what is wrong with a query that is found without its data: its header, its plan, and how it looks at time.
    async fn findings(&self, query: &Query, context: &SessionContext) -> Vec<Fault> {
        let mut faults = query.header_faults(context);
        match self.measured(query, context).await {
            Ok(measured) => {
                if query.can_run() {
                    faults.extend(query.column_faults(&measured.schema));
                }
            }
            // Without its model, a query cannot be planned yet.
            Err(_) if self.position(&query.name).is_some_and(|index| self.untrained(index).is_some()) => {}
            Err(error) => {
                faults.push(Fault::of(Check::Plan, &query.name, &error));
                return faults;
            }
        }
        let linted = query.kind == Kind::Model || query.header.time_column.is_some();
        if linted && let Ok(found) = self.lint(query, context).await {
            faults.extend(
                found.into_iter().map(|found| Fault::new(Check::Lint, &query.name, found.place, found.message)),
            );
        }
        faults
    }
}

impl TableProvider for Told {
    fn schema(&self) -> SchemaRef {
        let fields = self.what.fields().iter();
        Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect::<Vec<_>>()))
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl Told {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>, DataFusionError>> {
        Box::pin(async move {
            let planner = state.as_any().downcast_ref::<SessionState>();
            let planner =
                planner.ok_or_else(|| plan_datafusion_err!("the project's tables need a session that plans SQL"))?;
            // The session is not kept in the table, because the table is kept in the session.
            let rows = self.rows(&SessionContext::new_with_state(planner.clone())).await;
            let columns = self.what.fields().iter().enumerate().map(|(column, (_, kind))| -> ArrayRef {
                let cells = rows.iter().map(|row| row.get(column));
                match kind {
                    Shape::Number => Arc::new(
                        cells
                            .map(|cell| if let Some(Value::Number(number)) = cell { *number } else { None })
                            .collect::<Int64Array>(),
                    ),
                    Shape::Flag => Arc::new(
                        cells
                            .map(|cell| if let Some(Value::Flag(flag)) = cell { *flag } else { None })
                            .collect::<BooleanArray>(),
                    ),
                    Shape::Text => Arc::new(
                        cells
                            .map(|cell| if let Some(Value::Text(text)) = cell { text.as_deref() } else { None })
                            .collect::<StringArray>(),
                    ),
                }
            });
            let batch = RecordBatch::try_new(self.schema(), columns.collect())?;
            MemTable::try_new(self.schema(), vec![vec![batch]])?.scan(state, projection, filters, limit).await
        })
    }
}
