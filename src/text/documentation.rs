//! The documentation that every function must have: one constant per function, without optional fields.
//!
//! DataFusion's own documentation, `squall_functions()`, the shell's help and completion, and `docs/functions.md` are all
//! made from it. A test runs every example and compares its output.

use datafusion::logical_expr::{DocSection, Documentation as EngineDocumentation};

/// Everything that is documented about one SQL function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Documentation {
    pub name: &'static str,
    pub kind: Kind,
    pub section: Section,
    /// One third-person sentence without its period, such as "Returns the area under …".
    pub summary: &'static str,
    pub arguments: &'static [Argument],
    pub result: Outcome,
    pub example: Example,
    /// Whose definition the function follows: a library and its version, a paper's DOI, or "squall".
    pub source: &'static str,
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Scalar,
    Aggregate,
    Window,
    /// Called in `FROM`.
    Table,
}

/// The chapter of the reference that a function belongs to, in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    RollingWindows,
    Ranking,
    Probability,
    Threshold,
    Intervals,
    Models,
    Drift,
    Audits,
    Relations,
    Times,
    Picks,
    Values,
    Reference,
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Argument {
    pub name: &'static str,
    /// Its SQL type, such as `DOUBLE`.
    pub sql_type: &'static str,
    /// What the argument is, with its unit and range; for an optional argument, also its default.
    pub meaning: &'static str,
    pub required: bool,
}

/// The result of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Its SQL type, such as `DOUBLE`; a table function lists its columns.
    pub sql_type: &'static str,
    /// The result's unit and range.
    pub meaning: &'static str,
    /// When the result is NULL (for a table function: when there are no rows); "never" if it never is.
    pub when_null: &'static str,
}

/// A query that anyone can run, and its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Example {
    pub query: &'static str,
    /// The rows, one per line, without a heading; columns are separated by ` | `.
    pub output: &'static str,
}

impl Kind {
    /// Returns the kind as `squall_functions()` shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Scalar => "scalar",
            Kind::Aggregate => "aggregate",
            Kind::Window => "window",
            Kind::Table => "table",
        }
    }
}

impl Section {
    /// Returns the chapter's title.
    pub fn title(self) -> &'static str {
        match self {
            Section::RollingWindows => "Rolling windows",
            Section::Ranking => "Ranking metrics",
            Section::Probability => "Probability metrics",
            Section::Threshold => "Metrics at a threshold",
            Section::Intervals => "Intervals and episodes",
            Section::Models => "Models",
            Section::Drift => "Drift",
            Section::Audits => "Audits",
            Section::Relations => "Relations",
            Section::Times => "Times",
            Section::Picks => "Values of a group",
            Section::Values => "Single values",
            Section::Reference => "Reference",
        }
    }
}

impl Documentation {
    /// Returns how the function is called, such as `pr_curve(label, score[, max_points])`.
    pub fn syntax(&self) -> String {
        let mut syntax = format!("{}(", self.name);
        for (index, argument) in self.arguments.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if argument.required {
                syntax.push_str(&format!("{comma}{}", argument.name));
            } else {
                syntax.push_str(&format!("[{comma}{}]", argument.name));
            }
        }
        syntax.push(')');
        syntax
    }

    /// Returns the number of arguments that must be given.
    pub fn required(&self) -> usize {
        self.arguments.iter().filter(|argument| argument.required).count()
    }

    /// Returns the same documentation in DataFusion's own type.
    pub fn for_engine(&self) -> EngineDocumentation {
        let section = DocSection { include: true, label: self.section.title(), description: None };
        let description = format!(
            "{}. Result: {}, {}; NULL: {}. Source: {}.",
            self.summary, self.result.sql_type, self.result.meaning, self.result.when_null, self.source
        );
        let mut builder = EngineDocumentation::builder(section, description, self.syntax())
            .with_sql_example(format!("```sql\n{}\n```\n```text\n{}\n```", self.example.query, self.example.output));
        for argument in self.arguments {
            builder = builder.with_argument(argument.name, format!("{}: {}", argument.sql_type, argument.meaning));
        }
        builder.build()
    }
}

/// Makes a function equal to those with its name. Each name is registered only once, so it identifies the function.
macro_rules! known_by_name {
    ($function:ty, $($name:tt)+) => {
        impl PartialEq for $function {
            fn eq(&self, other: &Self) -> bool {
                self.$($name)+ == other.$($name)+
            }
        }

        impl Eq for $function {}

        impl std::hash::Hash for $function {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.$($name)+.hash(state);
            }
        }
    };
}

pub(crate) use known_by_name;
