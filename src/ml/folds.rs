//! The options of `CREATE MODEL` about folds, and what they become once the queries behind the rows are known.

use super::lineage::Origin;
use super::options::{Given, wrong};
use super::statement::{Problem, StatementError};
use crate::model::Error;
use crate::model::walk_forward::{Protocol, Window};

pub const CV: (&str, &str) = ("cv", "cv = 'walk_forward'");
const BLOCKS: (&str, &str) = ("cv_blocks", "cv_blocks = 8");
const TRAIN_BLOCKS: (&str, &str) = ("cv_train_blocks", "cv_train_blocks = 3");
const WINDOW: (&str, &str) = ("cv_window", "cv_window = 'rolling'");
const PURGE: (&str, &str) = ("cv_purge_s", "cv_purge_s = 60");
const EMBARGO: (&str, &str) = ("cv_embargo_s", "cv_embargo_s = 300");

/// The options about folds, each as a name and an example.
pub const OPTIONS: [(&str, &str); 6] = [CV, BLOCKS, TRAIN_BLOCKS, WINDOW, PURGE, EMBARGO];

const WALK_FORWARD: &str = "walk_forward";
const NONE: &str = "none";

/// The most blocks.
pub const MOST_BLOCKS: u16 = 1000;

const SECOND_NS: i64 = 1_000_000_000;

/// How rows are cut into folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folds {
    pub blocks: u16,
    /// The first blocks, which only train.
    pub train_blocks: u16,
    pub window: Window,
    /// `None` means as far as the label looks ahead.
    pub purge_s: Option<u32>,
    /// `None` means as far as the features look back.
    pub embargo_s: Option<u32>,
}

impl Default for Folds {
    fn default() -> Self {
        Folds { blocks: 8, train_blocks: 3, window: Window::Expanding, purge_s: None, embargo_s: None }
    }
}

impl Folds {
    /// Completes the folds by what the queries behind the rows say.
    ///
    /// # Errors
    /// It is not known how far the label looks ahead.
    pub fn protocol(&self, origin: &Origin, positive_quantile: Option<f64>) -> Result<Protocol, Error> {
        let ns = |seconds: Option<u32>| seconds.map(|seconds| i64::from(seconds) * SECOND_NS);
        Ok(Protocol {
            blocks: self.blocks.into(),
            train_blocks: self.train_blocks.into(),
            window: self.window,
            purge_ns: ns(self.purge_s).or(origin.horizon_ns).ok_or(Error::NoHorizon)?,
            embargo_ns: ns(self.embargo_s).or(origin.lookback_ns).unwrap_or(0),
            positive_quantile,
        })
    }
}

/// Reads the options about folds. `needed` says whether other options cannot do without folds.
pub fn read(given: &[Given], needed: bool) -> Result<Option<Folds>, StatementError> {
    let find = |(name, _): (&str, &str)| given.iter().find(|option| option.name == name);
    let cv = find(CV);
    let wanted = match cv.map(|option| (option, option.value.as_str())) {
        None => needed,
        Some((_, Some(WALK_FORWARD))) => true,
        Some((_, Some(NONE))) if !needed => false,
        Some((option, Some(NONE))) => return Err(Problem::NeedsFolds.at(option.at)),
        Some((option, _)) => return Err(wrong(option, CV.0, "'walk_forward' or 'none'")),
    };
    let own = given.iter().find(|option| OPTIONS[1..].iter().any(|(name, _)| *name == option.name));
    if !wanted {
        let without = |option: &Given| Problem::WithoutFolds { name: option.name.clone() }.at(option.at);
        return own.map_or(Ok(None), |option| Err(without(option)));
    }
    let mut folds = Folds::default();
    let whole = |(name, example): (&'static str, &'static str), least: u64, most: u64| {
        let read = |option: &Given| {
            // 1e9 is a whole number too.
            let whole = |number: &f64| number.fract() == 0.0 && (least as f64..=most as f64).contains(number);
            let number = option.value.as_f64().filter(whole).map(|number| number as u64);
            number.ok_or_else(|| wrong(option, name, &format!("a whole number from {least} to {most}")))
        };
        find((name, example)).map(read).transpose()
    };
    let most = u64::from(MOST_BLOCKS);
    folds.blocks = whole(BLOCKS, 2, most)?.map_or(folds.blocks, |blocks| blocks as u16);
    folds.train_blocks = folds.train_blocks.min(folds.blocks - 1);
    folds.train_blocks =
        whole(TRAIN_BLOCKS, 1, u64::from(folds.blocks) - 1)?.map_or(folds.train_blocks, |blocks| blocks as u16);
    folds.purge_s = whole(PURGE, 0, u64::from(u32::MAX))?.map(|seconds| seconds as u32);
    folds.embargo_s = whole(EMBARGO, 0, u64::from(u32::MAX))?.map(|seconds| seconds as u32);
    if let Some(option) = find(WINDOW) {
        let window = option.value.as_str().and_then(Window::named);
        folds.window = window.ok_or_else(|| wrong(option, WINDOW.0, &format!("'{}'", Window::NAMES.join("' or '"))))?;
    }
    Ok(Some(folds))
}
