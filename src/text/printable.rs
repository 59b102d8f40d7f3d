//! Foreign text made fit to print.

/// Returns whether text from outside can be printed as it is.
pub fn is_printable(text: &str) -> bool {
    // Most text is ASCII.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(acts_on_terminal)
}

/// Returns text from outside in a form that cannot control a terminal: control characters, and those that turn the direction
/// of writing, are spelled as escapes. Text of more than `most` characters is shortened.
pub fn printable(text: &str, most: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(most.saturating_mul(4)));
    for (number, char) in text.chars().enumerate() {
        if number == most {
            printable.push('…');
            break;
        }
        match char {
            char if acts_on_terminal(char) => printable.extend(char.escape_unicode()),
            char => printable.push(char),
        }
    }
    printable
}

/// Returns whether a character is a control character, changes how its neighbours are shown, or breaks the line.
fn acts_on_terminal(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{is_printable, printable};

    #[test]
    fn what_controls_a_terminal_is_spelled_out() {
        assert_eq!(printable("no \"é\" here", 100), "no \"é\" here");
        assert_eq!(printable("\u{1b}[2Jgone\r\n\u{9b}", 100), r"\u{1b}[2Jgone\u{d}\u{a}\u{9b}");
        assert_eq!(printable("a\u{202e}b", 100), r"a\u{202e}b");
        assert_eq!(printable(&"x".repeat(70_000), 3), "xxx…");
        assert!(is_printable("no \"é\" here") && !is_printable("\u{1b}[2J") && !is_printable("a\u{202e}b"));
    }
}
