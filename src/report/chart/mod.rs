//! Charts as SVG text: panels over one horizontal axis, with lines, areas, bars, ranges, dots and rules.
//!
//! In: values. Out: [`Figure`]s, each an inline SVG with a legend beside it. Colours are classes, which the report's style
//! sheet defines for light, dark and print. Nothing needs a script.

mod scale;
mod svg;
mod times;

use serde::Serialize;

pub use scale::{Axis, Unit};
pub use times::{round_step, time_axis, time_label, with_day};

/// The look of a series: a colour and, for lines, a dash pattern, so that readers need not distinguish colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    First,
    Second,
    Third,
    Fourth,
    Fifth,
    Sixth,
    Reference,
    Current,
    Good,
    Bad,
    Missed,
    Muted,
}

impl Tone {
    /// Returns the tone of the n-th of several series.
    pub fn of_series(index: usize) -> Tone {
        [Tone::First, Tone::Second, Tone::Third, Tone::Fourth, Tone::Fifth, Tone::Sixth][index % 6]
    }

    fn class(self) -> &'static str {
        match self {
            Tone::First => "t1",
            Tone::Second => "t2",
            Tone::Third => "t3",
            Tone::Fourth => "t4",
            Tone::Fifth => "t5",
            Tone::Sixth => "t6",
            Tone::Reference => "tr",
            Tone::Current => "tc",
            Tone::Good => "tg",
            Tone::Bad => "tb",
            Tone::Missed => "tx",
            Tone::Muted => "tm",
        }
    }
}

/// Something that is drawn in a panel.
#[derive(Debug, Clone)]
pub enum Mark {
    /// A line through points; it breaks at points that are not finite.
    Line { points: Vec<(f64, f64)>, tone: Tone, dashed: bool },
    /// A filled histogram: `heights[i]` between `edges[i]` and `edges[i + 1]`.
    Steps { edges: Vec<f64>, heights: Vec<f64>, tone: Tone },
    /// Separate bars: `heights[i]` between `edges[i]` and `edges[i + 1]`.
    Bars { edges: Vec<f64>, heights: Vec<f64>, tone: Tone },
    /// For each x, the lowest and the highest value; the range breaks at values that are not finite.
    Range { spans: Vec<(f64, f64, f64)>, tone: Tone },
    /// A filled band: x, low, high; it breaks at values that are not finite.
    Band { spans: Vec<(f64, f64, f64)>, tone: Tone },
    /// Rectangles, shaded from 0, the page's own colour, to 1, the full `tone`; those below 0 in the other tone.
    Cells { cells: Vec<Cell>, tone: Tone, negative: Tone },
    /// Points, each with an interval: x, y, low, high.
    Dots { points: Vec<(f64, f64, f64, f64)>, tone: Tone },
    /// Points along a strip, each with a horizontal interval: x, low, high.
    Across { points: Vec<(f64, f64, f64)>, tone: Tone },
    /// A horizontal rule with a name at its right end.
    Level { at: f64, label: String, tone: Tone },
    /// A vertical rule with a name at its upper end.
    Moment { at: f64, label: String, tone: Tone },
    /// Coloured spans along the panel's full height: from, to.
    Spans { spans: Vec<(f64, f64)>, tone: Tone },
}

/// A shaded rectangle.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Left and right.
    pub x: (f64, f64),
    /// Bottom and top.
    pub y: (f64, f64),
    /// In [-1, 1].
    pub shade: f64,
    /// Written in the middle; empty for none.
    pub label: String,
}

/// A plotting area with its own vertical axis.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Pixels of plotting height.
    pub height: f64,
    /// `None` for a strip without values; its name is then in the margin.
    pub y: Option<Axis>,
    pub name: String,
    pub marks: Vec<Mark>,
}

/// An entry of a legend.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    pub label: String,
    pub class: &'static str,
    /// `line`, `dash` or `block`.
    pub shape: &'static str,
}

impl Key {
    pub fn line(label: impl Into<String>, tone: Tone) -> Key {
        Key { label: label.into(), class: tone.class(), shape: "line" }
    }

    pub fn dash(label: impl Into<String>, tone: Tone) -> Key {
        Key { label: label.into(), class: tone.class(), shape: "dash" }
    }

    pub fn block(label: impl Into<String>, tone: Tone) -> Key {
        Key { label: label.into(), class: tone.class(), shape: "block" }
    }
}

/// A chart: panels stacked over one horizontal axis.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Unique in its document.
    pub id: String,
    /// The first text that a screen reader says.
    pub title: String,
    /// The next text: the chart's message in words.
    pub description: String,
    pub width: f64,
    pub x: Axis,
    pub panels: Vec<Panel>,
    pub keys: Vec<Key>,
}

/// A drawn chart.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub title: String,
    pub svg: String,
    pub keys: Vec<Key>,
}

impl Chart {
    /// Draws the chart.
    pub fn draw(self) -> Figure {
        Figure { svg: svg::draw(&self), title: self.title, keys: self.keys }
    }
}

/// Returns a histogram small enough for a table cell. It is only decoration, so it is hidden from screen readers.
pub fn sparkline(heights: &[f64], tone: Tone) -> String {
    svg::sparkline(heights, tone)
}

#[cfg(test)]
mod tests {
    use super::{Axis, Chart, Key, Mark, Panel, Tone, Unit};

    /// `SQUALL_BLESS=1` rewrites the golden file.
    #[test]
    fn a_small_chart_is_drawn_as_before() {
        let line = Mark::Line {
            points: vec![(0.0, 0.5), (1.0, 2.0), (f64::NAN, 0.0), (3.0, 1.0)],
            tone: Tone::First,
            dashed: false,
        };
        let steps = Mark::Steps { edges: vec![0.0, 2.0, 4.0], heights: vec![1.0, 0.25], tone: Tone::Second };
        let level = Mark::Level { at: 1.5, label: "a < b & \"c\"".into(), tone: Tone::Muted };
        let chart = Chart {
            id: "golden".into(),
            title: "A title".into(),
            description: "What it says".into(),
            width: 240.0,
            x: Axis::new("Seconds", Unit::Number, 0.0, 4.0),
            panels: vec![
                Panel {
                    height: 80.0,
                    y: Some(Axis::new("", Unit::Number, 0.0, 2.0)),
                    name: "Value".into(),
                    marks: vec![steps, line, level],
                },
                Panel {
                    height: 12.0,
                    y: None,
                    name: "Alert".into(),
                    marks: vec![Mark::Spans { spans: vec![(1.0, 2.0)], tone: Tone::Bad }],
                },
            ],
            keys: vec![Key::line("a line", Tone::First)],
        };
        // One element per line, so that a difference is easy to read.
        let drawn = chart.draw().svg.replace("><", ">\n<") + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/chart/golden.svg");
        if std::env::var_os("SQUALL_BLESS").is_some() {
            std::fs::write(path, &drawn).unwrap();
        }
        assert_eq!(drawn, std::fs::read_to_string(path).unwrap());
    }
}
