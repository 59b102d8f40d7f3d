//! Text from outside, such as a message's, made fit for a terminal.

/// Returns whether the text can be printed as it is: no character of it moves the cursor, changes colours or turns the
/// direction of the text.
pub fn is_printable(text: &str) -> bool {
    !text.chars().any(acts_on_terminal)
}

/// Returns the text with such characters written as `\u{1b}`; text of more than `most` characters is cut and ends with `…`.
pub fn printable(text: &str, most: usize) -> String {
    let mut printable = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            printable.push('…');
            break;
        }
        if acts_on_terminal(c) {
            printable.extend(c.escape_unicode());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// Whether a character is a control character, or is invisible and changes how the characters around it are shown.
fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{is_printable, printable};

    #[test]
    fn what_acts_on_a_terminal_is_written_out() {
        for (text, expected) in [
            ("BTC-USD", "BTC-USD"),
            ("é€😀", "é€😀"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\u{9b}c\u{202e}d", "a\\u{a}b\\u{9b}c\\u{202e}d"),
            ("", ""),
        ] {
            assert_eq!(printable(text, 60), expected);
            assert_eq!(is_printable(text), text == expected);
        }
        assert_eq!(printable("€€€€", 3), "€€€…");
        assert_eq!(printable("€€€", 3), "€€€");
    }
}
