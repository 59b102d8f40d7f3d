//! `* REPLACE a + 1 AS a`, without parentheses.
//!
//! In: tokens. Out: the same tokens, with the parentheses that the parser wants.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::text::tokens::{is_word, next_of, significant};

/// Puts parentheses around what REPLACE says.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(word) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "REPLACE")) {
        start = word + 1;
        let Some(first) = significant(&tokens, word + 1) else { break };
        if tokens[first].token == Token::LParen || !follows_star(&tokens, word) {
            continue;
        }
        let named = next_of(&tokens, first, &["AS"]);
        let Some(name) = significant(&tokens, named + 1).filter(|_| is_word(&tokens[named], "AS")) else { continue };
        let parenthesis = |token, at: usize| TokenWithSpan::new(token, tokens[at].span);
        let (open, close) = (parenthesis(Token::LParen, first), parenthesis(Token::RParen, name));
        tokens.insert(name + 1, close);
        tokens.insert(first, open);
    }
    tokens
}

/// Returns whether a word stands behind a star that is not a product.
fn follows_star(tokens: &[TokenWithSpan], word: usize) -> bool {
    let mut before = tokens[..word].iter().rev().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    if before.next().is_none_or(|star| star.token != Token::Mul) {
        return false;
    }
    before.next().is_some_and(|token| {
        matches!(token.token, Token::Comma | Token::Period)
            || ["SELECT", "DISTINCT", "ALL"].iter().any(|word| is_word(token, word))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::text::tokens::written;

    #[test]
    fn parentheses_are_put() {
        for (text, expected) in [
            ("SELECT * REPLACE a + 1 AS a FROM t", "SELECT * REPLACE (a + 1 AS a) FROM t"),
            (
                "SELECT b, t.* REPLACE CAST(a AS INT) AS a, c FROM t",
                "SELECT b, t.* REPLACE (CAST(a AS INT) AS a), c FROM t",
            ),
            ("SELECT * REPLACE (a AS b) FROM t", "SELECT * REPLACE (a AS b) FROM t"),
            ("SELECT a * replace AS b FROM t", "SELECT a * replace AS b FROM t"),
        ] {
            let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap();
            assert_eq!(rewritten(tokens).iter().map(written).collect::<String>(), expected);
        }
    }
}
