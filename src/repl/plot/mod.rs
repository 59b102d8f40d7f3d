//! Draws lines in a terminal, with braille characters.
//!
//! In: points of one or several series. Out: text: a legend, the lines with their axes, and what the x axis shows. A value that
//! is missing is a gap in its line.

mod axis;
mod canvas;

use axis::{Ticks, number_ticks, time_ticks};
use canvas::Canvas;

use super::format::width as columns_of;

/// The colours of the series, one after another.
const COLOURS: [&str; 6] = ["\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[32m", "\x1b[31m", "\x1b[34m"];
const PLAIN: &str = "\x1b[0m";

/// Without colours, series that share a legend are told apart by their marks only; so many series have one.
pub const MOST_SERIES: usize = COLOURS.len();

/// The lines that a drawing takes besides its rows: the legend, the axis, its labels, its name.
const OTHER_LINES: usize = 4;
const LEAST_ROWS: usize = 5;
const LEAST_COLUMNS: usize = 10;

/// What the x axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Number,
    /// Nanoseconds since the epoch, added to this base.
    Time {
        base: i64,
    },
}

/// A line to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name and the unit.
    pub label: String,
    /// One value a point; `None` is a gap.
    pub values: Vec<Option<f64>>,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub x_label: String,
    pub scale: Scale,
    /// One finite value a point, ascending.
    pub x: Vec<f64>,
    pub series: Vec<Series>,
}

impl Plot {
    /// Draws into so many columns and rows of a terminal. Returns `None` if there is no point.
    pub fn draw(&self, (columns, rows): (usize, usize), colours: bool) -> Option<String> {
        let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
        let values = || self.series.iter().flat_map(|series| series.values.iter().filter_map(finite));
        let (low, high) = widened(values().reduce(f64::min)?, values().reduce(f64::max)?);
        let (first, last) = widened(*self.x.first()?, *self.x.last()?);
        let height = rows.saturating_sub(OTHER_LINES).max(LEAST_ROWS);
        let y_ticks = number_ticks(low, high, (height / 4).max(2));
        let margin = y_ticks.labels().map(columns_of).max().unwrap_or(0);
        let width = columns.saturating_sub(margin + 3).max(LEAST_COLUMNS);

        let mut canvas = Canvas::new(width, height);
        let place = |value: f64, from: f64, to: f64, dots: usize| {
            ((value - from) / (to - from) * (dots - 1) as f64).round() as i64
        };
        for (index, series) in self.series.iter().enumerate() {
            let mut before = None;
            for (x, value) in self.x.iter().zip(&series.values) {
                let point = finite(value).map(|value| {
                    let across = place(*x, first, last, canvas.dots_across());
                    // The canvas counts from above.
                    (across, canvas.dots_down() as i64 - 1 - place(value, low, high, canvas.dots_down()))
                });
                if let Some(point) = point {
                    canvas.line(before.unwrap_or(point), point, index);
                }
                before = point;
            }
        }
        let x_ticks = match self.scale {
            Scale::Number => number_ticks(first, last, (width / 14).max(2)),
            Scale::Time { base } => time_ticks(base, first, last, (width / 14).max(2)),
        };
        let mut text = self.legend(colours);
        for row in 0..height {
            let label = y_ticks.at(row, |value| height - 1 - place(value, low, high, height) as usize);
            let sign = if label.is_some() { '┤' } else { '│' };
            let line =
                canvas.row(row, |series| if colours { Some(COLOURS[series % COLOURS.len()]) } else { None }, PLAIN);
            let space = " ".repeat(margin - label.map_or(0, columns_of));
            text.push_str(format!(" {space}{}{sign}{line}", label.unwrap_or_default()).trim_end());
            text.push('\n');
        }
        text.push_str(&axis_lines(&x_ticks, margin + 1, width, |value| place(value, first, last, width) as usize));
        text.push_str(&format!("{}{}{}\n", " ".repeat(margin + 2), self.x_label, x_ticks.remark()));
        Some(text)
    }

    fn legend(&self, colours: bool) -> String {
        let label = |(index, series): (usize, &Series)| match colours {
            true => format!("{}━{PLAIN} {}", COLOURS[index % COLOURS.len()], series.label),
            false => format!("━ {}", series.label),
        };
        let labels: Vec<String> = self.series.iter().enumerate().map(label).collect();
        format!(" {}\n", labels.join("   "))
    }
}

/// Returns a range that is not empty.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if low < high {
        return (low, high);
    }
    let half = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
    (low - half, high + half)
}

/// Returns the x axis and its labels.
fn axis_lines(ticks: &Ticks, margin: usize, width: usize, place: impl Fn(f64) -> usize) -> String {
    let mut axis: Vec<char> = vec!['─'; width];
    let mut labels = String::new();
    for (value, label) in ticks.iter() {
        let at = place(*value).min(width - 1);
        // The label begins at its mark, and the last one may have to begin before it.
        let begins = at.min(width.saturating_sub(columns_of(label)));
        if !labels.is_empty() && begins < columns_of(&labels) + 2 {
            continue;
        }
        axis[at] = '┬';
        labels.push_str(&" ".repeat(begins - columns_of(&labels)));
        labels.push_str(label);
    }
    let axis: String = axis.into_iter().collect();
    let space = " ".repeat(margin);
    format!("{space}└{axis}\n{space} {labels}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: &[Option<f64>]) -> Plot {
        Plot {
            x_label: "n".into(),
            scale: Scale::Number,
            x: (0..values.len()).map(|x| x as f64).collect(),
            series: vec![Series { label: "y (USD)".into(), values: values.to_vec() }],
        }
    }

    #[test]
    fn a_line_rises_from_the_lower_left_to_the_upper_right() {
        let values: Vec<Option<f64>> = (0..=100).map(|value| Some(f64::from(value))).collect();
        let text = plot(&values).draw((40, 12), false).unwrap();
        assert!(text.starts_with(" ━ y (USD)\n"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12, "{text}");
        assert!(lines[1].starts_with(" 100┤") && lines[8].starts_with("   0┤"), "{text}");
        assert!(lines[10].trim_start().starts_with('0') && lines[10].ends_with("100"), "{text}");
        assert!(lines[11].trim() == "n", "{text}");
        assert!(text.lines().all(|line| columns_of(line) <= 40), "{text}");
        // Filled at the end above, at the start below.
        assert!(!lines[1].ends_with('⠀') && lines[8].chars().nth(5) != Some('⠀'), "{text}");
    }

    #[test]
    fn a_missing_value_is_a_gap() {
        let mut values = vec![Some(1.0); 101];
        values[40..60].fill(None);
        values[50] = Some(f64::NAN);
        let text = plot(&values).draw((60, 12), false).unwrap();
        let line = text.lines().find(|line| line.chars().any(|c| ('⠁'..='⣿').contains(&c))).unwrap();
        let inked: Vec<bool> = line.chars().skip_while(|c| !('⠀'..='⣿').contains(c)).map(|c| c != '⠀').collect();
        let runs = inked.chunk_by(|a, b| a == b).count();
        assert_eq!(runs, 3, "{text}");
    }

    #[test]
    fn one_point_is_a_dot_and_none_is_nothing() {
        assert!(plot(&[Some(5.0)]).draw((40, 12), false).unwrap().contains('┤'));
        assert_eq!(plot(&[None]).draw((40, 12), false), None);
        assert_eq!(plot(&[]).draw((40, 12), false), None);
    }

    #[test]
    fn series_have_colours() {
        let mut plot = plot(&[Some(1.0), Some(2.0)]);
        plot.series.push(Series { label: "z".into(), values: vec![Some(2.0), Some(1.0)] });
        let text = plot.draw((40, 12), true).unwrap();
        assert!(text.contains("\x1b[36m━\x1b[0m y (USD)   \x1b[33m━\x1b[0m z"), "{text}");
    }
}
