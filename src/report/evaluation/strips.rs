//! Pictures of one line a name: a dot with its interval, beside a rule at zero.

use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit};

const WIDTH: f64 = 1080.0;

/// A line of the picture.
pub struct Strip {
    pub name: String,
    pub at: f64,
    pub interval: Option<(f64, f64)>,
    pub tone: Tone,
}

/// Draws the strips; `None` if there are none.
pub fn draw(
    id: &str,
    title: &str,
    description: String,
    label: &str,
    strips: &[Strip],
    keys: Vec<Key>,
) -> Option<Figure> {
    if strips.is_empty() {
        return None;
    }
    let ends = |strip: &Strip| {
        let (low, high) = strip.interval.unwrap_or((strip.at, strip.at));
        [strip.at, low, high, 0.0]
    };
    let panel = |strip: &Strip| {
        let (low, high) = strip.interval.unwrap_or((strip.at, strip.at));
        Panel {
            height: 22.0,
            y: None,
            // Of a name that was cut, nobody could tell which model it is; the margin is as wide as the longest.
            name: strip.name.clone(),
            marks: vec![
                Mark::Moment { at: 0.0, label: String::new(), tone: Tone::Muted },
                Mark::Across { points: vec![(strip.at, low, high)], tone: strip.tone },
            ],
        }
    };
    let chart = Chart {
        id: id.into(),
        title: title.into(),
        description,
        width: WIDTH,
        x: Axis::fitted(label, Unit::Number, strips.iter().flat_map(ends), false),
        panels: strips.iter().map(panel).collect(),
        keys,
    };
    Some(chart.draw())
}
