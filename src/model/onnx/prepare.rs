//! Makes an ONNX file ready for tract: chooses the output, keeps what it needs, and rewrites operators that tract lacks.
//!
//! `ZipMap` (a map for each row) is left out, `Scaler` becomes a subtraction and a product, and `TreeEnsembleRegressor` becomes a
//! `TreeEnsembleClassifier` with one score. tract trusts the numbers of trees, so they are checked here.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::Unusable;

/// Prepares a model; its graph then has one output, whose name is returned.
///
/// # Errors
/// The file has no such output, or none that is clearly the score; or its trees are not trees.
pub fn prepare(model: &mut ModelProto, wanted: Option<&str>) -> Result<String, Unusable> {
    let Some(graph) = &mut model.graph else {
        return Err(Unusable::file("it holds no graph"));
    };
    let output = choose(&graph.output, wanted)?;
    let name = leave_out_map(graph, &output);
    let inputs = graph.input.iter().map(|input| &input.name);
    let known: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.output).chain(inputs).collect();
    if !known.contains(&name) {
        return Err(Unusable::file(&format!("nothing in it makes its output `{name}`")));
    }
    graph.output = vec![ValueInfoProto { name, ..ValueInfoProto::default() }];
    keep_needed(graph);
    let nodes = std::mem::take(&mut graph.node);
    for node in nodes {
        match node.op_type.as_str() {
            "Scaler" => scaler(graph, node),
            "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => trees(graph, node)?,
            _ => graph.node.push(node),
        }
    }
    Ok(output)
}

/// Returns the name of the matrix behind an output of maps; the output itself if it is not one.
fn leave_out_map(graph: &GraphProto, output: &str) -> String {
    let makes = |node: &&NodeProto| node.op_type == "ZipMap" && node.output.iter().any(|name| name == output);
    graph.node.iter().find(makes).and_then(|node| node.input.first()).map_or(output.into(), String::clone)
}

/// Chooses the output that is the score: the wanted one, the only one, the one that is named for probabilities, or the only one that
/// is not whole numbers or text.
fn choose(outputs: &[ValueInfoProto], wanted: Option<&str>) -> Result<String, Unusable> {
    let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    let listed = || names.join(", ");
    if let Some(wanted) = wanted {
        return match names.contains(&wanted) {
            true => Ok(wanted.into()),
            false => Err(Unusable::new(
                format!("it has no output `{wanted}`; its outputs are {}", listed()),
                "name one of them: output = '…'",
            )),
        };
    }
    let only = |found: Vec<&str>| match found[..] {
        [one] => Some(one.to_string()),
        _ => None,
    };
    let named = || names.iter().copied().filter(|name| name.to_lowercase().contains("prob")).collect();
    let fractions = || {
        let is_fraction = |output: &&ValueInfoProto| elements(output).is_none_or(is_float);
        outputs.iter().filter(is_fraction).map(|output| output.name.as_str()).collect()
    };
    only(names.clone()).or_else(|| only(named())).or_else(|| only(fractions())).ok_or_else(|| {
        Unusable::new(
            format!("it has several outputs: {}", listed()),
            "name the one that holds the probability of a positive: output = '…'",
        )
    })
}

/// Returns the type of the elements of an input or an output; `None` if it is not a tensor or not known.
pub fn elements(info: &ValueInfoProto) -> Option<DataType> {
    let Some(Kind::TensorType(tensor)) = info.r#type.as_ref()?.value.as_ref() else { return None };
    DataType::try_from(tensor.elem_type).ok()
}

/// Returns whether elements are floats that squall can give and take.
pub fn is_float(elements: DataType) -> bool {
    matches!(elements, DataType::Float | DataType::Double)
}

/// Keeps the nodes on which the output depends; an ONNX graph lists a node after those that it reads.
fn keep_needed(graph: &mut GraphProto) {
    let mut needed: BTreeSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|output| needed.contains(output)) {
            read_by(&node, &mut needed);
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.value_info.clear();
}

/// Collects what a node reads, also from within its own graphs.
fn read_by(node: &NodeProto, names: &mut BTreeSet<String>) {
    names.extend(node.input.iter().cloned());
    for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        graph.node.iter().for_each(|inner| read_by(inner, names));
        names.extend(graph.output.iter().map(|output| output.name.clone()));
    }
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn whole<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map_or(&[], |attribute| &attribute.ints)
}

fn set(node: &mut NodeProto, attribute: AttributeProto) {
    node.attribute.retain(|known| known.name != attribute.name);
    node.attribute.push(attribute);
}

/// Adds 32-bit constants to a graph, and returns their name.
fn constant(graph: &mut GraphProto, base: &str, data_type: DataType, bytes: Vec<u8>, length: usize) -> String {
    let name = format!("{base}.squall.{}", graph.initializer.len());
    graph.initializer.push(TensorProto {
        name: name.clone(),
        data_type: data_type as i32,
        raw_data: bytes,
        dims: vec![length as i64],
        ..TensorProto::default()
    });
    name
}

fn node(operator: &str, input: Vec<String>, output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        name: format!("{output}.{operator}"),
        input,
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// Writes a scaler as (x - offset) * scale, in 32 bits as its definition says.
fn scaler(graph: &mut GraphProto, scaler: NodeProto) {
    let (Some(input), Some(output)) = (scaler.input.first(), scaler.output.first()) else { return };
    let floats = |name: &str| attribute(&scaler, name).map(|attribute| attribute.floats.clone()).unwrap_or_default();
    let mut cast = node("Cast", vec![input.clone()], &format!("{output}.squall.cast"));
    let to = DataType::Float as i64;
    set(
        &mut cast,
        AttributeProto { name: "to".into(), r#type: AttributeType::Int as i32, i: to, ..AttributeProto::default() },
    );
    let mut value = cast.output[0].clone();
    graph.node.push(cast);
    for (operator, numbers) in [("Sub", floats("offset")), ("Mul", floats("scale"))] {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let by = constant(graph, output, DataType::Float, bytes, numbers.len());
        let result = if operator == "Mul" { output.clone() } else { format!("{output}.squall.centred") };
        graph.node.push(node(operator, vec![value, by], &result));
        value = result;
    }
}

/// Checks trees, and writes them as tract reads them.
fn trees(graph: &mut GraphProto, mut trees: NodeProto) -> Result<(), Unusable> {
    let is_regressor = trees.op_type == "TreeEnsembleRegressor";
    if attribute(&trees, "nodes_values_as_tensor").is_some() {
        return Err(Unusable::new("its trees have 64-bit thresholds".into(), "export it with 32-bit floats"));
    }
    if is_regressor {
        let targets = attribute(&trees, "n_targets").map_or(1, |attribute| attribute.i);
        let sums = attribute(&trees, "aggregate_function").is_none_or(|attribute| attribute.s == b"SUM");
        if targets != 1 || !sums {
            return Err(Unusable::file("its trees do not sum up to one number"));
        }
        for attribute in &mut trees.attribute {
            if let Some(rest) = attribute.name.strip_prefix("target_") {
                attribute.name = format!("class_{rest}");
            }
        }
        let ints = vec![0, 1];
        set(
            &mut trees,
            AttributeProto {
                name: "classlabels_int64s".into(),
                r#type: AttributeType::Ints as i32,
                ints,
                ..AttributeProto::default()
            },
        );
        trees.op_type = "TreeEnsembleClassifier".into();
    }
    let labels = attribute(&trees, "classlabels_strings").map_or(0, |attribute| attribute.strings.len());
    let classes = labels + whole(&trees, "classlabels_int64s").len();
    check(&trees, classes as i64)?;
    // One base value for two classes belongs to the class of the leaves.
    let of_leaves = whole(&trees, "class_ids").first().map_or(0, |class| *class as usize);
    if let Some(base) = trees.attribute.iter_mut().find(|attribute| attribute.name == "base_values")
        && base.floats.len() == 1
        && classes == 2
    {
        let value = base.floats[0];
        base.floats = vec![0.0, 0.0];
        base.floats[of_leaves] = value;
    }
    if !is_regressor {
        graph.node.push(trees);
        return Ok(());
    }
    // The score is the second of two columns.
    let Some(output) = trees.output.first().cloned() else { return Ok(()) };
    let both = format!("{output}.squall.both");
    trees.output = vec![format!("{output}.squall.label"), both.clone()];
    graph.node.push(trees);
    let mut number = |value: i64| constant(graph, &output, DataType::Int64, value.to_le_bytes().to_vec(), 1);
    let (start, end, axis) = (number(1), number(2), number(1));
    graph.node.push(node("Slice", vec![both, start, end, axis], &output));
    Ok(())
}

/// Checks that the nodes of trees are numbered from 0, that each has one parent, and that each leaf has a weight of a class.
fn check(trees: &NodeProto, classes: i64) -> Result<(), Unusable> {
    let broken = || Unusable::file("its trees are not trees: a node or a class is missing");
    let (tree_of, id_of) = (whole(trees, "nodes_treeids"), whole(trees, "nodes_nodeids"));
    let (yes, no) = (whole(trees, "nodes_truenodeids"), whole(trees, "nodes_falsenodeids"));
    let modes = attribute(trees, "nodes_modes").map_or(&[][..], |attribute| &attribute.strings);
    let count = tree_of.len();
    if count == 0 || [id_of.len(), yes.len(), no.len(), modes.len()] != [count; 4] {
        return Err(broken());
    }
    let (leaf_trees, leaf_ids) = (whole(trees, "class_treeids"), whole(trees, "class_nodeids"));
    let leaf_classes = whole(trees, "class_ids");
    if leaf_classes.len() != leaf_ids.len() || leaf_classes.iter().any(|class| !(0..classes).contains(class)) {
        return Err(broken());
    }
    let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
    tree_of.iter().for_each(|tree| *sizes.entry(*tree).or_default() += 1);
    let is_node = |tree: i64, id: i64| sizes.get(&tree).is_some_and(|size| (0..*size).contains(&id));
    let (mut ids, mut children, mut leaves) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for node in 0..count {
        let tree = tree_of[node];
        let mut whole = is_node(tree, id_of[node]) && ids.insert((tree, id_of[node]));
        if modes[node] == b"LEAF" {
            leaves.insert((tree, id_of[node]));
        } else {
            // A node with two parents could be its own descendant.
            for child in [yes[node], no[node]] {
                whole &= is_node(tree, child) && child != 0 && children.insert((tree, child));
            }
        }
        if !whole {
            return Err(broken());
        }
    }
    let weighted: BTreeSet<(i64, i64)> = leaf_trees.iter().copied().zip(leaf_ids.iter().copied()).collect();
    if weighted == leaves && leaf_trees.len() == leaf_ids.len() { Ok(()) } else { Err(broken()) }
}
