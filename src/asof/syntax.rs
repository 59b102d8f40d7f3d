//! The words of ASOF JOIN, as tokens.
//!
//! The parser reads one form: `ASOF JOIN t MATCH_CONDITION (…) [ON … | USING (…)]`. In: tokens with DuckDB's words, such as
//! `ASOF LEFT JOIN t ON a.k = t.k AND a.ts >= t.ts`, or Snowflake's, each with or without a TOLERANCE. Out: tokens in the form
//! that the parser reads, whose MATCH_CONDITION is the call `asof_join('left' | 'inner', tolerance or NULL, condition)`.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::text::tokens::{closing, is_word, significant};

/// The call that holds what the parser has no place for.
pub const CALL: &str = "asof_join";

/// Words that end what belongs to a join.
const ENDS: [&str; 17] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "JOIN",
    "ASOF",
    "LEFT",
    "INNER",
    "CROSS",
    "SELECT",
];

/// Words that may follow the number of an INTERVAL.
const UNITS: [&str; 10] =
    ["NANOSECOND", "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"];

/// Writes every ASOF JOIN in the form that the parser reads.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(found) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "ASOF")) {
        start = found + 1;
        // What cannot be understood is left to the parser, which says where it stopped.
        if let Some(join) = Join::read(&tokens, found) {
            tokens = join.written(tokens);
        }
    }
    tokens
}

/// Where the parts of one join are, as positions among the tokens.
struct Join {
    /// The words LEFT, OUTER and INNER.
    kind_words: Vec<usize>,
    kind: Option<&'static str>,
    /// The word ON, USING or MATCH_CONDITION.
    constraint: usize,
    /// The parentheses of MATCH_CONDITION.
    condition: Option<(usize, usize)>,
    /// TOLERANCE and its value, from the first token to one past the last.
    tolerance: Option<(usize, usize)>,
}

impl Join {
    fn read(tokens: &[TokenWithSpan], asof: usize) -> Option<Join> {
        let mut kind_words = Vec::new();
        let mut kind = None;
        let mut next = significant(tokens, asof + 1)?;
        for (word, means) in [("LEFT", "left"), ("INNER", "inner"), ("OUTER", "left")] {
            if is_word(&tokens[next], word) && (word != "OUTER" || kind == Some("left")) {
                kind = Some(means);
                kind_words.push(next);
                next = significant(tokens, next + 1)?;
            }
        }
        if !is_word(&tokens[next], "JOIN") {
            return None;
        }
        let constraint = find(tokens, next + 1, |index| {
            ["ON", "USING", "MATCH_CONDITION"].iter().any(|word| is_word(&tokens[index], word))
        })?;
        let condition = match is_word(&tokens[constraint], "MATCH_CONDITION") {
            true => {
                let open = significant(tokens, constraint + 1).filter(|index| tokens[*index].token == Token::LParen)?;
                Some((open, closing(tokens, open)?))
            }
            false => None,
        };
        let after = condition.map_or(constraint, |(_, close)| close) + 1;
        let tolerance =
            find(tokens, after, |index| is_word(&tokens[index], "TOLERANCE") && operand(tokens, index + 1).is_some());
        let tolerance = tolerance.and_then(|word| Some((word, operand(tokens, word + 1)?)));
        Some(Join { kind_words, kind, constraint, condition, tolerance })
    }

    fn written(&self, tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
        let span = tokens[self.constraint].span;
        let token = |token: Token| TokenWithSpan::new(token, span);
        let word = |word: &str| token(Token::make_word(word, None));
        let value: Vec<TokenWithSpan> = match self.tolerance {
            Some((from, to)) => tokens[from + 1..to].to_vec(),
            None => vec![token(Token::make_keyword("NULL"))],
        };
        // Snowflake's form keeps every left row; DuckDB's only says so with LEFT.
        let kind = self.kind.unwrap_or(if self.condition.is_some() { "left" } else { "inner" });
        let mut call = vec![word(CALL), token(Token::LParen), token(Token::SingleQuotedString(kind.into()))];
        call.push(token(Token::Comma));
        call.extend(value);

        let mut written = Vec::with_capacity(tokens.len() + call.len() + 4);
        for (index, old) in tokens.into_iter().enumerate() {
            let is_tolerance = self.tolerance.is_some_and(|(from, to)| (from..to).contains(&index));
            if is_tolerance || self.kind_words.contains(&index) {
                continue;
            }
            match self.condition {
                None if index == self.constraint => {
                    written.extend([token(Token::make_keyword("MATCH_CONDITION")), token(Token::LParen)]);
                    written.append(&mut call);
                    written.extend([token(Token::RParen), token(Token::RParen), old]);
                }
                Some((open, _)) if index == open => {
                    written.push(old);
                    written.append(&mut call);
                    written.push(token(Token::Comma));
                }
                Some((_, close)) if index == close => written.extend([token(Token::RParen), old]),
                _ => written.push(old),
            }
        }
        written
    }
}

/// Returns the first token of the same join, outside of parentheses, that is looked for.
fn find(tokens: &[TokenWithSpan], from: usize, is_it: impl Fn(usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            Token::SemiColon | Token::EOF => return None,
            _ if depth > 0 => {}
            _ if is_it(index) => return Some(index),
            _ if ENDS.iter().any(|word| is_word(token, word)) => return None,
            _ => {}
        }
    }
    None
}

/// Returns one past the value that begins at or after a position: a number, an INTERVAL, or an expression in parentheses.
fn operand(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let first = significant(tokens, from)?;
    match &tokens[first].token {
        Token::Number(..) | Token::Placeholder(_) => Some(first + 1),
        Token::LParen => Some(closing(tokens, first)? + 1),
        Token::Word(_) if is_word(&tokens[first], "INTERVAL") => {
            let number = significant(tokens, first + 1)?;
            let is_unit = |index: &usize| {
                UNITS.iter().any(|unit| is_word(&tokens[*index], unit) || is_word(&tokens[*index], &format!("{unit}S")))
            };
            let unit = significant(tokens, number + 1).filter(is_unit);
            Some(unit.unwrap_or(number) + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn text(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().expect("tokens");
        rewritten(tokens).into_iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn duckdb_words_become_a_match_condition() {
        assert_eq!(
            text("SELECT * FROM a ASOF LEFT JOIN b ON a.k = b.k AND a.t >= b.t WHERE x"),
            "SELECT * FROM a ASOF  JOIN b MATCH_CONDITION(asof_join('left',NULL))ON a.k = b.k AND a.t >= b.t WHERE x"
        );
        assert_eq!(
            text("FROM a ASOF JOIN (SELECT 1 ON) b USING (k, t)"),
            "FROM a ASOF JOIN (SELECT 1 ON) b MATCH_CONDITION(asof_join('inner',NULL))USING (k, t)"
        );
    }

    #[test]
    fn a_tolerance_moves_into_the_match_condition() {
        assert_eq!(
            text("a ASOF JOIN b ON a.t >= b.t TOLERANCE INTERVAL '5' SECOND WHERE x"),
            "a ASOF JOIN b MATCH_CONDITION(asof_join('inner', INTERVAL '5' SECOND))ON a.t >= b.t  WHERE x"
        );
        assert_eq!(
            text("a ASOF JOIN b MATCH_CONDITION (a.t > b.t) ON a.k = b.k TOLERANCE (1 + 2)"),
            "a ASOF JOIN b MATCH_CONDITION (asof_join('left', (1 + 2),a.t > b.t)) ON a.k = b.k "
        );
    }

    #[test]
    fn each_of_several_joins_has_its_own_condition() {
        assert_eq!(
            text("a ASOF JOIN b ON a.t >= b.t ASOF LEFT OUTER JOIN c ON a.t < c.t"),
            "a ASOF JOIN b MATCH_CONDITION(asof_join('inner',NULL))ON a.t >= b.t ASOF   JOIN c \
             MATCH_CONDITION(asof_join('left',NULL))ON a.t < c.t"
        );
    }

    #[test]
    fn other_uses_of_the_words_stay() {
        for sql in
            ["SELECT 'ASOF JOIN'", "SELECT \"asof\" FROM t", "a ASOF RIGHT JOIN b ON a.t >= b.t", "a ASOF JOIN b"]
        {
            assert_eq!(text(sql), sql);
        }
    }
}
