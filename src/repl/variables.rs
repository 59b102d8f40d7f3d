//! The shell's variables: `.set x 5` gives `x` a text, and `:x` in a statement stands for that text.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::statement::{Cursor, begin, end, tokens};

/// Texts by name.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Gives a variable a text; `None` removes the variable.
    pub fn set(&mut self, name: String, value: Option<String>) {
        match value {
            Some(value) => drop(self.0.insert(name, value)),
            None => drop(self.0.remove(&name)),
        }
    }

    /// Returns each variable and its text, one a line.
    pub fn list(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
    }

    /// Returns the input with each `:name` replaced by the variable's text. A colon inside a string, a comment or `::` stays,
    /// and so does one before a name that no variable has, or one right after a value or a `[` after a value, as in `a[1:n]`, `a[:n]` and
    /// `{'k':v}`.
    pub fn replaced(&self, input: &str) -> String {
        if self.0.is_empty() {
            return input.into();
        }
        let (tokens, _) = tokens(input);
        let mut cursor = Cursor::start(input);
        let (mut text, mut copied) = (String::new(), 0);
        for (place, pair) in tokens.windows(2).enumerate() {
            let [colon, name] = pair else { continue };
            let (Token::Colon, Token::Word(word)) = (&colon.token, &name.token) else { continue };
            let follows_value = |place: usize| {
                let before = place.checked_sub(1).and_then(|place| tokens.get(place).zip(tokens.get(place + 1)));
                before.is_some_and(|(before, next)| end(before) == begin(next) && ends_value(&before.token))
            };
            let opened = place.checked_sub(1).filter(|before| tokens[*before].token == Token::LBracket);
            let begins_slice =
                opened.is_some_and(|bracket| end(&tokens[bracket]) == begin(colon) && follows_value(bracket));
            let divides = follows_value(place) || begins_slice;
            if let Some(value) = self.0.get(&word.value)
                && end(colon) == begin(name)
                && !divides
            {
                let (from, to) = (cursor.seek(begin(colon)).offset, cursor.seek(end(name)).offset);
                text.push_str(&input[copied..from]);
                text.push_str(value);
                copied = to;
            }
        }
        text + &input[copied..]
    }
}

fn ends_value(token: &Token) -> bool {
    matches!(
        token,
        Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::RParen
            | Token::RBracket
            | Token::RBrace
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_and_a_name_stand_for_the_text() {
        let mut variables = Variables::default();
        assert_eq!(variables.replaced("SELECT :x"), "SELECT :x");
        variables.set("x".into(), Some("5".into()));
        variables.set("t".into(), Some("'BTC-USD'".into()));
        for (input, expected) in [
            ("SELECT :x + :x, é FROM t\nWHERE p = :t;", "SELECT 5 + 5, é FROM t\nWHERE p = 'BTC-USD';"),
            ("SELECT ':x', 1::text -- :x\n, a[1:2], :y, : x", "SELECT ':x', 1::text -- :x\n, a[1:2], :y, : x"),
            ("SELECT a[1:x], {'k':x, 'l': :x}, a[:x], f(1):x", "SELECT a[1:x], {'k':x, 'l': 5}, a[:x], f(1):x"),
            ("SELECT a[ :x], [:x, 2], a[: :x], f(a)[:x]", "SELECT a[ 5], [5, 2], a[: 5], f(a)[:x]"),
            ("SELECT :x; SELECT ':open", "SELECT 5; SELECT ':open"),
        ] {
            assert_eq!(variables.replaced(input), expected);
        }
        assert_eq!(variables.list(), "t = 'BTC-USD'\nx = 5\n");
        variables.set("x".into(), None);
        assert_eq!(variables.replaced("SELECT :x"), "SELECT :x");
    }
}
