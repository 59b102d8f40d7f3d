//! What a statement expects at the cursor.
//!
//! In: text and a place in it. Out: the word that is being typed, what may come there, and the relations that the statement reads.
//! The statement is unfinished, so it is read token by token.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::repl::statement::{Cursor, begin, end, tokens};

/// What may come at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    Statement,
    Table,
    AfterTable,
    Expression,
    /// After WHERE or ON, where neither an aggregate nor a window function can stand.
    Condition,
    /// After the name of a relation and a dot.
    ColumnOf(&'a str),
    Setting,
    /// After SHOW: a setting, or what can be listed.
    Shown,
    /// After DESCRIBE: a table, or MODEL.
    Described,
    /// The name of a trained model.
    Model,
    /// Inside quotes.
    File,
    /// A new name, or a number.
    Nothing,
}

/// A relation that the statement reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation<'a> {
    /// As it is written: a name, a file in quotes, a call, or a subquery in parentheses.
    pub text: &'a str,
    /// The name by which the statement calls it.
    pub name: &'a str,
}

/// The cursor's surroundings.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Where the word before the cursor starts.
    pub start: usize,
    /// The word before the cursor.
    pub word: &'a str,
    pub expected: Expected<'a>,
    pub relations: Vec<Relation<'a>>,
    /// The queries that WITH names: each name, and the text from WITH to the query's end.
    pub common: Vec<(&'a str, &'a str)>,
}

/// A token with its place.
struct Piece<'a> {
    token: Token,
    text: &'a str,
    start: usize,
    end: usize,
}

impl<'a> Surroundings<'a> {
    /// Reads the statement around a place.
    pub fn of(text: &'a str, at: usize) -> Surroundings<'a> {
        let before = pieces(&text[..at]);
        let first = before.pieces.iter().rposition(|piece| piece.token == Token::SemiColon).map_or(0, |at| at + 1);
        let from = before.pieces.get(first).map_or(at, |piece| piece.start);
        let rest = pieces(&text[from..]).pieces;
        let ends = rest.iter().position(|piece| piece.token == Token::SemiColon).unwrap_or(rest.len());
        let statement = &rest[..ends];
        let mut surroundings = Surroundings {
            start: at,
            word: &text[at..at],
            expected: Expected::Nothing,
            relations: relations(statement, &text[from..]),
            common: common(statement, &text[from..]),
        };
        if let Some(quote) = before.open {
            surroundings.start = quote + 1;
            surroundings.word = &text[quote + 1..at];
            surroundings.expected = match text[quote..].starts_with('\'') {
                true => Expected::File,
                false => Expected::Nothing,
            };
            return surroundings;
        }
        if before.unreadable {
            return surroundings;
        }
        let mut preceding = &before.pieces[first..];
        if let Some((last, others)) = preceding.split_last()
            && last.end == at
            && matches!(last.token, Token::Word(_))
        {
            (surroundings.start, surroundings.word) = (last.start, last.text);
            preceding = others;
        }
        surroundings.expected = expected(preceding);
        if matches!(surroundings.expected, Expected::Setting | Expected::Shown) {
            // A setting's name has dots.
            let adjoining = |pair: &[Piece<'_>], start: usize| pair.last().is_some_and(|piece| piece.end == start);
            while adjoining(preceding, surroundings.start)
                && let Some((last, others)) = preceding.split_last()
                && (last.token == Token::Period
                    || matches!(&last.token, Token::Word(word) if word.keyword != Keyword::SET))
            {
                surroundings.start = last.start;
                preceding = others;
            }
            surroundings.word = &text[surroundings.start..at];
        }
        surroundings
    }

    /// Returns the names by which the statement calls what it reads.
    pub fn aliases(&self) -> Vec<String> {
        let named = self.relations.iter().filter(|relation| !relation.name.is_empty());
        named.map(|relation| relation.name.to_string()).collect()
    }

    /// Returns the names of the queries in WITH.
    pub fn common_tables(&self) -> impl Iterator<Item = String> {
        self.common.iter().map(|(name, _)| (*name).to_string())
    }
}

struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
    /// Where a quote without an end begins.
    open: Option<usize>,
    /// Whether the text ends in a comment, or does not consist of tokens.
    unreadable: bool,
}

fn pieces(text: &str) -> Pieces<'_> {
    let (tokens, whole) = tokens(text);
    let mut cursor = Cursor::start(text);
    let mut pieces = Vec::new();
    let mut read = 0;
    let mut in_comment = false;
    for token in tokens {
        let start = cursor.seek(begin(&token)).offset;
        let end = cursor.seek(end(&token)).offset;
        if let Token::Whitespace(space) = &token.token {
            use datafusion::sql::sqlparser::tokenizer::Whitespace::SingleLineComment;
            in_comment = matches!(space, SingleLineComment { .. }) && end == text.len() && !text.ends_with('\n');
        } else if token.token != Token::EOF {
            pieces.push(Piece { token: token.token, text: &text[start..end], start, end });
        }
        read = end;
    }
    let rest = text[read..].trim_start();
    let open = (!whole && rest.starts_with(['\'', '"'])).then(|| text.len() - rest.len());
    Pieces { pieces, open, unreadable: in_comment || !whole && open.is_none() }
}

fn keyword(piece: &Piece<'_>) -> Keyword {
    match &piece.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// Keywords that end a list of tables.
const CLAUSES: [Keyword; 14] = [
    Keyword::SELECT,
    Keyword::WHERE,
    Keyword::ON,
    Keyword::USING,
    Keyword::GROUP,
    Keyword::ORDER,
    Keyword::HAVING,
    Keyword::QUALIFY,
    Keyword::LIMIT,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::WINDOW,
    Keyword::SET,
];

/// Words that may follow a table and are not its alias.
const NO_ALIASES: [Keyword; 8] = [
    Keyword::JOIN,
    Keyword::LEFT,
    Keyword::RIGHT,
    Keyword::INNER,
    Keyword::FULL,
    Keyword::CROSS,
    Keyword::OUTER,
    Keyword::FROM,
];

/// Returns what may come after these tokens.
fn expected<'a>(preceding: &[Piece<'a>]) -> Expected<'a> {
    let Some(last) = preceding.last() else { return Expected::Statement };
    if last.token == Token::Period {
        let name = preceding.len().checked_sub(2).map(|at| &preceding[at]);
        // A setting's name has dots too.
        let first = preceding.first().map(keyword);
        return match name {
            _ if first == Some(Keyword::SET) => Expected::Setting,
            Some(Piece { token: Token::Word(_), text, .. }) => Expected::ColumnOf(text),
            _ => Expected::Nothing,
        };
    }
    match keyword(last) {
        Keyword::FROM | Keyword::JOIN | Keyword::INTO | Keyword::TABLE | Keyword::VIEW => {
            return Expected::Table;
        }
        Keyword::DESCRIBE => return Expected::Described,
        Keyword::SET if preceding.len() == 1 => return Expected::Setting,
        Keyword::SHOW => return Expected::Shown,
        Keyword::AS | Keyword::LIMIT | Keyword::OFFSET => return Expected::Nothing,
        Keyword::EXPLAIN | Keyword::ANALYZE => return Expected::Statement,
        _ => {}
    }
    if preceding.first().map(keyword) == Some(Keyword::SET) {
        return Expected::Nothing;
    }
    if last.text.eq_ignore_ascii_case("MODEL") && preceding.len() == 2 && keyword(&preceding[0]) != Keyword::CREATE {
        return Expected::Model;
    }
    // Parentheses that are closed are skipped; one that is open begins an expression or a list.
    let mut depth = 0;
    for (at, piece) in preceding.iter().enumerate().rev() {
        match piece.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return Expected::Expression,
            Token::LParen => depth -= 1,
            _ if depth > 0 => {}
            _ => match keyword(piece) {
                Keyword::FROM | Keyword::JOIN => {
                    let listed = matches!(last.token, Token::Comma);
                    return if listed && at + 1 < preceding.len() { Expected::Table } else { Expected::AfterTable };
                }
                Keyword::WHERE | Keyword::ON => return Expected::Condition,
                clause if CLAUSES.contains(&clause) => return Expected::Expression,
                _ => {}
            },
        }
    }
    Expected::Expression
}

/// Returns what a statement reads.
fn relations<'a>(statement: &[Piece<'a>], text: &'a str) -> Vec<Relation<'a>> {
    let mut relations = Vec::new();
    let mut at = 0;
    while at < statement.len() {
        let begins =
            matches!(keyword(&statement[at]), Keyword::FROM | Keyword::JOIN | Keyword::INTO | Keyword::DESCRIBE);
        at += 1;
        if !begins {
            continue;
        }
        // A list of relations, with commas between them.
        while let Some((relation, next)) = relation(statement, at, text) {
            relations.push(relation);
            at = next;
            match statement.get(at) {
                Some(piece) if piece.token == Token::Comma => at += 1,
                _ => break,
            }
        }
    }
    relations
}

/// Reads a relation and its alias; returns what comes after them.
fn relation<'a>(statement: &[Piece<'a>], at: usize, text: &'a str) -> Option<(Relation<'a>, usize)> {
    let first = statement.get(at)?;
    let mut next = at + 1;
    let mut name = "";
    match &first.token {
        Token::LParen => next = closing(statement, at)? + 1,
        Token::SingleQuotedString(_) => {}
        Token::Word(_) => {
            while statement.get(next).is_some_and(|piece| piece.token == Token::Period)
                && matches!(statement.get(next + 1), Some(Piece { token: Token::Word(_), .. }))
            {
                next += 2;
            }
            name = statement[next - 1].text;
            if statement.get(next).is_some_and(|piece| piece.token == Token::LParen) {
                next = closing(statement, next)? + 1;
            }
        }
        _ => return None,
    }
    let written = &text[first.start..statement[next - 1].end];
    if statement.get(next).map(keyword) == Some(Keyword::AS) {
        next += 1;
    }
    if let Some(alias @ Piece { token: Token::Word(_), .. }) = statement.get(next)
        && !CLAUSES.contains(&keyword(alias))
        && !NO_ALIASES.contains(&keyword(alias))
    {
        name = alias.text;
        next += 1;
    }
    Some((Relation { text: written, name }, next))
}

/// Returns the place of the parenthesis that closes the one at `open`.
fn closing(statement: &[Piece<'_>], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, piece) in statement.iter().enumerate().skip(open) {
        match piece.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some(at),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the queries that WITH names and that are whole.
fn common<'a>(statement: &[Piece<'a>], text: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut common = Vec::new();
    let Some(with) = statement.iter().position(|piece| keyword(piece) == Keyword::WITH) else { return common };
    let mut at = with + 1;
    if statement.get(at).map(keyword) == Some(Keyword::RECURSIVE) {
        at += 1;
    }
    while let Some(name @ Piece { token: Token::Word(_), .. }) = statement.get(at) {
        let Some(open) = (at + 1..statement.len().min(at + 4)).find(|at| statement[*at].token == Token::LParen) else {
            break;
        };
        let Some(close) = closing(statement, open) else { break };
        common.push((name.text, &text[statement[with].start..statement[close].end]));
        match statement.get(close + 1) {
            Some(piece) if piece.token == Token::Comma => at = close + 2,
            _ => break,
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text in which `|` marks the cursor.
    fn around<R>(marked: &str, look: impl FnOnce(&Surroundings<'_>) -> R) -> R {
        let at = marked.find('|').unwrap();
        look(&Surroundings::of(&marked.replace('|', ""), at))
    }

    #[test]
    fn each_place_expects_its_kind_of_word() {
        for (text, word, expected) in [
            ("SEL|", "SEL", Expected::Statement),
            ("SELECT 1; sel|", "sel", Expected::Statement),
            ("EXPLAIN |", "", Expected::Statement),
            ("SELECT pr|", "pr", Expected::Expression),
            ("SELECT |", "", Expected::Expression),
            ("SELECT é, pr|", "pr", Expected::Expression),
            ("SELECT a FROM t|", "t", Expected::Table),
            ("SELECT a FROM |", "", Expected::Table),
            ("SELECT a FROM t, |", "", Expected::Table),
            ("SELECT a FROM t |", "", Expected::AfterTable),
            ("SELECT a FROM t wh|", "wh", Expected::AfterTable),
            ("SELECT a FROM (SELECT 1) |", "", Expected::AfterTable),
            ("SELECT a FROM t JOIN |", "", Expected::Table),
            ("SELECT a FROM t JOIN u ON |", "", Expected::Condition),
            ("SELECT a FROM t WHERE x = 1 AND |", "", Expected::Condition),
            ("SELECT a FROM t WHERE x IN (|", "", Expected::Expression),
            ("SELECT a FROM t ORDER BY |", "", Expected::Expression),
            ("SELECT a FROM t ORDER BY x, |", "", Expected::Expression),
            ("SELECT count(*) FILTER (WHERE |", "", Expected::Condition),
            ("SELECT | FROM t", "", Expected::Expression),
            ("SELECT t.|", "", Expected::ColumnOf("t")),
            ("SELECT t.pr| FROM t", "pr", Expected::ColumnOf("t")),
            ("INSERT INTO |", "", Expected::Table),
            ("DESCRIBE t|", "t", Expected::Described),
            ("DESCRIBE MODEL |", "", Expected::Model),
            ("DROP MODEL sp|", "sp", Expected::Model),
            ("ALTER MODEL |", "", Expected::Model),
            ("ALTER MODEL m SET al|", "al", Expected::Expression),
            ("CREATE MODEL |", "", Expected::Expression),
            ("SHOW mo|", "mo", Expected::Shown),
            ("SET data|", "data", Expected::Setting),
            ("SET datafusion.ex|", "datafusion.ex", Expected::Setting),
            ("SET datafusion.execution.batch_size = |", "", Expected::Nothing),
            ("SELECT * FROM 'dat|", "dat", Expected::File),
            ("COPY t TO 'out/|", "out/", Expected::File),
            ("SELECT \"Mi|", "Mi", Expected::Nothing),
            ("SELECT a AS |", "", Expected::Nothing),
            ("SELECT a -- no|", "", Expected::Nothing),
            ("SELECT a FROM t LIMIT |", "", Expected::Nothing),
        ] {
            around(text, |found| assert_eq!((found.word, found.expected), (word, expected), "{text}"));
        }
    }

    #[test]
    fn relations_are_known_by_the_names_that_the_statement_gives_them() {
        let text = "WITH q AS (SELECT 1 AS a), r AS (SELECT 2) \
            SELECT | FROM ticks AS t, 'f.csv' f JOIN q USING (a) LEFT JOIN (SELECT 3) AS s ON true \
            JOIN generate_series(1, 2) WHERE x IN (SELECT y FROM other); SELECT 1 FROM later";
        around(text, |found| {
            let relations: Vec<_> = found.relations.iter().map(|relation| (relation.text, relation.name)).collect();
            assert_eq!(
                relations,
                [
                    ("ticks", "t"),
                    ("'f.csv'", "f"),
                    ("q", "q"),
                    ("(SELECT 3)", "s"),
                    ("generate_series(1, 2)", "generate_series"),
                    ("other", "other"),
                ]
            );
            assert_eq!(
                found.common,
                [("q", "WITH q AS (SELECT 1 AS a)"), ("r", "WITH q AS (SELECT 1 AS a), r AS (SELECT 2)")]
            );
        });
    }

    #[test]
    fn other_statements_of_the_text_do_not_matter() {
        around("SELECT 1 FROM a; SELECT | FROM b; SELECT 2 FROM c", |found| {
            assert_eq!(found.aliases(), ["b"]);
        });
    }
}
