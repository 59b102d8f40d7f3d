//! The models that live queries score with, and whether another version has taken their place.
//!
//! In: the queries, and the registry of models. Out: whether a name, such as `spike_logistic@champion`, stands for another version
//! than before. A version that cannot be read does not count, so scoring goes on with the one in use.

use std::collections::BTreeMap;
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
    /// What was said of a name last, so that it is said once.
    said: BTreeMap<String, String>,
    tell: Tell,
}

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
        Models { registry, using, looked: Instant::now(), said: BTreeMap::new(), tell }
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
        if self.using.is_empty() || self.looked.elapsed() < LOOK {
            return false;
        }
        self.looked = Instant::now();
        let mut have_changed = false;
        for (name, using) in &self.using {
            match self.registry.load(name) {
                Ok(model) if model.reference() == *using => {
                    self.said.remove(name);
                }
                Ok(model) => {
                    let text = format!("Note: `{name}` is {} now, and was {using}", model.reference());
                    self.tell.say_of(&text, &[("name", name.clone()), ("model", model.reference())]);
                    have_changed = true;
                }
                Err(error) => {
                    let problem = with_causes(&error);
                    if self.said.get(name) != Some(&problem) {
                        self.tell.say(&format!("Warning: scoring goes on with {using}: {problem}"));
                        self.said.insert(name.clone(), problem);
                    }
                }
            }
        }
        have_changed
    }
}
