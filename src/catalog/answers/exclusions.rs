//! EXCLUDE in the frame of a window.
//!
//! The engine's frames cannot leave out rows. In: an analyzed plan, in which `dialect` has marked the windows with EXCLUDE. Out: the same
//! plan with functions that `rolling` computes without those rows, or an error.
//!
//! Upstream: no frame has it.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten};
use crate::rolling;

/// Takes the marks out of windows.
#[derive(Debug)]
pub struct Exclusions;

impl AnalyzerRule for Exclusions {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, _schema| {
            let Expr::WindowFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
            let excluding = rolling::excluding(call)
                .map_err(|error| refuse(error.message(), "compute it in a subquery, or leave EXCLUDE out"));
            Ok(match excluding? {
                Some(call) => Transformed::yes(Expr::from(call)),
                None => Transformed::no(expr),
            })
        })
    }

    fn name(&self) -> &str {
        "squall_exclusions"
    }
}
