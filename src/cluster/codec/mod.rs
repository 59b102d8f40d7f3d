//! How squall's operators and functions are written as bytes.
//!
//! In: a plan of the engine, in which some operators and functions are squall's. Out: bytes, and the same plan again, made by the same
//! rules. The engine writes its own operators; [`OPERATORS`] lists ours, one file each. A function that both sides know by its name is
//! written as its name; [`functions`] has the others. What cannot be written is an error, and such a plan stays where it is.

mod asof;
mod encoded;
mod functions;
mod one_stream;
mod operators;
mod unless_ordered;
mod windows;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{AsExecutionPlan, PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;

/// What an operator is written and read with.
pub struct Pen<'a> {
    pub codec: &'a Codec,
    pub converter: &'a dyn PhysicalProtoConverterExtension,
}

/// Writes what is not in an operator's inputs; `None` if it is another operator.
type Write = fn(&Arc<dyn ExecutionPlan>, &Pen<'_>) -> Option<Result<Vec<u8>>>;

/// Makes an operator over its inputs.
type Read = fn(&[u8], &[Arc<dyn ExecutionPlan>], &TaskContext, &Pen<'_>) -> Result<Arc<dyn ExecutionPlan>>;

/// An operator of squall's.
pub struct Operator {
    /// Its name, as EXPLAIN shows it.
    name: &'static str,
    write: Write,
    read: Read,
}

impl Operator {
    /// Returns whether a plan is this operator.
    fn is_name_of(&self, plan: &Arc<dyn ExecutionPlan>) -> bool {
        plan.name() == self.name
    }
}

/// The operators of squall's that can be in a plan for one thread. To add one, write its file and its line here.
const OPERATORS: [Operator; 5] =
    [windows::OPERATOR, one_stream::OPERATOR, unless_ordered::OPERATOR, asof::OPERATOR, encoded::OPERATOR];

/// The operator's name, and what it has written.
#[derive(Clone, PartialEq, Message)]
struct Written {
    #[prost(string, tag = "1")]
    operator: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// Writes and reads plans, with the functions of a session.
pub struct Codec {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    aggregate: HashMap<String, Arc<AggregateUDF>>,
    window: HashMap<String, Arc<WindowUDF>>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec")
    }
}

impl Codec {
    /// Makes the codec for the functions of a session.
    pub fn of(state: &SessionState) -> Codec {
        Codec {
            scalar: state.scalar_functions().clone(),
            aggregate: state.aggregate_functions().clone(),
            window: state.window_functions().clone(),
        }
    }

    /// Writes a plan.
    ///
    /// # Errors
    /// A part of it has no form in bytes.
    pub fn write(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
        operators::check(plan)?;
        Ok(PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), self)?.encode_to_vec())
    }

    /// Reads a plan that [`Codec::write`] has written.
    pub fn read(&self, bytes: &[u8], context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
        PhysicalPlanNode::try_decode(bytes)?.try_into_physical_plan(context, self)
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let pen = Pen { codec: self, converter };
        for operator in &OPERATORS {
            if let Some(content) = (operator.write)(&node, &pen) {
                let written = Written { operator: operator.name.into(), content: content? };
                buffer.extend(written.encode_to_vec());
                return Ok(());
            }
        }
        internal_err!("{} cannot be sent to another process", node.name())
    }

    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let written: Written = message(buffer)?;
        match OPERATORS.iter().find(|operator| operator.name == written.operator) {
            Some(operator) => (operator.read)(&written.content, inputs, context, &Pen { codec: self, converter }),
            None => internal_err!("no operator is named `{}`", written.operator),
        }
    }

    fn try_encode_udf(&self, function: &ScalarUDF, buffer: &mut Vec<u8>) -> Result<()> {
        functions::write_scalar(function, self, buffer)
    }

    fn try_decode_udf(&self, name: &str, buffer: &[u8]) -> Result<Arc<ScalarUDF>> {
        functions::read_scalar(name, buffer, self)
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        functions::write_aggregate(function, self, buffer)
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        functions::read_aggregate(name, buffer, self)
    }

    fn try_encode_udwf(&self, function: &WindowUDF, buffer: &mut Vec<u8>) -> Result<()> {
        functions::write_window(function, self, buffer)
    }

    fn try_decode_udwf(&self, name: &str, buffer: &[u8]) -> Result<Arc<WindowUDF>> {
        functions::read_window(name, buffer, self)
    }
}

/// Reads a message.
fn message<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).or_else(|error| internal_err!("bytes of a plan are damaged: {error}"))
}

/// Returns the input of an operator that has one.
fn only_input<'a>(inputs: &'a [Arc<dyn ExecutionPlan>], operator: &Operator) -> Result<&'a Arc<dyn ExecutionPlan>> {
    match inputs {
        [input] => Ok(input),
        _ => internal_err!("{} has one input", operator.name),
    }
}
