//! A lineage as text: of the project, who reads whom; of a query, what each column takes; of a column, a tree to its origin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Direction, Edge, Lineage, Source, Use};
use crate::text::{columns, wrapped};

/// The width of what is printed, in characters.
const WIDTH: usize = 80;

impl Lineage {
    /// Returns the lineage for people.
    pub fn text(&self) -> String {
        match self.about.as_slice() {
            [] => self.readers(),
            [one] => {
                let mut text = format!("{one}\n");
                self.tree(one, 1, &mut BTreeSet::from([one.clone()]), &mut text);
                text
            }
            several => self.steps(several),
        }
    }

    fn readers(&self) -> String {
        let reads = |name: &str| {
            let own = self.edges.iter().filter(|edge| *edge.to.relation == *name);
            own.map(|edge| edge.from.relation.to_string()).collect::<Vec<_>>().join(", ")
        };
        let rows = self.nodes.iter().map(|node| vec![node.kind.to_string(), node.name.to_string(), reads(&node.name)]);
        columns(&rows.collect::<Vec<_>>(), 3)
    }

    /// The steps that lead on from a place, each with the place to which it leads.
    fn next<'a>(&'a self, place: &Source) -> Vec<(&'a Source, &'a Edge)> {
        let steps = self.edges.iter().filter_map(|edge| match self.direction {
            Direction::Up => (edge.to == *place).then_some((&edge.from, edge)),
            Direction::Down => (edge.from == *place).then_some((&edge.to, edge)),
        });
        let mut steps: Vec<(&Source, &Edge)> = steps.collect();
        // What makes the value comes first.
        steps.sort_by_key(|(source, edge)| (!edge.is_value(), (*source).clone()));
        steps
    }

    fn tree(&self, place: &Source, depth: usize, told: &mut BTreeSet<Source>, text: &mut String) {
        let rows = Source { column: None, ..place.clone() };
        let mut steps: Vec<(String, Source)> =
            self.next(place).into_iter().map(|(source, edge)| (format!(" ({})", edge.how()), source.clone())).collect();
        if self.direction == Direction::Up && place.column.is_some() && !self.next(&rows).is_empty() {
            steps.push((String::new(), rows));
        }
        if self.direction == Direction::Down && place.column.is_none() {
            // Which rows there are concerns each column.
            let own = self.nodes.iter().filter(|node| node.name == place.relation).flat_map(|node| &node.columns);
            let own = own.map(|column| Source { column: Some(Arc::clone(column)), ..place.clone() });
            steps.extend(own.filter(|column| !self.next(column).is_empty()).map(|column| (String::new(), column)));
        }
        for (how, source) in steps {
            let new = told.insert(source.clone());
            let leads_on = !self.next(&source).is_empty();
            let again = if !new && leads_on { " (above)" } else { "" };
            text.push_str(&format!("{}{source}{how}{again}\n", "  ".repeat(depth)));
            if new {
                self.tree(&source, depth + 1, told, text);
            }
        }
    }

    /// One step from each of several places.
    fn steps(&self, places: &[Source]) -> String {
        let arrow = if self.direction == Direction::Up { "from" } else { "to" };
        let mut text = String::new();
        for place in places {
            let mut by_use: BTreeMap<Use, BTreeSet<String>> = BTreeMap::new();
            for (source, edge) in self.next(place) {
                for how in &edge.uses {
                    by_use.entry(*how).or_default().insert(source.to_string());
                }
            }
            if by_use.is_empty() && place.column.is_none() {
                continue;
            }
            text.push_str(&format!("{place}\n"));
            if by_use.is_empty() {
                text.push_str(if self.direction == Direction::Up { "  a constant\n" } else { "  not used\n" });
            }
            for (how, sources) in by_use {
                let line = format!("{} {arrow} {}", how.as_str(), sources.into_iter().collect::<Vec<_>>().join(", "));
                // Further lines of the same way are indented.
                for (number, part) in wrapped(&line, WIDTH - 4, "").lines().enumerate() {
                    text.push_str(if number == 0 { "  " } else { "    " });
                    text.push_str(part);
                    text.push('\n');
                }
            }
        }
        text
    }
}
