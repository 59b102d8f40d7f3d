//! Patterns of names and paths.

/// Returns whether a text has the form of a pattern: `*` stands for any characters within a folder, `?` for one, `**` for any
/// characters, and `**/` for any folders, or none.
pub fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // For each place in the text, whether the pattern so far can end there.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let token = ["**/", "**", "*"].into_iter().find(|token| rest.starts_with(token));
        rest = &rest[token.map_or(first.len_utf8(), str::len)..];
        let mut next = vec![false; text.len() + 1];
        let mut before = false;
        for place in 0..=text.len() {
            let character = place.checked_sub(1).map(|last| text[last]);
            next[place] = match token {
                Some("**/") => ends[place] || (before && character == Some('/')),
                Some("**") => ends[place] || before,
                Some(_) => ends[place] || (place > 0 && next[place - 1] && character != Some('/')),
                None if place == 0 => false,
                None if first == '?' => ends[place - 1] && character != Some('/'),
                None => ends[place - 1] && character == Some(first),
            };
            before |= ends[place];
        }
        ends = next;
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("a*c", "abc", true),
            ("a*c", "a/c", false),
            ("a**c", "a/b/c", true),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/b/b/c", true),
            ("**/c", "c", true),
            ("*", "", true),
            ("?", "", false),
            ("é?", "éa", true),
            ("ab", "abc", false),
            ("a*a*a*a*a*b", &"a".repeat(2000), false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
