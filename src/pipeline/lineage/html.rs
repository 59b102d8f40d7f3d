//! A lineage as a page: one self-contained HTML file, light and dark, readable without a network and without JavaScript.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Lineage, Source};
use crate::text::escaped;

const STYLE: &str = include_str!("style.css");

/// Sizes in pixels.
const WIDTH: usize = 230;
const GAP: usize = 120;
const HEAD: usize = 40;
const LINE: usize = 20;
const SPACE: usize = 24;

/// Longer names are cut in a box; the whole name is shown on hovering.
const MOST_LETTERS: usize = 28;

/// A node's place.
struct Place {
    x: usize,
    y: usize,
    height: usize,
}

impl Lineage {
    /// Returns the lineage as an HTML page.
    pub fn html(&self) -> String {
        let about = match self.about.as_slice() {
            [] => "the project".to_string(),
            [one] => one.to_string(),
            [first, ..] => first.relation.to_string(),
        };
        let title = format!("Lineage of {}", escaped(&about));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<p class=\"brand\">squall</p>\n<h1>{title}</h1>\n\
             <p class=\"dim\">A solid line passes values on. A dashed line only decides which rows count, how they meet, or their \
             order. squall {}</p>\n</header>\n<main>\n<div class=\"scroll\">\n",
            env!("CARGO_PKG_VERSION")
        );
        page.push_str(&self.svg());
        page.push_str("</div>\n<h2>Every step</h2>\n<div class=\"scroll\">\n<table>\n");
        page.push_str("<thead><tr><th>from</th><th>to</th><th>use</th></tr></thead>\n<tbody>\n");
        for edge in &self.edges {
            let (from, to) = (escaped(&edge.from.to_string()), escaped(&edge.to.to_string()));
            // Writing to a string cannot fail.
            let _ = writeln!(page, "<tr><td>{from}</td><td>{to}</td><td>{}</td></tr>", edge.how());
        }
        page.push_str("</tbody>\n</table>\n</div>\n</main>\n</body>\n</html>\n");
        page
    }

    /// Draws the lineage as one `<svg>` element of the class `lineage`, for the styles of its page.
    pub fn svg(&self) -> String {
        let mut page = String::new();
        let places = self.places();
        let right = places.values().map(|place| place.x + WIDTH).max().unwrap_or_default();
        let bottom = places.values().map(|place| place.y + place.height).max().unwrap_or_default();
        let (width, height) = (right + 1, bottom + 1);
        let _ = writeln!(
            page,
            "<svg class=\"lineage\" role=\"img\" aria-label=\"The lineage as a graph; the table below says the same\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
        );
        for edge in &self.edges {
            let (Some(from), Some(to)) = (self.point(&edge.from, &places), self.point(&edge.to, &places)) else {
                continue;
            };
            let (x, y, end, end_y) = (from.0 + WIDTH, from.1, to.0, to.1);
            let middle = (x + end) / 2;
            let class = if edge.is_value() { "value" } else { "other" };
            let told = escaped(&format!("{} → {}: {}", edge.from, edge.to, edge.how()));
            let _ = writeln!(
                page,
                "<path class=\"{class}\" d=\"M{x} {y}C{middle} {y} {middle} {end_y} {end} {end_y}\"><title>{told}</title></path>"
            );
        }
        for node in &self.nodes {
            let Some(place) = places.get(&*node.name) else { continue };
            let (x, y) = (place.x, place.y);
            let is_asked = self.about.iter().any(|asked| asked.relation == node.name);
            let class = if is_asked { "box asked" } else { "box" };
            let _ = writeln!(
                page,
                "<g class=\"{class}\"><rect x=\"{x}.5\" y=\"{y}.5\" width=\"{WIDTH}\" height=\"{}\" rx=\"5\"/>\
                 <text class=\"name\" x=\"{}\" y=\"{}\">{}</text><text class=\"kind\" x=\"{}\" y=\"{}\">{}</text>",
                place.height,
                x + 10,
                y + 17,
                cut(&node.name),
                x + 10,
                y + 32,
                node.kind
            );
            for (number, column) in node.columns.iter().enumerate() {
                let class = match self.about.iter().any(|asked| {
                    self.about.len() == 1 && asked.relation == node.name && asked.column.as_ref() == Some(column)
                }) {
                    true => " class=\"asked\"",
                    false => "",
                };
                let line = y + HEAD + number * LINE + 14;
                let _ = writeln!(page, "<text{class} x=\"{}\" y=\"{line}\">{}</text>", x + 10, cut(column));
            }
            page.push_str("</g>\n");
        }
        page.push_str("</svg>\n");
        page
    }

    /// Puts each node right of what it reads.
    fn places(&self) -> BTreeMap<&str, Place> {
        let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
        // A node comes after those that it reads, so one pass finds every layer.
        for node in &self.nodes {
            let before =
                self.edges.iter().filter(|edge| edge.to.relation == node.name && edge.from.relation != node.name);
            let layer = before.filter_map(|edge| layers.get(&*edge.from.relation)).max().map_or(0, |layer| layer + 1);
            layers.insert(&node.name, layer);
        }
        let mut used: BTreeMap<usize, usize> = BTreeMap::new();
        let mut places = BTreeMap::new();
        for node in &self.nodes {
            let layer = layers[&*node.name];
            let y = used.entry(layer).or_insert(0);
            let height = HEAD + node.columns.len() * LINE;
            places.insert(&*node.name, Place { x: layer * (WIDTH + GAP), y: *y, height });
            *y += height + SPACE;
        }
        places
    }

    /// Returns where the lines of a column meet its box: the left edge, and the height.
    fn point(&self, source: &Source, places: &BTreeMap<&str, Place>) -> Option<(usize, usize)> {
        let place = places.get(&*source.relation)?;
        let node = self.nodes.iter().find(|node| node.name == source.relation)?;
        let line = source.column.as_ref().and_then(|column| node.columns.iter().position(|known| known == column));
        Some((place.x, line.map_or(place.y + HEAD / 2, |line| place.y + HEAD + line * LINE + LINE / 2)))
    }
}

/// Returns a name that fits into a box, with the whole name for hovering.
fn cut(name: &str) -> String {
    match name.chars().count() > MOST_LETTERS {
        true => {
            let short: String = name.chars().take(MOST_LETTERS - 1).collect();
            format!("{}…<title>{}</title>", escaped(&short), escaped(name))
        }
        false => escaped(name),
    }
}
