//! Writes a model as an ONNX file: features in, a score out, everything in 64-bit floats.
//!
//! The file has one input, `features` (rows × features, in the order of the artifact), and one output, `score` (one a row). As in
//! squall, the score of a row with a NaN or an infinite feature is NaN. The operators are those of opset 18, and of `ai.onnx.ml` 5 for
//! trees.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::{Tensor, Value as Kind};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_shape_proto::Dimension,
};

use crate::model::trees::Trees;

/// The domain of the operators for trees, and its version.
const ML: (&str, i64) = ("ai.onnx.ml", 5);

/// The version of the other operators.
const OPSET: i64 = 18;

/// The version of the file format that opset 18 came with; `ai.onnx.ml` 5 came later and needs no other.
const IR_VERSION: i64 = 9;

const FEATURES: &str = "features";
const SCORE: &str = "score";

/// A value in a graph, by its name.
#[derive(Debug, Clone)]
pub struct Value(String);

/// A graph that is being written.
#[derive(Debug)]
pub struct Graph {
    names: Vec<String>,
    graph: Box<GraphProto>,
}

impl Graph {
    /// Begins a graph that reads these features.
    pub fn new(names: &[&str]) -> Graph {
        let input = info(FEATURES, DataType::Double, &[None, Some(names.len() as i64)]);
        let graph = GraphProto { name: "squall".into(), input: vec![input], ..GraphProto::default() };
        Graph { names: names.iter().map(|name| name.to_string()).collect(), graph: Box::new(graph) }
    }

    /// Returns the features, rows × features.
    pub fn features(&self) -> Value {
        Value(FEATURES.into())
    }

    /// Adds a constant of some dimensions; none for a single number.
    pub fn numbers(&mut self, numbers: &[f64], dims: &[i64]) -> Value {
        let data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(DataType::Double, data, dims)
    }

    /// Adds a single number.
    pub fn number(&mut self, number: f64) -> Value {
        self.numbers(&[number], &[])
    }

    /// Adds whole numbers.
    pub fn whole(&mut self, numbers: &[i64], dims: &[i64]) -> Value {
        let data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(DataType::Int64, data, dims)
    }

    fn constant(&mut self, data_type: DataType, data: Vec<u8>, dims: &[i64]) -> Value {
        let name = format!("constant_{}", self.graph.initializer.len());
        self.graph.initializer.push(tensor(&name, data_type, data, dims));
        Value(name)
    }

    /// Adds an operator.
    pub fn apply(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node("", operator, inputs, Vec::new())
    }

    /// Counts how many of some ascending numbers are below each value, rows × 1, by binary search. Returns the counts, and a table that
    /// begins with the numbers.
    pub fn below(&mut self, ascending: &[f64], value: &Value) -> (Value, Value) {
        // The table ends with infinity, which is never below.
        let size = (ascending.len() + 1).next_power_of_two();
        let mut padded = ascending.to_vec();
        padded.resize(size, f64::INFINITY);
        let table = self.numbers(&padded, &[size as i64]);
        let mut count = self.whole(&[0], &[1, 1]);
        let mut step = size as i64 / 2;
        while step > 0 {
            let (length, ahead) = (self.whole(&[step], &[1, 1]), self.whole(&[step - 1], &[1, 1]));
            let place = self.apply("Add", &[&count, &ahead]);
            let number = self.apply("Gather", &[&table, &place]);
            let is_below = self.apply("Less", &[&number, value]);
            let is_below = self.as_whole(&is_below);
            let taken = self.apply("Mul", &[&is_below, &length]);
            count = self.apply("Add", &[&count, &taken]);
            step /= 2;
        }
        (count, table)
    }

    /// Adds the probability of log-odds. It is written out, since runtimes compute `Sigmoid` less exactly.
    pub fn probability(&mut self, log_odds: &Value) -> Value {
        let one = self.number(1.0);
        let negated = self.apply("Neg", &[log_odds]);
        let against = self.apply("Exp", &[&negated]);
        let whole = self.apply("Add", &[&one, &against]);
        self.apply("Div", &[&one, &whole])
    }

    /// Converts a value to 64-bit floats.
    pub fn as_number(&mut self, value: &Value) -> Value {
        self.node("", "Cast", &[value], vec![integer("to", DataType::Double as i64)])
    }

    /// Converts a truth value to 1 or 0.
    pub fn as_whole(&mut self, value: &Value) -> Value {
        self.node("", "Cast", &[value], vec![integer("to", DataType::Int64 as i64)])
    }

    /// Adds the sum of some trees: rows × 1.
    pub fn trees(&mut self, trees: &Trees) -> Value {
        let features = self.features();
        let intercept = self.number(trees.intercept);
        let (mut roots, mut feature, mut threshold) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sides, mut is_leaf) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        let mut leaves: Vec<f64> = Vec::new();
        for tree in &trees.trees {
            let (first_split, first_leaf) = (feature.len() as i64, leaves.len() as i64);
            roots.push(first_split);
            leaves.extend(&tree.leaf_value);
            let mut push = |place: i64, value: f64, children: [i64; 2]| {
                feature.push(place);
                threshold.push(value);
                for (side, child) in children.into_iter().enumerate() {
                    sides[side].push(if child < 0 { first_leaf - 1 - child } else { first_split + child });
                    is_leaf[side].push(i64::from(child < 0));
                }
            };
            for split in 0..tree.split_feature.len() {
                let children = [tree.left_child[split], tree.right_child[split]];
                push(tree.split_feature[split] as i64, tree.threshold[split], children);
            }
            if tree.split_feature.is_empty() {
                push(0, 0.0, [-1, -1]);
            }
        }
        let [yes, no] = sides;
        let [yes_is_leaf, no_is_leaf] = is_leaf;
        let (splits, targets) = (feature.len() as i64, vec![0; leaves.len()]);
        let doubles = |name: &str, values: &[f64]| {
            let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            of_tensor(name, tensor("", DataType::Double, data, &[values.len() as i64]))
        };
        let attributes = vec![
            integers("tree_roots", roots),
            integer("n_targets", 1),
            integers("nodes_featureids", feature),
            doubles("nodes_splits", &threshold),
            // 0 is `<=`.
            of_tensor("nodes_modes", tensor("", DataType::Uint8, vec![0; splits as usize], &[splits])),
            integers("nodes_truenodeids", yes),
            integers("nodes_falsenodeids", no),
            integers("nodes_trueleafs", yes_is_leaf),
            integers("nodes_falseleafs", no_is_leaf),
            integers("leaf_targetids", targets),
            doubles("leaf_weights", &leaves),
            // 1 is the sum.
            integer("aggregate_function", 1),
            integer("post_transform", 0),
        ];
        let sum = self.node(ML.0, "TreeEnsemble", &[&features], attributes);
        self.apply("Add", &[&sum, &intercept])
    }

    fn node(&mut self, domain: &str, operator: &str, inputs: &[&Value], attribute: Vec<AttributeProto>) -> Value {
        let name = format!("{}_{}", operator.to_lowercase(), self.graph.node.len());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.into(),
            domain: domain.into(),
            attribute,
            ..NodeProto::default()
        });
        Value(name)
    }

    /// Ends the graph with a score, rows × 1, and returns the file.
    pub fn file(mut self, score: &Value) -> Vec<u8> {
        // A number less itself is 0, or NaN if it is not finite.
        let features = self.features();
        let nothing = self.apply("Sub", &[&features, &features]);
        let (across, flat) = (self.whole(&[1], &[1]), self.whole(&[-1], &[1]));
        let invalid = self.apply("ReduceSum", &[&nothing, &across]);
        let score = self.apply("Add", &[score, &invalid]);
        self.apply("Reshape", &[&score, &flat]);
        if let Some(last) = self.graph.node.last_mut() {
            last.output = vec![SCORE.into()];
        }
        self.graph.output.push(info(SCORE, DataType::Double, &[None]));
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
        let set = |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.into(), version };
        let has_trees = self.graph.node.iter().any(|node| node.domain == ML.0);
        let model = ModelProto {
            ir_version: IR_VERSION,
            opset_import: [Some(set(("", OPSET))), has_trees.then(|| set(ML))].into_iter().flatten().collect(),
            producer_name: "squall".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            metadata_props: vec![entry(FEATURES, serde_json::Value::from(self.names).to_string())],
            graph: Some(*self.graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}

fn tensor(name: &str, data_type: DataType, raw_data: Vec<u8>, dims: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: data_type as i32,
        raw_data,
        dims: dims.to_vec(),
        ..TensorProto::default()
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..AttributeProto::default() }
}

fn integers(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Ints as i32, ints, ..AttributeProto::default() }
}

fn of_tensor(name: &str, tensor: TensorProto) -> AttributeProto {
    let kind = AttributeType::Tensor as i32;
    AttributeProto { name: name.into(), r#type: kind, t: Some(tensor), ..AttributeProto::default() }
}

/// Describes an input or an output; a dimension of `None` is the number of rows.
fn info(name: &str, data_type: DataType, dims: &[Option<i64>]) -> ValueInfoProto {
    let size = |size: &Option<i64>| match size {
        Some(size) => Size::DimValue(*size),
        None => Size::DimParam("rows".into()),
    };
    let dim = dims.iter().map(|dim| Dimension { denotation: String::new(), value: Some(size(dim)) }).collect();
    let kind = Kind::TensorType(Tensor { elem_type: data_type as i32, shape: Some(TensorShapeProto { dim }) });
    let r#type = Some(TypeProto { denotation: String::new(), value: Some(kind) });
    ValueInfoProto { name: name.into(), r#type, doc_string: String::new() }
}
