//! Plans that another process computes.
//!
//! In: a plan. Out: an operator with its rows. A session that has such processes holds them as an extension; whoever divides work asks
//! for them by [`elsewhere`], and need not know how they are reached.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;

/// Other processes that compute plans.
pub trait Elsewhere: Debug + Send + Sync {
    /// Returns an operator with the rows of a plan, which another process computes with the settings of `config`.
    ///
    /// # Errors
    /// The plan has a part that cannot be sent.
    fn moved(&self, plan: &Arc<dyn ExecutionPlan>, config: &SessionConfig) -> Result<Arc<dyn ExecutionPlan>>;

    /// Returns how many plans are computed at a time.
    fn width(&self) -> usize;

    /// Returns how many ticks are worth a plan of their own.
    fn least_ticks(&self) -> u64;
}

/// The extension that holds them.
struct Held(Arc<dyn Elsewhere>);

/// Gives a session other processes.
pub fn give(config: &mut SessionConfig, elsewhere: Arc<dyn Elsewhere>) {
    config.set_extension(Arc::new(Held(elsewhere)));
}

/// Returns a session's other processes, if it has some.
pub fn elsewhere(config: &SessionConfig) -> Option<Arc<dyn Elsewhere>> {
    Some(Arc::clone(&config.get_extension::<Held>()?.0))
}
