//! A lineage as a Mermaid flowchart, which GitHub and many editors draw.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Lineage, Source};

impl Lineage {
    /// Returns the lineage as a flowchart: solid arrows for values, dotted ones with the way for everything else.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        let mut names: BTreeMap<Source, String> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let rows = Source { relation: node.name.clone(), column: None };
            let has_rows = self.edges.iter().any(|edge| edge.from == rows || edge.to == rows);
            // Writing to a string cannot fail.
            if node.columns.is_empty() {
                let _ = writeln!(text, "  n{number}[\"{}\"]", quoted(&node.name));
                names.insert(rows, format!("n{number}"));
                continue;
            }
            let _ = writeln!(text, "  subgraph n{number}[\"{} ({})\"]", quoted(&node.name), node.kind);
            for (place, column) in node.columns.iter().enumerate() {
                let _ = writeln!(text, "    n{number}c{place}[\"{}\"]", quoted(column));
                let source = Source { relation: node.name.clone(), column: Some(column.clone()) };
                names.insert(source, format!("n{number}c{place}"));
            }
            if has_rows {
                let _ = writeln!(text, "    n{number}r([\"rows\"])");
                names.insert(rows, format!("n{number}r"));
            }
            text.push_str("  end\n");
        }
        for edge in &self.edges {
            let (Some(from), Some(to)) = (names.get(&edge.from), names.get(&edge.to)) else { continue };
            let _ = match edge.is_value() {
                true if edge.uses.len() == 1 => writeln!(text, "  {from} --> {to}"),
                true => writeln!(text, "  {from} -->|{}| {to}", edge.how()),
                false => writeln!(text, "  {from} -.->|{}| {to}", edge.how()),
            };
        }
        text
    }
}

/// Returns a name as it stands between Mermaid's quotes.
fn quoted(name: &str) -> String {
    name.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
