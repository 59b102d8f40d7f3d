"""Writes sklearn_logistic.json: scikit-learn's own fits of small samples, positives rare and frequent among them.

    pip install scikit-learn==1.9.1
    python tests/reference/sklearn_logistic.py > tests/reference/sklearn_logistic.json
"""

import json

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

rng = numpy.random.default_rng(20251125)


def sample(rows, intercept, weights):
    # Columns of very different mean and scale, correlated as volatilities are.
    shared = rng.normal(size=rows)
    columns = [shared + rng.normal(size=rows) for _ in weights]
    features = numpy.column_stack([10.0 ** (2 - i) * column + 5 * i for i, column in enumerate(columns)]).round(6)
    log_odds = intercept + sum(weight * column for weight, column in zip(weights, columns))
    return features, rng.random(rows) < 1 / (1 + numpy.exp(-log_odds))


SAMPLES = {
    "rare": (sample(200, -3.0, [1.0, 0.5]), 1.0),
    "frequent": (sample(200, 3.0, [1.0, -0.5]), 1.0),
    "balanced": (sample(120, 0.0, [0.7, 0.2, -0.4]), 0.1),
    "heavily_penalised": (sample(120, -1.0, [1.0, 1.0]), 100.0),
    "hardly_penalised": (sample(150, -1.0, [1.0, 1.0]), 1e-6),
}


def case(name, features, label, l2_reg):
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=1 / l2_reg, solver="newton-cholesky", tol=1e-14, max_iter=1000)
    model.fit(scaler.transform(features), label)
    return {
        "name": name,
        "l2_reg": l2_reg,
        "features": features.T.tolist(),
        "label": label.astype(int).tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "intercept": float(model.intercept_[0]),
        "coefficients": model.coef_[0].tolist(),
        "probability": model.predict_proba(scaler.transform(features))[:, 1].tolist(),
    }


cases = [case(name, features, label, l2_reg) for name, ((features, label), l2_reg) in SAMPLES.items()]
made_by = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "script": "tests/reference/sklearn_logistic.py"}
print("{\n \"made_by\": " + json.dumps(made_by) + ",\n \"cases\": [")
print(",\n".join("  " + json.dumps(case) for case in cases))
print(" ]\n}")
