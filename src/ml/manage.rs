//! The statements on trained models: `SHOW MODELS`, `DESCRIBE MODEL`, `EXPORT MODEL`, `DROP MODEL`, `ALTER MODEL … SET ALIAS`.
//!
//! In: a statement's text. Out: a [`Manage`], or the position of an error in the text; and its result as rows. A model is named as
//! functions name it: `name`, `name@2`, `name@champion`.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::error::Error;
use super::statement::{Parser, Problem, StatementError};
use crate::durable;
use crate::model::{self, Artifact, Registry};
use crate::track::Tracker;

/// A parsed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manage {
    Show,
    Describe {
        model: String,
    },
    /// Writes the model as an ONNX file; the model is given as a reference.
    Export {
        model: String,
        file: String,
    },
    Drop {
        name: String,
        version: Option<u64>,
        if_exists: bool,
    },
    SetAlias {
        name: String,
        alias: String,
        version: Option<u64>,
    },
    DropAlias {
        name: String,
        alias: String,
    },
}

/// How each statement is written.
const DESCRIBE: &str = "DESCRIBE MODEL name, name@2 or name@champion";
const EXPORT: &str = "EXPORT MODEL name [VERSION n] TO 'file.onnx'; name may be name@2 or name@champion";
const DROP: &str = "DROP MODEL [IF EXISTS] name [VERSION n]";
const ALTER: &str = "ALTER MODEL name SET ALIAS alias [VERSION n], or ALTER MODEL name DROP ALIAS alias";

/// The query behind `SHOW MODELS`.
const SHOW: &str = "SELECT model, version, latest, aliases, model_type, label, features, created_at, training_rows, \
    training_positives, problem FROM ml_models() ORDER BY model, version";

/// Parses a statement; `None` if it is another kind of statement.
pub fn parse(text: &str) -> Option<Result<Manage, StatementError>> {
    let mut parser = Parser::of(text)?;
    let first =
        ["SHOW", "DESCRIBE", "DESC", "EXPORT", "DROP", "ALTER"].into_iter().find(|word| parser.take_word(word))?;
    if first == "SHOW" {
        return parser.take_word("MODELS").then(|| end(&mut parser, "SHOW MODELS", Manage::Show));
    }
    parser.take_word("MODEL").then(|| match first {
        "DROP" => drop_model(&mut parser),
        "ALTER" => alter(&mut parser),
        "EXPORT" => export(&mut parser),
        _ => {
            let model = reference(&mut parser, DESCRIBE)?;
            end(&mut parser, DESCRIBE, Manage::Describe { model })
        }
    })
}

fn drop_model(parser: &mut Parser<'_>) -> Result<Manage, StatementError> {
    let if_exists = parser.take_word("IF");
    if if_exists && !parser.take_word("EXISTS") {
        return Err(parser.written("EXISTS", DROP));
    }
    let at = parser.location();
    let name = reference(parser, DROP)?;
    let (name, named) = match name.split_once('@') {
        Some((name, version)) => match version.parse() {
            Ok(version) => (name.to_string(), Some(version)),
            Err(_) => return Err(Problem::VersionWanted { name: name.into() }.at(at)),
        },
        None => (name, None),
    };
    let version = named.or(version(parser, DROP)?);
    end(parser, DROP, Manage::Drop { name, version, if_exists })
}

fn export(parser: &mut Parser<'_>) -> Result<Manage, StatementError> {
    let mut model = reference(parser, EXPORT)?;
    if !model.contains('@')
        && let Some(version) = version(parser, EXPORT)?
    {
        model = format!("{model}@{version}");
    }
    if !parser.take_word("TO") {
        return Err(parser.written("TO", EXPORT));
    }
    let Some(Token::SingleQuotedString(file)) = parser.peek() else {
        return Err(parser.written("a file in single quotes", EXPORT));
    };
    let file = file.clone();
    if file.contains("://") {
        return Err(parser.written("a file on this machine, not a URL", EXPORT));
    }
    if !file.to_lowercase().ends_with(".onnx") {
        return Err(parser.written("a file that ends in .onnx", EXPORT));
    }
    parser.skip();
    end(parser, EXPORT, Manage::Export { model, file })
}

fn alter(parser: &mut Parser<'_>) -> Result<Manage, StatementError> {
    let name = parser.name().ok_or_else(|| parser.written("the name of a model", ALTER))?;
    let set = parser.take_word("SET");
    if !set && !parser.take_word("DROP") {
        return Err(parser.written("SET ALIAS or DROP ALIAS", ALTER));
    }
    if !parser.take_word("ALIAS") {
        return Err(parser.written("ALIAS", ALTER));
    }
    let at = parser.location();
    let alias = match parser.peek() {
        Some(Token::Word(word)) => word.value.to_lowercase(),
        Some(Token::SingleQuotedString(text)) | Some(Token::Number(text, _)) => text.to_lowercase(),
        _ => return Err(parser.written("an alias", ALTER)),
    };
    parser.skip();
    // A dash is not part of a name in SQL, but may be part of an alias.
    if !model::valid_alias(&alias) {
        return Err(Problem::from(model::Error::AliasName { alias }).at(at));
    }
    match set {
        true => {
            let version = version(parser, ALTER)?;
            end(parser, ALTER, Manage::SetAlias { name, alias, version })
        }
        false => end(parser, ALTER, Manage::DropAlias { name, alias }),
    }
}

/// Reads `name`, `name@2` or `name@champion`, also in single quotes.
fn reference(parser: &mut Parser<'_>, usage: &'static str) -> Result<String, StatementError> {
    if let Some(Token::SingleQuotedString(text)) = parser.peek() {
        let text = text.clone();
        parser.skip();
        return Ok(text);
    }
    let mut name = parser.name().ok_or_else(|| parser.written("the name of a model", usage))?;
    // After a name in double quotes, the version is a word of its own.
    if let Some(Token::Word(word)) = parser.peek()
        && word.quote_style.is_none()
        && word.value.starts_with('@')
    {
        name += &word.value.to_lowercase();
        parser.skip();
    }
    Ok(name)
}

/// Reads `VERSION n`, which may be left out.
fn version(parser: &mut Parser<'_>, usage: &'static str) -> Result<Option<u64>, StatementError> {
    if !parser.take_word("VERSION") {
        return Ok(None);
    }
    let version = match parser.peek() {
        Some(Token::Number(digits, _)) => digits.parse().ok(),
        _ => None,
    };
    let version = version.ok_or_else(|| parser.written("the number of a version", usage))?;
    parser.skip();
    Ok(Some(version))
}

/// Expects the end of the statement, optionally after one semicolon.
fn end(parser: &mut Parser<'_>, usage: &'static str, statement: Manage) -> Result<Manage, StatementError> {
    if parser.peek() == Some(&Token::SemiColon) {
        parser.skip();
    }
    match parser.peek() {
        None => Ok(statement),
        Some(_) => Err(parser.written("the end of the statement", usage)),
    }
}

/// Carries a statement out. `SHOW`, `DESCRIBE` and `EXPORT` return rows, the others none.
///
/// # Errors
/// The model, version or alias does not exist, an alias names the version that is dropped, or the disk reports an error.
pub async fn carry_out(
    context: &SessionContext,
    models: &Registry,
    tracker: Option<&Tracker>,
    statement: Manage,
) -> Result<DataFrame, Error> {
    let (models, tracker) = (models.clone(), tracker.cloned());
    match statement {
        Manage::Show => Ok(context.sql(SHOW).await?),
        Manage::Describe { model } => Ok(context.read_batch(described(&models, &model)?)?),
        Manage::Export { model, file } => {
            let exported = durable::blocking(move || exported(&models, &model, &file)).await?;
            Ok(context.read_batch(exported)?)
        }
        changing => {
            durable::blocking(move || change(&models, tracker.as_ref(), changing)).await?;
            Ok(context.read_empty()?.limit(0, Some(0))?)
        }
    }
}

fn change(models: &Registry, tracker: Option<&Tracker>, statement: Manage) -> Result<(), model::Error> {
    match statement {
        Manage::Show | Manage::Describe { .. } | Manage::Export { .. } => Ok(()),
        Manage::Drop { name, version, if_exists } => {
            let dropped = match version {
                Some(version) => models.drop_version(&name, version),
                None => models.drop_model(&name),
            };
            match dropped {
                Err(model::Error::Missing { .. } | model::Error::MissingVersion { .. }) if if_exists => Ok(()),
                dropped => dropped,
            }
        }
        Manage::SetAlias { name, alias, version } => {
            let version = models.set_alias(&name, &alias, version)?;
            if let Some(tracker) = tracker {
                tracker.record_alias(&name, version, &alias);
            }
            Ok(())
        }
        Manage::DropAlias { name, alias } => models.drop_alias(&name, &alias),
    }
}

/// Writes a model as an ONNX file, whole or not at all, and returns one row that says what was written.
fn exported(models: &Registry, reference: &str, file: &str) -> Result<RecordBatch, Error> {
    let (name, version) = models.check(reference)?;
    let bytes = models.load_version(name, version)?.scorer.onnx()?;
    let written = durable::replace(Path::new(file), &bytes);
    written.map_err(|source| model::Error::Write { path: file.into(), source })?;
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    let schema = Schema::new(vec![
        field("model", DataType::Utf8),
        field("version", DataType::Int64),
        field("file", DataType::Utf8),
        field("bytes", DataType::Int64),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![name])),
        Arc::new(Int64Array::from(vec![version as i64])),
        Arc::new(StringArray::from(vec![file])),
        Arc::new(Int64Array::from(vec![bytes.len() as i64])),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns).map_err(DataFusionError::from)?)
}

/// Returns what is known of a model, one row a fact.
fn described(models: &Registry, reference: &str) -> Result<RecordBatch, Error> {
    let (name, version) = models.check(reference)?;
    let model = models.load_version(name, version)?;
    let aliases = models.aliases(name)?;
    let aliases: Vec<&str> =
        aliases.iter().filter(|(_, of)| **of == version).map(|(alias, _)| alias.as_str()).collect();
    let facts = facts(&model, &aliases.join(", "), &models.path(name, version).display().to_string());
    let (properties, values): (Vec<String>, Vec<String>) = facts.into_iter().unzip();
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![text("property"), text("value")]));
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(properties)), Arc::new(StringArray::from(values))];
    Ok(RecordBatch::try_new(schema, columns).map_err(DataFusionError::from)?)
}

fn facts(model: &Artifact, aliases: &str, path: &str) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut add = |property: &str, value: String| {
        if !value.is_empty() {
            facts.push((property.into(), value));
        }
    };
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let training = &model.training;
    add("model", model.name.clone());
    add("version", model.version.to_string());
    add("aliases", aliases.into());
    add("model_type", model.model_type().name.into());
    add("formula", model.formula.clone());
    add("probability", model.probability.to_string());
    add("label", model.label.clone());
    add("features", model.scorer.features().join(", "));
    add("threshold", model.threshold.map_or(String::new(), |threshold| threshold.to_string()));
    for (name, value) in &model.options {
        add(&format!("option {name}"), plain(value));
    }
    add("training_rows", training.rows.to_string());
    add("training_positives", training.positives.to_string());
    add("training_skipped", training.skipped.to_string());
    add("training_from", training.from.clone().unwrap_or_default());
    add("training_to", training.to.clone().unwrap_or_default());
    for (name, value) in &training.constants {
        add(&format!("constant {name}"), plain(value));
    }
    if let Some(basis) = &model.basis {
        add("products", basis.product_names().join(", "));
        let horizons: Vec<&str> = basis.labels.iter().map(|label| label.horizon.as_str()).collect();
        add("horizon", horizons.join(", "));
    }
    for split in &model.metrics {
        for (metric, value) in split.metrics.iter() {
            add(
                &format!("{} {}", split.split.as_str(), metric.name),
                value.map_or(String::new(), |value| value.to_string()),
            );
        }
    }
    add("created_at", model.created_at.clone());
    add("squall_version", model.squall_version.clone());
    add("file", path.into());
    add("sql", model.sql.clone());
    facts
}

#[cfg(test)]
mod tests {
    use super::{Manage, parse};
    use crate::error::Hint;

    fn read(text: &str) -> Manage {
        parse(text).expect("a statement on models").unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn statements_are_read() {
        let (name, alias) = ("m".to_string(), "champion".to_string());
        assert_eq!(read("show models;"), Manage::Show);
        for (text, model) in [
            ("DESCRIBE MODEL m", "m"),
            ("DESC MODEL M@2;", "m@2"),
            ("DESCRIBE MODEL m@Champion", "m@champion"),
            ("DESCRIBE MODEL \"M\"@2", "M@2"),
            ("DESCRIBE MODEL 'm@2'", "m@2"),
        ] {
            assert_eq!(read(text), Manage::Describe { model: model.into() }, "{text}");
        }
        let export = |model: &str| Manage::Export { model: model.into(), file: "a b/M.onnx".into() };
        assert_eq!(read("EXPORT MODEL m TO 'a b/M.onnx';"), export("m"));
        assert_eq!(read("export model M version 2 to 'a b/M.onnx'"), export("m@2"));
        assert_eq!(read("EXPORT MODEL \"M\"@champion TO 'a b/M.onnx'"), export("M@champion"));
        let drop = |version, if_exists| Manage::Drop { name: "m".into(), version, if_exists };
        assert_eq!(read("DROP MODEL m"), drop(None, false));
        assert_eq!(read("DROP MODEL IF EXISTS m VERSION 3"), drop(Some(3), true));
        assert_eq!(read("DROP MODEL m@3"), drop(Some(3), false));
        let set = |version| Manage::SetAlias { name: name.clone(), alias: alias.clone(), version };
        assert_eq!(read("ALTER MODEL m SET ALIAS champion"), set(None));
        assert_eq!(read("ALTER MODEL m SET ALIAS 'Champion' VERSION 2 ;"), set(Some(2)));
        assert_eq!(read("ALTER MODEL m DROP ALIAS champion"), Manage::DropAlias { name, alias });
        for other in ["SHOW TABLES", "DESCRIBE models", "DROP TABLE model", "ALTER TABLE m ADD x INT", "SELECT 1", ""] {
            assert!(parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_a_hint() {
        for (text, message) in [
            ("SHOW MODELS x", "line 1, column 13: expected the end of the statement, found `x`"),
            ("DROP MODEL", "line 1, column 11: expected the name of a model, found the end"),
            ("DROP MODEL m VERSION x", "line 1, column 22: expected the number of a version, found `x`"),
            ("EXPORT MODEL m", "line 1, column 15: expected TO, found the end"),
            ("EXPORT MODEL m@2 VERSION 2 TO 'm.onnx'", "line 1, column 18: expected TO, found `VERSION`"),
            ("EXPORT MODEL m TO m.onnx", "line 1, column 19: expected a file in single quotes, found `m`"),
            ("EXPORT MODEL m TO 'm.json'", "line 1, column 19: expected a file that ends in .onnx, found `'m.json'`"),
            ("ALTER MODEL m SET champion", "line 1, column 19: expected ALIAS, found `champion`"),
            ("DROP MODEL m@champion", "line 1, column 12: DROP MODEL takes the number of a version, not an alias"),
        ] {
            let error = parse(text).expect("a statement on models").unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{text}");
        }
        for digits in ["3", "'3'", "v3", "latest", "'a b'"] {
            let error = parse(&format!("ALTER MODEL m SET ALIAS {digits}")).expect("a statement").unwrap_err();
            assert!(error.to_string().contains("cannot be an alias"), "{error}");
        }
    }
}
