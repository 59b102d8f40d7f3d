"""Makes tests/reference/onnx/*.onnx and their scores: scikit-learn's models, written by skl2onnx.

    pip install scikit-learn skl2onnx onnxruntime && python tests/reference/sklearn_onnx.py
"""

import json
import os

import numpy
import onnxruntime
import skl2onnx
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx")
random = numpy.random.default_rng(7)
rows = random.normal(size=(400, 3)) * [1.0, 20.0, 0.1] + [0.0, 50.0, 0.0]
label = (rows[:, 0] + rows[:, 1] / 20.0 + random.normal(size=400) > 3.0).astype(int)
judged = rows[:12].astype(numpy.float32).astype(float)

models = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0),
    "network": make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=300, random_state=0)),
}
options = {"target_opset": {"": 17, "ai.onnx.ml": 3}}
scores = {}


def write(name, model, kinds, **further):
    made = to_onnx(model, initial_types=kinds, **options, **further)
    with open(os.path.join(folder, f"{name}.onnx"), "wb") as file:
        file.write(made.SerializeToString())
    return made


matrix = [("X", FloatTensorType([None, 3]))]
for name, model in models.items():
    model.fit(rows, label)
    made = write(name, model, matrix)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    maps = session.run(None, {"X": judged.astype(numpy.float32)})[1]
    scores[name] = [float(row[1]) for row in maps]
    assert numpy.allclose(scores[name], model.predict_proba(judged)[:, 1], atol=1e-5), name

# Probabilities as a matrix.
logistic = models["logistic"][1]
write("unmapped", logistic.fit(rows, label), matrix, options={id(logistic): {"zipmap": False}})
scores["unmapped"] = logistic.predict_proba(judged)[:, 1].tolist()
# Scores of regressors: one that stays in [0, 1], and one that does not.
regressor = GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0).fit(rows, label)
write("share", regressor, matrix)
scores["share"] = regressor.predict(judged).tolist()
write("amount", GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0).fit(rows, rows[:, 1]), matrix)
write("three_classes", LogisticRegression(max_iter=1000).fit(rows, label + (rows[:, 0] > 1)), matrix)

# Where all trees agree, the sum of their ten shares is 1.0000001 in 32 bits.
certain = RandomForestClassifier(n_estimators=10, random_state=0).fit(rows, rows[:, 0] > 0)
write("certain", certain, matrix)
scores["certain"] = certain.predict_proba(judged)[:, 1].tolist()
# One row at a time; 64-bit inputs; labels of text.
write("single", models["logistic"], [("X", FloatTensorType([1, 3]))])
double = make_pipeline(StandardScaler(), MLPClassifier((6,), activation="logistic", max_iter=300, random_state=0))
write("double", double.fit(rows, label), [("X", DoubleTensorType([None, 3]))])
write("texts", LogisticRegression().fit(rows, numpy.where(label, "yes", "no")), matrix)

with open(os.path.join(folder, "scores.json"), "w") as file:
    made_with = f"scikit-learn {sklearn.__version__}, skl2onnx {skl2onnx.__version__}, onnxruntime {onnxruntime.__version__}"
    json.dump({"made_with": made_with, "rows": judged.tolist(), "scores": scores}, file, indent=1)
    file.write("\n")
