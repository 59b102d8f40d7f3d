//! Parsing: each file has one statement; this finds the names to which it refers.
//!
//! In: rendered SQL. Out: a [`Parsed`] query. A model file holds `CREATE MODEL … AS SELECT …`, which the SQL parser does not
//! know. So `ml` reads the statement, and its query is parsed here like any other. References are the tables that a query
//! reads, without common table expressions, and the names in the string arguments of its table functions:
//! `ml_predict('spike_logistic', 'spike_training')` reads both.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, FunctionArg, FunctionArguments, Ident, ObjectName, Query, SelectItem, SetExpr, Statement, TableFactor,
    Value, Visit, Visitor, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::clauses;
use super::error::Error;
use super::place::Place;
use super::template::Rendered;
use crate::dialect::{self, Complaint};
use crate::ml;

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The query; in a model file, the query after `AS`.
    pub query: Box<Query>,
    pub references: References,
    /// The model that it trains, if this is a model file.
    pub model: Option<Model>,
}

/// What a `CREATE MODEL` statement says of its query.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub statement: ml::CreateModel,
    /// The columns that are not features.
    pub other_columns: BTreeSet<String>,
}

/// The names in a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The tables, views and files that it reads by name.
    pub tables: BTreeSet<String>,
    /// The table functions that it calls, each with the names in the strings among its arguments.
    pub table_functions: BTreeMap<String, BTreeSet<String>>,
    /// The strings among the arguments of table functions, whole.
    pub texts: BTreeSet<String>,
    /// The other functions that it calls, in lowercase.
    pub functions: BTreeSet<String>,
}

impl References {
    /// Returns every name that may belong to a query or a model: the tables, and the strings in table functions.
    pub fn names(&self) -> BTreeSet<&str> {
        let strings = self.table_functions.values().flatten();
        self.tables.iter().chain(strings).map(String::as_str).collect()
    }
}

impl Parsed {
    /// Returns the query in the form that DataFusion plans.
    pub fn statement(&self) -> parser::Statement {
        parser::Statement::Statement(Box::new(Statement::Query(self.query.clone())))
    }

    /// Returns the expression that computes a column: that of the outermost SELECT, or if this only passes the column on, that of the part of
    /// the WITH clause from which it comes. A column that comes from another query has none.
    pub fn formula(&self, column: &str) -> Option<String> {
        let parts = self.query.with.as_ref().map_or(&[][..], |with| &with.cte_tables);
        formula(&self.query, column, parts)
    }

    /// Returns where the query first names a table, as a table or in a string; in the rendered SQL.
    pub fn place_of(&self, name: &str) -> Option<Location> {
        match self.query.visit(&mut Mention(name)) {
            ControlFlow::Break(at) => Some(at),
            ControlFlow::Continue(()) => None,
        }
    }
}

/// Returns the expression by which a query computes a column, or one of the parts that it reads; each part reads only those before it.
fn formula(query: &Query, column: &str, parts: &[Cte]) -> Option<String> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let named = |name: &Ident| if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    // The name under which the column is passed on, and the table that it is said to be of.
    let mut passed: Option<(String, Option<String>)> = None;
    for item in &select.projection {
        let (expr, name) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(named(alias))),
            SelectItem::UnnamedExpr(expr) => (expr, None),
            _ => {
                passed = passed.or(Some((column.into(), None)));
                continue;
            }
        };
        let of = match expr {
            Expr::Identifier(source) => Some((named(source), None)),
            Expr::CompoundIdentifier(path) => match path.as_slice() {
                [.., table, source] => Some((named(source), Some(named(table)))),
                _ => None,
            },
            _ => None,
        };
        match (of, name) {
            (Some(of), name) if name.as_deref().unwrap_or(&of.0) == column => {
                passed = Some(of);
                break;
            }
            (None, Some(name)) if name == column => return Some(expr.to_string()),
            _ => {}
        }
    }
    let (source, table) = passed?;
    let relations = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    for relation in relations {
        let TableFactor::Table { name, alias, .. } = relation else { continue };
        let Some(name) = name.0.last().and_then(|part| part.as_ident()).map(named) else { continue };
        let known_as = alias.as_ref().map_or(name.clone(), |alias| named(&alias.name));
        if table.as_ref().is_some_and(|table| *table != known_as) {
            continue;
        }
        let Some(place) = parts.iter().position(|part| named(&part.alias.name) == name) else { continue };
        if let Some(found) = formula(&parts[place].query, &source, &parts[..place]) {
            return Some(found);
        }
    }
    None
}

/// Parses a file that holds one query.
pub fn parse_query(rendered: &Rendered) -> Result<Parsed, Error> {
    let tokens = tokenize(rendered, &rendered.sql)?;
    if tokens.iter().all(|token| matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF)) {
        return Err(Error::Empty { place: rendered.end() });
    }
    clauses::begins_with_query(rendered, &tokens)?;
    let query = parse_tokens(rendered, &rendered.sql, tokens)?;
    Ok(Parsed { references: references(rendered, &query)?, query, model: None })
}

/// Parses a file that holds one `CREATE MODEL` statement.
pub fn parse_model(rendered: &Rendered) -> Result<Parsed, Error> {
    let tokens = tokenize(rendered, &rendered.sql)?;
    let statement = match ml::parse(&rendered.sql) {
        Some(Ok(statement)) => statement,
        Some(Err(error)) => {
            let place = rendered.place(error.line as usize, error.column as usize);
            return Err(Error::Model { place, problem: Box::new(error.problem) });
        }
        None => {
            let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
            let place = first.map_or_else(|| rendered.end(), |token| place_of(rendered, token.span.start));
            let message = "expected CREATE OR REPLACE MODEL name OPTIONS (…) AS SELECT …".to_string();
            return Err(Error::Syntax { place, message });
        }
    };
    let query = parse_tokens(rendered, &statement.query, tokenize(rendered, &statement.query)?)?;
    let columns = statement.columns.clone();
    let mut other_columns = BTreeSet::from([columns.label]);
    other_columns.extend(columns.target);
    other_columns.extend(columns.weight);
    other_columns.extend(columns.split);
    other_columns.extend(columns.time);
    other_columns.extend(columns.ids);
    let model = Model { statement, other_columns };
    Ok(Parsed { references: references(rendered, &query)?, query, model: Some(model) })
}

fn place_of(rendered: &Rendered, location: Location) -> Place {
    rendered.place(location.line as usize, location.column as usize)
}

fn tokenize(rendered: &Rendered, text: &str) -> Result<Vec<TokenWithSpan>, Error> {
    Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| Error::Syntax { place: place_of(rendered, error.location), message: error.message })
}

/// Parses a query, given as its text and its tokens; its lines and columns match those of the rendered file.
fn parse_tokens(rendered: &Rendered, text: &str, tokens: Vec<TokenWithSpan>) -> Result<Box<Query>, Error> {
    let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(dialect::rewritten(tokens));
    let query = parser.parse_query().map_err(|error| syntax(rendered, &error))?;
    clauses::has_effect(rendered, &query, text)?;
    while parser.consume_token(&Token::SemiColon) {}
    let rest = parser.peek_token();
    if rest.token == Token::EOF {
        return Ok(query);
    }
    let place = place_of(rendered, rest.span.start);
    Err(Error::Syntax { place, message: format!("expected the query's end, found {}", rest.token) })
}

fn syntax(rendered: &Rendered, error: &ParserError) -> Error {
    let Complaint { message, at, .. } = Complaint::of(error, "the query");
    let place = at.map_or_else(|| rendered.end(), |(line, column)| rendered.place(line, column));
    Error::Syntax { place, message }
}

fn references(rendered: &Rendered, query: &Query) -> Result<References, Error> {
    let statement = parser::Statement::Statement(Box::new(Statement::Query(Box::new(query.clone()))));
    let (tables, _) = resolve_table_references(&statement, true)
        .map_err(|error| Error::Syntax { place: rendered.end(), message: error.strip_backtrace() })?;
    let mut references = References::default();
    let _ = query.visit(&mut Calls(&mut references));
    let tables = tables.iter().map(|table| table.table().to_string());
    references.tables = tables.filter(|name| !references.table_functions.contains_key(name)).collect();
    Ok(references)
}

/// Collects the functions that a query calls.
struct Calls<'a>(&'a mut References);

impl Calls<'_> {
    fn table_function(&mut self, name: &ObjectName, arguments: &[FunctionArg]) -> ControlFlow<()> {
        let function = last_part(name);
        let References { table_functions, texts, .. } = &mut *self.0;
        let names = table_functions.entry(function.clone()).or_default();
        for (position, argument) in arguments.iter().enumerate() {
            let _ = visit_expressions(argument, |expression| {
                if let Expr::Value(value) = expression
                    && let Value::SingleQuotedString(text) = &value.value
                {
                    names.extend(ml::names_in(&function, position, text));
                    texts.insert(text.clone());
                }
                ControlFlow::<()>::Continue(())
            });
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Calls<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: Some(arguments), .. } => self.table_function(name, &arguments.args),
            TableFactor::Function { name, args, .. } => self.table_function(name, args),
            TableFactor::TableFunction { expr: Expr::Function(function), .. } => match &function.args {
                FunctionArguments::List(list) => self.table_function(&function.name, &list.args),
                FunctionArguments::None | FunctionArguments::Subquery(_) => self.table_function(&function.name, &[]),
            },
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression {
            self.0.functions.insert(last_part(&function.name));
        }
        ControlFlow::Continue(())
    }
}

/// Looks for the first mention of a name.
struct Mention<'a>(&'a str);

impl Visitor for Mention<'_> {
    type Break = Location;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Location> {
        match relation.0.last().and_then(|part| part.as_ident()) {
            Some(ident) if ident.value.eq_ignore_ascii_case(self.0) => ControlFlow::Break(ident.span.start),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Location> {
        match expression {
            Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(text) if text == self.0) => {
                ControlFlow::Break(value.span.start)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Returns a function's name in lowercase and without its schema.
fn last_part(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::Hint;
    use crate::pipeline::template::render;

    fn rendered(sql: &str) -> Rendered {
        render(Path::new("a.sql"), sql, &Default::default()).unwrap()
    }

    fn references_of(sql: &str) -> References {
        parse_query(&rendered(sql)).unwrap().references
    }

    fn names_of(sql: &str) -> Vec<String> {
        references_of(sql).names().into_iter().map(str::to_string).collect()
    }

    #[test]
    fn common_table_expressions_shadow_tables() {
        assert_eq!(
            names_of("WITH a AS (SELECT * FROM a), b AS (SELECT 1) SELECT * FROM b JOIN c USING (x)"),
            ["a", "c"]
        );
        assert_eq!(names_of("SELECT (SELECT max(x) FROM d) FROM (SELECT * FROM e) AS f"), ["d", "e"]);
    }

    #[test]
    fn strings_in_table_functions_are_references() {
        assert_eq!(names_of("SELECT 'no' FROM ml_predict('model', 'rows') WHERE x = 'neither'"), ["model", "rows"]);
        assert_eq!(names_of("SELECT * FROM t, LATERAL f(g('deep'))"), ["deep", "t"]);
    }

    #[test]
    fn the_names_in_a_string_depend_on_what_the_argument_is() {
        assert_eq!(names_of("SELECT * FROM ml_evaluate('m@2', 'rows', 'split')"), ["m", "rows"]);
        assert_eq!(names_of("SELECT * FROM ml_predict('m', 'SELECT * FROM a JOIN b USING (x)')"), ["a", "b", "m"]);
        assert_eq!(names_of("SELECT * FROM ml_evaluate_all('rows', 'day', 'x, y_*')"), ["rows", "x", "y_*"]);
        assert_eq!(
            names_of("SELECT * FROM drift('FROM a', 'WITH w AS (SELECT * FROM b) SELECT * FROM w')"),
            ["a", "b"]
        );
        assert_eq!(names_of("SELECT * FROM drift('model:m@2', 'rows', 'price=psi')"), ["m", "rows"]);
        assert_eq!(names_of("SELECT * FROM drift_by('a', 'b', 'day', 'price=psi')"), ["a", "b"]);
        assert_eq!(names_of("SELECT * FROM unique('rows', 'x', 'y', 'z')"), ["rows"]);
    }

    #[test]
    fn functions_are_told_from_tables() {
        let found = references_of(
            "SELECT Random(), current_timestamp, sum(x) OVER (ORDER BY y) FROM 'a/B.csv', ML_Models(), f('s', 1) WHERE x > now()",
        );
        let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(found.tables, set(&["a/B.csv"]));
        assert_eq!(found.table_functions, [("ml_models".into(), set(&[])), ("f".into(), set(&["s"]))].into());
        assert_eq!(found.functions, set(&["random", "current_timestamp", "sum", "now"]));
    }

    #[test]
    fn a_model_names_itself_and_its_query() {
        let options = "OPTIONS (model_type = 'naive', input_label_cols = ['y'])";
        let sql = format!("-- a comment\nCREATE OR REPLACE MODEL M {options} AS\nSELECT * FROM rows;");
        let parsed = parse_model(&rendered(&sql)).unwrap();
        let model = parsed.model.as_ref().map(|model| model.statement.name.as_str());
        assert_eq!(model, Some("m"), "a name without quotes folds to lower case");
        assert_eq!(parsed.references.names().into_iter().collect::<Vec<_>>(), ["rows"]);
    }

    #[test]
    fn a_mention_is_placed() {
        let parsed = parse_query(&rendered("SELECT 1\nFROM a JOIN b USING (x), f('m', 'rows')")).unwrap();
        let place = |name: &str| parsed.place_of(name).map(|at| (at.line, at.column));
        assert_eq!((place("b"), place("rows"), place("c")), (Some((2, 13)), Some((2, 33)), None));
    }

    #[test]
    fn a_file_holds_one_select_without_clauses_that_have_no_effect() {
        for (sql, line, column, message) in [
            ("INSERT INTO t SELECT 1", 1, 1, "a file holds one SELECT, but here is INSERT"),
            ("-- x\nCREATE TABLE t AS SELECT 1", 2, 1, "a file holds one SELECT, but here is CREATE"),
            ("copy t to 'x.csv'", 1, 1, "a file holds one SELECT, but here is COPY"),
            (
                "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
                1,
                22,
                "a file holds one SELECT, but here is INSERT",
            ),
            ("SELECT 1 AS a INTO t", 1, 15, "a file holds one SELECT, but here is INTO"),
            ("SELECT *\nFROM t TABLESAMPLE (10 PERCENT)", 2, 8, "the engine ignores this TABLESAMPLE clause"),
            ("SELECT a FROM (SELECT a FROM t PREWHERE a > 1) AS s", 1, 32, "the engine ignores this PREWHERE clause"),
            ("SELECT a FROM t FOR UPDATE", 1, 17, "the engine ignores this FOR clause"),
            ("SELECT a FROM t GROUP BY a WITH ROLLUP", 1, 28, "the engine ignores this WITH clause"),
            ("SELECT a FROM t UNION ALL SELECT a FROM u WITH (NOLOCK)", 1, 43, "the engine ignores this WITH clause"),
        ] {
            let error = parse_query(&rendered(sql)).unwrap_err();
            let Error::Plan { place, message: said, hint } = &error else { panic!("{sql}: {error}") };
            assert_eq!((place.line, place.column, hint.is_some()), (line, Some(column), true), "{sql}: {error}");
            assert!(said.starts_with(message), "{sql}: {said}");
        }
        for sql in ["PIVOT t ON a USING sum(b)", "SELECT * FROM t PIVOT (sum(b) FOR a IN (ANY))"] {
            let error = parse_query(&rendered(sql)).unwrap_err();
            assert!(error.to_string().contains("the columns of this PIVOT would depend on the rows"), "{sql}: {error}");
        }
        assert!(parse_query(&rendered("PIVOT t ON a IN (1, 2) USING sum(b)")).is_ok());
        let many = |count: usize| format!("SELECT a FROM t WHERE {}", vec!["a <> 1"; count].join(" AND "));
        assert!(parse_query(&rendered(&many(300))).is_ok());
        let error = parse_query(&rendered(&many(3_000))).unwrap_err();
        assert!(error.to_string().contains("nested more than 400 deep"), "{error}");
        let model = parse_query(&rendered("CREATE MODEL m OPTIONS (model_type = 'naive') AS SELECT 1")).unwrap_err();
        assert_eq!(model.hint().as_deref(), Some("the files of models/ train models: move it there"));
    }

    #[test]
    fn what_does_not_parse_is_placed() {
        for (sql, line, column) in [
            ("SELECT 1\nFROM ) x", 2, 6),
            ("SELECT 'open\n", 1, 8),
            ("SELECT (1", 1, 10),
            ("SELECT 1; SELECT 2", 1, 11),
            ("SELECT a b c FROM t", 1, 12),
        ] {
            let error = parse_query(&rendered(sql)).unwrap_err();
            let Error::Syntax { place, .. } = &error else { panic!("{sql}: {error}") };
            assert_eq!((place.line, place.column), (line, Some(column)), "{error}");
        }
        let options = "OPTIONS (model_type = 'naive', input_label_cols = ['y'])";
        let error = parse_model(&rendered(&format!("CREATE MODEL m {options} AS\nSELECT FROM )"))).unwrap_err();
        assert!(error.to_string().starts_with("a.sql:2:"), "{error}");
        let error = parse_model(&rendered("CREATE MODEL m\nOPTIONS (model_type = 'naiv') AS SELECT 1")).unwrap_err();
        assert!(error.to_string().starts_with("a.sql:2:10: unknown model type 'naiv'\n"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `naive`?"));
        for head in ["SELECT 1", "CREATE TABLE m AS SELECT 1", "CREATE MODEL m", ""] {
            let error = parse_model(&rendered(head)).unwrap_err();
            assert!(matches!(error, Error::Syntax { .. } | Error::Model { .. }), "{head}: {error}");
        }
    }
}
