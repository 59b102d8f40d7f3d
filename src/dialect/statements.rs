//! Statements that begin with SUMMARIZE, PIVOT or UNPIVOT, as tokens.
//!
//! In: `SUMMARIZE t`, `PIVOT t ON a USING sum(b) GROUP BY c`, `UNPIVOT t ON a, b INTO NAME n VALUE v`, as DuckDB has them. Out: a SELECT.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::pivot::GROUP_BY;
use crate::text::literal;
use crate::text::tokens::{self, closing, is_word, next_of, significant};

/// What SUMMARIZE shows of `profile`. Its quantiles are those of 1, 5, 25, 50, 75, 95 and 99 %.
const SUMMARY: &str = "column_name, type AS column_type, rows AS count, nulls, distinct_values, distinct_exact, min, max, mean AS avg, std, \
     quantiles[3] AS q25, quantiles[4] AS q50, quantiles[5] AS q75, sampled_rows";

/// Words that follow the clauses of PIVOT and UNPIVOT.
const AFTER: [&str; 2] = ["ORDER", "LIMIT"];

/// Writes such statements as a SELECT, also inside parentheses and behind EXPLAIN and CREATE … AS. Others stay as they are.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut from = 0;
    while let Some((start, end)) = next(&tokens, from) {
        from = start + 1;
        let written = written(&tokens[start..end]);
        // A text that cannot be read as tokens is left to the parser, which says what is wrong.
        if let Some(written) =
            written.and_then(|text| Tokenizer::new(&GenericDialect {}, &text).tokenize_with_location().ok())
        {
            tokens.splice(start..end, written.into_iter().filter(|token| token.token != Token::EOF));
        }
    }
    tokens
}

/// Words that may stand before such a statement.
const BEFORE: [&str; 5] = ["EXPLAIN", "ANALYZE", "VERBOSE", "DESCRIBE", "DESC"];

/// Returns the next place from a position on where such a statement may begin, and where it ends.
fn next(tokens: &[TokenWithSpan], from: usize) -> Option<(usize, usize)> {
    let is_first = |index: usize| ["SUMMARIZE", "PIVOT", "UNPIVOT"].iter().any(|word| is_word(&tokens[index], word));
    let mut start = significant(tokens, 0)?;
    if is_word(&tokens[start], "CREATE") {
        start = significant(tokens, next_of(tokens, start, &["AS"]) + 1).unwrap_or(tokens.len());
    }
    while start < tokens.len() && BEFORE.iter().any(|word| is_word(&tokens[start], word)) {
        start = significant(tokens, start + 1)?;
    }
    if start < tokens.len() && is_word(&tokens[start], "WITH") {
        // Behind the queries of WITH.
        start = next_of(tokens, start, &["PIVOT", "UNPIVOT", "SELECT", "FROM", "INSERT"]);
    }
    if from <= start && start < tokens.len() && is_first(start) {
        return Some((start, next_of(tokens, start, &[])));
    }
    (from..tokens.len()).filter(|open| tokens[*open].token == Token::LParen).find_map(|open| {
        let first = significant(tokens, open + 1).filter(|first| *first >= from && is_first(*first))?;
        Some((first, closing(tokens, open)?))
    })
}

fn written(tokens: &[TokenWithSpan]) -> Option<String> {
    let start = significant(tokens, 1)?;
    let select = match (is_word(&tokens[0], "SUMMARIZE"), is_word(&tokens[0], "PIVOT")) {
        (true, _) if matches!(tokens[start].token, Token::Word(_) | Token::SingleQuotedString(_) | Token::LParen) => {
            Some(summary(tokens, start))
        }
        (true, _) => None,
        (_, true) => pivot(tokens, start),
        _ => unpivot(tokens, start),
    };
    select.map(|select| select.trim_end().to_string())
}

fn summary(tokens: &[TokenWithSpan], start: usize) -> String {
    let end = next_of(tokens, start, &[]);
    format!("SELECT {SUMMARY} FROM profile({})", literal(text(tokens, start, end).trim()))
}

fn pivot(tokens: &[TokenWithSpan], start: usize) -> Option<String> {
    let on = next_of(tokens, start, &["ON"]);
    let using = next_of(tokens, on, &["USING", "GROUP", "ORDER", "LIMIT"]);
    let group = next_of(tokens, using, &["GROUP", "ORDER", "LIMIT"]);
    let rest = next_of(tokens, group, &AFTER);
    let end = next_of(tokens, rest, &[]);
    let relation = relation(tokens, start, on)?;
    let listed = next_of(tokens, on, &["IN"]);
    let (mut column, values) = match listed < using {
        true => (text(tokens, on + 1, listed), text(tokens, listed + 1, using)),
        false => (text(tokens, on + 1, using), "(ANY)".to_string()),
    };
    let is_comma = |token: &TokenWithSpan| token.token == Token::Comma;
    if tokens[on + 1..listed.min(using)].iter().any(is_comma) {
        // Several columns are refused where the word is written out.
        column = format!("({})", column.trim());
    }
    let mut calls = match group > using {
        true => text(tokens, using + 1, group),
        false => "count(*)".to_string(),
    };
    if rest > group {
        let by = significant(tokens, group + 1).filter(|by| is_word(&tokens[*by], "BY"))?;
        calls = format!("{}, {GROUP_BY}({})", calls.trim(), text(tokens, by + 1, rest).trim());
    }
    let after = text(tokens, rest, end);
    Some(format!(
        "SELECT * FROM {relation} PIVOT ({} FOR {} IN {}) {after}",
        calls.trim(),
        column.trim(),
        values.trim()
    ))
}

fn unpivot(tokens: &[TokenWithSpan], start: usize) -> Option<String> {
    let on = next_of(tokens, start, &["ON"]);
    let into = next_of(tokens, on, &["INTO", "ORDER", "LIMIT"]);
    let rest = next_of(tokens, into, &AFTER);
    let end = next_of(tokens, rest, &[]);
    let relation = relation(tokens, start, on)?;
    let (mut name, mut value) = ("name".to_string(), "value".to_string());
    if rest > into {
        let named = significant(tokens, into + 1).filter(|word| is_word(&tokens[*word], "NAME"))?;
        let valued = next_of(tokens, named, &["VALUE"]);
        name = text(tokens, named + 1, valued.min(rest));
        value = text(tokens, valued + 1, rest);
    }
    let columns = text(tokens, on + 1, into);
    let after = text(tokens, rest, end);
    Some(format!(
        "SELECT * FROM {relation} UNPIVOT ({} FOR {} IN ({})) {after}",
        value.trim(),
        name.trim(),
        columns.trim()
    ))
}

/// Returns the table between two positions; `None` if nothing is there, or no ON follows.
fn relation(tokens: &[TokenWithSpan], start: usize, on: usize) -> Option<String> {
    let relation = text(tokens, start, on);
    (on < tokens.len() && is_word(&tokens[on], "ON") && !relation.trim().is_empty())
        .then(|| relation.trim().to_string())
}

fn text(tokens: &[TokenWithSpan], from: usize, to: usize) -> String {
    tokens.get(from..to.min(tokens.len())).unwrap_or_default().iter().map(tokens::written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().expect("tokens");
        text(&rewritten(tokens), 0, usize::MAX).trim().to_string()
    }

    #[test]
    fn statements_become_selects() {
        for (sql, expected) in [
            (
                "PIVOT p ON y USING sum(pop) AS s, max(pop) GROUP BY city ORDER BY city",
                "SELECT * FROM p PIVOT (sum(pop) AS s, max(pop), squall_group_by(city) FOR y IN (ANY)) ORDER BY city",
            ),
            ("PIVOT (FROM p) ON y IN (1, 2)", "SELECT * FROM (FROM p) PIVOT (count(*) FOR y IN (1, 2))"),
            ("UNPIVOT t ON a, b", "SELECT * FROM t UNPIVOT (value FOR name IN (a, b))"),
            ("UNPIVOT t ON a, b INTO NAME n VALUE v LIMIT 3", "SELECT * FROM t UNPIVOT (v FOR n IN (a, b)) LIMIT 3"),
        ] {
            assert_eq!(statement(sql), expected);
        }
        assert_eq!(
            statement("EXPLAIN SELECT * FROM (UNPIVOT t ON a) AS u WHERE n > 1"),
            "EXPLAIN SELECT * FROM (SELECT * FROM t UNPIVOT (value FOR name IN (a))) AS u WHERE n > 1"
        );
        assert_eq!(
            statement("WITH t AS (SELECT 1 AS a) PIVOT t ON a"),
            "WITH t AS (SELECT 1 AS a) SELECT * FROM t PIVOT (count(*) FOR a IN (ANY))"
        );
        assert_eq!(
            statement("CREATE TABLE p AS PIVOT t ON a"),
            "CREATE TABLE p AS SELECT * FROM t PIVOT (count(*) FOR a IN (ANY))"
        );
        assert!(statement("SUMMARIZE SELECT 'a' AS x").ends_with("FROM profile('SELECT ''a'' AS x')"));
    }

    #[test]
    fn other_statements_stay() {
        for sql in
            ["SELECT pivot FROM summarize", "SELECT sum(summarize), f(pivot, 1)", "PIVOT p", "PIVOT", "UNPIVOT ON a"]
        {
            assert_eq!(statement(sql), sql);
        }
    }
}
