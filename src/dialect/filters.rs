//! `sum(x) FILTER (x > 1)`, without WHERE.
//!
//! In: tokens. Out: the same tokens, with the word that the parser wants.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use crate::text::tokens::{is_word, significant};

/// Puts WHERE into filters.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(word) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "FILTER")) {
        start = word + 1;
        let before = tokens[..word].iter().rev().find(|token| !matches!(token.token, Token::Whitespace(_)));
        let follows_call = before.is_some_and(|token| token.token == Token::RParen);
        let Some(open) = significant(&tokens, word + 1) else { break };
        let Some(first) = significant(&tokens, open + 1) else { break };
        if follows_call && tokens[open].token == Token::LParen && !is_word(&tokens[first], "WHERE") {
            tokens.insert(open + 1, TokenWithSpan::new(Token::make_keyword("WHERE"), tokens[open].span));
            tokens.insert(open + 2, TokenWithSpan::new(Token::Whitespace(Whitespace::Space), tokens[open].span));
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::text::tokens::written;

    #[test]
    fn where_is_put() {
        for (text, expected) in [
            ("SELECT sum(x) FILTER (x > 1) FROM t", "SELECT sum(x) FILTER (WHERE x > 1) FROM t"),
            ("SELECT sum(x) filter(x > 1), 2", "SELECT sum(x) filter(WHERE x > 1), 2"),
            ("SELECT sum(x) FILTER (WHERE x > 1)", "SELECT sum(x) FILTER (WHERE x > 1)"),
            ("SELECT filter (x) FROM t", "SELECT filter (x) FROM t"),
        ] {
            let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap();
            assert_eq!(rewritten(tokens).iter().map(written).collect::<String>(), expected);
        }
    }
}
