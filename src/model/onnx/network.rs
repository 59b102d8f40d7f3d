//! Scores with a model that another program trained, given as an ONNX file. tract computes it.

use std::fmt;
use std::panic::catch_unwind;
use std::sync::Arc;

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::Unusable;
use super::prepare::{elements, is_float, prepare};

/// The most rows that are computed at once.
const ROWS: usize = 8192;

/// A model that is ready to score.
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    output: String,
    limit: Option<Limit>,
    /// Of each input the features that it takes, and whether it takes 64-bit floats.
    inputs: Vec<(Vec<usize>, bool)>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("output", &self.output).field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

/// What tract often lacks for a kind of file, and what helps.
type Limit = (&'static str, &'static str);

/// Returns what tract may lack for a file with these nodes and inputs; `None` if nothing of it is unusual.
fn limit(graph: &GraphProto, inputs: &[(Vec<usize>, bool)]) -> Option<Limit> {
    let texts = |attribute: &AttributeProto| attribute.name == "classlabels_strings" && !attribute.strings.is_empty();
    if graph.node.iter().flat_map(|node| &node.attribute).any(texts) {
        return Some(("the labels of its classes are text", "train it on the labels 0 and 1, and export it again"));
    }
    let doubles = inputs.iter().any(|(_, is_double)| *is_double);
    doubles.then_some(("it computes in 64-bit floats", "export it with float32 inputs"))
}

fn failed(limit: Option<Limit>, error: &TractError) -> Unusable {
    match limit {
        Some((why, remedy)) => Unusable::new(format!("{why}, which tract cannot compute here: {error:#}"), remedy),
        None => Unusable::file(&format!("{error:#}")),
    }
}

impl Network {
    /// Reads an ONNX file that takes these features, in one input (rows × features) or in one input (rows × 1) a feature, by name.
    ///
    /// # Errors
    /// The file is not an ONNX model, takes other features, has an operator that tract does not know, or no output that is a score.
    pub fn new(bytes: &[u8], features: &[&str], output: Option<&str>) -> Result<Network, Unusable> {
        // tract takes for granted some of what a damaged file breaks.
        catch_unwind(|| Network::open(bytes, features, output))
            .unwrap_or_else(|_| Err(Unusable::file("tract cannot make sense of it")))
    }

    fn open(bytes: &[u8], features: &[&str], output: Option<&str>) -> Result<Network, Unusable> {
        let mut model = ModelProto::decode(bytes).map_err(|_| Unusable::file("it is not an ONNX file"))?;
        let output = prepare(&mut model, output)?;
        let framework = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_output_types(true);
        let graph = model.graph.as_ref().ok_or_else(|| Unusable::file("it holds no graph"))?;
        if let Some(node) = graph.node.iter().find(|node| !framework.op_register.0.contains_key(&node.op_type)) {
            return Err(Unusable::new(
                format!("tract does not know its operator {}", node.op_type),
                "export the model with other operators, or without that step",
            ));
        }
        let inputs = inputs(graph, features)?;
        let limit = limit(graph, &inputs);
        let failed = |error: TractError| failed(limit, &error);
        let mut network = framework.model_for_proto_model(&model).map_err(failed)?;
        let rows = network.symbols.sym("rows");
        for (place, (columns, is_double)) in inputs.iter().enumerate() {
            let shape = tvec!(rows.to_dim(), columns.len().to_dim());
            let kind = if *is_double { f64::datum_type() } else { f32::datum_type() };
            network.set_input_fact(place, InferenceFact::dt_shape(kind, shape)).map_err(failed)?;
        }
        let plan = network.into_optimized().and_then(|model| model.into_runnable()).map_err(failed)?;
        let network = Network { plan, output, limit, inputs };
        // One row says whether the output is a score.
        let row = vec![[0.0].as_slice(); features.len()];
        network.score(&row)?;
        Ok(network)
    }

    /// Returns the name of the output that is the score.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// Scores rows, given as one column per feature.
    ///
    /// # Errors
    /// tract cannot compute the rows, or the output is not one number a row.
    pub fn score(&self, columns: &[&[f64]]) -> Result<Vec<f64>, Unusable> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut scores = Vec::with_capacity(rows);
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            let failed = |error: TractError| failed(self.limit, &error);
            let tensor = |(own, is_double): &(Vec<usize>, bool)| {
                let at = |(row, place): (usize, usize)| columns[own[place]][start + row];
                let shape = (count, own.len());
                match is_double {
                    true => Tensor::from(tract_ndarray::Array2::from_shape_fn(shape, at)),
                    false => Tensor::from(tract_ndarray::Array2::from_shape_fn(shape, |place| at(place) as f32)),
                }
            };
            let inputs = self.inputs.iter().map(|input| tensor(input).into_tvalue()).collect();
            let result = self.plan.run(inputs).map_err(failed)?;
            self.read(&result[0], count, &mut scores)?;
        }
        Ok(scores)
    }

    /// Reads one number a row: of a matrix with two columns the second, the probability of the second class.
    fn read(&self, output: &Tensor, rows: usize, scores: &mut Vec<f64>) -> Result<(), Unusable> {
        let columns = match output.shape() {
            [count] | [count, 1] if *count == rows => 1,
            [count, 2] if *count == rows => 2,
            shape => {
                return Err(Unusable::new(
                    format!(
                        "its output `{}` has the shape {shape:?} for {rows} rows, and a score is one number a row, or two probabilities",
                        self.output
                    ),
                    "name another output: output = '…'; a model of several classes cannot score",
                ));
            }
        };
        if !output.datum_type().is_float() {
            return Err(Unusable::new(
                format!("its output `{}` is {:?}, and a score is a float", self.output, output.datum_type()),
                "name the output that holds the probability of a positive: output = '…'",
            ));
        }
        let numbers =
            output.cast_to::<f64>().and_then(|numbers| Ok(numbers.try_as_plain_ram()?.as_slice::<f64>()?.to_vec()));
        let numbers = numbers.map_err(|error| Unusable::file(&format!("{error:#}")))?;
        scores.extend(numbers.into_iter().skip(columns - 1).step_by(columns));
        Ok(())
    }
}

/// Returns which features each input takes.
fn inputs(graph: &GraphProto, features: &[&str]) -> Result<Vec<(Vec<usize>, bool)>, Unusable> {
    let constants: Vec<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !constants.contains(&input.name.as_str())).collect();
    let select = "select the features that the model takes, in its order";
    let is_double = |input: &ValueInfoProto| match elements(input) {
        Some(kind) if is_float(kind) => Ok(kind == DataType::Double),
        _ => Err(Unusable::new(
            format!("its input `{}` does not take floats", input.name),
            "export the model with an input of floats",
        )),
    };
    if let [input] = inputs[..] {
        let takes = width(input).ok_or_else(|| {
            Unusable::new(
                format!("its input `{}` is not a matrix of rows and features", input.name),
                "export the model with an input of the shape [None, number of features]",
            )
        })?;
        if takes.is_some_and(|takes| takes != features.len() as i64) {
            return Err(Unusable::new(
                format!(
                    "its input `{}` takes {} features, and the query selects {}: {}",
                    input.name,
                    takes.unwrap_or_default(),
                    features.len(),
                    features.join(", ")
                ),
                select,
            ));
        }
        return Ok(vec![((0..features.len()).collect(), is_double(input)?)]);
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    if let Some(unused) = features.iter().find(|feature| !names.contains(feature)) {
        return Err(Unusable::new(
            format!("it has no input `{unused}`; its inputs are {}", names.join(", ")),
            "name the features of the query as the model's inputs: SELECT x AS …",
        ));
    }
    let place = |input: &&ValueInfoProto| {
        let place = features.iter().position(|feature| *feature == input.name);
        let place = place
            .ok_or_else(|| Unusable::new(format!("the query has no column for its input `{}`", input.name), select))?;
        match width(input) {
            Some(None | Some(1)) => Ok((vec![place], is_double(input)?)),
            _ => Err(Unusable::new(format!("its input `{}` is not one number a row", input.name), select)),
        }
    };
    inputs.iter().map(place).collect()
}

/// Returns the number of columns of an input that is a matrix, if it is fixed; `None` if the input is not a matrix.
fn width(input: &ValueInfoProto) -> Option<Option<i64>> {
    let Some(Kind::TensorType(tensor)) = input.r#type.as_ref()?.value.as_ref() else { return None };
    let [_, columns] = &tensor.shape.as_ref()?.dim[..] else { return None };
    match columns.value {
        Some(Size::DimValue(size)) if size > 0 => Some(Some(size)),
        _ => Some(None),
    }
}
