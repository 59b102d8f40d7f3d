//! `LIKE '50!%' ESCAPE '!'`.
//!
//! The engine knows only the backslash. In: a parsed statement. Out: the same statement, in which a pattern that is a text in quotes has a
//! backslash before each escaped letter. The engine refuses other patterns.

use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, ValueWithSpan};

use crate::error::Refused;

/// Writes patterns with backslashes.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        if let Expr::Like { pattern, escape_char, any: false, .. }
        | Expr::ILike { pattern, escape_char, any: false, .. } = expression
            && let Some(escape) = escape_char.as_ref().and_then(text)
            && let Expr::Value(written) = pattern.as_mut()
            && let Some(other) = text(written).and_then(|pattern| with_backslashes(pattern, escape))
        {
            written.value = Value::SingleQuotedString(other);
            *escape_char = None;
        }
    });
    Ok(())
}

fn text(value: &ValueWithSpan) -> Option<&str> {
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// Returns a pattern in which backslashes escape; `None` if it ends in the middle, or the backslash escapes already.
fn with_backslashes(pattern: &str, escape: &str) -> Option<String> {
    let mut letters = escape.chars();
    let escape = letters.next();
    if letters.next().is_some() || escape == Some('\\') {
        return None;
    }
    let mut other = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        let is_escaped = Some(letter) == escape;
        let letter = if is_escaped { rest.next()? } else { letter };
        if letter == '\\' || (is_escaped && matches!(letter, '%' | '_')) {
            other.push('\\');
        }
        other.push(letter);
    }
    Some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backslash_escapes() {
        let with = |pattern, escape| with_backslashes(pattern, escape);
        assert_eq!(with("50!%", "!").as_deref(), Some("50\\%"));
        assert_eq!(with("a!!b!_%", "!").as_deref(), Some("a!b\\_%"));
        assert_eq!(with("a\\%", "!").as_deref(), Some("a\\\\%"));
        assert_eq!(with("a\\%", "").as_deref(), Some("a\\\\%"));
        assert_eq!(with("a!", "!"), None);
        assert_eq!(with("a\\%", "\\"), None);
    }
}
