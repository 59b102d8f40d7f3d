"""Scores rows with a model that squall trained.

MLflow loads this file with the model (`mlflow.pyfunc.load_model`). It reads the artifact, model.json, and computes the same
scores as squall's `ml_score`. It needs numpy and pandas only, and no squall.
"""

import json

import numpy


def _linear(model, columns):
    sums = numpy.full(len(columns[0]), float(model["intercept"]))
    for term, values in zip(model["features"], columns):
        sums += term["coefficient"] * ((values - term["mean"]) / term["scale"])
    return sums


def _logistic_reg(model, columns):
    with numpy.errstate(over="ignore"):
        return 1.0 / (1.0 + numpy.exp(-_linear(model, columns)))


def _share_above_tau(model, predictions):
    tau = numpy.log(model["tau"]) if model["target_transform"] == "ln" else model["tau"]
    values = tau - predictions
    quantiles = numpy.asarray(model["residuals"], dtype=float)
    count, last = len(quantiles), len(quantiles) - 1
    spread = numpy.sqrt(numpy.mean(quantiles**2))
    above = numpy.searchsorted(quantiles, values, side="left")
    inside = numpy.clip(above, 1, last)
    low, high = quantiles[inside - 1], quantiles[inside]
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = (0.5 + last - inside + (high - values) / (high - low)) / count
        below = 1.0 - numpy.nan_to_num(numpy.exp((values - quantiles[0]) / spread)) / (2.0 * count)
        beyond = numpy.nan_to_num(numpy.exp((quantiles[last] - values) / spread)) / (2.0 * count)
    return numpy.where(above == 0, below, numpy.where(above > last, beyond, share))


def _linear_reg(model, columns):
    return _share_above_tau(model, _linear(model, columns))


def _trees(model, columns):
    sums = numpy.full(len(columns[0]), float(model["intercept"]))
    table = numpy.column_stack(columns)
    for tree in model["trees"]:
        feature, threshold = numpy.asarray(tree["split_feature"], dtype=int), numpy.asarray(tree["threshold"])
        left, right = numpy.asarray(tree["left_child"], dtype=int), numpy.asarray(tree["right_child"], dtype=int)
        place = numpy.full(len(sums), 0 if len(feature) else -1)
        while (rows := numpy.flatnonzero(place >= 0)).size:
            split = place[rows]
            goes_left = table[rows, feature[split]] <= threshold[split]
            place[rows] = numpy.where(goes_left, left[split], right[split])
        sums += numpy.asarray(tree["leaf_value"], dtype=float)[-1 - place]
    return sums


def _boosted_tree_classifier(model, columns):
    with numpy.errstate(over="ignore"):
        return 1.0 / (1.0 + numpy.exp(-_trees(model, columns)))


def _boosted_tree_regressor(model, columns):
    return _share_above_tau(model, _trees(model, columns))


def _naive(model, columns):
    return columns[0].copy()


def _onnx(model, columns):
    import base64

    import onnxruntime  # The one type that needs more than numpy.

    session = onnxruntime.InferenceSession(base64.b64decode(model["onnx"]), providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    number = {place.name: numpy.float64 if place.type == "tensor(double)" else numpy.float32 for place in inputs}
    table = numpy.column_stack(columns)
    if len(inputs) == 1:
        feed = {inputs[0].name: table.astype(number[inputs[0].name])}
    else:
        names = [term["name"] for term in model["features"]]
        feed = {name: values.reshape(-1, 1).astype(number[name]) for name, values in zip(names, columns)}
    # A file may take a fixed number of rows at a time. What is missing in the last batch repeats the last row.
    rows, fixed = len(table), [place.shape[0] for place in inputs if isinstance(place.shape[0], int)]
    size = fixed[0] if fixed else max(rows, 1)
    scores = numpy.empty(rows)
    for start in range(0, rows, size):
        places = numpy.arange(start, start + size if fixed else rows).clip(max=rows - 1)
        batch = session.run([model["output"]], {name: values[places] for name, values in feed.items()})[0]
        # A map a row, from class to probability.
        if isinstance(batch, list):
            batch = [row[max(row)] for row in batch]
        batch = numpy.asarray(batch, dtype=float).reshape(len(places), -1)[:, -1]
        scores[start : start + size] = batch[: rows - start]
    # Sums of 32-bit floats may be beyond 0 or 1 by rounding.
    clipped = numpy.clip(scores, 0.0, 1.0)
    scores = numpy.where(numpy.abs(scores - clipped) <= 1e-6, clipped, scores)
    wrong = numpy.isfinite(table).all(axis=1) & (scores != clipped) & ~numpy.isnan(scores)
    if wrong.any():
        raise ValueError(f"the model gives {scores[wrong][0]} for a row, which is not a probability")
    return scores


def _quantile_threshold(model, columns):
    return (columns[0] >= model["cut"]).astype(float)


# One line a type of model.
SCORES = {
    "boosted_tree_classifier": _boosted_tree_classifier,
    "boosted_tree_regressor": _boosted_tree_regressor,
    "linear_reg": _linear_reg,
    "logistic_reg": _logistic_reg,
    "naive": _naive,
    "onnx": _onnx,
    "quantile_threshold": _quantile_threshold,
}


def _calibrated(calibration, scores):
    if calibration["method"] == "isotonic":
        return numpy.interp(scores, calibration["scores"], calibration["probabilities"])
    values = scores
    if calibration["log_odds"]:
        near = numpy.clip(scores, 1e-300, 1.0 - numpy.finfo(float).eps)
        values = numpy.log(near) - numpy.log1p(-near)
    with numpy.errstate(over="ignore"):
        return 1.0 / (1.0 + numpy.exp(-(calibration["slope"] * values + calibration["intercept"])))


def _numbers(values):
    # A missing value may be None or pandas' NA.
    return values.where(values.notna(), numpy.nan).to_numpy(dtype=float, na_value=numpy.nan)


def _one_hot(name, categories, values):
    """A column for each category; another text gives 0 in each, a missing value NaN."""
    texts = numpy.array(values, dtype=object)
    missing = numpy.array([not isinstance(text, str) for text in texts], dtype=bool)
    for value in texts[missing]:
        # A missing value is None, NaN or pandas' NA.
        if value is not None and type(value).__name__ != "NAType" and not (isinstance(value, float) and value != value):
            raise ValueError(f"the model learned from text `{name}`, but a value is {value!r}")
    texts[missing] = None
    return [numpy.where(missing, numpy.nan, (texts == category).astype(float)) for category in categories]


class SquallModel:
    """A model whose `predict` returns one score a row; NaN where a feature is missing, NaN or infinite."""

    def __init__(self, model):
        if model["format"] not in (1, 2):
            raise ValueError(f"model.json has format {model['format']}; this file reads formats 1 and 2")
        if model["model_type"] not in SCORES:
            raise ValueError(f"this file does not know models of type {model['model_type']}; score them with squall")
        self.model = model
        # The columns that the model reads. A column with categories gives a feature for each of them.
        self.inputs = model.get("inputs") or [{"name": term["name"]} for term in model["features"]]

    def predict(self, rows, params=None):
        table = hasattr(rows, "columns")
        if table or isinstance(rows, dict):
            missing = [term["name"] for term in self.inputs if term["name"] not in (rows.columns if table else rows)]
            if missing:
                raise ValueError(f"the model needs the features {', '.join(missing)}")
            given = [rows[term["name"]] for term in self.inputs]
        else:
            given = list(numpy.asarray(rows).T)
        columns = []
        for term, values in zip(self.inputs, given):
            if "categories" in term:
                columns.extend(_one_hot(term["name"], term["categories"], numpy.atleast_1d(values)))
            else:
                columns.append(_numbers(values) if table else numpy.atleast_1d(numpy.asarray(values, dtype=float)))
        finite = numpy.logical_and.reduce([numpy.isfinite(values) for values in columns])
        with numpy.errstate(invalid="ignore"):
            scores = SCORES[self.model["model_type"]](self.model, columns)
            if "calibration" in self.model:
                scores = _calibrated(self.model["calibration"], scores)
        return numpy.where(finite, scores, numpy.nan)


def _load_pyfunc(path):
    with open(path, encoding="utf-8") as file:
        return SquallModel(json.load(file))
