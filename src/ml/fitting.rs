//! Which trained models belong to a relation: those whose training query reads only tables that the relation reads, itself or through
//! views, or those that a pattern names.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Result, TableReference};
use datafusion::execution::SessionState;

use super::arguments::external;
use super::{FAMILIES, lineage, statement};
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
    meaning: "the models, constant: names separated by commas, where * stands for any letters and 'name@2' is version 2; without it, every model whose training query reads only tables that the relation reads, itself or through views",
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
pub async fn fitting(
    state: &SessionState,
    models: &Registry,
    relation: &str,
    pattern: Option<&str>,
) -> Result<Fitting> {
    let names = models.names().map_err(external)?;
    let fitting = match pattern {
        None => {
            let mut fitting = loaded(models, names.iter().map(String::as_str));
            let all = std::mem::take(&mut fitting.models);
            for read in levels(state, relation).await {
                fitting.models = all.iter().filter(|model| learned(model, &read)).cloned().collect();
                if !fitting.models.is_empty() {
                    break;
                }
            }
            fitting
        }
        Some(pattern) => loaded(models, named(models, &names, pattern)?.into_iter()),
    };
    if fitting.models.is_empty() && fitting.unreadable.is_empty() {
        return Err(external(match pattern {
            None => Error::NoneLearned { relation: relation.into() },
            Some(pattern) => Error::NoneNamed { pattern: pattern.into() },
        }));
    }
    Ok(fitting)
}

/// Loads models.
fn loaded<'a>(models: &Registry, names: impl Iterator<Item = &'a str>) -> Fitting {
    let mut fitting = Fitting::default();
    for name in names {
        match models.load(name) {
            Ok(model) => fitting.models.push(Arc::new(model)),
            Err(error) => {
                let problem = crate::error::with_causes(&error);
                fitting.unreadable.push(Unreadable { name: name.into(), problem });
            }
        }
    }
    fitting
}

/// Returns the names that a pattern stands for, each once.
///
/// # Errors
/// A model that is named does not exist.
fn named<'a>(models: &Registry, names: &'a [String], pattern: &'a str) -> Result<Vec<&'a str>> {
    let mut found: Vec<&str> = Vec::new();
    for part in pattern.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if part.contains('*') {
            found.extend(names.iter().map(String::as_str).filter(|name| matches(part, name)));
        } else {
            models.check(part).map_err(external)?;
            found.push(part);
        }
    }
    let mut known = BTreeSet::new();
    found.retain(|name| known.insert(*name));
    Ok(found)
}

/// Returns the tables that a relation reads: first those that it names, then each time also those behind views. A model belongs to a
/// relation by the first of these sets that holds all tables of its training query.
pub async fn levels(state: &SessionState, relation: &str) -> Vec<BTreeSet<String>> {
    let sql = query(relation);
    let mut read = tables(&sql);
    let mut levels = vec![read.clone()];
    loop {
        let mut wider = read.clone();
        for name in &read {
            wider.extend(behind(state, name).await);
        }
        if wider == read {
            break;
        }
        levels.push(wider.clone());
        read = wider;
    }
    // A query of the project that is stored as a table has no definition here.
    let queries = lineage::origin(state, &sql).await.queries;
    levels.push(read.into_iter().chain(queries.into_keys()).collect());
    levels
}

/// Returns the tables that a view reads; none if it is not a view.
async fn behind(state: &SessionState, name: &str) -> BTreeSet<String> {
    let Ok(schema) = state.schema_for_ref(TableReference::bare(name)) else { return BTreeSet::new() };
    let Ok(Some(table)) = schema.table(name).await else { return BTreeSet::new() };
    table.get_table_definition().map(tables).unwrap_or_default()
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
