//! Completion with the Tab key, and hints of functions' signatures.
//!
//! In: the statement around the cursor, and the names that the session knows. Out: the words that may come at the cursor. What
//! the session knows is looked up only when the user asks.

mod context;
mod files;
mod relations;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::commands::{self, Completes};
use super::{highlight, names};
use crate::catalog::Session;
use crate::text::identifier;
use context::{Expected, Surroundings};

/// Words that begin a statement.
const STATEMENTS: &str =
    "ALTER ANALYZE COPY CREATE DELETE DESCRIBE DROP EXPLAIN EXPORT INSERT SELECT SET SHOW VALUES WITH";

/// SQL's words inside a statement, and the words of squall's own statements.
const KEYWORDS: &str = "ALIAS ALL AND AS ASC BETWEEN BY CASE CAST CROSS CURRENT DESC DISTINCT ELSE END EXCEPT EXISTS EXTERNAL FALSE \
    FILTER FOLLOWING FROM FULL GROUP HAVING IF IN INNER INTERSECT INTERVAL INTO IS JOIN LEFT LIKE LIMIT LOCATION MODEL NOT NULL \
    NULLS OFFSET ON OPTIONS OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE REPLACE RIGHT ROW ROWS SELECT STORED TABLE \
    TABLES TEMPORARY THEN TO TRUE UNBOUNDED UNION USING VALUES VERSION VIEW WHEN WHERE WINDOW WITH";

/// What may come after a table in FROM.
const AFTER_TABLE: &str =
    "AS CROSS EXCEPT FULL GROUP HAVING INNER INTERSECT JOIN LEFT LIMIT ON ORDER QUALIFY RIGHT UNION USING WHERE WINDOW";

/// What SHOW lists.
const SHOWN: &str = "ALL COLUMNS FUNCTIONS MODELS TABLES";

/// What may begin an expression.
const IN_EXPRESSION: &str = "CASE CAST DISTINCT EXISTS FALSE INTERVAL NOT NULL TRUE";

/// A word that may come at the cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    text: String,
    /// What is shown in the list of candidates.
    shown: String,
}

impl Candidate {
    fn plain(text: impl Into<String>) -> Candidate {
        let text = text.into();
        Candidate { shown: text.clone(), text }
    }
}

/// Answers the line editor's questions while a line is typed.
pub struct Completion {
    session: Arc<Session>,
    /// The reports of the project.
    reports: Vec<String>,
    /// The lines of the statement before this one.
    before: String,
    /// Each function's signature; looked up once.
    functions: OnceCell<BTreeMap<String, String>>,
    /// Whether a line is coloured while it is typed.
    colours: bool,
}

impl Completion {
    /// Completes with the names of a session.
    pub fn new(session: Arc<Session>, reports: Vec<String>) -> Self {
        Completion {
            session,
            reports,
            before: String::new(),
            functions: OnceCell::new(),
            colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Begins a line; `before` has the lines of its statement before it.
    pub fn begin_line(&mut self, before: &str) {
        self.before = before.into();
    }

    fn functions(&self) -> &BTreeMap<String, String> {
        self.functions.get_or_init(|| {
            let functions = names::functions(self.session.context());
            functions.into_iter().map(|function| (function.name, function.signature)).collect()
        })
    }

    /// Returns where the word before the cursor starts, and the words that it may become, ascending.
    fn candidates(&self, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        if self.before.is_empty() && commands::is_command(&line[..cursor]) {
            return self.command_candidates(line, cursor);
        }
        self.sql_candidates(&self.before, line, cursor)
    }

    fn sql_candidates(&self, earlier: &str, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        let text = format!("{earlier}{line}");
        let around = Surroundings::of(&text, earlier.len() + cursor);
        // The word never begins in an earlier line.
        let start = around.start.saturating_sub(earlier.len());
        let word = around.word;
        let mut candidates = match around.expected {
            Expected::File => {
                return (start, files::candidates(word, true).into_iter().map(Candidate::plain).collect());
            }
            Expected::Nothing => Vec::new(),
            Expected::Statement => keywords(word, STATEMENTS),
            Expected::Setting => self.settings(word),
            Expected::Shown => {
                let mut candidates = self.settings(word);
                candidates.extend(keywords(word, SHOWN));
                candidates
            }
            Expected::Described => {
                let mut candidates = self.tables(word, &around);
                candidates.extend(keywords(word, "MODEL"));
                candidates
            }
            Expected::Model => like(word, &self.session.model_names()).into_iter().map(name).collect(),
            Expected::Table => self.tables(word, &around),
            Expected::AfterTable => keywords(word, AFTER_TABLE),
            Expected::ColumnOf(relation) => {
                like(word, &self.columns(&around, Some(relation))).into_iter().map(name).collect()
            }
            Expected::Expression | Expected::Condition if word.is_empty() => {
                like(word, &self.columns(&around, None)).into_iter().map(name).collect()
            }
            expected @ (Expected::Expression | Expected::Condition) => {
                let mut candidates: Vec<Candidate> =
                    like(word, &self.columns(&around, None)).into_iter().map(name).collect();
                let state = self.session.context().state();
                let of_rows = |name: &str| {
                    state.aggregate_functions().contains_key(name) || state.window_functions().contains_key(name)
                };
                candidates.extend(
                    self.calls(word, |name, of_table| {
                        !of_table && (expected == Expected::Expression || !of_rows(name))
                    }),
                );
                candidates.extend(like(word, &around.aliases()).into_iter().map(|alias| Candidate::plain(alias + ".")));
                candidates.extend(keywords(word, IN_EXPRESSION));
                candidates.extend(keywords(word, KEYWORDS));
                candidates
            }
        };
        candidates.sort();
        candidates.dedup();
        (start, candidates)
    }

    fn tables(&self, word: &str, around: &Surroundings<'_>) -> Vec<Candidate> {
        let mut tables = names::tables(self.session.context());
        tables.extend(around.common_tables());
        let mut candidates: Vec<Candidate> = like(word, &tables).into_iter().map(name).collect();
        if !word.is_empty() {
            candidates.extend(self.calls(word, |_, of_table| of_table));
        }
        candidates
    }

    /// Returns the functions that begin with a word and can stand there, as told from the name and whether it is a table function.
    fn calls(&self, word: &str, can_stand: impl Fn(&str, bool) -> bool) -> Vec<Candidate> {
        let state = self.session.context().state();
        let fits = |function: &&String| {
            begins(function, word) && can_stand(function, state.table_functions().contains_key(*function))
        };
        let functions = self.functions();
        functions
            .keys()
            .filter(fits)
            .map(|function| Candidate { text: format!("{function}("), shown: functions[function].clone() })
            .collect()
    }

    fn columns(&self, around: &Surroundings<'_>, relation: Option<&str>) -> Vec<String> {
        relations::columns(self.session.context(), around, relation)
    }

    fn settings(&self, word: &str) -> Vec<Candidate> {
        let entries = self.session.context().copied_config().options().entries();
        let names: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
        like(word, &names).into_iter().map(Candidate::plain).collect()
    }

    fn command_candidates(&self, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        let before = &line[..cursor];
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &before[start..];
        let mut words = before[..start].split_whitespace();
        let Some(command) = words.next() else {
            let names: Vec<String> = commands::all().map(|kind| kind.name.to_string()).collect();
            return (start, like(word, &names).into_iter().map(Candidate::plain).collect());
        };
        let Some(kind) = commands::named(command) else { return (start, Vec::new()) };
        let at = words.count().min(kind.completes.len().saturating_sub(1));
        let candidates = match kind.completes.get(at) {
            None => Vec::new(),
            Some(Completes::Table) => like(word, &names::tables(self.session.context())),
            Some(Completes::Model) => like(word, &self.session.model_names()),
            Some(Completes::Function) => like(word, &self.functions().keys().cloned().collect::<Vec<_>>()),
            Some(Completes::File) => files::candidates(word, false),
            Some(Completes::Report) => like(word, &self.reports),
            Some(Completes::Words(words)) => like(word, &words().into_iter().map(String::from).collect::<Vec<_>>()),
            Some(Completes::Query) => {
                // `.plot X, Y FROM …` is a query without its first word.
                let command = before.find(char::is_whitespace).unwrap_or(before.len());
                let select = "SELECT";
                let query = format!("{select}{}", &line[command..]);
                let (from, candidates) = self.sql_candidates("", &query, cursor - command + select.len());
                return ((from + command).saturating_sub(select.len()), candidates);
            }
        };
        (start, candidates.into_iter().map(Candidate::plain).collect())
    }

    /// Returns the rest of the signature of the function whose call the line ends with.
    fn signature(&self, line: &str, cursor: usize) -> Option<String> {
        let before = line.get(..cursor).filter(|before| before.len() == line.len())?.strip_suffix('(')?;
        let begin = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let function = before.get(begin..)?.to_lowercase();
        let signature = self.functions().get(&function)?;
        signature.strip_prefix(&format!("{function}(")).map(Into::into)
    }
}

/// Returns the keywords that begin with a word, in capitals if the word has one.
fn keywords(word: &str, words: &str) -> Vec<Candidate> {
    let small = !word.is_empty() && !word.chars().any(char::is_uppercase);
    let words = words.split_whitespace().filter(|keyword| begins(keyword, word));
    words.map(|keyword| Candidate::plain(if small { keyword.to_lowercase() } else { keyword.into() })).collect()
}

/// Returns a candidate that is a name, in quotes if SQL needs them.
fn name(name: String) -> Candidate {
    let mut characters = name.chars();
    let plain = characters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let text = if plain { name.clone() } else { identifier(&name) };
    Candidate { text, shown: name }
}

fn begins(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Returns the names that begin with `word`, ignoring case.
fn like(word: &str, names: &[String]) -> Vec<String> {
    names.iter().filter(|name| begins(name, word)).cloned().collect()
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.candidates(line, cursor);
        let pair = |candidate: Candidate| Pair { display: candidate.shown, replacement: candidate.text };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

/// Every line is taken as it is; the shell knows which of them end a statement.
impl Validator for Completion {}

/// A signature, which is shown and not inserted.
pub struct Signature(String);

impl Hint for Signature {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Completion {
    type Hint = Signature;

    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<Signature> {
        self.signature(line, cursor).map(Signature)
    }
}

impl Highlighter for Completion {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.colours && !(self.before.is_empty() && commands::is_command(line)) {
            true => Cow::Owned(highlight::coloured(&self.before, line)),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.colours {
            true => Cow::Owned(format!("\x1b[90m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colours
    }
}

impl Helper for Completion {}
