//! The order of `array_agg` and `string_agg`.
//!
//! The engine computes one order for all aggregates of a query and reverses those that want the opposite one; with DISTINCT, it forgets to
//! turn them round again, so that `list(DISTINCT x ORDER BY x)` is in the order of the aggregate beside it. In: the engine's functions. Out:
//! the same functions, which are never reversed: they sort their values themselves.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, Signature,
};

use crate::text::documentation::known_by_name;

/// Returns the functions, under the engine's names.
pub fn aggregates() -> impl Iterator<Item = AggregateUDF> {
    [array_agg_udaf(), string_agg_udaf()].into_iter().map(|engines| OwnOrder { engines }.into())
}

#[derive(Debug, Clone)]
struct OwnOrder {
    engines: Arc<AggregateUDF>,
}

known_by_name!(OwnOrder, engines.name());

impl AggregateUDFImpl for OwnOrder {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engines.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.engines.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.engines.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.engines.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.engines.create_groups_accumulator(args)
    }

    fn with_beneficial_ordering(self: Arc<Self>, is_ordered: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let engines = self.engines.as_ref().clone().with_beneficial_ordering(is_ordered)?;
        Ok(Some(match engines {
            Some(engines) => Arc::new(OwnOrder { engines: Arc::new(engines) }),
            None => self,
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::SoftRequirement
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::NotSupported
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.engines.supports_null_handling_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }
}
