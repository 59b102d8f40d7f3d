//! The statement `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name OPTIONS (…) AS SELECT …`.
//!
//! In: a statement's text. Out: [`CreateModel`], or the position of an error in the text. As elsewhere in SQL, a name
//! without quotes is folded to lower case, and a name in double quotes keeps its capitals. The text before the query is
//! replaced by blanks, so that the query keeps its line and column numbers.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use serde_json::Value;

use super::folds::Folds;
use super::lineage::Origin;
use super::options::{self, Columns, Given, Read};
use crate::error::Hint;
use crate::model::{self, Recipe, When};

/// How the statement is written.
const USAGE: &str = "CREATE [OR REPLACE] MODEL name OPTIONS (key = value, …) AS SELECT …";

/// A parsed statement.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateModel {
    pub name: String,
    /// What to do if a model of the same name exists.
    pub when: When,
    /// How the model is made; its folds follow from [`CreateModel::folds`] and the queries behind the rows.
    pub recipe: Recipe,
    pub folds: Option<Folds>,
    pub columns: Columns,
    /// The training query; its lines and columns are those of the statement.
    pub query: String,
    /// The statement as it was written.
    pub text: String,
}

impl CreateModel {
    /// Returns how the model is made, with the folds that the queries behind its rows give.
    ///
    /// # Errors
    /// It is not known how far the label looks ahead.
    pub fn recipe(&self, origin: &Origin) -> Result<Recipe, model::Error> {
        let quantile = self.columns.positive_quantile;
        let folds = self.folds.map(|folds| folds.protocol(origin, quantile)).transpose()?;
        Ok(Recipe { folds, ..self.recipe.clone() })
    }
}

/// An error in a statement, and its line and column in the text, both counted from 1.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct StatementError {
    pub line: u64,
    pub column: u64,
    pub problem: Problem,
}

/// An error in a statement.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("expected {expected}, found {found}")]
    Syntax { expected: &'static str, found: String, usage: &'static str },
    #[error("DROP MODEL takes the number of a version, not an alias")]
    VersionWanted { name: String },
    #[error("OR REPLACE and IF NOT EXISTS exclude each other")]
    ReplaceIfAbsent,
    #[error("unknown option `{name}`")]
    UnknownOption { name: String, suggestion: String },
    #[error("`{name}` is given twice")]
    Twice { name: String },
    #[error("`{name}` is about folds, and there are none")]
    WithoutFolds { name: String },
    #[error("these options compare variants or calibrate scores, which needs folds")]
    NeedsFolds,
    #[error("`{name}` is an option of no type that model_type = 'auto' tries: {}", .tried.join(", "))]
    OfNoTriedType { name: String, tried: Vec<&'static str> },
    #[error("column `{column}` is named by both {first} and {second}")]
    TwoRoles { column: String, first: &'static str, second: &'static str },
    #[error("OPTIONS lacks {name}")]
    Lacks { name: &'static str, example: &'static str },
    #[error(transparent)]
    Model(#[from] model::Error),
}

impl Hint for Problem {
    fn hint(&self) -> Option<String> {
        match self {
            Problem::Syntax { usage, .. } => Some((*usage).into()),
            Problem::VersionWanted { name } => {
                Some(format!("such as DROP MODEL {name} VERSION 2; SHOW MODELS lists them"))
            }
            Problem::ReplaceIfAbsent => Some("OR REPLACE always trains, IF NOT EXISTS only the first time".into()),
            Problem::UnknownOption { suggestion, .. } => Some(suggestion.clone()),
            Problem::Twice { name } => Some(format!("keep one of the two values of `{name}`")),
            Problem::WithoutFolds { .. } => Some("add cv = 'walk_forward'".into()),
            Problem::NeedsFolds => Some("leave out cv = 'none'".into()),
            Problem::OfNoTriedType { .. } => Some("leave it out, or name the type in model_type".into()),
            Problem::TwoRoles { column, .. } => {
                Some(format!("a column has one role: select it a second time, such as {column} AS {column}_2"))
            }
            Problem::Lacks { example, .. } => Some(format!("such as {example}")),
            Problem::Model(error) => error.hint(),
        }
    }
}

impl Hint for StatementError {
    fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

impl Problem {
    /// Returns this error at a position in the text.
    pub fn at(self, location: Location) -> StatementError {
        StatementError { line: location.line, column: location.column, problem: self }
    }
}

/// Parses a statement; `None` if it is another kind of statement.
pub fn parse(text: &str) -> Option<Result<CreateModel, StatementError>> {
    let mut parser = Parser::of(text)?;
    if !parser.take_word("CREATE") {
        return None;
    }
    let replace = parser.take_word("OR") && parser.take_word("REPLACE");
    parser.take_word("MODEL").then(|| parser.statement(replace))
}

/// A statement's tokens, and the next one to read.
pub struct Parser<'a> {
    text: &'a str,
    tokens: Vec<TokenWithSpan>,
    next: usize,
}

impl Parser<'_> {
    /// Splits a statement into tokens; `None` if it cannot be split, and the SQL parser then reports why.
    pub fn of(text: &str) -> Option<Parser<'_>> {
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().ok()?;
        let tokens = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        Some(Parser { text, tokens, next: 0 })
    }

    fn statement(&mut self, replace: bool) -> Result<CreateModel, StatementError> {
        let when = self.when(replace)?;
        let at = self.location();
        let name = self.identifier("a name for the model")?;
        if !model::valid_name(&name) {
            return Err(Problem::from(model::Error::Name { name }).at(at));
        }
        self.expect_word("OPTIONS", "OPTIONS")?;
        let at = self.location();
        let given = self.options()?;
        self.expect_word("AS", "AS")?;
        let query = self.query()?;
        let Read { recipe, folds, columns } = options::read(&given, at)?;
        Ok(CreateModel { name, when, recipe, folds, columns, query, text: self.text.trim().into() })
    }

    fn when(&mut self, replace: bool) -> Result<When, StatementError> {
        let at = self.location();
        if !self.take_word("IF") {
            return Ok(if replace { When::Always } else { When::Absent });
        }
        self.expect_word("NOT", "NOT EXISTS")?;
        self.expect_word("EXISTS", "EXISTS")?;
        if replace { Err(Problem::ReplaceIfAbsent.at(at)) } else { Ok(When::IfAbsent) }
    }

    fn options(&mut self) -> Result<Vec<Given>, StatementError> {
        self.expect(&Token::LParen, "(")?;
        let mut given: Vec<Given> = Vec::new();
        let mut seen = BTreeSet::new();
        while !self.take(&Token::RParen) {
            if !given.is_empty() {
                self.expect(&Token::Comma, "a comma or )")?;
            }
            let at = self.location();
            let name = self.identifier("an option")?.to_lowercase();
            if !seen.insert(name.clone()) {
                return Err(Problem::Twice { name }.at(at));
            }
            self.expect(&Token::Eq, "=")?;
            let value = self.value()?;
            given.push(Given { name, value, at });
        }
        Ok(given)
    }

    fn value(&mut self) -> Result<Value, StatementError> {
        if self.take(&Token::LBracket) {
            let mut items = Vec::new();
            while !self.take(&Token::RBracket) {
                if !items.is_empty() {
                    self.expect(&Token::Comma, "a comma or ]")?;
                }
                items.push(self.value()?);
            }
            return Ok(Value::Array(items));
        }
        let negative = self.take(&Token::Minus);
        let value = match self.peek() {
            Some(Token::Number(digits, _)) if !is_held(digits) => {
                return Err(self.syntax("a number that a DOUBLE can hold"));
            }
            Some(Token::Number(digits, _)) if negative => {
                let whole = digits.parse::<i64>().ok().map(|number| Value::from(-number));
                whole.or_else(|| digits.parse::<f64>().ok().map(|number| Value::from(-number)))
            }
            _ if negative => None,
            Some(Token::SingleQuotedString(text)) => Some(Value::String(text.clone())),
            _ if self.peek_word("TRUE") || self.peek_word("FALSE") => Some(Value::Bool(self.peek_word("TRUE"))),
            Some(Token::Number(digits, _)) => {
                // Whole numbers are written as integers in the artifact.
                let whole = digits.parse::<u64>().ok().map(Value::from);
                whole.or_else(|| digits.parse::<f64>().ok().map(Value::from))
            }
            _ => None,
        };
        let value = value.ok_or_else(|| self.syntax("a number, text in single quotes or a list in brackets"))?;
        self.next += 1;
        Ok(value)
    }

    /// Takes the rest of the text: a query, optionally followed by one semicolon.
    fn query(&mut self) -> Result<String, StatementError> {
        let begins = ["SELECT", "WITH", "FROM"].iter().any(|word| self.peek_word(word));
        if !begins && self.peek() != Some(&Token::LParen) {
            return Err(self.syntax("a query"));
        }
        let start = offset(self.text, self.location());
        let mut end = self.text.len();
        if let Some(semicolon) = self.tokens[self.next..].iter().position(|token| token.token == Token::SemiColon) {
            let semicolon = self.next + semicolon;
            end = offset(self.text, self.tokens[semicolon].span.start);
            self.next = semicolon + 1;
            if self.next < self.tokens.len() {
                return Err(self.syntax("the end of the statement"));
            }
        }
        let blank = self.text[..start].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' });
        Ok(blank.chain(self.text[start..end].chars()).collect())
    }

    fn identifier(&mut self, expected: &'static str) -> Result<String, StatementError> {
        self.name().ok_or_else(|| self.syntax(expected))
    }

    /// Takes a name; `None` if the next token is something else.
    pub fn name(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        self.next += 1;
        Some(name)
    }

    /// Skips one token.
    pub fn skip(&mut self) {
        self.next += 1;
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    fn peek_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
    }

    /// Takes a word if it comes next.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str, expected: &'static str) -> Result<(), StatementError> {
        if self.take_word(word) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token, expected: &'static str) -> Result<(), StatementError> {
        if self.take(token) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// Returns where the next token starts; after the last token, the end of the text.
    pub fn location(&self) -> Location {
        match self.tokens.get(self.next) {
            Some(token) => token.span.start,
            None => {
                let line = self.text.lines().count().max(1) as u64;
                let column = self.text.lines().last().map_or(0, |line| line.chars().count()) as u64 + 1;
                Location { line, column }
            }
        }
    }

    fn syntax(&self, expected: &'static str) -> StatementError {
        self.written(expected, USAGE)
    }

    /// Returns the error for a token that is not what was expected, with how the statement is written.
    pub fn written(&self, expected: &'static str, usage: &'static str) -> StatementError {
        let found = self.peek().map_or("the end".into(), |token| format!("`{token}`"));
        Problem::Syntax { expected, found, usage }.at(self.location())
    }
}

/// Returns whether a DOUBLE can hold a number: it is neither so large that it would be infinite nor so small that it would be 0.
fn is_held(digits: &str) -> bool {
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.contains(|digit: char| ('1'..='9').contains(&digit));
    digits.parse::<f64>().is_ok_and(|number| number.is_finite() && (number == 0.0) == is_zero)
}

/// Returns the byte position of a location, whose lines and characters are counted from 1.
fn offset(text: &str, location: Location) -> usize {
    let line: usize = text.split_inclusive('\n').take(location.line as usize - 1).map(str::len).sum();
    let column = text[line..].char_indices().nth(location.column as usize - 1);
    column.map_or(text.len(), |(byte, _)| line + byte)
}

#[cfg(test)]
mod tests {
    use super::{CreateModel, When, parse};
    use crate::error::Hint;

    const REST: &str = "OPTIONS (model_type = 'naive', input_label_cols = ['y']) AS SELECT x, y FROM t";

    fn model(sql: &str) -> CreateModel {
        parse(sql).expect("a CREATE MODEL statement").unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    #[test]
    fn names_without_quotes_fold_to_lower_case_and_quoted_names_keep_their_capitals() {
        assert_eq!(model(&format!("create Model My_Model {REST}")).name, "my_model");
        assert_eq!(model(&format!("CREATE MODEL \"My_Model\" {REST}")).name, "My_Model");
    }

    #[test]
    fn the_statement_says_what_becomes_of_a_model_that_exists() {
        assert_eq!(model(&format!("CREATE MODEL m {REST}")).when, When::Absent);
        assert_eq!(model(&format!("CREATE OR REPLACE MODEL m {REST}")).when, When::Always);
        assert_eq!(model(&format!("CREATE MODEL IF NOT EXISTS m {REST}")).when, When::IfAbsent);
        let both = parse(&format!("CREATE OR REPLACE MODEL IF NOT EXISTS m {REST}")).expect("a statement").unwrap_err();
        assert_eq!(both.to_string(), "line 1, column 25: OR REPLACE and IF NOT EXISTS exclude each other");
        assert!(both.hint().is_some());
    }

    #[test]
    fn a_number_that_a_double_cannot_hold_is_shown_as_it_is_written() {
        let with = |number: &str| {
            parse(&format!("CREATE MODEL m OPTIONS (l2_reg = {number}) AS SELECT 1")).expect("a statement")
        };
        for number in ["1e400", "1e-400", "0.001e-400"] {
            let error = with(number).unwrap_err().to_string();
            assert!(error.contains(&format!("expected a number that a DOUBLE can hold, found `{number}`")), "{error}");
        }
        for number in ["0e400", "0.0", "1e-320", "-1e300", "00012"] {
            let error = with(number).unwrap_err().to_string();
            assert!(error.contains("OPTIONS lacks model_type"), "{number}: {error}");
        }
    }

    #[test]
    fn the_query_keeps_its_place() {
        let model = model(
            "-- why\nCREATE MODEL m\n  OPTIONS (model_type = 'naive', input_label_cols = ['y'])\nAS SELECT x,\n y FROM t; ",
        );
        assert_eq!(model.query.lines().nth(3), Some("   SELECT x,"));
        assert_eq!(model.query.lines().nth(4), Some(" y FROM t"));
    }

    #[test]
    fn other_statements_are_left_to_the_sql_parser() {
        for sql in
            ["CREATE TABLE model AS SELECT 1", "SELECT 1", "", "CREATE OR REPLACE VIEW v AS SELECT 1", "SELECT 'open"]
        {
            assert!(parse(sql).is_none(), "{sql}");
        }
    }
}
