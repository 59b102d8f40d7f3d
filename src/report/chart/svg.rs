//! Writes a chart as SVG.

use std::fmt::Write;

use super::{Axis, Cell, Chart, Mark, Panel, Tone, Unit};
use crate::report::format::shown;
use crate::text::escaped;

/// Pixels around the plotting area.
const RIGHT: f64 = 14.0;
const GAP_BETWEEN_PANELS: f64 = 14.0;
/// Height for the name above a panel with a vertical axis.
const NAME_HEIGHT: f64 = 26.0;
const TICK_LABELS_HEIGHT: f64 = 22.0;
const AXIS_LABEL_HEIGHT: f64 = 20.0;
/// The approximate width of a digit at 12 px, the size set by the style sheet.
const DIGIT_WIDTH: f64 = 6.9;
const PIXELS_PER_X_TICK: f64 = 84.0;
const PIXELS_PER_Y_TICK: f64 = 44.0;
const NAME_LINE: f64 = 14.0;

/// Maps a panel's values to the page.
struct Frame<'a> {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: &'a Axis,
    y: Option<&'a Axis>,
}

impl Frame<'_> {
    fn x(&self, value: f64) -> f64 {
        self.left + self.x.position(value).clamp(0.0, 1.0) * self.width
    }

    fn y(&self, value: f64) -> f64 {
        let position = self.y.map_or(0.0, |axis| axis.position(value));
        self.bottom() - position.clamp(0.0, 1.0) * self.height
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// Returns the chart as one `<svg>` element.
pub fn draw(chart: &Chart) -> String {
    let left = 10.0 + chart.panels.iter().map(margin).fold(18.0, f64::max);
    let width = chart.width - left - RIGHT;
    let mut body = String::new();
    let mut top = 0.0;
    let mut previous_strip = false;
    for (index, panel) in chart.panels.iter().enumerate() {
        let strip = panel.y.is_none();
        if index > 0 {
            top += if strip && previous_strip { GAP_BETWEEN_PANELS / 3.0 } else { GAP_BETWEEN_PANELS };
        }
        if !strip {
            top += NAME_HEIGHT;
        }
        let frame = Frame { left, top, width, height: panel.height, x: &chart.x, y: panel.y.as_ref() };
        draw_panel(&mut body, panel, &frame);
        top = frame.bottom();
        previous_strip = strip;
    }
    draw_x_axis(&mut body, &chart.x, left, width, top);
    let height = top + TICK_LABELS_HEIGHT + if chart.x.label.is_empty() { 0.0 } else { AXIS_LABEL_HEIGHT };
    let id = escaped(&chart.id);
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{body}</svg>",
        px(chart.width),
        px(height),
        escaped(&shown(&chart.title)),
        escaped(&shown(&chart.description)),
    )
}

/// Returns how many pixels at the left a panel's tick labels, or a strip's name, need.
fn margin(panel: &Panel) -> f64 {
    match &panel.y {
        Some(axis) => y_ticks(axis, panel.height).iter().map(|tick| width_of(&tick.label)).fold(0.0, f64::max),
        None => width_of(&panel.name),
    }
}

/// Returns the approximate width of a text at 12 px, by the wider of the fonts that the style sheet names.
fn width_of(text: &str) -> f64 {
    let letter = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | 'I' => 4.3,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | ' ' => 5.4,
        '0'..='9' | '_' => DIGIT_WIDTH,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 12.0,
        'A'..='Z' => 9.4,
        'a'..='z' => 7.6,
        _ if letter.is_ascii() => 8.0,
        // A letter of Chinese, Japanese or Korean is as wide as it is high.
        _ if letter >= '\u{1100}' => 12.4,
        _ => 8.4,
    };
    text.chars().map(letter).sum()
}

fn y_ticks(axis: &Axis, height: f64) -> Vec<super::scale::Tick> {
    // A row of a matrix is as high as its name.
    let apart = if matches!(axis.unit, Unit::Places(_)) { NAME_LINE } else { PIXELS_PER_Y_TICK };
    axis.ticks(((height / apart) as usize).max(2))
}

fn draw_panel(out: &mut String, panel: &Panel, frame: &Frame<'_>) {
    match frame.y {
        Some(axis) => {
            text(out, "name", 0.0, frame.top - 13.0, "start", &panel.name);
            for tick in y_ticks(axis, frame.height) {
                let y = frame.y(tick.value);
                line(out, "grid", (frame.left, y), (frame.right(), y));
                text(out, "tick", frame.left - 8.0, y + 4.0, "end", &tick.label);
            }
        }
        None => {
            text(out, "tick", frame.left - 8.0, frame.top + frame.height / 2.0 + 4.0, "end", &panel.name);
            rect(out, "track", frame.left, frame.top, frame.width, frame.height);
        }
    }
    for mark in &panel.marks {
        draw_mark(out, mark, frame);
    }
}

fn draw_x_axis(out: &mut String, axis: &Axis, left: f64, width: f64, top: f64) {
    line(out, "axis", (left, top), (left + width, top));
    let mut free_from = 0.0;
    let apart = match &axis.unit {
        Unit::Places(places) => {
            let longest = places.iter().map(|(_, name)| width_of(name)).fold(0.0, f64::max);
            (longest + DIGIT_WIDTH).min(PIXELS_PER_X_TICK)
        }
        _ => PIXELS_PER_X_TICK,
    };
    for tick in axis.ticks((width / apart) as usize) {
        let x = left + axis.position(tick.value).clamp(0.0, 1.0) * width;
        line(out, "axis", (x, top), (x, top + 4.0));
        let half = width_of(&tick.label) / 2.0;
        // Labels at the ends must stay inside the picture, and neighbours must not overlap.
        let centre = x.max(half).min(left + width + RIGHT - half);
        if centre - half >= free_from {
            text(out, "tick", centre, top + 18.0, "middle", &tick.label);
            free_from = centre + half + DIGIT_WIDTH;
        }
    }
    if !axis.label.is_empty() {
        text(out, "name", left + width, top + TICK_LABELS_HEIGHT + 14.0, "end", &axis.label);
    }
}

fn draw_mark(out: &mut String, mark: &Mark, frame: &Frame<'_>) {
    match mark {
        Mark::Line { points, tone, dashed } => {
            let class = if *dashed { "line dashed" } else { "line" };
            path(out, class, *tone, &polyline(points, frame));
        }
        Mark::Steps { edges, heights, tone } => {
            let outline = steps(edges, heights, frame);
            if let (Some(first), Some(last)) = (edges.first(), edges.last()) {
                let (left, right, bottom) = (px(frame.x(*first)), px(frame.x(*last)), px(frame.bottom()));
                path(
                    out,
                    "area",
                    *tone,
                    &format!("M{left} {bottom}{}L{right} {bottom}Z", outline.replacen('M', "L", 1)),
                );
            }
            path(out, "line", *tone, &outline);
        }
        Mark::Bars { edges, heights, tone } => {
            for (pair, height) in edges.windows(2).zip(heights) {
                let (from, to, y) = (frame.x(pair[0]), frame.x(pair[1]), frame.y(*height));
                let gap = if to - from > 4.0 { 1.0 } else { 0.0 };
                if frame.bottom() - y > 0.05 {
                    toned_rect(out, "bar", *tone, from + gap, y, to - from - 2.0 * gap, frame.bottom() - y);
                }
            }
        }
        Mark::Range { spans, tone } => {
            path(out, "line range", *tone, &range(spans, frame));
        }
        Mark::Band { spans, tone } => path(out, "area", *tone, &band(spans, frame)),
        Mark::Cells { cells, tone, negative } => draw_cells(out, cells, (*tone, *negative), frame),
        Mark::Dots { points, tone } => {
            for (x, y, low, high) in points {
                let (x, y) = (frame.x(*x), frame.y(*y));
                let whisker = format!("M{} {}V{}", px(x), px(frame.y(*low)), px(frame.y(*high)));
                path(out, "line whisker", *tone, &whisker);
                dot(out, x, y, *tone);
            }
        }
        Mark::Across { points, tone } => {
            let y = frame.top + frame.height / 2.0;
            for (x, low, high) in points {
                let whisker = format!("M{} {}H{}", px(frame.x(*low)), px(y), px(frame.x(*high)));
                path(out, "line whisker", *tone, &whisker);
                dot(out, frame.x(*x), y, *tone);
            }
        }
        Mark::Level { at, label, tone } => {
            let y = frame.y(*at);
            let rule = format!("M{} {}H{}", px(frame.left), px(y), px(frame.right()));
            path(out, "line rule", *tone, &rule);
            let above = if y - frame.top > 16.0 { y - 5.0 } else { y + 14.0 };
            text(out, "note", frame.right() - 3.0, above, "end", label);
        }
        Mark::Moment { at, label, tone } => {
            let x = frame.x(*at);
            path(out, "line rule", *tone, &format!("M{} {}V{}", px(x), px(frame.top), px(frame.bottom())));
            let (anchor, shift) = if frame.right() - x < 120.0 { ("end", -5.0) } else { ("start", 5.0) };
            text(out, "note", x + shift, frame.top + 12.0, anchor, label);
        }
        Mark::Spans { spans, tone } => {
            for (from, to) in spans {
                let (from, to) = (frame.x(*from), frame.x(*to));
                // At least a pixel wide, so that a short alert stays visible.
                toned_rect(out, "span", *tone, from, frame.top, (to - from).max(1.2), frame.height);
            }
        }
    }
}

/// Draws the cells of a shade as one path, so that a thousand cells take little room.
fn draw_cells(out: &mut String, cells: &[Cell], (tone, negative): (Tone, Tone), frame: &Frame<'_>) {
    const SHADES: usize = 12;
    let mut paths = vec![String::new(); 2 * SHADES];
    for cell in cells.iter().filter(|cell| cell.shade.is_finite()) {
        let level = (cell.shade.abs().min(1.0) * SHADES as f64).ceil() as usize;
        let Some(level) = level.checked_sub(1) else { continue };
        let (left, right) = (frame.x(cell.x.0), frame.x(cell.x.1));
        let (bottom, top) = (frame.y(cell.y.0), frame.y(cell.y.1));
        let place = level + if cell.shade < 0.0 { SHADES } else { 0 };
        paths[place].push_str(&format!("M{} {}H{}V{}H{}Z", px(left), px(top), px(right), px(bottom), px(left)));
    }
    for (place, data) in paths.iter().enumerate().filter(|(_, data)| !data.is_empty()) {
        let tone = if place < SHADES { tone } else { negative };
        let opacity = (place % SHADES + 1) as f64 / SHADES as f64;
        // Writing to a String cannot fail.
        let _ = write!(out, "<path class=\"cell {}\" fill-opacity=\"{opacity:.2}\" d=\"{data}\"/>", tone.class());
    }
    for cell in cells.iter().filter(|cell| !cell.label.is_empty()) {
        let (x, y) = ((cell.x.0 + cell.x.1) / 2.0, (cell.y.0 + cell.y.1) / 2.0);
        text(out, "note", frame.x(x), frame.y(y) + 4.0, "middle", &cell.label);
    }
}

/// Returns the outline of a band: along its upper edge, and back along the lower one.
fn band(spans: &[(f64, f64, f64)], frame: &Frame<'_>) -> String {
    let mut data = String::new();
    for part in spans.split(|(x, low, high)| !(x.is_finite() && low.is_finite() && high.is_finite())) {
        let upper = part.iter().map(|(x, _, high)| (*x, *high));
        let lower = part.iter().rev().map(|(x, low, _)| (*x, *low));
        let outline = polyline(&upper.chain(lower).collect::<Vec<_>>(), frame);
        if !outline.is_empty() {
            data.push_str(&outline);
            data.push('Z');
        }
    }
    data
}

fn polyline(points: &[(f64, f64)], frame: &Frame<'_>) -> String {
    let mut data = String::new();
    let mut pen_up = true;
    for (x, y) in points {
        if !(x.is_finite() && y.is_finite()) {
            pen_up = true;
            continue;
        }
        data.push(if pen_up { 'M' } else { 'L' });
        data.push_str(&px(frame.x(*x)));
        data.push(' ');
        data.push_str(&px(frame.y(*y)));
        pen_up = false;
    }
    data
}

fn steps(edges: &[f64], heights: &[f64], frame: &Frame<'_>) -> String {
    let mut data = String::new();
    for (pair, height) in edges.windows(2).zip(heights) {
        let lead = if data.is_empty() { format!("M{} ", px(frame.x(pair[0]))) } else { "V".into() };
        data.push_str(&lead);
        data.push_str(&px(frame.y(*height)));
        data.push('H');
        data.push_str(&px(frame.x(pair[1])));
    }
    data
}

/// Draws one vertical stroke per x, joined to the next, so that it looks like a plot of every value.
fn range(spans: &[(f64, f64, f64)], frame: &Frame<'_>) -> String {
    let mut data = String::new();
    let mut pen_up = true;
    for (x, low, high) in spans {
        if !(low.is_finite() && high.is_finite()) {
            pen_up = true;
            continue;
        }
        let (low, high) = (px(frame.y(*low)), px(frame.y(*high)));
        data.push(if pen_up { 'M' } else { 'L' });
        data.push_str(&px(frame.x(*x)));
        data.push(' ');
        data.push_str(&low);
        if low != high {
            data.push('V');
            data.push_str(&high);
        } else if pen_up {
            // A single point is drawn as a line of no length, which has a round end.
            data.push_str("h0");
        }
        pen_up = false;
    }
    data
}

/// Returns a histogram without axes, 96 by 26 pixels.
pub fn sparkline(heights: &[f64], tone: Tone) -> String {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 26.0;
    let highest = heights.iter().copied().filter(|height| height.is_finite()).fold(0.0, f64::max);
    let mut data = format!("M0 {HEIGHT}");
    if highest > 0.0 {
        let step = WIDTH / heights.len() as f64;
        for (index, height) in heights.iter().enumerate() {
            let y = HEIGHT - (height / highest) * (HEIGHT - 1.0);
            // Writing to a String cannot fail.
            let _ = write!(data, "V{}H{}", px(y), px((index + 1) as f64 * step));
        }
    }
    let class = tone.class();
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\">\
         <path class=\"bar {class}\" d=\"{data}V{HEIGHT}Z\"/></svg>"
    )
}

fn path(out: &mut String, class: &str, tone: Tone, data: &str) {
    if !data.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, "<path class=\"{class} {}\" d=\"{data}\"/>", tone.class());
    }
}

fn dot(out: &mut String, x: f64, y: f64, tone: Tone) {
    // Writing to a String cannot fail.
    let _ = write!(out, "<circle class=\"dot {}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>", tone.class(), px(x), px(y));
}

fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    // Writing to a String cannot fail.
    let _ = write!(out, "<path class=\"{class}\" d=\"M{} {}L{} {}\"/>", px(from.0), px(from.1), px(to.0), px(to.1));
}

fn rect(out: &mut String, class: &str, x: f64, y: f64, width: f64, height: f64) {
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
        px(x),
        px(y),
        px(width),
        px(height)
    );
}

fn toned_rect(out: &mut String, class: &str, tone: Tone, x: f64, y: f64, width: f64, height: f64) {
    rect(out, &format!("{class} {}", tone.class()), x, y, width, height);
}

fn text(out: &mut String, class: &str, x: f64, y: f64, anchor: &str, content: &str) {
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
        px(x),
        px(y),
        escaped(&shown(content))
    );
}

/// Returns a coordinate rounded to a tenth of a pixel, which is finer than the eye can see.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}
