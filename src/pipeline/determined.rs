//! Which queries have only windows that are computed exactly, found for each query by itself.
//!
//! A physical plan of a long chain of views is costly, and each query of the chain would have one. In: a query. Out: whether neither it nor
//! what it reads has a window whose result depends on where the input begins, as far as plans of single queries show that.

use datafusion::execution::context::SessionContext;

use super::days::undetermined;
use super::names::Shared;
use super::{Kind, Project};

impl Project {
    /// Returns whether all windows of a query and of what it reads are known to be exact. If not, a plan of all of them may still show
    /// that those are exact that the query needs.
    pub(super) async fn is_determined(&self, index: usize, context: &SessionContext, names: &Shared) -> bool {
        for needed in self.upstream(index).into_iter().chain([index]) {
            let query = &self.queries[needed];
            if !query.windows || matches!(query.kind, Kind::Model | Kind::Audit) {
                continue;
            }
            let known = names.determined().get(&needed).copied();
            let is_determined = match known {
                Some(known) => known,
                None => {
                    let plan = self.physical_on_queries(query, context).await;
                    let found = plan.is_ok_and(|plan| undetermined(&plan).is_none());
                    names.determined().insert(needed, found);
                    found
                }
            };
            if !is_determined {
                return false;
            }
        }
        true
    }
}
