//! The functions that the engine computes.
//!
//! Each family is one file: what DataFusion calls it, which arguments it takes, how it is computed, and tests. [`FUNCTIONS`]
//! lists every function. To add one, write its file and name it there; which calls the engine takes, how FILTER is handled,
//! and the list in docs/rolling.md follow from the table. A function of squall's own that DataFusion does not have also needs
//! its documentation in `functions/rolling_windows.rs`.

mod avg;
mod count;
mod ewma;
mod lag_lead;
mod max_gap;
mod min_max;
mod nth_value;
mod pairs;
mod quantile;
mod returns;
mod row_number;
mod sum;
mod tick_imbalance;
mod time_weighted_avg;
mod variance;

/// squall's own functions, for those who register and document them.
pub mod own {
    pub use super::ewma::EWMA;
    pub use super::max_gap::MAX_GAP;
    pub use super::returns::{BIPOWER_VARIATION, REALIZED_VOLATILITY};
    pub use super::tick_imbalance::TICK_IMBALANCE;
    pub use super::time_weighted_avg::TIME_WEIGHTED_AVG;
}

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, WindowUDF};

use super::own::OwnFunction;
use super::plan::{Call, Planned};

/// A function that the engine computes.
#[derive(Debug)]
pub struct Function {
    pub definition: Definition,
    /// How it is called, as documentation writes it.
    pub syntax: &'static str,
    /// Which arguments it takes, as documentation says it.
    pub takes: &'static str,
    /// Plans a call; nothing if the stock operator has to compute it, an error if the call is wrong.
    pub plan: fn(&Call) -> Result<Option<Planned>>,
}

/// Whose function it is.
#[derive(Debug)]
pub enum Definition {
    /// An aggregate of DataFusion's. It passes over rows whose first argument is NULL, so that FILTER can be folded into it.
    Aggregate(fn() -> Arc<AggregateUDF>),
    /// A window function of DataFusion's.
    Window(fn() -> Arc<WindowUDF>),
    /// A window function of squall's.
    Own(&'static OwnFunction),
}

/// Numbers that sums take: DataFusion casts them to DOUBLE or to an integer of 64 bits.
const NUMBERS: &str = "numbers: integers, FLOAT, DOUBLE";

/// Every function, in the order in which documentation lists them.
pub static FUNCTIONS: &[&Function] = &[
    &count::COUNT,
    &sum::SUM,
    &avg::AVG,
    &variance::VAR_SAMP,
    &variance::VAR_POP,
    &variance::STDDEV_SAMP,
    &variance::STDDEV_POP,
    &min_max::MIN,
    &min_max::MAX,
    &quantile::MEDIAN,
    &quantile::PERCENTILE_CONT,
    &pairs::COVAR_SAMP,
    &pairs::COVAR_POP,
    &pairs::CORR,
    &pairs::REGR_SLOPE,
    &pairs::REGR_INTERCEPT,
    &pairs::REGR_R2,
    &pairs::REGR_COUNT,
    &pairs::REGR_AVGX,
    &pairs::REGR_AVGY,
    &pairs::REGR_SXX,
    &pairs::REGR_SYY,
    &pairs::REGR_SXY,
    &nth_value::FIRST_VALUE,
    &nth_value::LAST_VALUE,
    &nth_value::NTH_VALUE,
    &lag_lead::LAG,
    &lag_lead::LEAD,
    &row_number::ROW_NUMBER,
    &Function::own(&returns::REALIZED_VOLATILITY),
    &Function::own(&returns::BIPOWER_VARIATION),
    &Function::own(&ewma::EWMA),
    &Function::own(&tick_imbalance::TICK_IMBALANCE),
    &Function::own(&max_gap::MAX_GAP),
    &Function::own(&time_weighted_avg::TIME_WEIGHTED_AVG),
];

impl Function {
    /// A function of squall's own.
    const fn own(own: &'static OwnFunction) -> Self {
        Function { definition: Definition::Own(own), syntax: own.syntax, takes: own.takes, plan: own.plan }
    }

    fn is_aggregate(&self) -> bool {
        matches!(self.definition, Definition::Aggregate(_))
    }
}

/// Returns the table's entry of an aggregate; `None` if the table does not have it.
pub fn of_aggregate(function: &AggregateUDF) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|known| match &known.definition {
        Definition::Aggregate(aggregate) => aggregate().as_ref() == function,
        Definition::Window(_) | Definition::Own(_) => false,
    })
}

/// Returns the table's entry of a window function; `None` if the table does not have it.
pub fn of_window(function: &WindowUDF) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|known| match &known.definition {
        Definition::Aggregate(_) => false,
        Definition::Window(window) => window().as_ref() == function,
        Definition::Own(own) => own.is(function),
    })
}

/// Returns the list of functions as docs/rolling.md has it.
pub fn list() -> String {
    let mut list = "| function | arguments | FILTER |\n| --- | --- | --- |\n".to_owned();
    for function in FUNCTIONS {
        let filter = if function.is_aggregate() { "yes" } else { "" };
        list += &format!("| `{}` | {} | {filter} |\n", function.syntax, function.takes);
    }
    list
}
