//! Functions with a fixed version of a model, as bytes that another process reads.
//!
//! The model itself is part of the bytes, so that the process needs no registry.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::explain::Explained;
use super::score::Bound;
use crate::model::Artifact;

/// A function, as it is written.
#[derive(Serialize, Deserialize)]
enum Written<M> {
    Score { model: M, width: usize },
    Explain { model: M, top: usize },
}

/// Writes a function that holds a model; `None` if it holds none.
///
/// # Errors
/// It also guards against rows that must not judge the model, which has no form in bytes.
pub fn write(function: &ScalarUDF) -> Option<Result<Vec<u8>>> {
    let inner = function.inner();
    let written = if let Some(bound) = inner.downcast_ref::<Bound>() {
        if bound.guard.is_some() {
            let message = "scores that judge a model cannot be computed by another process";
            return Some(Err(DataFusionError::NotImplemented(message.into())));
        }
        Written::Score { model: bound.model.as_ref(), width: bound.width }
    } else {
        let explained = inner.downcast_ref::<Explained>()?;
        Written::Explain { model: explained.model.as_ref(), top: explained.top }
    };
    Some(serde_json::to_vec(&written).map_err(|error| DataFusionError::External(Box::new(error))))
}

/// Reads a function that [`write`] has written.
///
/// # Errors
/// The bytes are not such a function.
pub fn read(bytes: &[u8]) -> Result<ScalarUDF> {
    let written = serde_json::from_slice::<Written<Artifact>>(bytes);
    Ok(match written.map_err(|error| DataFusionError::External(Box::new(error)))? {
        Written::Score { model, width } => Bound::function(Arc::new(model), width, None),
        Written::Explain { model, top } => Explained::function(Arc::new(model), top),
    })
}
