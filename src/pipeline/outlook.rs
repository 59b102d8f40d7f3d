//! What a run would make, and why.

use std::path::Path;

use datafusion::execution::context::SessionContext;

use super::Project;
use super::disabled::Why;
use super::error::Error;
use super::manifest::Manifest;
use super::names::Shared;
use super::recipe::Recipe;
use super::selector::Purpose;
use super::spans::OF_DAY;
use super::store::{Job, RunOptions};

/// What a run would do with one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub name: String,
    pub would: Would,
    /// Why, as a sentence without a full stop; empty if nothing is made.
    pub because: String,
}

/// How much a run would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Would {
    /// Nothing: the table is fresh.
    Nothing,
    /// The whole table. `rows` is the number of its rows at the last run.
    Whole { rows: Option<u64> },
    /// So many of the table's days; `ticks` is the number of ticks of those days.
    Days { stale: usize, of: usize, ticks: u64 },
    /// Nothing, because the query cannot be used.
    Unusable,
}

impl Project {
    /// Returns what [`Project::run`] would do, in its order; nothing is made.
    ///
    /// # Errors
    /// No query has a given name, or landed ticks cannot be read.
    pub async fn outlook(
        &self,
        context: &SessionContext,
        selector: &str,
        tables_dir: &Path,
        options: &RunOptions,
    ) -> Result<Vec<Outlook>, Error> {
        let selection = self.selected_in(selector, Purpose::Run, context, tables_dir).await?;
        let names = self.names(context, tables_dir)?;
        names.forget_all();
        let mut found = Vec::new();
        for index in selection.all {
            names.prepare(index, context).await;
            let (would, because) = match names.standing(index) {
                Some(_) => self.would(index, context, &names, options).await?,
                None => (Would::Unusable, self.unusable(index, &names)),
            };
            found.push(Outlook { name: self.queries[index].name.clone(), would, because });
        }
        Ok(found)
    }

    fn unusable(&self, index: usize, names: &Shared) -> String {
        let name = &self.queries[index].name;
        let unplanned = names.unplanned();
        match unplanned.iter().find(|disabled| disabled.name == *name).map(|disabled| &disabled.why) {
            Some(Why::Waits(model)) => format!("the model `{model}` is not trained"),
            Some(Why::Reads(other)) => format!("it reads `{other}`, which is disabled"),
            _ => "it is disabled: `squall check` says why".into(),
        }
    }

    async fn would(
        &self,
        index: usize,
        context: &SessionContext,
        names: &Shared,
        options: &RunOptions,
    ) -> Result<(Would, String), Error> {
        let job = self.job(index, context, names).await?;
        let manifest = job.versions.current();
        let Ok((_, days)) = &job.days else {
            let is_fresh = manifest.as_ref().is_some_and(|manifest| job.is_made(manifest));
            return Ok(match is_fresh && !options.full {
                true => (Would::Nothing, String::new()),
                false => {
                    (Would::Whole { rows: manifest.as_ref().map(Manifest::rows) }, job.why(manifest.as_ref(), options))
                }
            });
        };
        let (stale, _) = job.stale(options);
        if stale.is_empty() {
            return Ok((Would::Nothing, String::new()));
        }
        let looks = names.looks();
        let spans = looks.lock().await.spans(context, &names.tables_dir).await?;
        let ticks = |start: i64| {
            let first = start.div_euclid(super::spans::SPAN_NS);
            spans.as_ref().map_or(0, |spans| spans.rows(first..first + OF_DAY))
        };
        let ticks = stale.iter().map(|day| ticks(day.start)).sum();
        Ok((Would::Days { stale: stale.len(), of: days.len(), ticks }, job.why(manifest.as_ref(), options)))
    }
}

impl Job<'_> {
    /// Returns why a table is not fresh.
    fn why(&self, manifest: Option<&Manifest>, options: &RunOptions) -> String {
        let recipe = match &self.recipe {
            Err(reason) => return format!("it is never fresh: {reason}"),
            Ok(recipe) => recipe,
        };
        match manifest {
            None => "there is no table of this text and these parameters".into(),
            Some(Manifest { recipe: Some(made), .. }) if made != recipe => changed(made, recipe),
            Some(_) if self.is_new(manifest) => "ticks have landed or gone since".into(),
            Some(_) if options.full => "asked for".into(),
            Some(_) => "its last run did not make all days".into(),
        }
    }

    fn is_new(&self, manifest: Option<&Manifest>) -> bool {
        manifest.and_then(|manifest| manifest.landed.as_ref()).is_some_and(|landed| *landed != self.landed)
    }

    /// Returns whether a table is what the query would make now.
    pub(super) fn is_made(&self, manifest: &Manifest) -> bool {
        manifest.recipe.is_some()
            && manifest.recipe.as_ref() == self.recipe.as_ref().ok()
            && manifest.landed.as_ref() == Some(&self.landed)
    }
}

/// Returns what has changed of the things from which a table was made.
fn changed(made: &Recipe, recipe: &Recipe) -> String {
    let what = [
        (made.squall != recipe.squall, "another build of squall made it"),
        (made.rolling != recipe.rolling, "`engine.rolling` was set otherwise"),
        (made.models != recipe.models, "a model was trained since"),
        (made.inputs != recipe.inputs, "a file that it reads has changed"),
    ];
    what.iter().filter(|(is_so, _)| *is_so).map(|(_, text)| *text).collect::<Vec<_>>().join(", ")
}
