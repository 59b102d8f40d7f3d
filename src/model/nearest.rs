//! The known name that a mistyped one most likely meant.

/// Returns the candidate that the name begins, or else the closest within a third of its length in single-letter edits.
///
/// Case does not count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let close = candidates.into_iter().filter_map(|candidate| {
        let known = candidate.to_lowercase();
        if name.len() >= 3 && known.starts_with(&name) {
            return Some((0, candidate));
        }
        let distance = edits(&name, &known);
        (distance * 3 <= name.chars().count().max(3)).then_some((distance, candidate))
    });
    close.min().map(|(_, candidate)| candidate)
}

/// Returns the Levenshtein distance, one row of the table at a time.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known = ["spike_logistic", "naive_volatility"];
        assert_eq!(nearest("spike_logistc", known), Some("spike_logistic"));
        assert_eq!(nearest("SPIKE_LOGISTIC", known), Some("spike_logistic"));
        assert_eq!(nearest("naive", known), Some("naive_volatility"));
        assert_eq!(nearest("gradient_boosting", known), None);
    }
}
