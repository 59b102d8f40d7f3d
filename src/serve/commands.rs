//! What a statement asks of the connection itself, and what goes to the engine.
//!
//! In: a statement as text. Out: a [`Command`]. Transactions, settings and cursors belong to the connection; everything else is SQL.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// A statement, by what carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Spaces and comments alone.
    Empty,
    Begin,
    Commit,
    Rollback,
    RollbackTo(String),
    Savepoint(String),
    Release(String),
    /// `None` as the value is the default. A `local` value ends with its transaction.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    ResetAll,
    Show(String),
    /// DISCARD: forgets what the connection holds.
    Discard {
        all: bool,
    },
    /// Forgets one prepared statement, or all.
    Deallocate(Option<String>),
    /// `held` keeps the cursor when its transaction ends.
    Declare {
        name: String,
        query: String,
        held: bool,
    },
    Fetch {
        name: String,
        rows: Rows,
    },
    Move {
        name: String,
        rows: Rows,
    },
    CloseCursor(Option<String>),
    /// What reads and changes nothing.
    Query,
    /// What makes, changes or removes something: its words for the answer, such as `CREATE VIEW`.
    Write(&'static str),
    /// What the server does not have: its word.
    Unknown(&'static str),
}

/// How many rows a FETCH returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Next(usize),
    All,
    /// Cursors only go forward.
    Backward,
}

/// The first words of statements that make, change or remove something, and their tags.
const WRITES: [(&str, &str); 21] = [
    ("CREATE", "CREATE"),
    ("DROP", "DROP"),
    ("ALTER", "ALTER"),
    ("INSERT", "INSERT"),
    ("UPDATE", "UPDATE"),
    ("DELETE", "DELETE"),
    ("MERGE", "MERGE"),
    ("TRUNCATE", "TRUNCATE"),
    ("COPY", "COPY"),
    ("EXPORT", "EXPORT"),
    ("GRANT", "GRANT"),
    ("REVOKE", "REVOKE"),
    ("COMMENT", "COMMENT"),
    ("ANALYZE", "ANALYZE"),
    ("VACUUM", "VACUUM"),
    ("REFRESH", "REFRESH"),
    ("REINDEX", "REINDEX"),
    ("CLUSTER", "CLUSTER"),
    ("LOAD", "LOAD"),
    ("ATTACH", "ATTACH"),
    ("INSTALL", "INSTALL"),
];

/// The first words of statements of PostgreSQL that the server does not have.
const UNKNOWN: [&str; 9] = ["LISTEN", "UNLISTEN", "NOTIFY", "LOCK", "PREPARE", "EXECUTE", "CALL", "DO", "CHECKPOINT"];

impl Command {
    /// Reads a statement.
    pub fn read(text: &str) -> Command {
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else {
            // The engine says what is wrong with it.
            return Command::Query;
        };
        let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        let words = Words(&tokens);
        let Some(first) = words.upper(0) else {
            return if tokens.iter().all(|token| matches!(token, Token::EOF | Token::SemiColon)) {
                Command::Empty
            } else {
                Command::Query
            };
        };
        match first.as_str() {
            "BEGIN" => Command::Begin,
            "START" if words.is(1, "TRANSACTION") => Command::Begin,
            "COMMIT" | "END" => Command::Commit,
            "ROLLBACK" | "ABORT" if (1..4).any(|at| words.is(at, "TO")) => Command::RollbackTo(words.last()),
            "ROLLBACK" | "ABORT" => Command::Rollback,
            "SAVEPOINT" => Command::Savepoint(words.last()),
            "RELEASE" => Command::Release(words.last()),
            "SET" => set(&words),
            "RESET" if words.is(1, "ALL") => Command::ResetAll,
            "RESET" => Command::Set { name: words.name(1).to_lowercase(), value: None, local: false },
            "SHOW" => show(&words),
            "DISCARD" => Command::Discard { all: words.is(1, "ALL") },
            "DEALLOCATE" => {
                let at = if words.is(1, "PREPARE") { 2 } else { 1 };
                Command::Deallocate((!words.is(at, "ALL")).then(|| words.name(at)))
            }
            "DECLARE" => declare(&words, text),
            "FETCH" => fetch(&words).map_or(Command::Query, |(name, rows)| Command::Fetch { name, rows }),
            "MOVE" => fetch(&words).map_or(Command::Query, |(name, rows)| Command::Move { name, rows }),
            "CLOSE" => Command::CloseCursor((!words.is(1, "ALL")).then(|| words.name(1))),
            "CREATE" => Command::Write(create(&words)),
            "DROP" if words.is(1, "VIEW") => Command::Write("DROP VIEW"),
            "DROP" if words.is(1, "TABLE") => Command::Write("DROP TABLE"),
            first => {
                let write = WRITES.iter().find(|(word, _)| *word == first);
                let unknown = || UNKNOWN.iter().find(|word| **word == first);
                match write {
                    Some((_, tag)) => Command::Write(tag),
                    None => unknown().map_or(Command::Query, |word| Command::Unknown(word)),
                }
            }
        }
    }
}

/// The tokens of a statement, without spaces and comments.
struct Words<'a>(&'a [Token]);

impl Words<'_> {
    fn upper(&self, at: usize) -> Option<String> {
        match self.0.get(at) {
            Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            _ => None,
        }
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.upper(at).as_deref() == Some(word)
    }

    /// Returns the name at the end.
    fn last(&self) -> String {
        let last = self.0.iter().rposition(|token| !matches!(token, Token::SemiColon | Token::EOF));
        last.map_or_else(String::new, |last| self.name(last))
    }

    /// Returns a name, small unless it is quoted.
    fn name(&self, at: usize) -> String {
        match self.0.get(at) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_lowercase(),
            Some(Token::Word(word)) => word.value.clone(),
            Some(token) => value(token),
            None => String::new(),
        }
    }
}

fn value(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.clone(),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
        Token::Number(text, _) => text.clone(),
        other => other.to_string(),
    }
}

fn create(words: &Words) -> &'static str {
    const BEFORE: [&str; 4] = ["OR", "REPLACE", "TEMP", "TEMPORARY"];
    let mut what = (1..).map(|at| words.upper(at));
    match what.find(|word| word.as_deref().is_none_or(|word| !BEFORE.contains(&word))).flatten().as_deref() {
        Some("VIEW") => "CREATE VIEW",
        Some("MODEL") => "CREATE MODEL",
        Some("TABLE") => "CREATE TABLE",
        _ => "CREATE",
    }
}

/// Reads `SET [SESSION | LOCAL] name { TO | = } value` and the forms with words of their own.
fn set(words: &Words) -> Command {
    let mut at = 1;
    if words.is(at, "SESSION") && words.is(at + 1, "CHARACTERISTICS") || words.is(at, "TRANSACTION") {
        // Transactions are read-only and see what is there when a statement begins, whatever is asked.
        return Command::Set { name: "transaction_isolation".into(), value: None, local: false };
    }
    let local = words.is(at, "LOCAL");
    if words.is(at, "SESSION") || local {
        at += 1;
    }
    let rest = |at: usize| setting(&words.0[at.min(words.0.len())..]);
    let (name, value) = if words.is(at, "TIME") && words.is(at + 1, "ZONE") {
        ("timezone".to_string(), rest(at + 2))
    } else if words.is(at, "NAMES") {
        ("client_encoding".to_string(), rest(at + 1))
    } else {
        let start = at;
        while at < words.0.len() && !words.is(at, "TO") && words.0[at] != Token::Eq {
            at += 1;
        }
        let name: String = words.0[start..at].iter().map(value).collect();
        (name.to_lowercase(), rest(at + 1))
    };
    Command::Set { name, value, local }
}

/// Returns the value of a setting, which may be a list.
fn setting(tokens: &[Token]) -> Option<String> {
    let tokens = tokens.iter().filter(|token| !matches!(token, Token::SemiColon | Token::EOF));
    let mut text = String::new();
    for token in tokens {
        text.push_str(&value(token));
        if *token == Token::Comma {
            text.push(' ');
        }
    }
    (!text.eq_ignore_ascii_case("default")).then_some(text)
}

fn show(words: &Words) -> Command {
    const ENGINE: [&str; 6] = ["TABLES", "COLUMNS", "ALL", "FUNCTIONS", "CREATE", "MODELS"];
    if words.upper(1).is_some_and(|word| ENGINE.contains(&word.as_str())) || words.0.get(2) == Some(&Token::Period) {
        return Command::Query;
    }
    if words.is(1, "TIME") && words.is(2, "ZONE") {
        return Command::Show("timezone".into());
    }
    if words.is(1, "TRANSACTION") {
        return Command::Show("transaction_isolation".into());
    }
    Command::Show(words.name(1).to_lowercase())
}

/// Reads `DECLARE name [BINARY] [INSENSITIVE] [[NO] SCROLL] CURSOR [{WITH | WITHOUT} HOLD] FOR query`.
fn declare(words: &Words, text: &str) -> Command {
    let with_places = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap_or_default();
    let mut cursor = false;
    let after = with_places.iter().find(|token| {
        let Token::Word(word) = &token.token else { return false };
        cursor |= word.value.eq_ignore_ascii_case("cursor");
        cursor && word.quote_style.is_none() && word.value.eq_ignore_ascii_case("for")
    });
    let Some(after) = after else { return Command::Query };
    // The text keeps its places, so that an error in the query is found where it stands.
    let mut query = String::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = number as u64 + 1;
        for (column, character) in line.chars().enumerate() {
            let before = (number, column as u64 + 1) < (after.span.end.line, after.span.end.column);
            query.push(if before && character != '\n' { ' ' } else { character });
        }
    }
    let held = (0..words.0.len()).any(|at| words.is(at, "WITH") && words.is(at + 1, "HOLD"));
    Command::Declare { name: words.name(1), query, held }
}

/// Reads `FETCH [direction] [FROM | IN] name`.
fn fetch(words: &Words) -> Option<(String, Rows)> {
    let last = words.0.iter().rposition(|token| !matches!(token, Token::SemiColon | Token::EOF))?;
    let name = words.name(last);
    let middle: Vec<String> = words.0[1..last.max(1)].iter().map(|token| value(token).to_uppercase()).collect();
    let middle: Vec<&str> = middle.iter().map(String::as_str).filter(|word| !matches!(*word, "FROM" | "IN")).collect();
    let rows = match middle.as_slice() {
        [] | ["NEXT" | "FORWARD"] => Rows::Next(1),
        ["ALL"] | ["FORWARD", "ALL"] => Rows::All,
        [count] | ["FORWARD", count] => count.parse().map_or(Rows::Backward, Rows::Next),
        _ => Rows::Backward,
    };
    Some((name, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: Option<&str>) -> Command {
        Command::Set { name: name.into(), value: value.map(Into::into), local: false }
    }

    #[test]
    fn statements_go_where_they_belong() {
        for (text, expected) in [
            ("-- nothing", Command::Empty),
            ("begin isolation level read committed", Command::Begin),
            ("ROLLBACK TO SAVEPOINT s", Command::RollbackTo("s".into())),
            ("RELEASE \"S\";", Command::Release("S".into())),
            (
                "SET LOCAL work_mem = '1MB'",
                Command::Set { name: "work_mem".into(), value: Some("1MB".into()), local: true },
            ),
            ("SET extra_float_digits = 3", set("extra_float_digits", Some("3"))),
            ("set session TimeZone to 'UTC'", set("timezone", Some("UTC"))),
            ("SET TIME ZONE DEFAULT", set("timezone", None)),
            ("SET search_path TO public, other", set("search_path", Some("public, other"))),
            ("SET statement_timeout = '2s'", set("statement_timeout", Some("2s"))),
            ("SET", set("", Some(""))),
            ("SHOW server_version", Command::Show("server_version".into())),
            ("SHOW TABLES", Command::Query),
            ("SHOW datafusion.execution.batch_size", Command::Query),
            ("FETCH FORWARD 100 FROM \"Named\"", Command::Fetch { name: "Named".into(), rows: Rows::Next(100) }),
            ("FETCH ALL IN c;", Command::Fetch { name: "c".into(), rows: Rows::All }),
            ("FETCH BACKWARD 1 FROM c", Command::Fetch { name: "c".into(), rows: Rows::Backward }),
            ("CLOSE c", Command::CloseCursor(Some("c".into()))),
            ("DEALLOCATE PREPARE ALL", Command::Deallocate(None)),
            ("CREATE OR REPLACE MODEL m AS SELECT 1", Command::Write("CREATE MODEL")),
            ("create view v as select 1", Command::Write("CREATE VIEW")),
            ("CREATE SCHEMA view", Command::Write("CREATE")),
            ("CREATE DATABASE model", Command::Write("CREATE")),
            ("/* c */ COPY t TO 'x.csv'", Command::Write("COPY")),
            ("LISTEN x", Command::Unknown("LISTEN")),
            ("WITH a AS (SELECT 1) SELECT * FROM a", Command::Query),
            ("(SELECT 1)", Command::Query),
            ("SELECT 'unfinished", Command::Query),
        ] {
            assert_eq!(Command::read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_query_of_a_cursor_stays_in_its_place() {
        let declared = Command::read("DECLARE \"c\" NO SCROLL CURSOR WITH HOLD FOR\n SELECT 1");
        let query = format!("{}\n SELECT 1", " ".repeat("DECLARE \"c\" NO SCROLL CURSOR WITH HOLD FOR".len()));
        assert_eq!(declared, Command::Declare { name: "c".into(), query, held: true });
    }
}
