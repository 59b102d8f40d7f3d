//! What the parser and the planner say is wrong, in a form for people.
//!
//! In: the engine's errors, whose texts end in a place or begin with the part of the engine that found them. Out: what is wrong in lower
//! case, and the place as numbers. Nothing else in squall takes such a text apart.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub message: String,
    /// The line and the column, counted from 1; `None` if the parser does not say.
    pub at: Option<(usize, usize)>,
    /// Whether the text ends too early.
    pub is_at_end: bool,
}

impl Complaint {
    /// Reads what the parser says; `what` is what was parsed, such as "the statement".
    pub fn of(error: &ParserError, what: &str) -> Complaint {
        let text = match error {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
            ParserError::RecursionLimitExceeded => {
                return Complaint { message: format!("{what} is nested too deeply"), at: None, is_at_end: false };
            }
        };
        let (message, at) = split_place(text);
        let message = message.replace("Expected: ", "expected ").replace(", found: ", ", found ");
        let is_at_end = message.ends_with("found EOF");
        let message = message.replace("found EOF", &format!("found the end of {what}"));
        Complaint { message: lowercase(&message), at, is_at_end }
    }
}

/// Splits `Expected: …, found: x at Line: 1, Column: 8`.
pub fn split_place(text: &str) -> (&str, Option<(usize, usize)>) {
    let place = text.rfind(" at Line: ").and_then(|at| {
        let (line, column) = text[at + " at Line: ".len()..].split_once(", Column: ")?;
        let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
        Some((&text[..at], (line.parse().ok()?, column[..digits].parse().ok()?)))
    });
    match place {
        Some((message, (line, column))) if line > 0 && column > 0 => (message, Some((line, column))),
        _ => (text, None),
    }
}

/// Returns a message with a small first letter, unless it begins with an abbreviation.
pub fn lowercase(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_string(),
    }
}

/// Returns a message without what the engine says to its own developers: syntax trees, and the wish to be told of faults.
pub fn plain(message: &str) -> String {
    let message = message.split("\nThis issue was likely caused by a bug in DataFusion").next().unwrap_or(message);
    // A syntax tree is long, and begins with a word before a brace.
    let tree = message
        .find(" { ")
        .filter(|_| message.contains("Span(Location(") || message.contains("WindowFunctionParams {"));
    match tree {
        Some(at) => {
            let words = message[..at].rsplit_once([' ', '(']).map_or(&message[..at], |(words, _)| words);
            format!("{}: this statement has a part that cannot be planned", words.trim_end_matches([':', '(']))
        }
        None => message.trim_end().to_owned(),
    }
}

/// Returns the first line of what the engine says about an expression, without the part of the engine that says it.
pub fn said(error: &DataFusionError) -> String {
    let root = error.find_root();
    let text = match root {
        DataFusionError::SQL(error, _) => return Complaint::of(error, "the condition").message,
        DataFusionError::ArrowError(error, _) => error.to_string(),
        other => other.message().into_owned(),
    };
    let text = text.split("\n\nbacktrace").next().unwrap_or(&text);
    let text = plain(text);
    lowercase(split_place(text.lines().next().unwrap_or_default()).0.trim_end_matches('.'))
}

/// Finds out whether a text is one expression, and nothing follows it: only then may it stand in parentheses in a statement.
///
/// # Errors
/// It is not; the complaint says why.
pub fn one_expression(text: &str) -> Result<(), Complaint> {
    let complain = |error| Complaint::of(&error, "the condition");
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| complain(error.into()))?;
    let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(super::rewritten(tokens));
    parser.parse_expr().map_err(complain)?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    let start = next.span.start;
    let at = Some((usize::try_from(start.line).unwrap_or(1), usize::try_from(start.column).unwrap_or(1)));
    Err(Complaint { message: format!("the condition ends before `{}`", next.token), at, is_at_end: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_split_off() {
        let text = "Expected: ), found: EOF at Line: 12, Column: 3";
        assert_eq!(split_place(text), ("Expected: ), found: EOF", Some((12, 3))));
        assert_eq!(split_place("Expected: ), found: EOF"), ("Expected: ), found: EOF", None));
        assert_eq!(split_place("x at Line: 0, Column: 0"), ("x at Line: 0, Column: 0", None));
    }

    #[test]
    fn a_condition_is_one_expression() {
        for good in ["mid > 1", "a = 1 AND (b OR NOT c)", "true -- always", "CASE WHEN a THEN b ELSE c END"] {
            assert_eq!(one_expression(good), Ok(()), "{good}");
        }
        for (bad, message, at) in [
            ("true) OR (true", "the condition ends before `)`", Some((1, 5))),
            ("a > 1 b", "the condition ends before `b`", Some((1, 7))),
            ("a > 1; SELECT 1", "the condition ends before `;`", Some((1, 6))),
            ("a >", "expected an expression, found the end of the condition", None),
            ("", "expected an expression, found the end of the condition", None),
            ("(a > 1", "expected ), found the end of the condition", None),
        ] {
            let complaint = one_expression(bad).unwrap_err();
            assert_eq!((complaint.message.as_str(), complaint.at), (message, at), "{bad}");
        }
    }
}
