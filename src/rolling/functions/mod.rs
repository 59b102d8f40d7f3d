//! The functions that the engine computes.
//!
//! Each family is one file: DataFusion's name for it, its arguments, its computation, and tests. [`FUNCTIONS`] lists every
//! function. To add one, write its file and name it there. The table then decides which calls the engine takes, how FILTER
//! is handled, and what the list in docs/rolling.md says. A function of squall's own carries its documentation, so that the table
//! also registers it and adds it to docs/functions.md.

mod avg;
mod by_age;
mod count;
mod decayed_sum;
mod ewma;
mod lag_lead;
mod max_gap;
mod min_max;
mod nth_value;
mod pairs;
mod price_changes;
mod quantile;
mod returns;
mod row_number;
mod sum;
mod tick_imbalance;
mod time_weighted_avg;
mod variance;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, WindowUDF};

use super::exact_aggregates::ExactForm;
use super::own::OwnFunction;
use super::plan::{Call, Planned};

/// A function that the engine computes.
#[derive(Debug)]
pub struct Function {
    pub definition: Definition,
    /// Which arguments the function takes, as the documentation says it.
    pub takes: &'static str,
    /// Plans a call; `None` if the stock operator has to compute it, an error if the call is wrong.
    pub plan: fn(&Call) -> Result<Option<Planned>>,
}

/// Where the function is defined, and how to call it: DataFusion's functions as the text says, squall's as their documentation says.
#[derive(Debug)]
pub enum Definition {
    /// An aggregate of DataFusion's. It ignores rows whose first argument is NULL, so FILTER can be folded into that
    /// argument.
    Aggregate(fn() -> Arc<AggregateUDF>, &'static str),
    /// A window function defined by DataFusion.
    Window(fn() -> Arc<WindowUDF>, &'static str),
    /// A window function defined by squall.
    Own(&'static OwnFunction),
}

/// Functions that do not read the frame of their window.
pub const WITHOUT_FRAMES: [&str; 8] =
    ["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"];

/// The numbers that sums take; DataFusion casts them to DOUBLE or to a 64-bit integer.
const NUMBERS: &str = "numbers: integers, FLOAT, DOUBLE";

/// Every function, in the order in which the documentation lists them.
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
    &Function::own(&decayed_sum::DECAYED_SUM),
    &Function::own(&tick_imbalance::TICK_IMBALANCE),
    &Function::own(&price_changes::PRICE_CHANGES),
    &Function::own(&max_gap::MAX_GAP),
    &Function::own(&time_weighted_avg::TIME_WEIGHTED_AVG),
];

impl Function {
    /// A function of squall's own.
    const fn own(own: &'static OwnFunction) -> Self {
        Function { definition: Definition::Own(own), takes: own.takes, plan: own.plan }
    }

    /// Returns how to call the function, as the documentation writes it.
    fn syntax(&self) -> String {
        match &self.definition {
            Definition::Aggregate(_, syntax) | Definition::Window(_, syntax) => (*syntax).to_owned(),
            Definition::Own(own) => own.documentation.syntax(),
        }
    }

    /// Returns whether IGNORE NULLS changes the result of the function.
    pub fn can_ignore_nulls(&self) -> bool {
        matches!(self.definition, Definition::Window(..)) && self.takes != "none"
    }

    fn is_aggregate(&self) -> bool {
        matches!(self.definition, Definition::Aggregate(..))
    }
}

/// Returns the table's entry for an aggregate; `None` if it has none.
pub fn of_aggregate(function: &AggregateUDF) -> Option<&'static Function> {
    let function = ExactForm::engines(function).unwrap_or(function);
    FUNCTIONS.iter().copied().find(|known| match &known.definition {
        Definition::Aggregate(aggregate, _) => aggregate().as_ref() == function,
        Definition::Window(..) | Definition::Own(_) => false,
    })
}

/// Returns the table's entry for a window function; `None` if it has none.
pub fn of_window(function: &WindowUDF) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|known| match &known.definition {
        Definition::Aggregate(..) => false,
        Definition::Window(window, _) => window().as_ref() == function,
        Definition::Own(own) => own.is(function),
    })
}

/// Returns squall's own functions, to be registered and documented.
pub fn own() -> impl Iterator<Item = &'static OwnFunction> {
    FUNCTIONS.iter().filter_map(|function| match function.definition {
        Definition::Own(own) => Some(own),
        Definition::Aggregate(..) | Definition::Window(..) => None,
    })
}

/// Returns the list of functions for docs/rolling.md.
pub fn list() -> String {
    let mut list = "| function | arguments | FILTER |\n| --- | --- | --- |\n".to_owned();
    for function in FUNCTIONS {
        let filter = if function.is_aggregate() { "yes" } else { "" };
        list += &format!("| `{}` | {} | {filter} |\n", function.syntax(), function.takes);
    }
    list
}
