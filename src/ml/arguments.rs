//! Arguments of functions on models: a model's name, and a relation that contains its features.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};

use crate::model::{self, Artifact, Registry};
use crate::text::documentation::Argument;

/// The documentation of a model's name.
pub const MODEL: Argument = Argument {
    name: "model",
    sql_type: "VARCHAR",
    meaning: "a model's name, constant; 'name' is its latest version, 'name@2' version 2, 'name@champion' the version with that alias",
    required: true,
};

/// The documentation of a relation.
pub const RELATION: Argument = Argument {
    name: "relation",
    sql_type: "VARCHAR",
    meaning: "the name of a table or view, or a query, constant; it has the model's features among its columns",
    required: true,
};

/// The documentation of a relation with labels.
pub const LABELLED: Argument = Argument {
    meaning: "the name of a table or view, or a query, constant; it has the model's features and label among its columns",
    ..RELATION
};

/// What makes `ml_predict` compare every row with the rows that trained the model.
pub const JUDGE: &str = "judge";

/// Loads a model.
pub fn load(models: &Registry, name: &str) -> Result<Arc<Artifact>> {
    models.load(name).map(Arc::new).map_err(external)
}

/// Wraps a model's error so that its hint can be found later.
pub fn external(error: model::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
