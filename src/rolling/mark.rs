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

/// An aggregate of a call without FILTER and IGNORE NULLS.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MarkedAggregate(AggregateUDF);

impl MarkedAggregate {
    /// Returns the function with the mark.
    pub fn of(function: &AggregateUDF) -> AggregateUDF {
        AggregateUDF::new_from_impl(MarkedAggregate(function.clone()))
    }

    /// Returns the function without the mark; `None` if it has no mark.
    pub fn unmarked(function: &AggregateUDF) -> Option<&AggregateUDF> {
        function.inner().downcast_ref::<MarkedAggregate>().map(|marked| &marked.0)
    }
}

/// A window function of a call without DISTINCT and FILTER; the mark says whether the call has IGNORE NULLS.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MarkedWindow(WindowUDF, bool);

impl MarkedWindow {
    /// Returns the function with the mark.
    pub fn of(function: &WindowUDF, ignores_nulls: bool) -> WindowUDF {
        WindowUDF::new_from_impl(MarkedWindow(function.clone(), ignores_nulls))
    }

    /// Returns the function without the mark, and whether its call has IGNORE NULLS; `None` if it has no mark.
    pub fn unmarked(function: &WindowUDF) -> Option<(&WindowUDF, bool)> {
        function.inner().downcast_ref::<MarkedWindow>().map(|marked| (&marked.0, marked.1))
    }
}

// If a later version of DataFusion adds a method, this must pass it on too.
#[deny(clippy::missing_trait_methods)]
impl AggregateUDFImpl for MarkedAggregate {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.0.inner().schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.0.inner().human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.0.inner().window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.0.inner().display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.0.inner().window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.0.inner().signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.inner().return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.0.inner().return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.0.inner().is_nullable()
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.0.inner().accumulator(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.inner().state_fields(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.0.inner().groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.0.inner().create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.0.inner().create_sliding_accumulator(arguments)
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let ordered = Arc::clone(self.0.inner()).with_beneficial_ordering(beneficial_ordering)?;
        Ok(ordered.map(|function| -> Arc<dyn AggregateUDFImpl> {
            Arc::new(MarkedAggregate(AggregateUDF::new_from_shared_impl(function)))
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.inner().order_sensitivity()
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.0.inner().simplify()
    }

    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        argument_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.0.inner().simplify_expr_op_literal(function, argument, operator, literal, argument_is_left)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.inner().reverse_expr()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.inner().coerce_types(types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.0.inner().is_descending()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.0.inner().value_from_stats(statistics)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.0.inner().default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.0.inner().supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.0.inner().supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.inner().documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.0.inner().set_monotonicity(data_type)
    }
}

#[deny(clippy::missing_trait_methods)]
impl WindowUDFImpl for MarkedWindow {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.inner().signature()
    }

    fn expressions(&self, arguments: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.0.inner().expressions(arguments)
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        self.0.inner().partition_evaluator(arguments)
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.0.inner().simplify()
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.0.inner().field(arguments)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.0.inner().sort_options()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.inner().coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        self.0.inner().reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.inner().documentation()
    }

    fn limit_effect(&self, arguments: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        // With IGNORE NULLS, the row that is looked for can be any number of rows away.
        // DataFusion takes every `lag` for one that looks back.
        let looks_ahead = self.0.name() == "lag"
            && arguments.get(1).and_then(|distance| distance.downcast_ref::<Literal>()).is_some_and(|distance| {
                let distance = distance.value().cast_to(&DataType::Int64);
                matches!(distance, Ok(ScalarValue::Int64(Some(distance))) if distance < 0)
            });
        if self.1 || looks_ahead { LimitEffect::Unknown } else { self.0.inner().limit_effect(arguments) }
    }
}
