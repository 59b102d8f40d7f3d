//! The known names for which a misspelled name may have been meant.

/// Returns up to three of the `known` names for which `wanted` may be a typing error or a slip of memory, the most similar
/// first.
///
/// Two names are similar if at most a third of the characters differ. They are also similar if one contains the other and
/// neither is shorter than three characters.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let candidate = name.to_lowercase();
            let edits = edits(&wanted, &candidate);
            let shorter = length.min(candidate.chars().count());
            let contained = shorter >= 3 && (candidate.contains(&wanted) || wanted.contains(&candidate));
            (edits * 3 <= length.max(3) || contained).then_some((edits, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Returns `did you mean …?` with the `known` names that are similar to `wanted`; `None` if none is.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = nearest(wanted, known);
    let (last, others) = near.split_last()?;
    let others: String = others.iter().map(|name| format!("`{name}` or ")).collect();
    Some(format!("did you mean {others}`{last}`?"))
}

/// Returns the optimal string alignment distance: the smallest number of insertions, deletions and replacements of
/// characters and swaps of neighbours.
fn edits(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut distance = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            if i == 0 || j == 0 {
                distance[i][j] = i + j;
                continue;
            }
            let replaced = distance[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(distance[i - 1][j] + 1).min(distance[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(distance[i - 2][j - 2] + 1);
            }
            distance[i][j] = least;
        }
    }
    distance[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_single_characters_and_swaps() {
        for (from, to, expected) in
            [("", "", 0), ("ticks", "ticks", 0), ("tikcs", "ticks", 1), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn near_names_are_few_and_the_most_similar_comes_first() {
        let known = ["landed_ticks", "spike_features", "spike_training", "ticks"];
        assert_eq!(nearest("tick", known), ["ticks", "landed_ticks"]);
        assert_eq!(nearest("Spike_Feature", known), ["spike_features"]);
        assert_eq!(nearest("orders", known), [] as [&str; 0]);
        assert_eq!(nearest("landed_tick", ["a", "", "landed_ticks"]), ["landed_ticks"]);
        assert_eq!(nearest("", known), [] as [&str; 0]);
    }

    #[test]
    fn a_suggestion_is_a_question() {
        assert_eq!(did_you_mean("tick", ["ticks", "landed_ticks"]).unwrap(), "did you mean `ticks` or `landed_ticks`?");
        assert_eq!(did_you_mean("orders", ["ticks"]), None);
    }
}
