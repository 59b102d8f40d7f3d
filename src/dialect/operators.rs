//! Operators of DuckDB that are functions of squall, or other operators.
//!
//! In: a statement. Out: the same statement with `j -> 'a'` and `j ->> 'a'` as calls of `json_extract` and `json_extract_string`,
//! `a // b` as `a / b`, and `x IN [1, 2]` as a call of `array_has`, which does not take a NULL of the list for an unknown value.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, UnaryOperator};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::calls::call;
use super::each_expression;
use crate::error::Refused;
use crate::text::tokens::{is_word, significant};

/// Writes the operators as the engine has them.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    each_expression(statement, |expression| match expression {
        Expr::BinaryOp { left, op, right } => {
            let name = match op {
                BinaryOperator::Arrow => "json_extract",
                BinaryOperator::LongArrow => "json_extract_string",
                BinaryOperator::DuckIntegerDivide => {
                    *op = BinaryOperator::Divide;
                    return;
                }
                _ => return,
            };
            *expression = call(name, vec![(**left).clone(), (**right).clone()]);
        }
        Expr::InUnnest { expr, array_expr, negated } => {
            let is_there = call("array_has", vec![(**array_expr).clone(), (**expr).clone()]);
            *expression = match negated {
                true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(is_there) },
                false => is_there,
            };
        }
        _ => {}
    });
    Ok(())
}

/// Writes `IN [1, 2]` as `IN UNNEST([1, 2])`, which the parser reads.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(word) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "IN")) {
        start = word + 1;
        let Some(open) = significant(&tokens, start) else { break };
        let Some(close) = closing(&tokens, open) else { continue };
        let (first, last) = (tokens[open].span, tokens[close].span);
        let words = [Token::Whitespace(Whitespace::Space), Token::make_keyword("UNNEST"), Token::LParen];
        tokens.insert(close + 1, TokenWithSpan::new(Token::RParen, last));
        tokens.splice(open..open, words.map(|token| TokenWithSpan::new(token, first)));
    }
    tokens
}

/// Returns the bracket that closes the one at a position.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LBracket => depth += 1,
            Token::RBracket => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (index > open).then_some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::text::tokens::written;

    #[test]
    fn operators_become_calls() {
        for (text, expected) in [
            ("SELECT j -> 'a' ->> 0", "SELECT json_extract_string(json_extract(j, 'a'), 0)"),
            ("SELECT 1 + a // b", "SELECT 1 + a / b"),
            ("SELECT a IN UNNEST([1, b]), a NOT IN UNNEST([1])", "SELECT array_has([1, b], a), NOT array_has([1], a)"),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
            write(&mut statements[0]).unwrap();
            assert_eq!(statements[0].to_string(), expected);
        }
    }

    #[test]
    fn lists_behind_in_are_unnested() {
        for (text, expected) in [
            ("SELECT a IN [1, b[2]] AND c in[3]", "SELECT a IN UNNEST([1, b[2]]) AND c in UNNEST([3])"),
            ("SELECT a IN (1, 2), b IN ([1])", "SELECT a IN (1, 2), b IN ([1])"),
            ("SELECT a IN [1", "SELECT a IN [1"),
        ] {
            let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap();
            let found: String = rewritten(tokens).iter().map(written).collect();
            assert_eq!(found.replace("  ", " "), expected);
        }
    }
}
