//! Words and parentheses among the tokens of a statement.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::literal;

/// Returns whether a token is an unquoted word, in any case.
pub fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// Returns a token as it is written in SQL.
pub fn written(token: &TokenWithSpan) -> String {
    match &token.token {
        // The tokenizer has read doubled quotes as one.
        Token::SingleQuotedString(text) => literal(text),
        Token::EOF => String::new(),
        other => other.to_string(),
    }
}

/// Returns the first token from a position on that is neither a space nor a comment.
pub fn significant(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    (from..tokens.len()).find(|index| !matches!(tokens[*index].token, Token::Whitespace(_)))
}

/// Returns the last token before a position that is neither a space nor a comment.
pub fn significant_before(tokens: &[TokenWithSpan], end: usize) -> Option<usize> {
    tokens[..end].iter().rposition(|token| !matches!(token.token, Token::Whitespace(_)))
}

/// Returns the parenthesis that closes the one at a position.
pub fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some(index),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the first token from a position on, outside of parentheses, that is one of some words or ends the statement.
pub fn next_of(tokens: &[TokenWithSpan], from: usize, words: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return index,
            Token::RParen => depth -= 1,
            Token::SemiColon | Token::EOF if depth == 0 => return index,
            _ if depth == 0 && words.iter().any(|word| is_word(token, word)) => return index,
            _ => {}
        }
    }
    tokens.len()
}
