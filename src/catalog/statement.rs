//! The statement `CREATE [OR REPLACE] MODEL name OPTIONS (…) AS SELECT …`.
//!
//! In: a statement's text. Out: [`CreateModel`], or where in the text it goes wrong. The query keeps its line and column
//! numbers: what stands before it is blanked, not cut.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use serde_json::{Map, Value};

use crate::error::Hint;
use crate::model::{self, Hyperparameters, ModelType};
use crate::text::did_you_mean;

/// Every option, by the name that it has in OPTIONS.
const OPTIONS: [&str; 8] =
    ["model_type", "input_label_cols", "data_split_col", "time_col", "id_cols", "l2_reg", "max_iterations", "quantile"];

/// A parsed statement.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateModel {
    pub name: String,
    /// Whether an existing model gets another version.
    pub replace: bool,
    pub hyperparameters: Hyperparameters,
    pub label: String,
    /// The column that holds `train`, `validation` or `test`; without it every row trains.
    pub split: Option<String>,
    pub time: Option<String>,
    /// Columns that are neither label nor split nor time nor features.
    pub ids: Vec<String>,
    /// The hyperparameters in force, as the artifact records them.
    pub options: Map<String, Value>,
    /// The training query, its lines and columns those of the statement.
    pub query: String,
    /// The statement as it was written.
    pub text: String,
}

/// What can be wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Syntax { line: u64, column: u64, expected: &'static str, found: String },
    #[error("line {line}, column {column}: unknown option `{name}`")]
    UnknownOption { line: u64, column: u64, name: String },
    #[error("line {line}, column {column}: `{name}` is given twice")]
    Twice { line: u64, column: u64, name: String },
    #[error("line {line}, column {column}: {name} is no option of a {model_type} model")]
    OtherType { line: u64, column: u64, name: &'static str, model_type: &'static str },
    #[error("line {line}, column {column}")]
    Value { line: u64, column: u64, source: model::Error },
    #[error("OPTIONS lacks {name}")]
    Lacks { name: &'static str },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Syntax { .. } => Some("CREATE [OR REPLACE] MODEL name OPTIONS (key = value, …) AS SELECT …".into()),
            Error::UnknownOption { name, .. } => {
                let options = || format!("options are {}", OPTIONS.join(", "));
                Some(did_you_mean(name, OPTIONS).unwrap_or_else(options))
            }
            Error::Lacks { name: "input_label_cols" } => Some("such as input_label_cols = ['spike']".into()),
            Error::Lacks { .. } => Some("such as model_type = 'logistic_reg'".into()),
            Error::Value { source, .. } => source.hint(),
            Error::Twice { .. } | Error::OtherType { .. } => None,
        }
    }
}

/// Parses a statement; `None` where it is another kind of statement.
pub fn parse(text: &str) -> Option<Result<CreateModel, Error>> {
    // What cannot be cut into tokens is left to DataFusion to complain about.
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().ok()?;
    let tokens: Vec<_> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut parser = Parser { text, tokens, next: 0 };
    if !parser.take_word("CREATE") {
        return None;
    }
    let replace = parser.take_word("OR") && parser.take_word("REPLACE");
    parser.take_word("MODEL").then(|| parser.statement(replace))
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<TokenWithSpan>,
    next: usize,
}

/// An option as written, and where.
struct Given {
    name: String,
    value: Value,
    at: Location,
}

impl Parser<'_> {
    fn statement(&mut self, replace: bool) -> Result<CreateModel, Error> {
        let at = self.location();
        let name = self.identifier("a name for the model")?;
        if !model::valid_name(&name) {
            return Err(Error::Value { line: at.line, column: at.column, source: model::Error::Name { name } });
        }
        self.expect_word("OPTIONS", "OPTIONS")?;
        let given = self.options()?;
        self.expect_word("AS", "AS")?;
        let query = self.query()?;
        build(name, replace, given, query, self.text)
    }

    fn options(&mut self) -> Result<Vec<Given>, Error> {
        self.expect(&Token::LParen, "(")?;
        let mut given: Vec<Given> = Vec::new();
        let mut seen = BTreeSet::new();
        while !self.take(&Token::RParen) {
            if !given.is_empty() {
                self.expect(&Token::Comma, "a comma or )")?;
            }
            let at = self.location();
            let name = self.identifier("an option")?.to_lowercase();
            let (line, column) = (at.line, at.column);
            if !OPTIONS.contains(&name.as_str()) {
                return Err(Error::UnknownOption { line, column, name });
            }
            if !seen.insert(name.clone()) {
                return Err(Error::Twice { line, column, name });
            }
            self.expect(&Token::Eq, "=")?;
            let value = self.value()?;
            given.push(Given { name, value, at });
        }
        Ok(given)
    }

    fn value(&mut self) -> Result<Value, Error> {
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
        let value = match self.peek() {
            Some(Token::SingleQuotedString(text)) => Some(Value::String(text.clone())),
            Some(Token::Number(digits, _)) => {
                // Whole numbers stay whole in the artifact.
                let whole = digits.parse::<u64>().ok().map(Value::from);
                whole.or_else(|| digits.parse::<f64>().ok().map(Value::from))
            }
            _ => None,
        };
        let value = value.ok_or_else(|| self.syntax("a number, text in single quotes or a list in brackets"))?;
        self.next += 1;
        Ok(value)
    }

    /// Takes the rest of the text: a query, and at most one semicolon after it.
    fn query(&mut self) -> Result<String, Error> {
        if !self.peek_word("SELECT") && !self.peek_word("WITH") && self.peek() != Some(&Token::LParen) {
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

    fn identifier(&mut self, expected: &'static str) -> Result<String, Error> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.syntax(expected)) };
        // As elsewhere in SQL, a name without quotes is lower case.
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        self.next += 1;
        Ok(name)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    fn peek_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str, expected: &'static str) -> Result<(), Error> {
        if self.take_word(word) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token, expected: &'static str) -> Result<(), Error> {
        if self.take(token) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// Where the next token starts; the end of the text after the last.
    fn location(&self) -> Location {
        match self.tokens.get(self.next) {
            Some(token) => token.span.start,
            None => {
                let line = self.text.lines().count().max(1) as u64;
                let column = self.text.lines().last().map_or(0, |line| line.chars().count()) as u64 + 1;
                Location { line, column }
            }
        }
    }

    fn syntax(&self, expected: &'static str) -> Error {
        let Location { line, column } = self.location();
        let found = self.peek().map_or("the end".into(), |token| format!("`{token}`"));
        Error::Syntax { line, column, expected, found }
    }
}

/// Returns the byte at which a location, counted in characters from 1, lies.
fn offset(text: &str, location: Location) -> usize {
    let line: usize = text.split_inclusive('\n').take(location.line as usize - 1).map(str::len).sum();
    let column = text[line..].char_indices().nth(location.column as usize - 1);
    column.map_or(text.len(), |(byte, _)| line + byte)
}

fn build(name: String, replace: bool, given: Vec<Given>, query: String, text: &str) -> Result<CreateModel, Error> {
    let find = |name: &str| given.iter().find(|option| option.name == name);
    let model_type = match find("model_type") {
        Some(option) => ModelType::parse(&string(option, "model_type")?).map_err(at(option))?,
        None => return Err(Error::Lacks { name: "model_type" }),
    };
    for (name, of) in [
        ("l2_reg", ModelType::LogisticReg),
        ("max_iterations", ModelType::LogisticReg),
        ("quantile", ModelType::QuantileThreshold),
    ] {
        if let Some(option) = find(name).filter(|_| of != model_type) {
            let Location { line, column } = option.at;
            return Err(Error::OtherType { line, column, name, model_type: model_type.as_str() });
        }
    }
    let mut hyperparameters = Hyperparameters { model_type, ..Hyperparameters::default() };
    if let Some(option) = find("l2_reg") {
        hyperparameters.l2_reg = number(option, "l2_reg", "at least 0", |l2_reg| l2_reg >= 0.0)?;
    }
    if let Some(option) = find("quantile") {
        hyperparameters.quantile = number(option, "quantile", "between 0 and 1", |share| share > 0.0 && share < 1.0)?;
    }
    if let Some(option) = find("max_iterations") {
        let whole = |count: f64| count >= 1.0 && count.fract() == 0.0;
        hyperparameters.max_iterations =
            number(option, "max_iterations", "a whole number of at least 1", whole)? as u64;
    }
    let label = match find("input_label_cols") {
        Some(option) => match strings(option, "input_label_cols")?.as_slice() {
            [label] => label.clone(),
            _ => return Err(wrong(option, "input_label_cols", "a list of one column")),
        },
        None => return Err(Error::Lacks { name: "input_label_cols" }),
    };
    let column = |name| find(name).map(|option| string(option, name)).transpose();
    let (split, time) = (column("data_split_col")?, column("time_col")?);
    let ids = find("id_cols").map(|option| strings(option, "id_cols")).transpose()?.unwrap_or_default();
    let options = recorded(&hyperparameters);
    Ok(CreateModel {
        name,
        replace,
        hyperparameters,
        label,
        split,
        time,
        ids,
        options,
        query,
        text: text.trim().into(),
    })
}

/// The hyperparameters that matter to the type of model.
fn recorded(hyperparameters: &Hyperparameters) -> Map<String, Value> {
    let mut options = Map::new();
    match hyperparameters.model_type {
        ModelType::LogisticReg => {
            options.insert("l2_reg".into(), hyperparameters.l2_reg.into());
            options.insert("max_iterations".into(), hyperparameters.max_iterations.into());
        }
        ModelType::Naive => {}
        ModelType::QuantileThreshold => {
            options.insert("quantile".into(), hyperparameters.quantile.into());
        }
    }
    options
}

fn at(option: &Given) -> impl FnOnce(model::Error) -> Error + '_ {
    |source| Error::Value { line: option.at.line, column: option.at.column, source }
}

fn wrong(option: &Given, name: &'static str, expected: &'static str) -> Error {
    at(option)(model::Error::Option { option: name, expected, given: option.value.to_string() })
}

fn string(option: &Given, name: &'static str) -> Result<String, Error> {
    option.value.as_str().map(str::to_string).ok_or_else(|| wrong(option, name, "text in single quotes"))
}

fn strings(option: &Given, name: &'static str) -> Result<Vec<String>, Error> {
    let items = option.value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_string)));
    let strings: Option<Vec<String>> = items.and_then(Iterator::collect);
    strings.ok_or_else(|| wrong(option, name, "a list of columns, such as ['a', 'b']"))
}

fn number(option: &Given, name: &'static str, expected: &'static str, fits: fn(f64) -> bool) -> Result<f64, Error> {
    option.value.as_f64().filter(|&number| fits(number)).ok_or_else(|| wrong(option, name, expected))
}
