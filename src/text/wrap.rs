//! Text broken into lines between words.

/// Breaks each line of a text between words, so that lines have at most `width` characters, and puts `indent` before each.
/// A word that is longer stands on a line of its own.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let room = width.saturating_sub(indent.chars().count());
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 10, "  "), "  one two\n  three\n");
        assert_eq!(wrapped("unbreakable a", 5, ""), "unbreakable\na\n");
        assert_eq!(wrapped("a\nb", 9, "-"), "-a\n-b\n");
    }
}
