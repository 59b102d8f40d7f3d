//! A lineage as JSON: nodes and edges.

use serde_json::{Value, json};

use super::{Lineage, Source};

impl Lineage {
    /// Returns the lineage as an object with the keys `nodes` and `edges`. A place without a column is which rows there are.
    pub fn json(&self) -> Value {
        let place = |place: &Source| json!({ "relation": &*place.relation, "column": place.column.as_deref() });
        let nodes = self.nodes.iter().map(|node| {
            let columns: Vec<&str> = node.columns.iter().map(AsRef::as_ref).collect();
            json!({ "name": &*node.name, "kind": node.kind, "columns": columns })
        });
        let edges = self.edges.iter().map(|edge| {
            let uses: Vec<&str> = edge.uses.iter().map(|how| how.as_str()).collect();
            json!({ "from": place(&edge.from), "to": place(&edge.to), "uses": uses })
        });
        json!({ "nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() })
    }
}
