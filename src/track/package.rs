//! The folder of a model in MLflow's form, which `mlflow.pyfunc.load_model` loads.
//!
//! In: the artifact `model.json`. Out: files with their paths. `MLmodel` names the loader, a Python module in `code/` that scores from
//! the artifact alone.

use serde_json::{Value, json};

use super::Run;

/// The Python module that scores; a line in it belongs to each type of model.
pub const LOADER: &str = include_str!("squall_model.py");

const REQUIREMENTS: &str = "mlflow\nnumpy\npandas\n";

const CONDA: &str = "channels:\n- conda-forge\ndependencies:\n- python>=3.9\n- pip\n- pip:\n  - mlflow\n  - numpy\n  - pandas\nname: mlflow-env\n";

const PYTHON_ENV: &str = "python: 3.11.0\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n";

/// A file of the folder.
pub type File = (&'static str, Vec<u8>);

/// A model as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The artifact, `model.json`.
    pub artifact: &'a [u8],
    /// The same model as an ONNX file, if it has one.
    pub onnx: Option<&'a [u8]>,
}

/// Returns the files of a model's folder. `place` says where MLflow keeps them: the artifact path, and the id of the logged model
/// if the server has such models.
pub fn files(run: &Run, run_id: &str, model: Stored<'_>, place: (&str, Option<&str>)) -> Vec<File> {
    let ml_model = ml_model(run, run_id, model, place);
    let mut files: Vec<File> = vec![
        ("MLmodel", ml_model.into_bytes()),
        ("model.json", model.artifact.into()),
        ("code/squall_model.py", LOADER.into()),
        ("requirements.txt", REQUIREMENTS.into()),
        ("conda.yaml", CONDA.into()),
        ("python_env.yaml", PYTHON_ENV.into()),
    ];
    files.extend(model.onnx.map(|onnx| ("model.onnx", onnx.into())));
    files
}

/// Returns the file `MLmodel`. JSON is YAML too, so texts are quoted as JSON.
fn ml_model(run: &Run, run_id: &str, model: Stored<'_>, (path, model_id): (&str, Option<&str>)) -> String {
    let columns = columns(model.artifact);
    // MLflow refuses whole numbers for a column of doubles, and squall takes any number.
    let inputs: Vec<Value> =
        columns.iter().map(|name| json!({"type": "any", "name": name, "required": true})).collect();
    let outputs = json!([{"type": "double", "required": true}]);
    let quoted = |value: &Value| json!(value.to_string());
    let created = chrono::DateTime::from_timestamp_millis(run.ended_at_ms).unwrap_or_default();
    let model_type = run.params.get("model_type").map_or("", String::as_str);
    let mut text = format!(
        "artifact_path: {}\nflavors:\n  python_function:\n    code: code\n    data: model.json\n    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml\n    loader_module: squall_model\n    python_version: 3.11.0\n  squall:\n    data: model.json\n    model: {}\n    version: {}\n    model_type: {}\n    squall_version: {}\n",
        json!(path),
        json!(run.model),
        run.version,
        json!(model_type),
        json!(env!("CARGO_PKG_VERSION")),
    );
    if model.onnx.is_some() {
        text += "  onnx:\n    code: null\n    data: model.onnx\n    onnx_version: 1.19.0\n    providers:\n    - CPUExecutionProvider\n    save_as_external_data: false\n";
    }
    if let Some(id) = model_id {
        text += &format!("model_id: {}\n", json!(id));
    }
    text += &format!(
        "model_uuid: {}\nrun_id: {}\nsignature:\n  inputs: {}\n  outputs: {}\n  params: null\nutc_time_created: {}\n",
        json!(model_id.unwrap_or(run_id)),
        json!(run_id),
        quoted(&Value::Array(inputs)),
        quoted(&outputs),
        json!(created.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
    );
    text
}

/// Returns the names of the columns that the model of an artifact reads: texts, or objects with a name.
fn columns(artifact: &[u8]) -> Vec<String> {
    let artifact: Value = serde_json::from_slice(artifact).unwrap_or_default();
    let name = |column: &Value| column.as_str().or(column["name"].as_str()).map(str::to_string);
    // Without inputs, each feature is a column.
    let columns = artifact["inputs"].as_array().or(artifact["features"].as_array());
    columns.map(|columns| columns.iter().filter_map(name).collect()).unwrap_or_default()
}

/// Returns the statement that made the model.
pub fn sql(artifact: &[u8]) -> Option<String> {
    let artifact: Value = serde_json::from_slice(artifact).ok()?;
    Some(format!("{}\n", artifact["sql"].as_str()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{LOADER, Stored, files, sql};
    use crate::track::{Kind, Run};

    #[test]
    fn the_folder_says_how_python_loads_the_model() {
        let run = Run {
            run_id: "m-1".into(),
            kind: Kind::Training,
            model: "m".into(),
            version: 1,
            started_at_ms: 0,
            ended_at_ms: 0,
            sql_fingerprint: String::new(),
            params: BTreeMap::from([("model_type".into(), "naive".into())]),
            metrics: BTreeMap::new(),
            tags: BTreeMap::new(),
            datasets: Vec::new(),
            folds: Vec::new(),
            mlflow_run_id: None,
        };
        let artifact = br#"{"features": [{"name": "quote\"d"}, "b"], "sql": "CREATE MODEL"}"#;
        let stored = Stored { artifact, onnx: Some(b"onnx") };
        let files = files(&run, "abc", stored, ("mlflow-artifacts:/1", Some("m-0")));
        assert_eq!(files.last(), Some(&("model.onnx", b"onnx".to_vec())));
        let model = String::from_utf8(files[0].1.clone()).expect("text");
        for line in
            ["    loader_module: squall_model", "    data: model.onnx", "model_id: \"m-0\"", "    data: model.json"]
        {
            assert!(model.lines().any(|found| found == line), "{line} in\n{model}");
        }
        assert_eq!(files[1].1, artifact);
        assert_eq!(sql(artifact).as_deref(), Some("CREATE MODEL\n"));
        assert!(LOADER.contains("def _load_pyfunc(path)"));
    }
}
