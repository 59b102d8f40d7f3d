//! The columns that a reader of a result wants to see first: those that the statement names, and the keys of what it reads.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Word};

use super::statement::tokens;

/// Returns the words of a statement that may name columns, and the keys of the tables that it names.
pub fn columns(statement: &str, keys: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    for token in tokens(statement).0 {
        if let Token::Word(word) = token.token {
            let name = name_of(word);
            names.extend(keys(&name));
            names.push(name);
        }
    }
    names
}

/// Returns the tables that a statement reads: the words after FROM and JOIN.
pub fn tables(statement: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut follows = false;
    for token in tokens(statement).0 {
        match token.token {
            Token::Whitespace(_) => {}
            Token::Word(word) if follows => {
                names.push(name_of(word));
                follows = false;
            }
            Token::Word(word) => follows = matches!(word.keyword, Keyword::FROM | Keyword::JOIN),
            _ => follows = false,
        }
    }
    names
}

/// Returns the name for which a word stands: names fold to lower case unless they are quoted.
fn name_of(word: Word) -> String {
    if word.quote_style.is_some() { word.value } else { word.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_statement_stand_after_from_and_join() {
        let read = tables("SELECT a, 'FROM x' FROM Yesterday y JOIN (SELECT 1 FROM \"Two\") t ON a = b");
        assert_eq!(read, ["yesterday", "Two"]);
    }

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
