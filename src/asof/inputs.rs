//! The order in which an ASOF JOIN reads its inputs.
//!
//! Both inputs have to be in one order. Files that declare one are read in it. Others are often in order without saying so, and
//! then sorting them costs more than the join: their times, and their keys if need be, are read first. If both are in one order,
//! they are read as they are.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use futures::future::try_join;

use super::exec::{AsofJoinExec, Condition};
use super::keys::keeps_order;
use crate::rolling::{Settings, Undeclared};

/// The order of both inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By time: ascending if the join looks back, descending if it looks ahead.
    Time,
    /// By the keys, ascending, and then by time, ascending.
    KeyAndTime,
}

/// Both inputs of an execution.
pub struct Inputs {
    pub left: SendableRecordBatchStream,
    pub right: SendableRecordBatchStream,
    pub order: Order,
}

type Expression = Arc<dyn PhysicalExpr>;

impl Condition {
    /// Returns this order of the left and of the right input.
    pub fn ordered(&self, order: Order) -> [Option<LexOrdering>; 2] {
        let ascending = SortOptions { descending: false, nulls_first: false };
        let keys = match order {
            Order::Time => [].as_slice(),
            Order::KeyAndTime => self.keys.as_slice(),
        };
        let options = SortOptions { descending: !self.looks_back(), nulls_first: !self.looks_back() };
        let side = |keys: Vec<&Expression>, time: &Expression| {
            let keys = keys.into_iter().map(|key| PhysicalSortExpr::new(Arc::clone(key), ascending));
            LexOrdering::new(keys.chain([PhysicalSortExpr::new(Arc::clone(time), options)]))
        };
        [
            side(keys.iter().map(|(left, _)| left).collect(), &self.times.0),
            side(keys.iter().map(|(_, right)| right).collect(), &self.times.1),
        ]
    }

    /// Returns whether both inputs declare this order.
    pub fn is_declared(&self, order: Order, inputs: [&Arc<dyn ExecutionPlan>; 2]) -> bool {
        let can_walk = order == Order::Time || self.can_follow_keys(inputs[0]);
        can_walk
            && self.ordered(order).into_iter().zip(inputs).all(|(order, input)| {
                let properties = input.properties().equivalence_properties();
                order.is_some_and(|order| properties.ordering_satisfy(order).unwrap_or(false))
            })
    }

    /// Returns whether rows in the order of their keys can be walked through.
    fn can_follow_keys(&self, left: &Arc<dyn ExecutionPlan>) -> bool {
        let schema = left.schema();
        let mut kinds = self.keys.iter().map(|(key, _)| key.data_type(&schema));
        self.looks_back() && !self.keys.is_empty() && kinds.all(|kind| kind.is_ok_and(|kind| keeps_order(&kind)))
    }
}

/// Inputs that are sorted by time, and the files below the sorts, which may be in order already.
#[derive(Debug)]
pub struct Unsorted {
    by_time: [Option<Undeclared>; 2],
    by_key: Option<[Undeclared; 2]>,
}

impl Unsorted {
    /// Returns the files below the inputs of a join; `None` if neither input is a sort of files.
    fn below(condition: &Condition, inputs: [&Arc<dyn ExecutionPlan>; 2]) -> Option<Unsorted> {
        let below = |order: Order| {
            let [left, right] = condition.ordered(order);
            [files(left, inputs[0]), files(right, inputs[1])]
        };
        let by_time = below(Order::Time);
        if by_time.iter().all(Option::is_none) {
            return None;
        }
        let by_key = match condition.can_follow_keys(inputs[0]) {
            true => below(Order::KeyAndTime),
            false => [None, None],
        };
        let [left, right] = by_key;
        Some(Unsorted { by_time, by_key: left.zip(right).map(<[Undeclared; 2]>::from) })
    }

    /// Opens the files if they are in order; what is not is sorted.
    pub async fn open(&self, sorted: [Arc<dyn ExecutionPlan>; 2], context: Arc<TaskContext>) -> Result<Inputs> {
        let [left, right] = &self.by_time;
        let (is_left, is_right) = try_join(is_ordered(left, &context), is_ordered(right, &context)).await?;
        if !(is_left && is_right)
            && let Some([left, right]) = &self.by_key
            && try_join(left.is_ordered(&context), right.is_ordered(&context)).await? == (true, true)
        {
            let (left, right) = (left.rows(&context)?, right.rows(&context)?);
            return Ok(Inputs { left, right, order: Order::KeyAndTime });
        }
        let open = |files: &Option<Undeclared>, is_ordered: bool, sorted: &Arc<dyn ExecutionPlan>| match files {
            Some(files) if is_ordered => files.rows(&context),
            _ => opened(sorted, &context),
        };
        let (left, right) = (open(left, is_left, &sorted[0])?, open(right, is_right, &sorted[1])?);
        Ok(Inputs { left, right, order: Order::Time })
    }
}

async fn is_ordered(files: &Option<Undeclared>, context: &Arc<TaskContext>) -> Result<bool> {
    match files {
        Some(files) => files.is_ordered(context).await,
        None => Ok(false),
    }
}

/// Returns the files below an input that is sorted, if they may be in this order.
fn files(order: Option<LexOrdering>, input: &Arc<dyn ExecutionPlan>) -> Option<Undeclared> {
    let columns = order?.into_iter().map(|sort| Some((sort.expr.downcast_ref::<Column>()?.index(), sort.options)));
    Undeclared::below(input, &columns.collect::<Option<Vec<_>>>()?)
}

/// Executes an input; a merge of sorted partitions has a task of its own, so that it works beside the join.
pub fn opened(input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
    let rows = input.execute(0, Arc::clone(context))?;
    Ok(match input.downcast_ref::<SortPreservingMergeExec>() {
        Some(_) => spawn_buffered(rows, 2),
        None => rows,
    })
}

/// Makes ASOF joins look first whether the files that they read are in order, and sort only if they are not.
#[derive(Debug)]
pub struct LookBeforeSorting;

impl PhysicalOptimizerRule for LookBeforeSorting {
    fn name(&self) -> &str {
        "squall_asof_inputs"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let settings = config.extensions.get::<Settings>().cloned().unwrap_or_default();
        if !settings.rolling.check_order {
            return Ok(plan);
        }
        plan.transform_up(|plan| {
            let Some(join) = plan.downcast_ref::<AsofJoinExec>() else { return Ok(Transformed::no(plan)) };
            Ok(match looking_first(join) {
                Some(join) => Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        })
        .data()
    }
}

/// Returns a join that looks first whether the files that it reads are in order; `None` if it need not, or cannot.
pub fn looking_first(join: &AsofJoinExec) -> Option<AsofJoinExec> {
    let condition = join.condition();
    if !condition.looks_back() || join.order() != Order::Time {
        return None;
    }
    Some(join.looking_first(Unsorted::below(condition, join.inputs())?))
}
