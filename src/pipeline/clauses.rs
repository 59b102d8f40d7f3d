//! What a file of the project may not hold: statements other than a query, clauses that the engine reads and ignores, columns that depend
//! on rows, and expressions that are nested too deep.
//!
//! In: the parsed query and its text. Out: an error at the clause. Without it, the rows would not be those that are written:
//! `TABLESAMPLE` would keep every row.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, PivotValueSource, Query, Select, SetExpr, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::error::Error;
use super::template::Rendered;

/// Keywords with which other statements begin.
const STATEMENTS: [&str; 21] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "DROP", "ALTER", "COPY", "TRUNCATE", "SET", "RESET",
    "EXPLAIN", "DESCRIBE", "SHOW", "USE", "CALL", "BEGIN", "PREPARE", "ATTACH", "UNLOAD",
];

/// The engine needs stack for each level of an expression, and a thread has 2 MB.
const MOST_DEPTH: usize = 400;

/// A clause, and what to write instead.
type Ignored = (&'static str, &'static str);

const SAMPLE: Ignored = ("TABLESAMPLE", "choose rows by a condition, such as WHERE log_offset % 10 = 0");
const HINTS: Ignored = ("WITH", "leave out the hints after the table");
const PARTITION: Ignored = ("PARTITION", "choose rows by a condition in WHERE");
const INDEX: Ignored = ("INDEX", "leave out the hint after the table");
const VERSION: Ignored = ("AS OF", "choose rows by a condition on a time, such as WHERE ingest_time <= TIMESTAMP '…'");
const LOCK: Ignored = ("FOR", "leave it out: a query does not lock rows");
const SETTINGS: Ignored = ("SETTINGS", "set options in squall.toml, or with --set");
const FORMAT: Ignored = ("FORMAT", "leave it out: `squall sql --format` chooses a format");
const PREWHERE: Ignored = ("PREWHERE", "write WHERE");
const CONNECT: Ignored = ("CONNECT", "write WITH RECURSIVE");
const TOTALS: Ignored = ("WITH", "write GROUP BY ROLLUP (…) or GROUP BY CUBE (…)");
const MODIFIER: Ignored = ("SELECT", "leave out the word after SELECT");
const DISTRIBUTE: Ignored = ("DISTRIBUTE", "leave it out: the engine divides rows by itself");

/// Refuses a file that begins with another statement than a query.
pub fn begins_with_query(rendered: &Rendered, tokens: &[TokenWithSpan]) -> Result<(), Error> {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    let Some((Token::Word(word), start)) = first.map(|token| (&token.token, token.span.start)) else { return Ok(()) };
    let keyword = word.value.to_uppercase();
    if word.quote_style.is_some() || !STATEMENTS.contains(&keyword.as_str()) {
        return Ok(());
    }
    let trains = tokens
        .iter()
        .any(|token| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case("MODEL")));
    let hint = match keyword == "CREATE" && trains {
        true => "the files of models/ train models: move it there",
        false => "write only the SELECT: `squall run` stores its rows in a table that has the name of the file",
    };
    Err(not_a_query(rendered, &keyword, start, hint))
}

fn not_a_query(rendered: &Rendered, keyword: &str, at: Location, hint: &str) -> Error {
    let place = rendered.place(at.line as usize, at.column as usize);
    let message = format!("a file holds one SELECT, but here is {keyword}");
    Error::Plan { place, message, hint: Some(hint.into()) }
}

/// Refuses what the engine would ignore.
pub fn has_effect(rendered: &Rendered, query: &Query, text: &str) -> Result<(), Error> {
    let ControlFlow::Break(found) = query.visit(&mut Clauses { depth: 0 }) else { return Ok(()) };
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap_or_default();
    let place_of = |word: &str| {
        let first = word.split(' ').next().unwrap_or(word);
        let is_word = |token: &&TokenWithSpan| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(first));
        tokens.iter().rfind(is_word).map(|token| token.span.start)
    };
    match found {
        Found::Statement(keyword) => {
            let hint = "write only the SELECT: `squall run` stores its rows in a table that has the name of the file";
            let at = place_of(keyword).unwrap_or(Location { line: 1, column: 1 });
            Err(not_a_query(rendered, keyword, at, hint))
        }
        Found::Pivot => {
            let at = place_of("PIVOT").unwrap_or(Location { line: 1, column: 1 });
            let place = rendered.place(at.line as usize, at.column as usize);
            let message = "the columns of this PIVOT would depend on the rows".to_string();
            Err(Error::Plan { place, message, hint: Some("write the values: ON side IN ('buy', 'sell')".into()) })
        }
        Found::TooDeep => {
            let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
            let at = first.map_or(Location { line: 1, column: 1 }, |token| token.span.start);
            let place = rendered.place(at.line as usize, at.column as usize);
            let message = format!("an expression is nested more than {MOST_DEPTH} deep; each AND, OR and + counts");
            let hint =
                Some("write IN (…) in place of many comparisons, or add parts up in several WITH queries".into());
            Err(Error::Plan { place, message, hint })
        }
        Found::Ignored((clause, hint)) => {
            let place = place_of(clause).map(|at| rendered.place(at.line as usize, at.column as usize));
            let message =
                format!("the engine ignores this {clause} clause, so the rows would not be those that are meant");
            Err(Error::Plan { place: place.unwrap_or_else(|| rendered.end()), message, hint: Some(hint.into()) })
        }
    }
}

enum Found {
    Statement(&'static str),
    Ignored(Ignored),
    TooDeep,
    /// A PIVOT that asks for its values.
    Pivot,
}

/// Looks for statements inside of a query, and for clauses without an effect.
struct Clauses {
    /// How deep the visitor is in expressions.
    depth: usize,
}

impl Clauses {
    fn of_select(select: &Select) -> Option<Ignored> {
        let modifiers = match &select.group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => modifiers,
        };
        let found = [
            (select.prewhere.is_some(), PREWHERE),
            (!select.connect_by.is_empty(), CONNECT),
            (!modifiers.is_empty(), TOTALS),
            (select.select_modifiers.is_some() || select.value_table_mode.is_some(), MODIFIER),
            (!select.distribute_by.is_empty(), DISTRIBUTE),
        ];
        found.into_iter().find(|(is_there, _)| *is_there).map(|(_, clause)| clause)
    }

    fn of_body(body: &SetExpr) -> Option<Found> {
        match body {
            SetExpr::Select(select) if select.into.is_some() => Some(Found::Statement("INTO")),
            SetExpr::Select(select) => Clauses::of_select(select).map(Found::Ignored),
            SetExpr::SetOperation { left, right, .. } => Clauses::of_body(left).or_else(|| Clauses::of_body(right)),
            SetExpr::Insert(_) => Some(Found::Statement("INSERT")),
            SetExpr::Update(_) => Some(Found::Statement("UPDATE")),
            SetExpr::Delete(_) => Some(Found::Statement("DELETE")),
            SetExpr::Merge(_) => Some(Found::Statement("MERGE")),
            // The visitor comes to it by itself.
            SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => None,
        }
    }
}

impl Visitor for Clauses {
    type Break = Found;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Found> {
        let found = [
            (!query.locks.is_empty() || query.for_clause.is_some(), LOCK),
            (query.settings.is_some(), SETTINGS),
            (query.format_clause.is_some(), FORMAT),
        ];
        let found = found.into_iter().find(|(is_there, _)| *is_there).map(|(_, clause)| Found::Ignored(clause));
        match found.or_else(|| Clauses::of_body(&query.body)) {
            Some(found) => ControlFlow::Break(found),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, _expression: &Expr) -> ControlFlow<Found> {
        self.depth += 1;
        match self.depth > MOST_DEPTH {
            true => ControlFlow::Break(Found::TooDeep),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _expression: &Expr) -> ControlFlow<Found> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Found> {
        if let TableFactor::Pivot { value_source, .. } = factor
            && !matches!(value_source, PivotValueSource::List(_))
        {
            return ControlFlow::Break(Found::Pivot);
        }
        let found = match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => Some(SAMPLE),
            TableFactor::Table { with_hints, .. } if !with_hints.is_empty() => Some(HINTS),
            TableFactor::Table { partitions, .. } if !partitions.is_empty() => Some(PARTITION),
            TableFactor::Table { index_hints, .. } if !index_hints.is_empty() => Some(INDEX),
            TableFactor::Table { version: Some(_), .. } => Some(VERSION),
            _ => None,
        };
        found.map_or(ControlFlow::Continue(()), |clause| ControlFlow::Break(Found::Ignored(clause)))
    }
}
