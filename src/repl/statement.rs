//! Splits text into statements.
//!
//! In: text that a user typed or that a script contains. Out: its statements, each with the place where it starts. The
//! engine's own tokenizer finds each `;`, so that a `;` inside a string, a comment or dollar quotes does not end a
//! statement.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// A place in a text: line and column, both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// Where a text starts.
    pub const START: Position = Position { line: 1, column: 1 };

    /// Returns the place in the whole text, given a place inside a part that starts at this position.
    pub fn plus(self, inner: Position) -> Position {
        match inner.line {
            1 => Position { line: self.line, column: self.column + inner.column - 1 },
            line => Position { line: self.line + line - 1, column: inner.column },
        }
    }
}

/// One statement, without its `;` and without any text before its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    pub text: &'a str,
    pub start: Position,
}

/// Returns the statements of `text`, in order; spaces and comments alone are not a statement.
///
/// If the text stops being SQL tokens (for example at a string without an end), the rest is one statement, and running it
/// gives the error.
pub fn split(text: &str) -> Vec<Statement<'_>> {
    let mut cursor = Cursor::start(text);
    let mut start = None;
    let mut statements = Vec::new();
    let (tokens, whole) = tokens(text);
    for token in &tokens {
        match &token.token {
            Token::SemiColon => {
                let end = cursor.seek(begin(token)).offset;
                if let Some(Cursor { offset, at, .. }) = start.take() {
                    statements.push(Statement { text: text[offset..end].trim_end(), start: at });
                }
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ if start.is_none() => start = Some(cursor.seek(begin(token))),
            _ => {}
        }
    }
    if !whole && start.is_none() {
        start = Some(match tokens.last() {
            Some(last) => cursor.seek(end(last)),
            None => cursor,
        });
    }
    if let Some(Cursor { offset, at, .. }) = start {
        statements.push(Statement { text: text[offset..].trim_end(), start: at });
    }
    statements
}

/// Returns where `name` first occurs in `text`, as a word or in quotes but not inside a comment. Also returns its length in
/// characters, including the quotes.
pub fn find_name(text: &str, name: &str) -> Option<(Position, usize)> {
    tokens(text).0.iter().find_map(|token| {
        let (value, quotes) = match &token.token {
            Token::Word(word) => (&word.value, if word.quote_style.is_some() { 2 } else { 0 }),
            Token::SingleQuotedString(value) if name.contains(['.', '/']) => (value, 2),
            _ => return None,
        };
        value.eq_ignore_ascii_case(name).then(|| (begin(token), value.chars().count() + quotes))
    })
}

/// Returns the place just after the last character of `text`.
pub fn end_of(text: &str) -> Position {
    let mut cursor = Cursor::start(text);
    cursor.seek(Position { line: usize::MAX, column: 1 }).at
}

/// Returns the length, in characters, of the token that starts at `at`; 1 if no token starts there.
pub fn token_length(text: &str, at: Position) -> usize {
    let (tokens, _) = tokens(text);
    let token = tokens.iter().find(|token| begin(token) == at && end(token).line == at.line);
    token.map_or(1, |token| end(token).column.saturating_sub(at.column).max(1))
}

/// Returns where an expression ends that is known to reach from `start` to `stop`: behind the parentheses that it opens.
pub fn matching_end(text: &str, start: Position, stop: Position) -> Position {
    let (tokens, _) = tokens(text);
    let mut depth = 0;
    let mut reached = stop;
    for token in tokens.iter().filter(|token| begin(token) >= start) {
        match token.token {
            Token::LParen if begin(token) < stop || begin(token) == stop && reached == stop => depth += 1,
            Token::RParen if depth > 0 => depth -= 1,
            _ if begin(token) >= stop && depth == 0 => break,
            _ => {}
        }
        reached = reached.max(end(token));
    }
    reached
}

/// Returns whether a name is followed by its arguments in parentheses.
pub fn is_called(text: &str, name: &str) -> bool {
    let (tokens, _) = tokens(text);
    tokens.windows(2).any(|pair| {
        matches!(&pair[0].token, Token::Word(word) if word.value.eq_ignore_ascii_case(name))
            && pair[1].token == Token::LParen
    })
}

/// Returns where a text occurs as a value in single quotes, and its length in characters, with the quotes.
pub fn find_text(text: &str, value: &str) -> Option<(Position, usize)> {
    tokens(text).0.iter().find_map(|token| match &token.token {
        Token::SingleQuotedString(found) if found == value => Some((begin(token), found.chars().count() + 2)),
        _ => None,
    })
}

/// Returns the tokens of `text`, and whether they cover all of it.
pub(super) fn tokens(text: &str) -> (Vec<TokenWithSpan>, bool) {
    let mut tokens = Vec::new();
    let whole = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location_into_buf(&mut tokens).is_ok();
    (tokens, whole)
}

pub(super) fn begin(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line as usize, column: token.span.start.column as usize }
}

pub(super) fn end(token: &TokenWithSpan) -> Position {
    Position { line: token.span.end.line as usize, column: token.span.end.column as usize }
}

/// A byte offset and the position that it corresponds to.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub offset: usize,
    at: Position,
}

impl<'a> Cursor<'a> {
    /// Returns a cursor at the start of a text.
    pub fn start(text: &'a str) -> Self {
        Cursor { text, offset: 0, at: Position::START }
    }

    /// Moves forward to `goal` and returns the cursor there.
    pub fn seek(&mut self, goal: Position) -> Self {
        for character in self.text[self.offset..].chars() {
            if self.at >= goal {
                break;
            }
            self.offset += character.len_utf8();
            self.at = match character {
                '\n' => Position { line: self.at.line + 1, column: 1 },
                _ => Position { line: self.at.line, column: self.at.column + 1 },
            };
        }
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn nothing_but_space_comments_and_semicolons_is_no_statement() {
        for text in ["", "  \n", ";", " ;; ;\n", "-- SELECT 1;\n", "/* a; b */", "-- one\n;/* two */;"] {
            assert_eq!(texts(text), [] as [&str; 0], "{text:?}");
        }
    }

    #[test]
    fn semicolons_inside_strings_comments_and_quotes_separate_nothing() {
        let text =
            "SELECT 'a;b', \"c;d\", $$e;f$$, $t$g;h$t$ -- i;j\n/* k;l /* m;n */ o; */ FROM t; SELECT 'it''s; fine'";
        assert_eq!(
            texts(text),
            ["SELECT 'a;b', \"c;d\", $$e;f$$, $t$g;h$t$ -- i;j\n/* k;l /* m;n */ o; */ FROM t", "SELECT 'it''s; fine'"]
        );
    }

    #[test]
    fn a_statement_knows_where_it_starts() {
        let text = "-- café\nSELECT 'é';\n\n  /* note */ SELECT 2 ; SELECT 3";
        let statements = split(text);
        let starts: Vec<_> = statements.iter().map(|s| (s.text, s.start.line, s.start.column)).collect();
        assert_eq!(starts, [("SELECT 'é'", 2, 1), ("SELECT 2", 4, 14), ("SELECT 3", 4, 25)]);
    }

    #[test]
    fn what_never_ends_is_one_last_statement() {
        for rest in ["SELECT 'open; SELECT 2", "/* open; SELECT 2", "'open", "SELECT $$ a; b"] {
            let text = format!("SELECT 1;\n{rest}");
            assert_eq!(texts(&text), ["SELECT 1", rest], "{rest:?}");
        }
    }

    #[test]
    fn positions_add_up() {
        let start = Position { line: 3, column: 5 };
        assert_eq!(start.plus(Position { line: 1, column: 2 }), Position { line: 3, column: 6 });
        assert_eq!(start.plus(Position { line: 2, column: 2 }), Position { line: 4, column: 2 });
    }

    #[test]
    fn a_name_is_found_outside_comments() {
        let text = "SELECT 'bid' -- bid\n, \"bid\" FROM ticks, 'a.parquet'";
        assert_eq!(find_name(text, "bid"), Some((Position { line: 2, column: 3 }, 5)));
        assert_eq!(find_name(text, "TICKS"), Some((Position { line: 2, column: 14 }, 5)));
        assert_eq!(find_name(text, "a.parquet"), Some((Position { line: 2, column: 21 }, 11)));
        assert_eq!(find_name(text, "ask"), None);
        assert_eq!(find_text("SELECT abc, 'abc'", "abc"), Some((Position { line: 1, column: 13 }, 5)));
        let at = |column| Position { line: 1, column };
        assert_eq!(matching_end("SELECT sum(a + b) / 2", at(8), at(11)), at(18));
        assert_eq!(matching_end("SELECT sum(a + b) / 2", at(8), at(17)), at(18));
        assert_eq!(matching_end("SELECT sum(a + b) / 2", at(12), at(17)), at(17));
        assert_eq!(matching_end("SELECT a + (b) FROM t", at(8), at(14)), at(15));
        assert_eq!(token_length(text, Position { line: 2, column: 14 }), 5);
        assert_eq!(end_of("SELECT\n(é"), Position { line: 2, column: 3 });
    }
}
