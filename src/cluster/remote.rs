//! The operator whose rows a worker computes.
//!
//! In: an enclosed plan. Out: its rows, in their order. It waits until a worker has room, sends the plan, and takes all rows before it gives
//! the first one on. So nothing is seen of rows that a lost worker had begun to send: another worker computes the plan anew.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use datafusion_distributed::{
    DistributedExec, DistributedExt, NetworkBoundary, NetworkCoalesceExec, RouteTasksEvent, RouteTasksEventResponse,
    Stage,
};
use futures::{TryStreamExt, stream};
use url::Url;
use uuid::Uuid;

use super::codec::Codec;
use super::connection::{Connections, root};
use super::enclosed::{Enclosed, Envelopes, with_config};
use super::failure::received;
use super::slots::{Slot, Slots, address};
use super::spool::spooled;

/// Computes a plan on a worker.
#[derive(Clone)]
pub struct RemoteExec {
    enclosed: Enclosed,
    slots: Arc<Slots>,
    connections: Connections,
    codec: Arc<Codec>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RemoteExec {
    pub fn new(enclosed: Enclosed, slots: Arc<Slots>, connections: Connections, codec: Arc<Codec>) -> RemoteExec {
        let plan = enclosed.plan();
        // Rows leave in the order of the plan.
        let properties = PlanProperties::new(
            plan.equivalence_properties().clone(),
            Partitioning::UnknownPartitioning(1),
            plan.pipeline_behavior(),
            plan.boundedness(),
        );
        let metrics = ExecutionPlanMetricsSet::new();
        RemoteExec { enclosed, slots, connections, codec, properties: Arc::new(properties), metrics }
    }

    /// Returns all rows, computed by one worker after another until one has sent them.
    async fn rows(&self, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        loop {
            let slot = self.slots.next().await.map_err(external)?;
            let error = match self.computed_by(&slot, context).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            // A worker that answers has refused or failed to compute the plan, and so would another one.
            if self.connections.answers(slot.url()).await {
                return Err(received(&error, &address(slot.url())));
            }
            self.connections.forget(slot.url());
            self.slots.lose(&slot, &root(&error));
        }
    }

    async fn computed_by(&self, slot: &Slot, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let url = slot.url().clone();
        let config = context.session_config().clone();
        let config = config
            .with_distributed_user_codec(Envelopes(Arc::clone(&self.codec)))
            .with_distributed_channel_resolver(self.connections.clone())
            .with_distributed_route_tasks_handler(move |event: RouteTasksEvent<'_>| Some(Ok(routed(&event, &url))))
            .with_distributed_metrics_collection(false)?;
        let own = Arc::new(with_config(context, config));
        spooled(sent(self.enclosed.clone())?.execute(0, own)?, context).await
    }
}

fn routed(event: &RouteTasksEvent<'_>, url: &Url) -> RouteTasksEventResponse {
    RouteTasksEventResponse::new(vec![url.clone(); event.task_count])
}

/// Returns the plan that sends another one to a worker.
fn sent(enclosed: Enclosed) -> Result<DistributedExec> {
    let boundary = NetworkCoalesceExec::try_new(Arc::new(enclosed), 1, 1)?;
    // The distributing engine's own planner gives numbers to stages, and leaves out boundaries between two single tasks.
    let mut stage = boundary.input_stage().clone();
    if let Stage::Local(local) = &mut stage {
        local.query_id = Uuid::new_v4();
        local.num = 1;
    }
    let boundary: Arc<dyn ExecutionPlan> = boundary.with_input_stage(stage)?;
    Ok(DistributedExec::new(boundary))
}

fn external(error: super::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for RemoteExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteExec").field("plan", self.enclosed.plan()).finish_non_exhaustive()
    }
}

impl DisplayAs for RemoteExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "RemoteExec: {}", self.enclosed.plan().name())
    }
}

impl ExecutionPlan for RemoteExec {
    fn name(&self) -> &str {
        "RemoteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let this = self.clone();
        let rows = stream::once(async move { this.rows(&context).await }).try_flatten();
        let rows = rows.inspect_ok(move |batch| metrics.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
