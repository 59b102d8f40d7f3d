//! Text inside HTML and SVG.

/// Returns the text as HTML and SVG write it, in an element or in an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML allows only these control characters.
            control if control.is_control() && !matches!(control, '\n' | '\t') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_character_means_something() {
        assert_eq!(escaped("<a b=\"c\">'&\n"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\n");
        assert_eq!(escaped("\u{1b}[31m"), "\u{fffd}[31m");
    }
}
