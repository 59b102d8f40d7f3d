//! Running: the queries of a selector, each after what it reads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::execution::context::SessionContext;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::names::Shared;
use super::selector::Purpose;
use super::store::{Materialised, RunOptions};
use super::{Kind, Project};

/// A query that was left out because it scores with a model that is not trained yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Waiting {
    pub query: String,
    pub model: String,
}

/// Why a query was not materialised.
enum NotMade {
    Waits(String),
    Failed(Error),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        NotMade::Failed(error)
    }
}

impl Project {
    /// Materialises the queries that match `selector`, as far as their tables are stale. Afterwards, queries use the new
    /// tables. Returns the queries that wait for a model that is not trained yet, unless the selector names them itself.
    ///
    /// # Errors
    /// No query has a given name, or a query fails. The others are still made, except those that read what failed. No table
    /// is half-written.
    pub async fn run(
        &self,
        context: &SessionContext,
        selector: &str,
        tables_dir: &Path,
        options: &RunOptions,
        done: &mut (dyn FnMut(&Materialised) + Send),
    ) -> Result<Vec<Waiting>, Error> {
        let selection = self.selected_in(selector, Purpose::Run, context, tables_dir).await?;
        let everything = selector.split_whitespace().any(|word| word == "*");
        let (mut failed, mut skipped, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        if everything {
            let wrong = self.disabled.iter().filter(|disabled| !matches!(disabled.kind, Kind::Model | Kind::Audit));
            failed
                .extend(wrong.filter_map(|disabled| Some((disabled.name.clone(), self.explain(&disabled.name, &[])?))));
        }
        // One look at the inputs for all tables: what arrives meanwhile makes a table stale, and never fresh without it. A model
        // may have been trained since names were looked up.
        let names = self.names(context, tables_dir)?;
        names.forget_all();
        let mut lost: BTreeSet<usize> = BTreeSet::new();
        for index in selection.all {
            let name = self.queries[index].name.clone();
            if self.upstream(index).iter().any(|needed| lost.contains(needed)) {
                lost.insert(index);
                skipped.push(name);
                continue;
            }
            match self.make(index, context, &names, options).await {
                Ok(table) => done(&table),
                Err(NotMade::Waits(model)) if !selection.named.contains(&index) => {
                    waiting.push(Waiting { query: name, model });
                }
                Err(NotMade::Waits(model)) => {
                    let waits = Disabled::new(&self.queries[index], Why::Waits(model));
                    failed.extend(self.explain(&name, &[waits]).map(|error| (name, error)));
                }
                Err(NotMade::Failed(error)) => {
                    lost.insert(index);
                    failed.push((name, error));
                }
            }
        }
        match failed.len() {
            0 => Ok(waiting),
            1 if skipped.is_empty() => Err(failed.remove(0).1),
            _ => Err(Error::Failed { failed, skipped }),
        }
    }

    /// Makes what is stale of one query's table.
    async fn make(
        &self,
        index: usize,
        context: &SessionContext,
        names: &Arc<Shared>,
        options: &RunOptions,
    ) -> Result<Materialised, NotMade> {
        names.prepare(index, context).await;
        let name = &self.queries[index].name;
        if names.standing(index).is_none() {
            let unplanned = names.unplanned();
            let why = unplanned.iter().find(|disabled| disabled.name == *name).map(|disabled| &disabled.why);
            return match why {
                Some(Why::Waits(model)) => Err(NotMade::Waits(model.clone())),
                _ => Err(NotMade::Failed(self.explain(name, &unplanned).unwrap_or_else(|| self.unknown(name)))),
            };
        }
        let made = match self.materialise(index, context, names, options).await {
            Ok(made) => made,
            // Without the model, planning or running the query fails.
            Err(error @ (Error::Plan { .. } | Error::Query { .. })) => {
                return Err(self.untrained(index).map_or(NotMade::Failed(error), |model| NotMade::Waits(model.into())));
            }
            Err(error) => return Err(error.into()),
        };
        names.forget(index);
        Ok(made)
    }
}
