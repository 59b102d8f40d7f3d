//! A plan that the distributing engine sees as one operator.
//!
//! The engine asks several codecs for each function, and the first of them says that its name is enough; a window function it does not ask
//! about at all. So our marks would be lost, and the engine's own functions would answer. Here the whole plan is written by our codec.
//! With it go the settings of the session that made the plan.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::TryStreamExt;
use prost::Message;

use super::codec::Codec;
use super::failure::to_send;
use crate::rolling;

/// What is sent.
#[derive(Clone, PartialEq, Message)]
struct Letter {
    #[prost(message, repeated, tag = "1")]
    settings: Vec<Setting>,
    #[prost(bytes = "vec", tag = "2")]
    plan: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Setting {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// A plan of one stream, and its form in bytes.
#[derive(Debug, Clone)]
pub struct Enclosed {
    plan: Arc<dyn ExecutionPlan>,
    written: Arc<[u8]>,
    /// What the plan is executed in, where it was read.
    context: Option<Arc<TaskContext>>,
    properties: Arc<PlanProperties>,
}

impl Enclosed {
    /// Encloses a plan that is computed with some settings.
    ///
    /// # Errors
    /// A part of it cannot be written, or it has several streams.
    pub fn write(plan: Arc<dyn ExecutionPlan>, config: &SessionConfig, codec: &Codec) -> Result<Enclosed> {
        if plan.output_partitioning().partition_count() != 1 {
            return Err(DataFusionError::NotImplemented("a plan of several streams cannot be sent".into()));
        }
        let letter = Letter { settings: settings(config.options()), plan: codec.write(&plan)? };
        Ok(Enclosed::new(plan, letter.encode_to_vec().into(), None))
    }

    fn new(plan: Arc<dyn ExecutionPlan>, written: Arc<[u8]>, context: Option<Arc<TaskContext>>) -> Enclosed {
        // Orders refer to expressions of the session that planned; whoever receives the rows knows theirs.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Enclosed { plan, written, context, properties: Arc::new(properties) }
    }

    fn read(written: &[u8], context: &TaskContext, codec: &Codec) -> Result<Enclosed> {
        let letter = match Letter::decode(written) {
            Ok(letter) => letter,
            Err(error) => return internal_err!("bytes of a plan are damaged: {error}"),
        };
        let mut config = context.session_config().clone().with_option_extension(rolling::Settings::default());
        for Setting { key, value } in letter.settings {
            config.options_mut().set(&key, &value)?;
        }
        let context = Arc::new(with_config(context, config));
        let plan = codec.read(&letter.plan, &context)?;
        Ok(Enclosed::new(plan, written.into(), Some(context)))
    }

    /// Returns the plan itself.
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }
}

/// Returns the same context with other settings.
pub fn with_config(context: &TaskContext, config: SessionConfig) -> TaskContext {
    TaskContext::new(
        context.task_id(),
        context.session_id(),
        config,
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    )
}

/// Returns the settings that differ from the engine's.
fn settings(options: &ConfigOptions) -> Vec<Setting> {
    let mut engines = ConfigOptions::default();
    engines.extensions.insert(rolling::Settings::default());
    let engines = engines.entries();
    let mut settings = Vec::new();
    for entry in options.entries() {
        let is_same = engines.iter().any(|other| other.key == entry.key && other.value == entry.value);
        // The distributing engine has settings of its own, which it sends itself.
        if let Some(value) = entry.value.filter(|_| !is_same && !entry.key.starts_with("distributed.")) {
            settings.push(Setting { key: entry.key, value });
        }
    }
    settings
}

impl DisplayAs for Enclosed {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Enclosed: {}", self.plan.name())
    }
}

impl ExecutionPlan for Enclosed {
    fn name(&self) -> &str {
        "Enclosed"
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
        let rows = self.plan.execute(partition, self.context.clone().unwrap_or(context)).map_err(to_send)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.map_err(to_send))))
    }
}

/// Writes and reads enclosed plans for the distributing engine.
#[derive(Debug)]
pub struct Envelopes(pub Arc<Codec>);

impl PhysicalExtensionCodec for Envelopes {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(enclosed) = node.downcast_ref::<Enclosed>() else {
            return internal_err!("{} is not enclosed", node.name());
        };
        buffer.extend_from_slice(&enclosed.written);
        Ok(())
    }

    fn try_decode(
        &self,
        buffer: &[u8],
        _inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Enclosed::read(buffer, context, &self.0)?))
    }
}
