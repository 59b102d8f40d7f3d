//! `FROM t WHERE a > 1`, without SELECT.
//!
//! The parser reads no clause behind a FROM without SELECT. In: tokens. Out: the same tokens, with `SELECT *` before such a FROM, in
//! statements, subqueries, queries of WITH and parts of a UNION.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use crate::text::tokens::{is_word, next_of, significant_before};

/// Puts `SELECT *` before each FROM with which a query begins, if SELECT does not follow.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(from) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "FROM")) {
        start = from + 1;
        if !begins_query(&tokens, from) {
            continue;
        }
        let next = next_of(&tokens, start, &["UNION", "INTERSECT", "EXCEPT", "SELECT"]);
        if tokens.get(next).is_some_and(|next| is_word(next, "SELECT")) {
            continue;
        }
        let (span, space) = (tokens[from].span, Token::Whitespace(Whitespace::Space));
        let words = [Token::make_keyword("SELECT"), space.clone(), Token::Mul, space];
        start += words.len();
        tokens.splice(from..from, words.map(|token| TokenWithSpan::new(token, span)));
    }
    tokens
}

fn begins_query(tokens: &[TokenWithSpan], from: usize) -> bool {
    let Some(before) = significant_before(tokens, from) else { return true };
    let is = |at: usize, words: &[&str]| words.iter().any(|word| is_word(&tokens[at], word));
    let earlier = significant_before(tokens, before);
    match &tokens[before].token {
        Token::LParen | Token::SemiColon => true,
        Token::RParen => ends_with(tokens, before),
        _ if is(before, &["UNION", "INTERSECT", "EXCEPT", "AS"]) => true,
        // Other words may be names of columns: `SELECT name FROM t`.
        _ if is(before, &["ALL", "DISTINCT"]) => {
            earlier.is_some_and(|earlier| is(earlier, &["UNION", "INTERSECT", "EXCEPT"]))
        }
        _ if is(before, &["NAME"]) => earlier.is_some_and(|earlier| is(earlier, &["BY"])),
        _ if is(before, &["EXPLAIN", "DESCRIBE"]) => {
            earlier.is_none_or(|earlier| tokens[earlier].token == Token::SemiColon)
        }
        _ if is(before, &["ANALYZE", "VERBOSE"]) => earlier.is_some_and(|earlier| is(earlier, &["EXPLAIN", "ANALYZE"])),
        _ => false,
    }
}

/// Returns whether a closing parenthesis ends the queries of a WITH.
fn ends_with(tokens: &[TokenWithSpan], close: usize) -> bool {
    let mut depth = 0_usize;
    for index in (0..=close).rev() {
        match tokens[index].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => break,
            Token::LParen => depth -= 1,
            Token::SemiColon if depth == 0 => break,
            Token::Whitespace(_) => continue,
            _ if depth > 0 => continue,
            _ => {}
        }
        // The query of the WITH has begun already.
        if depth == 0 && ["SELECT", "FROM"].iter().any(|word| is_word(&tokens[index], word)) {
            return false;
        }
        if depth == 0 && is_word(&tokens[index], "WITH") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::text::tokens::written;

    fn text(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
        rewritten(tokens).iter().map(written).collect()
    }

    #[test]
    fn queries_get_a_select() {
        for (sql, expected) in [
            ("FROM t WHERE a", "SELECT * FROM t WHERE a"),
            ("SELECT 1 WHERE EXISTS (FROM t WHERE a)", "SELECT 1 WHERE EXISTS (SELECT * FROM t WHERE a)"),
            ("FROM (FROM t LIMIT 1) WHERE a", "SELECT * FROM (SELECT * FROM t LIMIT 1) WHERE a"),
            ("FROM a UNION ALL FROM b ORDER BY 1", "SELECT * FROM a UNION ALL SELECT * FROM b ORDER BY 1"),
            ("FROM a UNION SELECT 1 FROM b", "SELECT * FROM a UNION SELECT 1 FROM b"),
            ("WITH a AS (FROM t) FROM a WHERE b", "WITH a AS (SELECT * FROM t) SELECT * FROM a WHERE b"),
            ("CREATE TABLE a AS FROM t WHERE b", "CREATE TABLE a AS SELECT * FROM t WHERE b"),
            ("FROM a UNION BY NAME FROM b", "SELECT * FROM a UNION BY NAME SELECT * FROM b"),
            ("EXPLAIN ANALYZE FROM a", "EXPLAIN ANALYZE SELECT * FROM a"),
            ("COPY (FROM t WHERE b) TO 'x'", "COPY (SELECT * FROM t WHERE b) TO 'x'"),
        ] {
            assert_eq!(text(sql), expected);
        }
    }

    #[test]
    fn others_stay() {
        for sql in [
            "SELECT a FROM t WHERE b",
            "SELECT max(a) FROM t",
            "FROM t SELECT a WHERE b",
            "WITH a AS (SELECT 1) SELECT (b) FROM a",
            "SELECT extract(year FROM ts), (a) IS DISTINCT FROM (b) FROM t",
            "SELECT * EXCLUDE (a) FROM t",
            "DELETE FROM t WHERE a",
            "SELECT name FROM t",
            "SELECT verbose FROM t WHERE analyze",
            "SELECT a, describe FROM t",
            "SELECT a IS NOT DISTINCT FROM b FROM t",
        ] {
            assert_eq!(text(sql), sql);
        }
    }
}
