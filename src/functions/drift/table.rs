//! The table functions `drift` and `drift_by`: their arguments, and the plan that reads both relations.

use crate::engine;
use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result, plan_datafusion_err, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::choices::Choices;
use super::exec::{DriftExec, Of, Reference};
use super::slices::By;
use super::{DRIFT, DRIFT_BY, OF_MODEL};
use crate::durable;
use crate::functions::relation::{plan, texts};
use crate::functions::snapshot::session_state;
use crate::model::{Registry, Sketch};

/// The table function `drift`.
#[derive(Debug)]
pub struct Drift(pub Arc<Registry>);

impl TableFunctionImpl for Drift {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        // `texts` has checked how many there are.
        let given = texts(&DRIFT, args.exprs())?;
        comparison(&args, &self.0, Of::Whole, [&given[0], &given[1]], given.get(2))
    }
}

/// The table function `drift_by`.
#[derive(Debug)]
pub struct DriftBy(pub Arc<Registry>);

impl TableFunctionImpl for DriftBy {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        // `texts` has checked how many there are.
        let given = texts(&DRIFT_BY, args.exprs())?;
        comparison(&args, &self.0, Of::Slices(By::parse(&given[2])), [&given[0], &given[1]], given.get(3))
    }
}

fn comparison(
    args: &TableFunctionArgs,
    models: &Arc<Registry>,
    of: Of,
    [reference, current]: [&String; 2],
    choices: Option<&String>,
) -> Result<Arc<dyn TableProvider>> {
    let choices =
        Choices::parse(choices.map_or("", String::as_str)).map_err(|problem| plan_datafusion_err!("{problem}"))?;
    let state = session_state(args.session())?;
    let reference = match reference.trim().strip_prefix(OF_MODEL) {
        Some(model) => Side::Model { models: Arc::clone(models), model: model.trim().into() },
        None => Side::Plan(plan(state, reference)?),
    };
    Ok(Arc::new(Comparison { of, choices, reference, current: plan(state, current)? }))
}

/// The comparison of two relations, as a table.
#[derive(Debug)]
struct Comparison {
    of: Of,
    choices: Choices,
    reference: Side,
    current: LogicalPlan,
}

/// What the current relation is compared with.
#[derive(Debug)]
enum Side {
    Plan(LogicalPlan),
    Model { models: Arc<Registry>, model: String },
}

/// Reads what a model keeps of the columns that it was trained on.
fn sketches(models: &Registry, model: &str) -> Result<Vec<Sketch>> {
    let artifact = models.load(model).map_err(|error| DataFusionError::External(Box::new(error)))?;
    if artifact.distributions.is_empty() {
        return plan_err!(
            "the artifact of {} does not hold what its columns were like at training: an earlier squall made it. Train it again, or compare with its training rows",
            artifact.reference()
        );
    }
    Ok(artifact.distributions)
}

impl TableProvider for Comparison {
    fn schema(&self) -> SchemaRef {
        self.of.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    engine::scan!();
}

impl Comparison {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let reference = match &self.reference {
                Side::Plan(plan) => Reference::Plan(state.create_physical_plan(plan).await?),
                // Read at each reading, so that a view sees models that were trained later.
                Side::Model { models, model } => {
                    let (models, model) = (Arc::clone(models), model.clone());
                    Reference::Model(Arc::new(durable::blocking(move || sketches(&models, &model)).await?))
                }
            };
            let current = state.create_physical_plan(&self.current).await?;
            let (of, choices) = (self.of.clone(), self.choices.clone());
            let drift = DriftExec::new(of, choices, reference, current, projection.cloned())?;
            Ok(Arc::new(drift) as Arc<dyn ExecutionPlan>)
        })
    }
}
