//! Aggregates of two columns: `covar_samp`, `covar_pop`, `corr` and the `regr_` family of SQL:2003.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::correlation::corr_udaf;
use datafusion::functions_aggregate::covariance::{covar_pop_udaf, covar_samp_udaf};
use datafusion::functions_aggregate::regr::{
    regr_avgx_udaf, regr_avgy_udaf, regr_count_udaf, regr_intercept_udaf, regr_r2_udaf, regr_slope_udaf, regr_sxx_udaf,
    regr_sxy_udaf, regr_syy_udaf,
};
use datafusion::logical_expr::AggregateUDF;

use super::{Definition, Function};
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::pairs::{Pairs, Statistic};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure, Kernel};

/// Plans the statistic with this name.
macro_rules! statistic {
    ($aggregate:expr, $syntax:literal, $statistic:ident) => {
        function($aggregate, $syntax, |call| Ok(plan(call, Statistic::$statistic)))
    };
}

pub static COVAR_SAMP: Function = statistic!(covar_samp_udaf, "covar_samp(y, x)", CovarianceSample);
pub static COVAR_POP: Function = statistic!(covar_pop_udaf, "covar_pop(y, x)", CovariancePopulation);
pub static CORR: Function = statistic!(corr_udaf, "corr(y, x)", Correlation);
pub static REGR_SLOPE: Function = statistic!(regr_slope_udaf, "regr_slope(y, x)", Slope);
pub static REGR_INTERCEPT: Function = statistic!(regr_intercept_udaf, "regr_intercept(y, x)", Intercept);
pub static REGR_R2: Function = statistic!(regr_r2_udaf, "regr_r2(y, x)", R2);
pub static REGR_COUNT: Function = function(regr_count_udaf, "regr_count(y, x)", plan_count);
pub static REGR_AVGX: Function = statistic!(regr_avgx_udaf, "regr_avgx(y, x)", AverageX);
pub static REGR_AVGY: Function = statistic!(regr_avgy_udaf, "regr_avgy(y, x)", AverageY);
pub static REGR_SXX: Function = statistic!(regr_sxx_udaf, "regr_sxx(y, x)", DeviationsX);
pub static REGR_SYY: Function = statistic!(regr_syy_udaf, "regr_syy(y, x)", DeviationsY);
pub static REGR_SXY: Function = statistic!(regr_sxy_udaf, "regr_sxy(y, x)", DeviationsXY);

const fn function(
    aggregate: fn() -> Arc<AggregateUDF>,
    syntax: &'static str,
    plan: fn(&Call) -> Result<Option<Planned>>,
) -> Function {
    Function { definition: Definition::Aggregate(aggregate, syntax), takes: "two columns of numbers", plan }
}

fn plan(call: &Call, statistic: Statistic) -> Option<Planned> {
    if !call.takes_doubles(2) {
        return None;
    }
    call.read::<Pairs, _>((), move || Figure(move |pairs: &Pairs, start, end| pairs.statistic(statistic, start, end)))
}

fn plan_count(call: &Call) -> Result<Option<Planned>> {
    Ok(if call.takes_doubles(2) { call.read::<Pairs, _>((), || CountPairs) } else { None })
}

impl Column for Pairs {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Pairs::new()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let (y, x) = (arrays[0].as_primitive::<Float64Type>(), arrays[1].as_primitive::<Float64Type>());
        let valid: Vec<bool> = (0..y.len()).map(|row| y.is_valid(row) && x.is_valid(row)).collect();
        self.extend(y.values(), x.values(), &valid);
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// Counts pairs without a NULL.
struct CountPairs;

impl Kernel<Pairs> for CountPairs {
    fn evaluate(&mut self, pairs: &Pairs, frames: &Frames) -> Result<ArrayRef> {
        Ok(Arc::new(UInt64Array::from_iter_values(frames.each().map(|(start, end)| pairs.count(start, end)))))
    }
}
