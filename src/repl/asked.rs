//! The columns that a reader of a result wants to see first: those that the statement names, and the keys of what it reads.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::statement::tokens;

/// Returns the words of a statement that may name columns, and the keys of the tables that it names.
pub fn columns(statement: &str, keys: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    for token in tokens(statement).0 {
        if let Token::Word(word) = token.token {
            // Names fold to lower case unless they are quoted.
            let name = if word.quote_style.is_some() { word.value } else { word.value.to_lowercase() };
            names.extend(keys(&name));
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_keys_are_asked_for() {
        let keys = |table: &str| if table == "ticks" { vec!["product_id".into(), "ts".into()] } else { Vec::new() };
        let columns = columns("SELECT *, 'bid' FROM ticks WHERE Price > 1 ORDER BY \"Mixed\" -- ask", keys);
        for name in ["product_id", "ts", "price", "Mixed"] {
            assert!(columns.iter().any(|column| column == name), "{name}");
        }
        for name in ["bid", "ask", "Price"] {
            assert!(!columns.iter().any(|column| column == name), "{name}");
        }
    }
}
