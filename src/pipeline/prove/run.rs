//! Running a query over given ticks, in a session of its own.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::temporal_conversions::timestamp_ns_to_datetime;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::DataFrame;
use std::sync::Arc;

use super::Trial;
use super::rows::{Identity, Rows};
use super::sample::{Change, Cut, Side};
use crate::catalog::addresses;
use crate::error::with_causes;
use crate::pipeline::case::own_catalog;
use crate::pipeline::fault::{Check, Fault};
use crate::pipeline::recipe::changes_by_itself;
use crate::pipeline::{Kind, LANDED, Project, Query};

/// Why a query was not recomputed.
pub enum Stop {
    Skipped(String),
    Failed(DataFusionError),
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Self {
        Stop::Failed(error)
    }
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Stop::Failed(error.into())
    }
}

/// Returns how a cut changes the ticks, as messages say it.
pub fn when(cut: Cut) -> String {
    let time = timestamp_ns_to_datetime(cut.at).map_or_else(|| cut.at.to_string(), |time| format!("{time:?}Z"));
    let side = if cut.side == Side::After { "after" } else { "before" };
    match cut.change {
        Change::Removed => format!("without those {side} {time}"),
        Change::Replaced => format!("with others {side} {time}"),
    }
}

impl Project {
    /// Returns what cannot be recomputed from ticks, and a reason to leave the query out.
    pub(super) async fn unprovable(&self, index: usize, context: &SessionContext) -> (Vec<Fault>, Option<String>) {
        let asked = &self.queries[index];
        let mut faults = Vec::new();
        let mut needed = self.upstream(index);
        needed.insert(index);
        for query in needed.into_iter().map(|index| &self.queries[index]) {
            if query.kind == Kind::Model {
                return (faults, Some(format!("it reads the model `{}`, whose training cannot be cut", query.name)));
            }
            let within =
                if query.name == asked.name { "it".into() } else { format!("it reads `{}`, which", query.name) };
            let references = &query.parsed.references;
            for function in references.functions.iter().filter(|name| changes_by_itself(name, context)) {
                let place = query.place_of_word(function).unwrap_or_else(|| query.start());
                let message = format!("{within} calls `{function}`, whose value can change from run to run");
                let hint = "a feature may depend only on the ticks up to its own";
                faults.push(Fault::new(Check::Proof, &asked.name, place, message).with_hint(hint));
            }
            for path in references.tables.iter().filter(|name| self.query(name).is_none()) {
                if context.table_exist(path.as_str()).unwrap_or(false) {
                    continue;
                }
                let Ok(file) = context.table_provider(path.as_str()).await else { continue };
                if query.header.allows_unknown_reach() || asked.header.allows_unknown_reach() {
                    continue;
                }
                let has_times = file.schema().fields().iter().any(|field| field.data_type().is_temporal());
                // A file without times is the same at every time.
                if has_times {
                    let message =
                        format!("{within} reads the file '{path}', which cannot be cut: it may know the future");
                    let hint =
                        "make it a query of the project, or say why it is right: -- allow: unknown-reach, REASON";
                    faults.push(
                        Fault::new(Check::Proof, &asked.name, query.place_of_reference(path), message).with_hint(hint),
                    );
                }
            }
        }
        (faults, None)
    }
}

impl Trial<'_> {
    /// Returns what identifies the query's rows.
    pub(super) async fn identity(&self) -> Result<Identity, Stop> {
        let frame = self.frame(RecordBatch::new_empty(self.sample.ticks.schema()), None).await?;
        let schema = frame.schema().as_arrow();
        let header = &self.query.header;
        let time = header.time_column.clone().unwrap_or_else(|| "ts".into());
        let is_time = |name: &str| {
            let field = schema.field_with_name(name).ok();
            field.is_some_and(|field| matches!(field.data_type(), DataType::Timestamp(_, _) | DataType::Date32))
        };
        if !is_time(&time) {
            return Err(Stop::Skipped(format!("it has no time column `{time}` of type TIMESTAMP")));
        }
        let has = |name: &String| schema.field_with_name(name).is_ok();
        let mut key: Vec<String> = header.grain.iter().filter(|name| has(name)).cloned().collect();
        if !key.contains(&time) {
            key.push(time.clone());
        }
        if key.len() == 1 && has(&"product_id".to_string()) {
            key.insert(0, "product_id".into());
        }
        Ok(Identity { time, key })
    }

    /// Runs the query over ticks.
    pub(super) async fn rows(&self, ticks: RecordBatch, cut: Option<Cut>, identity: &Identity) -> Result<Rows, Stop> {
        let frame = self.frame(ticks, cut).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await?;
        Ok(Rows::new(concat_batches(&schema, &batches)?, identity)?)
    }

    /// Plans the query over ticks, with everything that it reads.
    async fn frame(&self, ticks: RecordBatch, cut: Option<Cut>) -> Result<DataFrame, Stop> {
        let own = addresses::enable(own_catalog(self.context));
        {
            let state = own.state_ref();
            let mut state = state.write();
            let options = state.config_mut().options_mut();
            // Sums of floating-point numbers depend on how the rows are divided, so they are not divided.
            options.execution.target_partitions = 1;
        }
        let nullable =
            ticks.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
        let ticks = ticks.with_schema(Arc::new(Schema::new(nullable)))?;
        own.register_table(LANDED, Arc::new(MemTable::try_new(ticks.schema(), vec![vec![ticks]])?))?;
        let mut needed = self.project.upstream(self.index);
        needed.insert(self.index);
        for index in needed {
            let query = &self.project.queries[index];
            self.register_others(query, cut, &own).await?;
            let plan = self.project.plan(query, &own).await;
            let plan = plan.map_err(|error| DataFusionError::Plan(with_causes(&error)))?;
            if index == self.index {
                return Ok(DataFrame::new(own.state(), plan));
            }
            own.register_table(query.name.as_str(), DataFrame::new(own.state(), plan).into_view())?;
        }
        // The query itself is the last of those that it needs.
        Err(Stop::Skipped("it is not a query of the project".into()))
    }

    /// Registers the session's other tables that a query reads. Of these, a cut removes the rows with a time on its side.
    async fn register_others(&self, query: &Query, cut: Option<Cut>, own: &SessionContext) -> Result<(), Stop> {
        for name in query.parsed.references.tables.iter().filter(|name| self.project.query(name).is_none()) {
            let known = |context: &SessionContext| context.table_exist(name.as_str()).unwrap_or(false);
            if known(own) || !known(self.context) {
                continue;
            }
            let provider = self.context.table_provider(name.as_str()).await?;
            let mut frame = own.read_table(Arc::clone(&provider))?;
            if let Some(kept) = cut.and_then(|cut| kept(provider.as_ref(), cut)) {
                frame = frame.filter(kept)?;
            }
            own.register_table(name.as_str(), frame.into_view())?;
        }
        Ok(())
    }
}

/// Returns the condition that all times of a row are on the kept side of a cut; `None` if the table has no times.
fn kept(table: &dyn TableProvider, cut: Cut) -> Option<Expr> {
    let schema = table.schema();
    let times = schema.fields().iter().filter(|field| matches!(field.data_type(), DataType::Timestamp(_, _)));
    times
        .map(|field| {
            let at = lit(ScalarValue::TimestampNanosecond(Some(cut.at), Some("UTC".into())));
            let column = ident(field.name());
            let on_side = match cut.side {
                Side::After => column.clone().lt_eq(at),
                Side::Before => column.clone().gt_eq(at),
            };
            column.is_null().or(on_side)
        })
        .reduce(Expr::and)
}
