//! Finds in a query's text what its plan speaks of. A plan has no places, so a call is found by its function, its columns and
//! its window, and a table by its alias or its name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, Statement, TableFactor, Visit, Visitor, WindowFrameBound, WindowSpec, WindowType,
    visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::Query;
use super::place::Place;
use super::reach::{Call, Edge, Spot};
use crate::dialect;

impl Query {
    /// Returns where something is written; the beginning of the statement if it is not found.
    pub(super) fn spot(&self, spot: &Spot) -> Place {
        let found = match spot {
            Spot::Call(call) => self.call(call).or_else(|| self.word("DISTINCT")),
            Spot::Table(name) => self.table(name).or_else(|| self.word(name)),
            Spot::Keyword(word) => self.word(word),
            Spot::Name(name) => self.word(name),
            Spot::Header(entry) => self.header_line(entry),
            Spot::Start => None,
        };
        let found = found.or_else(|| self.tokens().first().map(|token| token.span.start));
        let at = found.unwrap_or(Location { line: 1, column: 1 });
        self.rendered.place(at.line as usize, at.column as usize)
    }

    /// Returns the query's calls and tables.
    fn reader(&self) -> Reader {
        let mut statement = Statement::Query(self.parsed.query.clone());
        // What cannot be written out cannot be planned either, so that nothing is found in it.
        let _ = dialect::insert_windows(&mut statement);
        let mut reader = Reader::default();
        let _ = statement.visit(&mut reader);
        reader
    }

    fn call(&self, wanted: &Call) -> Option<Location> {
        let reader = self.reader();
        let likeness = |call: &Call| {
            let columns = wanted.columns.iter().filter(|column| call.columns.contains(column)).count();
            let kind = call.frame.is_some() == wanted.frame.is_some();
            let window = call.frame == wanted.frame && call.descending == wanted.descending;
            (kind, window, columns)
        };
        let same = reader.calls.into_iter().filter(|(_, call)| call.function == wanted.function);
        // Of calls that are equally alike, the first one counts.
        let best = same.rev().max_by_key(|(_, call)| likeness(call));
        best.map(|(at, _)| at)
    }

    fn table(&self, name: &str) -> Option<Location> {
        let tables = self.reader().tables;
        let named = |(_, table, alias): &&(Location, String, Option<String>)| match alias {
            Some(alias) => alias == name,
            None => table == name,
        };
        let found = tables.iter().find(named).or_else(|| tables.iter().find(|(_, table, _)| table == name));
        found.map(|(at, _, _)| *at)
    }

    /// Returns where a word is written for the first time.
    fn word(&self, word: &str) -> Option<Location> {
        let is_word = |token: &&TokenWithSpan| match &token.token {
            Token::Word(found) => found.value.eq_ignore_ascii_case(word),
            Token::SingleQuotedString(text) => text == word,
            _ => false,
        };
        self.tokens().iter().find(is_word).map(|token| token.span.start)
    }

    /// Returns where an entry of the header begins.
    fn header_line(&self, entry: &str) -> Option<Location> {
        let is_entry = |line: &str| {
            let key = line.trim().strip_prefix("--").and_then(|line| line.split_once(':'));
            key.is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(entry))
        };
        let line = self.rendered.sql.lines().position(is_entry)?;
        Some(Location { line: line as u64 + 1, column: 1 })
    }

    /// Returns the tokens of the query's text, without comments and blanks.
    pub(super) fn tokens(&self) -> Vec<TokenWithSpan> {
        // The query was parsed, so its text can be split into tokens.
        let tokens = Tokenizer::new(&GenericDialect {}, &self.rendered.sql).tokenize_with_location();
        let mut tokens = tokens.unwrap_or_default();
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        tokens
    }
}

/// Collects a query's calls and tables.
#[derive(Default)]
struct Reader {
    calls: Vec<(Location, Call)>,
    /// Where a table is named, its name and its alias.
    tables: Vec<(Location, String, Option<String>)>,
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => {
                (name.0.last().and_then(|part| part.as_ident()), alias.as_ref().map(|alias| &alias.name))
            }
            TableFactor::Derived { alias, .. } => (None, alias.as_ref().map(|alias| &alias.name)),
            _ => (None, None),
        };
        if let Some(written) = name.or(alias) {
            self.tables.push((written.span.start, key(written), alias.map(key)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let Some(name) = function.name.0.last().and_then(|part| part.as_ident()) else {
            return ControlFlow::Continue(());
        };
        let spec = function.over.as_ref().and_then(|over| match over {
            WindowType::WindowSpec(spec) => Some(spec),
            WindowType::NamedWindow(_) => None,
        });
        let descending = |spec: &WindowSpec| spec.order_by.first().is_some_and(|key| key.options.asc == Some(false));
        let call = Call {
            function: key(name),
            columns: columns(function),
            descending: spec.is_some_and(descending),
            frame: spec.map(frame),
        };
        self.calls.push((name.span.start, call));
        ControlFlow::Continue(())
    }
}

fn columns(function: &Function) -> Vec<String> {
    let mut columns = Vec::new();
    let _ = visit_expressions(&function.args, |expression| {
        match expression {
            Expr::Identifier(name) => columns.push(key(name)),
            Expr::CompoundIdentifier(names) => columns.extend(names.last().map(key)),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    columns
}

fn frame(spec: &WindowSpec) -> (Edge, Edge) {
    let edge = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Edge::Current,
        WindowFrameBound::Preceding(None) => Edge::Start,
        WindowFrameBound::Preceding(Some(_)) => Edge::Preceding,
        WindowFrameBound::Following(None) => Edge::End,
        WindowFrameBound::Following(Some(_)) => Edge::Following,
    };
    match &spec.window_frame {
        Some(frame) => (edge(&frame.start_bound), frame.end_bound.as_ref().map_or(Edge::Current, edge)),
        None if spec.order_by.is_empty() => (Edge::Start, Edge::End),
        None => (Edge::Start, Edge::Current),
    }
}

/// Returns a name as the planner knows it.
fn key(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}
