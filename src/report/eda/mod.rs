//! The report for looking at data before modelling: the market as a volatility researcher sees it, or a profile of any relation.
//!
//! In: the project's ticks and training rows, or the relation of `--on`. Out: HTML.

mod figures;
mod market;
mod relation;
mod studies;
mod warnings;

use futures::future::BoxFuture;

use super::sources::built_in;
use super::{About, Argument, Arguments, Error, Needs, Page, Report, Request};

const ON: &str = "on";

/// The report `eda`.
pub struct Eda;

impl Report for Eda {
    fn about(&self) -> &'static About {
        &About {
            name: "eda",
            description: "What the data look like: the market's volatility and its spikes, or every column of a relation",
            file: "eda.html",
            arguments: &[Argument {
                name: ON,
                value: "RELATION",
                help: "A table, view, file or query to profile, column by column, instead of the market [default: ticks and spike_training]",
            }],
            sources: built_in![
                "eda.html",
                "eda/autocorrelation.sql",
                "eda/columns.sql",
                "eda/correlations.sql",
                "eda/density.sql",
                "eda/distributions.sql",
                "eda/facts.sql",
                "eda/hours.sql",
                "eda/relation.html",
                "eda/rows.sql",
                "eda/surroundings.sql",
                "eda/thresholds.sql",
                "eda/timeline.sql",
                "eda/training_rows.sql",
            ],
        }
    }

    fn needs(&self, arguments: &Arguments) -> Needs {
        if arguments.contains_key(ON) { Needs::Nothing } else { Needs::LandedTicks }
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            request.sources.check("eda", self.about().sources)?;
            match request.relation(ON) {
                Some(relation) => relation::profile(request, &relation).await,
                None => market::study(request).await,
            }
        })
    }
}
