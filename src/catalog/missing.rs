//! Which table a statement wanted and there is none of, and which one it may have meant.

use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

/// A table that a statement names and the session does not have.
#[derive(Debug)]
pub struct Missing {
    pub table: String,
    /// Known tables whose names are like it, the likest first.
    pub nearest: Vec<String>,
}

/// Returns the first table that `statement` names and `context` does not have; `None` where it has them all, and where the
/// statement does not parse.
pub async fn missing_table(context: &SessionContext, statement: &str) -> Option<Missing> {
    let state = context.state();
    let dialect = state.config_options().sql_parser.dialect;
    let parsed = state.sql_to_statement(statement, &dialect).ok()?;
    for reference in state.resolve_table_references(&parsed).ok()? {
        // A table function is resolved by another path, and an information_schema table by its schema.
        if !matches!(reference, TableReference::Bare { .. })
            || state.table_functions().contains_key(reference.table())
            || context.table_provider(reference.clone()).await.is_ok()
        {
            continue;
        }
        let table = reference.table().to_string();
        return Some(Missing { nearest: nearest(&table, &tables(context)), table });
    }
    None
}

/// Returns the names of the session's tables and views, ascending.
fn tables(context: &SessionContext) -> Vec<String> {
    let schemas = context.catalog_names().into_iter().filter_map(|name| context.catalog(&name)).flat_map(|catalog| {
        let names = catalog.schema_names();
        names.into_iter().filter_map(move |name| catalog.schema(&name))
    });
    let mut names: Vec<String> = schemas.flat_map(|schema| schema.table_names()).collect();
    names.sort();
    names.dedup();
    names
}

/// Returns up to three names that a slip of the finger or of memory could have turned into `wanted`.
fn nearest(wanted: &str, known: &[String]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(usize, &String)> = known
        .iter()
        .filter_map(|name| {
            let edits = edits(&wanted, name);
            let partial = wanted.len() >= 3 && (name.contains(&wanted) || wanted.contains(name.as_str()));
            (edits * 3 <= wanted.len().max(3) || partial).then_some((edits, name))
        })
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

/// Returns the Levenshtein distance: the fewest insertions, deletions and replacements of characters.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_single_characters() {
        for (from, to, expected) in
            [("", "", 0), ("ticks", "ticks", 0), ("tikcs", "ticks", 2), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn near_names_are_few_and_the_likest_comes_first() {
        let known = ["landed_ticks", "spike_features", "spike_training", "ticks"].map(String::from);
        assert_eq!(nearest("tick", &known), ["ticks", "landed_ticks"]);
        assert_eq!(nearest("Spike_Feature", &known), ["spike_features"]);
        assert_eq!(nearest("orders", &known), [] as [&str; 0]);
    }
}
