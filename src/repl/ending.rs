//! Whether text that comes in pieces ends between statements.
//!
//! The engine's tokenizer wants the whole text each time, so a statement of many lines would cost the square of its length.
//! This follows quotes and comments only, as the tokenizer does; a test compares the two.

/// Where the text so far ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    inside: Inside,
    /// The characters that may belong to what comes: the start of a comment, of a dollar quote, of its end.
    held: String,
    /// The last character that is neither a space nor in a comment, if a statement has begun or ended.
    last: Option<char>,
    /// The length of the word at the end, in characters; a dollar inside a word begins no quote.
    word: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Code,
    /// Between quotes of this kind; `escapes` tells whether a backslash takes the next character with it.
    Quotes {
        quote: char,
        escapes: bool,
    },
    /// After a backslash between quotes.
    Escaped,
    Line,
    /// A block comment, in so many others.
    Block {
        depth: usize,
    },
    /// Between dollar quotes with this tag.
    Dollars {
        tag: String,
    },
}

impl Ending {
    /// Follows further text.
    pub fn push(&mut self, text: &str) {
        for character in text.chars() {
            self.step(character);
        }
    }

    /// Returns whether the text ends after `;`, or before a statement begins.
    pub fn is_between_statements(&self) -> bool {
        let held = self.held.chars().last();
        matches!(self.inside, Inside::Code | Inside::Line) && held.or(self.last).is_none_or(|last| last == ';')
    }

    /// Returns what is open at the end, as it is written: a quote, the start of a comment, or `.` for a statement.
    pub fn open(&self) -> &str {
        match &self.inside {
            Inside::Code | Inside::Line => ".",
            Inside::Escaped => "'",
            Inside::Quotes { quote: '"', .. } => "\"",
            Inside::Quotes { quote: '`', .. } => "`",
            Inside::Quotes { .. } => "'",
            Inside::Block { .. } => "/*",
            Inside::Dollars { tag } if tag.len() > 4 => "$",
            Inside::Dollars { tag } => tag,
        }
    }

    fn step(&mut self, character: char) {
        match &mut self.inside {
            Inside::Code => self.code(character),
            Inside::Line if character == '\n' => self.inside = Inside::Code,
            Inside::Line => {}
            Inside::Escaped => self.inside = Inside::Quotes { quote: '\'', escapes: true },
            Inside::Quotes { escapes: true, .. } if character == '\\' => self.inside = Inside::Escaped,
            // A doubled quote ends the text and begins it again, which comes to the same.
            Inside::Quotes { quote, .. } if character == *quote => self.inside = Inside::Code,
            Inside::Quotes { .. } => {}
            Inside::Block { depth } => match (self.held.as_str(), character) {
                ("*", '/') => {
                    self.held.clear();
                    match depth {
                        1 => self.inside = Inside::Code,
                        _ => *depth -= 1,
                    }
                }
                ("/", '*') => {
                    self.held.clear();
                    *depth += 1;
                }
                _ => self.hold(character, ['*', '/'].contains(&character)),
            },
            Inside::Dollars { tag } => {
                self.held.push(character);
                if self.held.ends_with(tag.as_str()) {
                    self.held.clear();
                    self.last = Some('$');
                    self.inside = Inside::Code;
                } else if self.held.len() > 2 * tag.len() {
                    // Only the end of the text can begin the tag.
                    let from = self.held.len() - tag.len();
                    let from = (from..).find(|from| self.held.is_char_boundary(*from)).unwrap_or(from);
                    self.held.drain(..from);
                }
            }
        }
    }

    fn code(&mut self, character: char) {
        if self.held.starts_with('$') {
            // A tag has the characters of a name.
            if character == '$' {
                let tag = std::mem::take(&mut self.held) + "$";
                self.inside = Inside::Dollars { tag };
                return;
            }
            if character.is_alphanumeric() || character == '_' {
                self.held.push(character);
                return;
            }
        }
        let held = std::mem::take(&mut self.held);
        let word = if held.is_empty() { std::mem::take(&mut self.word) } else { 0 };
        match (held.as_str(), character) {
            ("-", '-') => self.inside = Inside::Line,
            ("/", '*') => self.inside = Inside::Block { depth: 1 },
            // An operator of its own, so a star after it begins no comment.
            ("/", '/') => self.last = Some('/'),
            _ => {
                self.last = held.chars().last().or(self.last);
                match character {
                    '\'' | '"' | '`' => {
                        let escapes = character == '\'' && word == 1 && matches!(self.last, Some('e' | 'E'));
                        self.inside = Inside::Quotes { quote: character, escapes };
                        self.last = Some(character);
                    }
                    '-' | '/' => self.held.push(character),
                    '$' if word == 0 => self.held.push(character),
                    _ if character.is_whitespace() => {}
                    other => {
                        self.last = Some(other);
                        let begins = other.is_alphabetic() || ['_', '#', '@'].contains(&other);
                        if begins || word > 0 && (other.is_ascii_digit() || other == '$') {
                            self.word = word + 1;
                        }
                    }
                }
            }
        }
    }

    fn hold(&mut self, character: char, hold: bool) {
        self.held.clear();
        if hold {
            self.held.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Token;
    use proptest::prelude::{Strategy, prop, proptest};

    use super::Ending;
    use crate::repl::statement::tokens;

    fn pieces() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(
            prop::sample::select(vec![
                "'", "''", "\"", ";", " ", "\n", "--", "-", "/*", "*/", "*", "/", "$$", "$t$", "a", "SELECT", "1", "é",
                "e", "E'", "\\", "$", "(",
            ])
            .prop_map(String::from),
            0..12,
        )
    }

    #[test]
    fn a_statement_ends_at_its_semicolon_and_what_is_open_is_known() {
        for (text, between, open) in [
            ("", true, "."),
            ("SELECT 1", false, "."),
            ("SELECT 1;", true, "."),
            ("SELECT 1; -- done", true, "."),
            ("SELECT 1; SELECT", false, "."),
            ("SELECT ';", false, "'"),
            ("SELECT \"a", false, "\""),
            ("SELECT 1 -- ;", false, "."),
            ("/* a", false, "/*"),
            ("SELECT $$ a", false, "$$"),
            ("SELECT $long_tag$ a", false, "$"),
        ] {
            let mut ending = Ending::default();
            ending.push(text);
            assert_eq!((ending.is_between_statements(), ending.open()), (between, open), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_ends_where_the_tokenizer_says(pieces in pieces()) {
            let text = pieces.concat();
            let (tokens, whole) = tokens(&text);
            let space = |token: &Token| matches!(token, Token::Whitespace(_) | Token::EOF);
            let last = tokens.iter().rev().find(|token| !space(&token.token));
            let expected = whole && last.is_none_or(|token| token.token == Token::SemiColon);
            let mut ending = Ending::default();
            pieces.iter().for_each(|piece| ending.push(piece));
            assert_eq!(ending.is_between_statements(), expected, "{text:?}");
        }
    }
}
