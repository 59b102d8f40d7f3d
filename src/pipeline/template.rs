//! Placeholders: `{{ horizon_s }}` in a query stands for a parameter's value.
//!
//! In: a file's text and the [`Parameters`]. Out: SQL with the same lines, and for each of its columns the place in the
//! file. The text between the braces is a minijinja expression, so `{{ window_ticks - 1 }}` works. Statements (`{% … %}`)
//! are not allowed: a query is the same query for all parameters, and its line numbers are those of the file.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, UndefinedBehavior};

use super::Parameters;
use super::error::Error;
use super::place::Place;
use crate::text::{did_you_mean, doubled_quotes, literal};

/// Evaluates placeholders; made once, because it knows many functions.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

/// A file's text with its placeholders filled.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub file: PathBuf,
    pub sql: String,
    source: Vec<String>,
    /// For each line, the placeholders in it.
    filled: Vec<Vec<Filled>>,
}

/// The columns of a placeholder, counted from 0 in characters; the end is exclusive.
#[derive(Debug, Clone)]
struct Filled {
    source: std::ops::Range<usize>,
    rendered: std::ops::Range<usize>,
}

impl Rendered {
    /// Returns the place in the file for a line and a column of the SQL, both counted from 1.
    pub fn place(&self, line: usize, column: usize) -> Place {
        let line = line.clamp(1, self.source.len().max(1));
        let mut shifted = column.max(1) - 1;
        for filled in self.filled.get(line - 1).into_iter().flatten().rev() {
            if shifted >= filled.rendered.end {
                shifted = shifted - filled.rendered.end + filled.source.end;
                break;
            }
            if shifted >= filled.rendered.start {
                shifted = filled.source.start;
                break;
            }
        }
        let text = self.source.get(line - 1).cloned().unwrap_or_default();
        Place { file: self.file.clone(), line, column: Some(shifted + 1), text }
    }

    /// Returns the place of the file's end, for errors about a statement that stops too early.
    pub fn end(&self) -> Place {
        let last = self.source.iter().rposition(|line| !line.trim().is_empty()).unwrap_or(0);
        let text = self.source.get(last).cloned().unwrap_or_default();
        Place { file: self.file.clone(), line: last + 1, column: Some(text.trim_end().chars().count() + 1), text }
    }
}

/// Fills the placeholders of a file's text.
///
/// # Errors
/// A parameter is unknown, an expression does not parse, a value is neither text, a number, a boolean nor a list of these, or
/// there is a template statement. Each error has its place.
pub fn render(file: &Path, text: &str, parameters: &Parameters) -> Result<Rendered, Error> {
    let mut rendered =
        Rendered { file: file.into(), sql: String::with_capacity(text.len()), source: Vec::new(), filled: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let at = |byte: usize| Place {
            file: file.into(),
            line: index + 1,
            column: Some(line[..byte].chars().count() + 1),
            text: line.into(),
        };
        // Names that such a statement makes are not parameters.
        if let Some(statement) = line.find("{%") {
            let message = "a query can hold {{ placeholders }}, but not template statements".into();
            return Err(Error::Placeholder { place: at(statement), message });
        }
        let mut filled = Vec::new();
        let mut out = String::new();
        let mut byte = 0;
        while let Some(open) = line[byte..].find("{{").map(|offset| byte + offset) {
            let Some(close) = line[open..].find("}}").map(|offset| open + offset) else {
                return Err(Error::Placeholder {
                    place: at(open),
                    message: "placeholder without `}}` in this line".into(),
                });
            };
            out.push_str(&line[byte..open]);
            let start = out.chars().count();
            out.push_str(&value(&ENVIRONMENT, &line[open + 2..close], parameters, || at(open))?);
            byte = close + 2;
            filled.push(Filled {
                source: line[..open].chars().count()..line[..byte].chars().count(),
                rendered: start..out.chars().count(),
            });
        }
        out.push_str(&line[byte..]);
        rendered.sql.push_str(&out);
        rendered.sql.push('\n');
        rendered.source.push(line.into());
        rendered.filled.push(filled);
    }
    Ok(rendered)
}

/// Returns the text for a placeholder. Quotes in it are doubled, because the placeholder may be inside quotes. A list becomes
/// literals between commas, as `IN (…)` takes them.
fn value(
    environment: &Environment<'_>,
    expression: &str,
    parameters: &Parameters,
    place: impl Fn() -> Place,
) -> Result<String, Error> {
    let wrong = |message: String| Error::Placeholder { place: place(), message };
    let describe = |error: minijinja::Error| error.detail().map_or_else(|| error.kind().to_string(), String::from);
    let compiled = environment.compile_expression(expression.trim()).map_err(|error| wrong(describe(error)))?;
    let mut names: Vec<String> = compiled.undeclared_variables(false).into_iter().collect();
    names.sort();
    if let Some(name) = names.into_iter().find(|name| !parameters.contains_key(name)) {
        let suggestion = did_you_mean(&name, parameters.keys().map(String::as_str));
        return Err(Error::UnknownParameter { place: place(), name, suggestion });
    }
    let value: Value = compiled.eval(Serde(parameters)).map_err(|error| wrong(describe(error)))?;
    let plain = |value: &Value| matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool);
    let text = match value.kind() {
        ValueKind::Seq => {
            let items: Vec<Value> = value.try_iter().map_err(|error| wrong(describe(error)))?.collect();
            if items.is_empty() {
                return Err(wrong(format!("`{}` is an empty list", expression.trim())));
            }
            if !items.iter().all(plain) {
                return Err(wrong(format!(
                    "`{}` holds what is neither text, a number nor a boolean",
                    expression.trim()
                )));
            }
            let literals = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), literal));
            literals.collect::<Vec<_>>().join(", ")
        }
        _ if plain(&value) => doubled_quotes(&value.to_string()),
        _ => return Err(wrong(format!("`{}` is neither text, a number, a boolean nor a list", expression.trim()))),
    };
    if text.contains(['\n', '\r']) {
        return Err(wrong(format!("`{}` holds a line break", expression.trim())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        let products = serde_json::json!(["A", "it's"]);
        let empty = serde_json::json!([]);
        [
            ("horizon_s", 60.into()),
            ("product", "BTC-USD".into()),
            ("odd", "it's".into()),
            ("products", products),
            ("none", empty),
        ]
        .map(|(name, value): (&str, serde_json::Value)| (name.to_string(), value))
        .into()
    }

    fn rendered(text: &str) -> Rendered {
        render(Path::new("a.sql"), text, &parameters()).unwrap()
    }

    #[test]
    fn values_are_filled_and_quotes_doubled() {
        assert_eq!(rendered("x '{{ product }}' {{ horizon_s * 2 }}").sql, "x 'BTC-USD' 120\n");
        assert_eq!(rendered("'{{ odd }}'").sql, "'it''s'\n");
    }

    #[test]
    fn a_list_becomes_literals() {
        assert_eq!(rendered("x IN ({{ products }})").sql, "x IN ('A', 'it''s')\n");
        assert_eq!(rendered("{{ [horizon_s, 1] | max }}").sql, "60\n");
        assert!(matches!(render(Path::new("a.sql"), "IN ({{ none }})", &parameters()), Err(Error::Placeholder { .. })));
    }

    #[test]
    fn columns_lead_back_to_the_file() {
        //                        123456789012345678901234
        let rendered = rendered("SELECT\n  '{{ product }}' AS é, {{ horizon_s }} oops");
        // In the SQL:            "  'BTC-USD' AS é, 60 oops"
        assert_eq!(rendered.place(2, 3).column, Some(3));
        assert_eq!(rendered.place(2, 5).column, Some(4), "inside a placeholder: its start");
        assert_eq!(rendered.place(2, 16).column, Some(22));
        assert_eq!(rendered.place(2, 22).column, Some(41));
        assert_eq!(rendered.place(2, 22).text, "  '{{ product }}' AS é, {{ horizon_s }} oops");
    }

    #[test]
    fn an_unknown_parameter_names_its_place_and_a_near_name() {
        let Err(Error::UnknownParameter { place, name, suggestion }) =
            render(Path::new("a.sql"), "SELECT 1,\n  {{ horizons }}", &parameters())
        else {
            panic!("expected an unknown parameter");
        };
        assert_eq!((place.line, place.column, name.as_str()), (2, Some(3), "horizons"));
        assert_eq!(suggestion.as_deref(), Some("did you mean `horizon_s`?"));
    }

    #[test]
    fn statements_and_open_placeholders_are_refused() {
        for text in [
            "{% if x %}",
            "{% for p in [1] %} {{ p }} {% endfor %}",
            "{{ horizon_s",
            "{{ horizon_s | }}",
            "{{ {'a': 1} }}",
        ] {
            let error = render(Path::new("a.sql"), text, &parameters()).unwrap_err();
            assert!(matches!(error, Error::Placeholder { .. }), "{text}: {error}");
        }
    }
}
