//! Functions.
//!
//! In: a function of a call. Out: nothing, if the session's function of its name is the same one; else what makes it anew: the engine's
//! function and what squall has put around it, or a model.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use prost::Message;

use super::{Codec, message};
use crate::catalog;
use crate::ml;
use crate::rolling::{ExactForm, Exclusion, MarkedAggregate, MarkedWindow};

/// What squall has put around a function of the session's.
#[derive(Clone, PartialEq, Message)]
struct Around {
    /// The session's function.
    #[prost(string, tag = "1")]
    name: String,
    /// Whether its totals are exact.
    #[prost(bool, tag = "2")]
    exact: bool,
    #[prost(bool, tag = "3")]
    marked: bool,
    #[prost(bool, tag = "4")]
    ignores_nulls: bool,
    /// The words behind EXCLUDE; empty without it.
    #[prost(string, tag = "5")]
    exclude: String,
}

fn unknown<T>(kind: &str, name: &str) -> Result<T> {
    Err(DataFusionError::NotImplemented(format!("the {kind} {name} cannot be sent to another process")))
}

pub fn write_scalar(function: &ScalarUDF, codec: &Codec, buffer: &mut Vec<u8>) -> Result<()> {
    let name = function.name();
    if reads_this_machine(name) {
        return unknown("function", name);
    }
    if let Some(model) = ml::write_bound(function) {
        buffer.extend(model?);
        return Ok(());
    }
    let known = codec.scalar.get(name).cloned().or_else(|| catalog::unnamed(name));
    if known.as_deref() == Some(function) { Ok(()) } else { unknown("function", name) }
}

pub fn read_scalar(name: &str, buffer: &[u8], codec: &Codec) -> Result<Arc<ScalarUDF>> {
    if !buffer.is_empty() {
        return ml::read_bound(buffer).map(Arc::new);
    }
    let known = codec.scalar.get(name).cloned().or_else(|| catalog::unnamed(name));
    known.map_or_else(|| unknown("function", name), Ok)
}

/// Returns whether a function's result depends on the process.
fn reads_this_machine(name: &str) -> bool {
    matches!(name, "getenv" | "version" | "now" | "random" | "uuid")
}

pub fn write_aggregate(function: &AggregateUDF, codec: &Codec, buffer: &mut Vec<u8>) -> Result<()> {
    let mark = MarkedAggregate::on(function);
    let inner = mark.map_or(function, |mark| &mark.function);
    let exact = ExactForm::engines(inner);
    let engines = exact.unwrap_or(inner);
    let is_known = codec.aggregate.get(engines.name()).is_some_and(|known| known.as_ref() == engines);
    if !is_known {
        return unknown("aggregate", engines.name());
    }
    if mark.is_none() && exact.is_none() {
        return Ok(());
    }
    let around = Around {
        name: engines.name().into(),
        exact: exact.is_some(),
        marked: mark.is_some(),
        ignores_nulls: false,
        exclude: words(mark.and_then(|mark| mark.exclusion)),
    };
    buffer.extend(around.encode_to_vec());
    Ok(())
}

pub fn read_aggregate(name: &str, buffer: &[u8], codec: &Codec) -> Result<Arc<AggregateUDF>> {
    let around: Around =
        if buffer.is_empty() { Around { name: name.into(), ..Around::default() } } else { message(buffer)? };
    let Some(engines) = codec.aggregate.get(&around.name) else { return unknown("aggregate", name) };
    let inner = match (around.exact, ExactForm::of(engines)) {
        (false, _) => Arc::clone(engines),
        (true, Some(form)) => form.function(),
        (true, None) => return internal_err!("{name} has no exact form"),
    };
    Ok(match around.marked {
        true => Arc::new(MarkedAggregate::of(&inner, exclusion(&around.exclude)?)),
        false => inner,
    })
}

pub fn write_window(function: &WindowUDF, codec: &Codec, buffer: &mut Vec<u8>) -> Result<()> {
    let mark = MarkedWindow::on(function);
    let inner = mark.map_or(function, |mark| &mark.function);
    let is_known = codec.window.get(inner.name()).is_some_and(|known| known.as_ref() == inner);
    if !is_known {
        return unknown("window function", inner.name());
    }
    if let Some(mark) = mark {
        let around = Around {
            name: inner.name().into(),
            exact: false,
            marked: true,
            ignores_nulls: mark.ignores_nulls,
            exclude: words(mark.exclusion),
        };
        buffer.extend(around.encode_to_vec());
    }
    Ok(())
}

pub fn read_window(name: &str, buffer: &[u8], codec: &Codec) -> Result<Arc<WindowUDF>> {
    let around: Around =
        if buffer.is_empty() { Around { name: name.into(), ..Around::default() } } else { message(buffer)? };
    let Some(inner) = codec.window.get(&around.name) else { return unknown("window function", name) };
    Ok(match around.marked {
        true => Arc::new(MarkedWindow::of(inner, around.ignores_nulls, exclusion(&around.exclude)?)),
        false => Arc::clone(inner),
    })
}

fn words(exclusion: Option<Exclusion>) -> String {
    exclusion.map_or_else(String::new, |exclusion| exclusion.words().into())
}

fn exclusion(words: &str) -> Result<Option<Exclusion>> {
    if words.is_empty() {
        return Ok(None);
    }
    match Exclusion::ALL.into_iter().find(|exclusion| exclusion.words() == words) {
        Some(exclusion) => Ok(Some(exclusion)),
        None => internal_err!("EXCLUDE {words} is not known"),
    }
}
