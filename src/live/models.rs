//! The models that live queries score with, and whether another version has taken their place.
//!
//! In: the queries, and the registry of models. Out: whether a name, such as `spike_logistic@champion`, stands for another version
//! than before. A version that cannot be read does not count, so scoring goes on with the one in use.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::with_causes;
use crate::log::Tell;
use crate::metrics::Metrics;
use crate::model::Registry;
use crate::pipeline::{Project, Query};

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// The models in use.
#[derive(Debug, Clone)]
pub struct Models {
    registry: Registry,
    /// For each name in a query, the name and version that it stood for.
    using: BTreeMap<String, String>,
    looked: Instant,
    /// A look at an object store that goes on beside the live work, which must not wait for it.
    looking: Option<Arc<OnceLock<Found>>>,
    /// What was said of a name last, so that it is said once.
    said: BTreeMap<String, String>,
    tell: Tell,
}

/// What each name stands for now, or why that cannot be said.
type Found = BTreeMap<String, Result<String, String>>;

/// Returns the models that a query scores with, directly or through what it reads, each with the version that is in use now.
pub fn of_query(project: &Project, query: &Query) -> Vec<(String, u64)> {
    let Some(registry) = project.models_dir().map(Registry::new) else { return Vec::new() };
    // A text that is not the name of a model is that of a relation, or something else.
    let texts = project.texts_for_functions(query);
    let models = texts.iter().filter_map(|text| registry.check(text).ok());
    models.map(|(name, version)| (name.to_string(), version)).collect()
}

impl Models {
    /// Finds the models that queries score with.
    pub fn of(project: &Project, queries: &[&Query], registry: Registry, tell: Tell) -> Models {
        let texts = queries.iter().flat_map(|query| project.texts_for_functions(query));
        // A text that is not the name of a model is that of a relation, or something else.
        let using = texts.filter_map(|name| {
            let model = registry.load(&name).ok()?;
            Some((name, model.reference()))
        });
        let using = using.collect();
        Models { registry, using, looked: Instant::now(), looking: None, said: BTreeMap::new(), tell }
    }

    /// Shows the models in use as a metric.
    pub fn measure(&self, metrics: &Metrics) {
        metrics.model_info.clear();
        for (name, reference) in self.using() {
            let (model, version) = reference.rsplit_once('@').unwrap_or((reference, ""));
            metrics.model_info.set(&[name, model, version], 1.0);
        }
    }

    /// Returns each name with the version that it stands for.
    pub fn using(&self) -> impl Iterator<Item = (&str, &str)> {
        self.using.iter().map(|(name, model)| (name.as_str(), model.as_str()))
    }

    /// Returns whether every name stands for the same version as at the beginning; looks now.
    pub fn are_as_before(&self) -> bool {
        let is_same =
            |(name, using): (&String, &String)| self.registry.load(name).is_ok_and(|model| model.reference() == *using);
        self.using.iter().all(is_same)
    }

    /// Returns whether a name stands for another version now. It looks once a second.
    pub fn have_changed(&mut self) -> bool {
        let Some(found) = self.found() else { return false };
        let mut have_changed = false;
        for (name, using) in &self.using {
            match found.get(name) {
                Some(Ok(reference)) if reference == using => {
                    self.said.remove(name);
                }
                Some(Ok(reference)) => {
                    let text = format!("Note: `{name}` is {reference} now, and was {using}");
                    self.tell.say_of(&text, &[("name", name.clone()), ("model", reference.clone())]);
                    have_changed = true;
                }
                Some(Err(problem)) if self.said.get(name) != Some(problem) => {
                    self.tell.say(&format!("Warning: scoring goes on with {using}: {problem}"));
                    self.said.insert(name.clone(), problem.clone());
                }
                Some(Err(_)) | None => {}
            }
        }
        have_changed
    }

    /// Returns what a look has found; `None` if it is too soon for one, or while an object store is asked.
    fn found(&mut self) -> Option<Found> {
        if let Some(looking) = &self.looking {
            let found = looking.get()?.clone();
            self.looking = None;
            return Some(found);
        }
        if self.using.is_empty() || self.looked.elapsed() < LOOK {
            return None;
        }
        self.looked = Instant::now();
        let (registry, names) = (self.registry.clone(), self.using.keys().cloned().collect::<Vec<_>>());
        if registry.is_local() {
            return Some(look(&registry, &names));
        }
        let looking = Arc::new(OnceLock::new());
        let found = Arc::clone(&looking);
        // Without a thread for it, the next call tries again.
        let thread = thread::Builder::new().name("squall-models".into());
        self.looking = thread.spawn(move || found.get_or_init(|| look(&registry, &names)).len()).ok().map(|_| looking);
        None
    }
}

fn look(registry: &Registry, names: &[String]) -> Found {
    let found = names.iter().map(|name| {
        let reference = registry.load(name).map(|model| model.reference()).map_err(|error| with_causes(&error));
        (name.clone(), reference)
    });
    found.collect()
}
