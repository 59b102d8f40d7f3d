//! Which trained models belong to a relation: those whose training query reads only tables that the relation reads, or those
//! that a pattern names.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;

use super::arguments::external;
use super::{FAMILIES, statement};
use crate::functions::OF_MODEL;
use crate::functions::relation::{query, tables};
use crate::model::{Artifact, Error, Registry};
use crate::text::documentation::Argument;

/// The table functions that read every model over a relation. The relation is their first argument.
const OVER_EVERY_MODEL: [&str; 4] = ["ml_predict_all", "ml_evaluate_all", "ml_compare_all", "ml_models"];

/// The documentation of a pattern of models.
pub const MODELS: Argument = Argument {
    name: "models",
    sql_type: "VARCHAR",
    meaning: "the models, constant: names separated by commas, where * stands for any letters and 'name@2' is version 2; without it, every model whose training query reads only tables that the relation reads",
    required: false,
};

/// The models that belong to a relation, in the latest version of each unless a pattern names another.
#[derive(Debug, Default)]
pub struct Fitting {
    pub models: Vec<Arc<Artifact>>,
    /// The models whose artifact cannot be read: what a model learned from is known only from its artifact.
    pub unreadable: Vec<Unreadable>,
}

/// A model whose artifact cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    pub name: String,
    pub problem: String,
}

/// Returns whether a table function reads every model over a relation, so that its rows change when a model is trained.
pub fn reads_every_model(function: &str) -> bool {
    OVER_EVERY_MODEL.contains(&function)
}

/// Returns whether a name matches a pattern, in which `*` stands for any letters.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(rest, &name[at..]))
        }),
    }
}

/// Returns the models that belong to a relation.
///
/// # Errors
/// There is no such model, a named version does not exist, or the folder of models cannot be read.
pub fn fitting(models: &Registry, relation: &str, pattern: Option<&str>) -> Result<Fitting> {
    let mut fitting = Fitting::default();
    let names = models.names().map_err(external)?;
    let mut add = |reference: &str, wanted: &dyn Fn(&Artifact) -> bool| match models.load(reference) {
        Ok(model) if wanted(&model) => fitting.models.push(Arc::new(model)),
        Ok(_) => {}
        Err(error) => {
            let problem = crate::error::with_causes(&error);
            fitting.unreadable.push(Unreadable { name: reference.into(), problem });
        }
    };
    match pattern {
        None => {
            let read = tables(&query(relation));
            let wanted = |model: &Artifact| learned(model, &read);
            names.iter().for_each(|name| add(name, &wanted));
        }
        Some(pattern) => {
            let mut known = BTreeSet::new();
            for part in pattern.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                let found: Vec<&str> =
                    names.iter().map(String::as_str).filter(|name| part.contains('*') && matches(part, name)).collect();
                let found = if part.contains('*') { found } else { vec![part] };
                for name in found.into_iter().filter(|name| known.insert(name.to_string())) {
                    if !part.contains('*') {
                        // A model that is named has to exist.
                        models.check(name).map_err(external)?;
                    }
                    add(name, &|_| true);
                }
            }
        }
    }
    if fitting.models.is_empty() && fitting.unreadable.is_empty() {
        return Err(external(match pattern {
            None => Error::NoneLearned { relation: relation.into() },
            Some(pattern) => Error::NoneNamed { pattern: pattern.into() },
        }));
    }
    Ok(fitting)
}

/// Returns whether the training query of a model reads only these tables.
pub fn learned(model: &Artifact, from: &BTreeSet<String>) -> bool {
    let statement = statement::parse(&model.sql).and_then(|statement| statement.ok());
    let read = statement.map(|statement| tables(&statement.query)).unwrap_or_default();
    !read.is_empty() && read.is_subset(from)
}

/// Returns the names of queries, tables and models in an argument of a table function, which is text.
pub fn names_in(function: &str, position: usize, text: &str) -> Vec<String> {
    let mut all = FAMILIES.iter().chain(crate::functions::FAMILIES).copied().flatten();
    let known = all.find(|known| known.documentation.name == function);
    let argument = known.and_then(|known| {
        let arguments = known.documentation.arguments;
        // The last argument of some functions stands for any number of them.
        arguments.get(position).or(arguments.last().filter(|last| last.name == "…"))
    });
    let argument = argument.map(|argument| argument.name);
    let without_version = |name: &str| name.split('@').next().unwrap_or_default().trim().to_string();
    match argument {
        Some("model" | "baseline") => vec![without_version(text)],
        Some("models") => text.split(',').map(without_version).filter(|name| !name.is_empty()).collect(),
        Some("reference") if text.trim().starts_with(OF_MODEL) => {
            vec![without_version(&text.trim()[OF_MODEL.len()..])]
        }
        Some("relation" | "reference" | "current") | None => match tables(text) {
            read if query(text) == text && !read.is_empty() => read.into_iter().collect(),
            _ => vec![text.into()],
        },
        // A column, or a word that the function knows.
        Some(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("spike_*", "spike_logistic", true),
            ("spike_*", "naive", false),
            ("*_l*c", "spike_logistic", true),
            ("*é*", "né", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
