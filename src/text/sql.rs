//! Names and values as written in a SQL statement.

/// Returns the text as a SQL string literal: `it's` becomes `'it''s'`.
pub fn literal(text: &str) -> String {
    format!("'{}'", doubled_quotes(text))
}

/// Returns the text with its single quotes doubled, for use inside existing quotes.
pub fn doubled_quotes(text: &str) -> String {
    text.replace('\'', "''")
}

/// Returns the name as a quoted SQL identifier, which keeps its capitals: `a"b` becomes `"a""b"`.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::{identifier, literal};

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(""), "''");
        assert_eq!(identifier("a\"B"), "\"a\"\"B\"");
    }
}
