//! Integers with underscores, and those of base 2, 8 and 16.
//!
//! The tokenizer reads `1_000` as the number 1 with the name `_000`, `0b11` as 0 with a name, and `0xFF` as bytes. In: tokens. Out: the same
//! tokens with numbers in their place, as in PostgreSQL.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Writes such integers as decimal ones.
pub fn rewritten(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut written: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // The digits of the last token, if it has base 16.
    let mut of_sixteen: Option<String> = None;
    for token in tokens {
        // Nothing stands between a number and its digits, not even a space.
        let before = written.last().map(|token| &token.token);
        let joined = match (before, &token.token) {
            (Some(Token::Number(number, false)), Token::Word(word)) if word.quote_style.is_none() => {
                match &of_sixteen {
                    Some(digits) => {
                        integer(&format!("{digits}{}", word.value), 16).filter(|_| word.value.starts_with('_'))
                    }
                    None => grouped(number, &word.value),
                }
            }
            (Some(Token::Number(number, false)), Token::Number(fraction, false))
                if fraction.starts_with('.') && of_sixteen.is_none() =>
            {
                Some(format!("{number}{fraction}"))
            }
            _ => None,
        };
        of_sixteen = None;
        match (joined, &token.token) {
            (Some(number), _) => {
                if let Some(last) = written.last_mut() {
                    last.token = Token::Number(number, false);
                    last.span.end = token.span.end;
                }
            }
            // X'FF', which has two quotes, stays bytes.
            (None, Token::HexStringLiteral(digits)) if length(&token) == digits.len() as u64 + 2 => {
                match integer(digits, 16) {
                    Some(number) => {
                        of_sixteen = Some(digits.clone());
                        written.push(TokenWithSpan::new(Token::Number(number, false), token.span));
                    }
                    None => written.push(token),
                }
            }
            _ => written.push(token),
        }
    }
    written
}

/// Returns an integer in base ten; `None` if it has other digits.
fn integer(digits: &str, radix: u32) -> Option<String> {
    u128::from_str_radix(&digits.replace('_', ""), radix).ok().map(|number| number.to_string())
}

fn length(token: &TokenWithSpan) -> u64 {
    token.span.end.column.saturating_sub(token.span.start.column)
}

/// Returns a number with the digits that follow it; `None` if a name follows.
fn grouped(number: &str, word: &str) -> Option<String> {
    let radix = match word.get(..1)? {
        "_" => {
            let digits = word.strip_prefix('_')?;
            let is_group = |group: &str| !group.is_empty() && group.bytes().all(|digit| digit.is_ascii_digit());
            return digits.split('_').all(is_group).then(|| format!("{number}{}", digits.replace('_', "")));
        }
        "b" | "B" => 2,
        "o" | "O" => 8,
        _ => return None,
    };
    if number == "0" { integer(word.get(1..)?, radix) } else { None }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn integers_are_written_in_base_ten() {
        for (text, expected) in [
            ("1_000_000", "1000000"),
            ("1_000.5 + 2", "1000.5 + 2"),
            ("0xFF, 0x1_0, 0xf_F", "255, 16, 255"),
            ("0b1_01 0o17", "5 15"),
            ("X'FF'", "X'FF'"),
            ("1 _000, 2_, 3 b1, 0x", "1 _000, 2_, 3 b1, X''"),
            ("a_1, 1e3, 0 b, \"_1\"", "a_1, 1e3, 0 b, \"_1\""),
        ] {
            let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().expect("tokens");
            let text: String = rewritten(tokens).iter().map(crate::text::tokens::written).collect();
            assert_eq!(text, expected);
        }
    }
}
