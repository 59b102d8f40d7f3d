//! Functions that carry the decision of the logical plan to the physical plan.
//!
//! Only the logical plan shows publicly whether a call has FILTER or IGNORE NULLS. Only the physical plan has the other
//! information that the engine needs. So [`super::prepare`] wraps the function of each call that the engine may compute, and [`super::program`] looks for the wrapper. The wrapper answers everything as the function itself does, so the
//! stock operator computes the same with it. If a call's function lost its wrapper on the way, the call stays with the stock
//! operator. The same happens if the planner reversed the call, because that makes another function.
//!
//! `with_aliases` of DataFusion 55 makes a similar wrapper, but its sums cannot slide, and its window functions see only
//! their first argument.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunctionParams};
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, ExpressionArgs, PartitionEvaluatorArgs, StateFieldsArgs,
    WindowFunctionSimplification, WindowUDFFieldArgs,
};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, LimitEffect, Operator,
    PartitionEvaluator, ReversedUDAF, ReversedUDWF, SetMonotonicity, Signature, StatisticsArgs, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use super::exclusion::Exclusion;

/// An aggregate of a call without FILTER and IGNORE NULLS.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MarkedAggregate {
    /// The function without the mark.
    pub function: AggregateUDF,
    /// Which rows of its frames the call leaves out.
    pub exclusion: Option<Exclusion>,
}

impl MarkedAggregate {
    /// Returns the function with the mark.
    pub fn of(function: &AggregateUDF, exclusion: Option<Exclusion>) -> AggregateUDF {
        AggregateUDF::new_from_impl(MarkedAggregate { function: function.clone(), exclusion })
    }

    /// Returns the mark of a function; `None` if it has no mark.
    pub fn on(function: &AggregateUDF) -> Option<&MarkedAggregate> {
        function.inner().downcast_ref::<MarkedAggregate>()
    }
}

/// A window function of a call without DISTINCT and FILTER.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MarkedWindow {
    /// The function without the mark.
    pub function: WindowUDF,
    /// Whether the call has IGNORE NULLS.
    pub ignores_nulls: bool,
    /// Which rows of its frames the call leaves out.
    pub exclusion: Option<Exclusion>,
}

impl MarkedWindow {
    /// Returns the function with the mark.
    pub fn of(function: &WindowUDF, ignores_nulls: bool, exclusion: Option<Exclusion>) -> WindowUDF {
        WindowUDF::new_from_impl(MarkedWindow { function: function.clone(), ignores_nulls, exclusion })
    }

    /// Returns the mark of a function; `None` if it has no mark.
    pub fn on(function: &WindowUDF) -> Option<&MarkedWindow> {
        function.inner().downcast_ref::<MarkedWindow>()
    }
}

// If a later version of DataFusion adds a method, this must pass it on too.
#[deny(clippy::missing_trait_methods)]
impl AggregateUDFImpl for MarkedAggregate {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.function.inner().schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.function.inner().human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.function.inner().window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.function.inner().display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.function.inner().window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.function.inner().signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.inner().return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.function.inner().return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.function.inner().is_nullable()
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.function.inner().accumulator(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.function.inner().state_fields(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.function.inner().groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.function.inner().create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.function.inner().create_sliding_accumulator(arguments)
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let ordered = Arc::clone(self.function.inner()).with_beneficial_ordering(beneficial_ordering)?;
        Ok(ordered.map(|function| -> Arc<dyn AggregateUDFImpl> {
            Arc::new(MarkedAggregate {
                function: AggregateUDF::new_from_shared_impl(function),
                exclusion: self.exclusion,
            })
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.function.inner().order_sensitivity()
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.function.inner().simplify()
    }

    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        argument_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.function.inner().simplify_expr_op_literal(function, argument, operator, literal, argument_is_left)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.function.inner().reverse_expr()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.inner().coerce_types(types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.function.inner().is_descending()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.function.inner().value_from_stats(statistics)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.function.inner().default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.function.inner().supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.function.inner().supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.inner().documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.function.inner().set_monotonicity(data_type)
    }
}

#[deny(clippy::missing_trait_methods)]
impl WindowUDFImpl for MarkedWindow {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.inner().signature()
    }

    fn expressions(&self, arguments: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.function.inner().expressions(arguments)
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        self.function.inner().partition_evaluator(arguments)
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.function.inner().simplify()
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.function.inner().field(arguments)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.function.inner().sort_options()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.inner().coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        self.function.inner().reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.inner().documentation()
    }

    fn limit_effect(&self, arguments: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        // With IGNORE NULLS, the row that is looked for can be any number of rows away.
        // DataFusion takes every `lag` for one that looks back.
        let looks_ahead = self.function.name() == "lag"
            && arguments.get(1).and_then(|distance| distance.downcast_ref::<Literal>()).is_some_and(|distance| {
                let distance = distance.value().cast_to(&DataType::Int64);
                matches!(distance, Ok(ScalarValue::Int64(Some(distance))) if distance < 0)
            });
        if self.ignores_nulls || looks_ahead {
            LimitEffect::Unknown
        } else {
            self.function.inner().limit_effect(arguments)
        }
    }
}
