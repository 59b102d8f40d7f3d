//! How deep the tree of a statement may be.
//!
//! The engine walks through a syntax tree and a plan by functions that call themselves, and `1 + 1 + …` is a tree as deep as it has
//! operators. A thread whose stack is too small for that ends the whole program. In: tokens. Out: an error if there are too many operators in
//! one another's arguments, or too many queries in one UNION.

use datafusion::common::{Result, plan_err};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::text::tokens::is_word;

/// The stack of a thread that plans statements. The system gives memory only for what is used of it.
pub const STACK: usize = 128 << 20;

/// How many operators may stand in one another's arguments. Measured: a build without optimizations uses a third of the stack.
const MOST: usize = 2_000;

/// Operators that are words.
const OPERATORS: [&str; 8] = ["AND", "OR", "XOR", "IS", "LIKE", "ILIKE", "COLLATE", "DIV"];

/// Words whose left side is all that stands before them.
const JOINED: [&str; 4] = ["UNION", "EXCEPT", "INTERSECT", "JOIN"];

/// The operators between two parentheses.
#[derive(Default)]
struct Level {
    /// Those of the expression; a comma begins another one.
    operators: usize,
    joined: usize,
    /// The deepest of the expressions in parentheses that are its operands.
    inner: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.operators + self.joined + self.inner
    }
}

/// Checks that a statement is not too deep.
///
/// # Errors
/// It is.
pub fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    // The innermost level, and those around it with their depth.
    let (mut level, mut around, mut depth_around) = (Level::default(), Vec::new(), 0);
    for token in tokens {
        match &token.token {
            Token::LParen => {
                depth_around += level.depth();
                around.push(std::mem::take(&mut level));
            }
            Token::RParen => {
                let inner = level.depth();
                level = around.pop().unwrap_or_default();
                depth_around = usize::saturating_sub(depth_around, level.depth());
                level.inner = level.inner.max(inner);
            }
            Token::Comma => (level.operators, level.inner) = (0, 0),
            Token::Word(_) if JOINED.iter().any(|word| is_word(token, word)) => level.joined += 1,
            other if is_operator(other) || OPERATORS.iter().any(|word| is_word(token, word)) => level.operators += 1,
            _ => {}
        }
        let depth = depth_around + level.depth();
        if depth > MOST {
            return plan_err!(
                "more than {MOST} operators stand in one another's arguments: write x IN (1, 2, …) for x = 1 OR x = 2 …, \
                 or read the values from a table"
            );
        }
    }
    Ok(())
}

fn is_operator(token: &Token) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::DuckIntDiv
            | Token::Mod
            | Token::StringConcat
            | Token::Eq
            | Token::DoubleEq
            | Token::Neq
            | Token::Lt
            | Token::Gt
            | Token::LtEq
            | Token::GtEq
            | Token::DoubleColon
            | Token::Pipe
            | Token::Ampersand
            | Token::Caret
            | Token::ShiftLeft
            | Token::ShiftRight
            | Token::Arrow
            | Token::LongArrow
            | Token::LBracket
    )
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn fits(text: &str) -> bool {
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().expect("tokens");
        check(&tokens).is_ok()
    }

    #[test]
    fn chains_of_operators_are_counted() {
        let chain = |part: &str, count: usize| format!("SELECT {}", vec!["x"; count + 1].join(part));
        for part in ["+", " || ", " OR ", "::int + ", " UNION ALL SELECT ", " -> "] {
            let each = part.split(" + ").count();
            assert!(fits(&chain(part, MOST / each)), "{part}");
            assert!(!fits(&chain(part, MOST + 1)), "{part}");
        }
        assert!(!fits(&format!("SELECT ({}) + 1", vec!["x"; MOST + 1].join("+"))));
        let one = format!("SELECT 1, {}", vec!["(1, 2)"; MOST].join(" UNION SELECT 1, "));
        assert!(fits(&one) && !fits(&format!("{one} UNION SELECT 1, 2 UNION SELECT 1, 2")));
    }

    #[test]
    fn long_lists_are_not_deep() {
        assert!(fits(&format!("SELECT x IN ({})", vec!["-1"; 3 * MOST].join(", "))));
        assert!(fits(&format!("VALUES {}", vec!["(1 + 1, -2)"; 3 * MOST].join(", "))));
        assert!(fits(&format!("SELECT {}", vec!["coalesce(a + b, c OR d)"; 3 * MOST].join(", "))));
        assert!(fits(&format!("SELECT {} 1", "(a + b) AND ".repeat(MOST - 1))));
    }
}
