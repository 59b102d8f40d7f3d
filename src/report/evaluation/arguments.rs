//! The arguments of `squall report eval`.

use crate::report::Argument;

pub const MODEL: &str = "model";
pub const ON: &str = "on";
pub const LABEL: &str = "label";
pub const TIME: &str = "time";
pub const BY: &str = "by";
pub const BASELINE: &str = "baseline";
pub const THRESHOLD: &str = "threshold";
pub const HORIZON: &str = "horizon";
pub const SHOW: &str = "show";

/// The arguments in the order of the help text.
pub const ARGUMENTS: &[Argument] = &[
    Argument {
        name: MODEL,
        value: "MODEL",
        help: "The model in question: name, name@2 or name@champion [default: of those that are more than a rule, the best on validation]",
    },
    Argument {
        name: ON,
        value: "RELATION",
        help: "The rows that judge it: a table, view, file or query with its features and label, or with the columns model and score [default: spike_training]",
    },
    Argument {
        name: LABEL,
        value: "COLUMN",
        help: "The label, true or 1 where a row is positive [default: that of the model]",
    },
    Argument { name: TIME, value: "COLUMN", help: "The time of a row [default: that of the model's training]" },
    Argument { name: BY, value: "COLUMN", help: "A column for whose values there are figures of their own" },
    Argument {
        name: BASELINE,
        value: "NAME",
        help: "What the model has to beat: a model (name, name@2 or name@champion), or a column taken as a score [default: the naive rule, or else guessing]",
    },
    Argument {
        name: THRESHOLD,
        value: "NUMBER",
        help: "The lowest score that alerts [default: that of the model, or else the best F1 on validation]",
    },
    Argument {
        name: HORIZON,
        value: "SECONDS",
        help: "How far ahead the label looks: positive rows less apart are one episode [default: that of the model's label]",
    },
    Argument {
        name: SHOW,
        value: "COLUMNS",
        help: "Up to three columns to draw over time, separated by commas [default: the first that hold fractions]",
    },
];
