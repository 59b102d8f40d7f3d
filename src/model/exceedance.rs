//! From predictions of the number behind the label to the probability that it reaches tau: what the regressions share.
//!
//! In: the target of the training rows, and what a regression leaves of it (residuals). Out: two parts of an artifact. A row is
//! positive if its target is at least tau. Its probability is the share of the training residuals that would lift its prediction to
//! tau or above it. Beyond the least and the largest residual the share falls exponentially, so that rows of an extreme market still
//! differ.

use serde::{Deserialize, Serialize};

use super::Error;
use super::onnx::{Graph, Value};
use super::options::{ModelOption, Options, Range};
use super::probability::quantile_sorted;
use super::residuals::{Lookup, spread};

/// The option that says what is regressed.
pub const TARGET_TRANSFORM: ModelOption = ModelOption {
    name: "target_transform",
    meaning: "what is regressed: the logarithm of the target, or the target itself. A target of 0 counts as the smallest positive one of the training rows",
    default: 0.0,
    usual: &[],
    range: Range::OneOf(&["ln", "none"]),
};

/// How many steps the quantiles of the residuals have. With fewer residuals, each is a quantile of its own.
const STEPS: usize = 1000;

/// What is regressed, and the threshold that makes a row positive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Goal {
    target: String,
    target_transform: Transform,
    /// The least target of a positive row.
    tau: f64,
}

/// Quantiles of the training residuals, ascending, at evenly spaced levels from 0 to 1.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Residuals(Vec<f64>);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Transform {
    Ln,
    None,
}

impl Transform {
    fn apply(self, target: f64) -> f64 {
        match self {
            // The same bits on every machine.
            Transform::Ln => libm::log(target),
            Transform::None => target,
        }
    }
}

impl Goal {
    /// Takes the target of the training rows, and returns it transformed.
    ///
    /// # Errors
    /// There is no target, it has no logarithm where one is needed, or the label is not a threshold of it.
    pub fn of(
        target: Option<(String, Vec<f64>)>,
        labels: &[bool],
        options: &Options,
    ) -> Result<(Goal, Vec<f64>), Error> {
        let Some((target, mut values)) = target else {
            return Err(Error::NoTarget { model_type: options.model_type.name });
        };
        let target_transform = if options.number(&TARGET_TRANSFORM) == 0.0 { Transform::Ln } else { Transform::None };
        let tau = threshold(&target, &values, labels)?;
        if target_transform == Transform::Ln {
            let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
            if values.iter().any(|value| *value < 0.0) || tau <= 0.0 {
                return Err(Error::NoLogarithm { target });
            }
            // What stands for 0 must not reach tau.
            if least >= tau && values.contains(&0.0) {
                return Err(Error::OnlyZeros { target });
            }
            values.iter_mut().for_each(|value| *value = target_transform.apply(value.max(least)));
        }
        Ok((Goal { target, target_transform, tau }, values))
    }

    /// Returns the name of the target's column.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns tau on the scale of the predictions.
    pub fn transformed_tau(&self) -> f64 {
        self.target_transform.apply(self.tau)
    }

    /// Says why a model that was read cannot score.
    pub fn problem(&self) -> Option<&'static str> {
        (!self.transformed_tau().is_finite()).then_some("its tau has no logarithm")
    }
}

impl Residuals {
    /// Takes what the regression leaves of each training row's target; there is at least one row.
    pub fn of(mut left: Vec<f64>) -> Residuals {
        left.sort_unstable_by(f64::total_cmp);
        let steps = STEPS.min(left.len() - 1).max(1);
        let level = |step: usize| step as f64 / steps as f64;
        Residuals((0..=steps).map(|step| quantile_sorted(&left, level(step))).collect())
    }

    /// Returns the probability that the target reaches tau, for each prediction.
    pub fn probabilities(&self, goal: &Goal, predictions: &[f64]) -> Vec<f64> {
        let (tau, lookup) = (goal.transformed_tau(), self.lookup());
        predictions.iter().map(|prediction| lookup.share_above(tau - prediction)).collect()
    }

    /// Prepares many look-ups of the share of residuals above a value.
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup::new(&self.0)
    }

    /// Writes [`Residuals::probabilities`] as ONNX: predictions, rows × 1, become probabilities.
    pub fn onnx(&self, goal: &Goal, graph: &mut Graph, prediction: &Value) -> Value {
        let (quantiles, spread) = (&self.0, spread(&self.0));
        let (count, last) = (quantiles.len() as f64, quantiles.len() as i64 - 1);
        let tau = graph.number(goal.transformed_tau());
        let value = graph.apply("Sub", &[&tau, prediction]);
        let (above, table) = graph.below(quantiles, &value);
        let (zero, one, end) = (graph.whole(&[0], &[1, 1]), graph.whole(&[1], &[1, 1]), graph.whole(&[last], &[1, 1]));
        let inside = graph.apply("Max", &[&above, &one]);
        let inside = graph.apply("Min", &[&inside, &end]);
        let before = graph.apply("Sub", &[&inside, &one]);
        let (low, high) = (graph.apply("Gather", &[&table, &before]), graph.apply("Gather", &[&table, &inside]));
        let (rest, width) = (graph.apply("Sub", &[&high, &value]), graph.apply("Sub", &[&high, &low]));
        let part = graph.apply("Div", &[&rest, &width]);
        let beyond = graph.apply("Sub", &[&end, &inside]);
        let beyond = graph.as_number(&beyond);
        let (half, rows) = (graph.number(0.5), graph.number(count));
        let share = graph.apply("Add", &[&half, &beyond]);
        let share = graph.apply("Add", &[&share, &part]);
        let share = graph.apply("Div", &[&share, &rows]);
        let (least, largest) = (graph.number(quantiles[0]), graph.number(quantiles[last as usize]));
        let under = graph.apply("Sub", &[&value, &least]);
        let over = graph.apply("Sub", &[&largest, &value]);
        let sure = graph.number(1.0);
        let under = tail(graph, &under, spread, count);
        let under = graph.apply("Sub", &[&sure, &under]);
        let over = tail(graph, &over, spread, count);
        let is_under = graph.apply("Equal", &[&above, &zero]);
        let is_over = graph.apply("Greater", &[&above, &end]);
        let share = graph.apply("Where", &[&is_over, &over, &share]);
        graph.apply("Where", &[&is_under, &under, &share])
    }

    /// Says why a model that was read cannot score.
    pub fn problem(&self) -> Option<&'static str> {
        (self.0.len() < 2 || !self.0.is_sorted()).then_some("its residuals are not at least two ascending numbers")
    }
}

/// Writes the share of residuals beyond the last of them, for a distance of at most 0.
fn tail(graph: &mut Graph, distance: &Value, spread: f64, count: f64) -> Value {
    // A fit without any residual is sure.
    if spread == 0.0 {
        return graph.number(0.0);
    }
    let (spread, twice) = (graph.number(spread), graph.number(2.0 * count));
    let scaled = graph.apply("Div", &[distance, &spread]);
    let falling = graph.apply("Exp", &[&scaled]);
    graph.apply("Div", &[&falling, &twice])
}

/// Returns the least target of a positive row.
///
/// # Errors
/// A negative row has a target that is as large: then the label is not a threshold of the target.
fn threshold(target: &str, values: &[f64], labels: &[bool]) -> Result<f64, Error> {
    let of = |label: bool| values.iter().zip(labels).filter(move |(_, of)| **of == label).map(|(value, _)| *value);
    let tau = of(true).fold(f64::INFINITY, f64::min);
    if of(false).any(|value| value >= tau) {
        return Err(Error::NotAThreshold { target: target.into() });
    }
    Ok(tau)
}
