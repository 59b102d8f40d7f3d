//! Queries that cannot be used. A wrong file disables its own query and what reads it; everything else keeps working.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use super::{Kind, Project, Query};
use crate::error::Hint;

/// A query that cannot be used, and why.
#[derive(Debug, Clone)]
pub struct Disabled {
    pub name: String,
    pub kind: Kind,
    pub file: PathBuf,
    pub why: Why,
}

/// Why a query cannot be used.
#[derive(Debug, Clone)]
pub enum Why {
    /// Its own file is wrong.
    Wrong(Arc<Error>),
    /// It reads this query, which is disabled.
    Reads(String),
    /// It scores with this model, which is not trained yet.
    Waits(String),
}

impl Disabled {
    pub(super) fn new(query: &Query, why: Why) -> Disabled {
        Disabled { name: query.name.clone(), kind: query.kind, file: query.file.clone(), why }
    }

    /// Returns whether another table has its name, which readers mean.
    pub(super) fn is_hidden(&self) -> bool {
        matches!(&self.why, Why::Wrong(error) if matches!(**error, Error::Reserved { .. }))
    }

    /// Returns whether something is wrong with the project. A query that waits for its model is not wrong.
    pub fn is_wrong(&self) -> bool {
        !matches!(self.why, Why::Waits(_))
    }
}

impl Project {
    /// Returns the queries whose own files cannot be used. [`Project::register`] returns those that cannot be planned.
    pub fn disabled(&self) -> &[Disabled] {
        &self.disabled
    }

    /// Returns why a query cannot be used; `unplanned` is what [`Project::register`] returned. `None` if it can be used.
    pub fn explain(&self, name: &str, unplanned: &[Disabled]) -> Option<Error> {
        let find = |name: &str| self.disabled.iter().chain(unplanned).find(|disabled| disabled.name == name);
        let asked = find(name)?;
        let mut root = asked;
        while let Why::Reads(needed) = &root.why {
            root = find(needed)?;
        }
        let reads = |how: &str| format!("`{name}` reads `{}`, which {how}", root.name);
        Some(match &root.why {
            Why::Wrong(error) => Error::Disabled {
                what: if root.name == name { format!("the query `{name}` is disabled") } else { reads("is disabled") },
                reason: crate::error::with_causes(&**error),
                hint: error.hint(),
            },
            Why::Waits(model) => Error::Disabled {
                what: if root.name == name {
                    format!("`{name}` waits for its model")
                } else {
                    reads("waits for its model")
                },
                reason: format!("`{model}` is not trained"),
                hint: Some("`squall train` trains the models of the project".into()),
            },
            // The loop above ends at another reason.
            Why::Reads(_) => return None,
        })
    }
}
