"""Writes sklearn_fits.json: scikit-learn's own fits of samples that are weighted, collinear, wide, or heavily penalised.

    pip install scikit-learn==1.9.1
    python tests/reference/sklearn_fits.py > tests/reference/sklearn_fits.json

A feature follows from its number and the row's, so that only labels, targets and weights are stored.
"""

import json

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

rng = numpy.random.default_rng(20261127)


def features(rows, count):
    row, k = numpy.arange(rows)[:, None], numpy.arange(count)[None, :]
    return (row * row * (k + 3) + row * (k * k + 7)) % 1009 / 100.0


def case(name, model, rows, count, l2_reg, sum_of=None, weighted=False, class_weight=None):
    x = features(rows, count)
    if sum_of:
        x[:, -1] = x[:, sum_of[0]] + x[:, sum_of[1]]
    signal = 0.3 * x[:, 0] - 0.2 * x[:, 1] + rng.logistic(size=rows)
    target = numpy.exp(0.3 * signal).round(6)
    tau = numpy.quantile(target, 0.8)
    label = target >= tau
    weight = rng.integers(1, 9, size=rows) / 4.0 if weighted else None
    z = StandardScaler().fit_transform(x)
    if model == "logistic_reg":
        # With more features than rows the second derivatives alone are singular, so that another solver is needed.
        solver = "newton-cholesky" if count < rows and not sum_of else "lbfgs"
        fit = LogisticRegression(C=1 / l2_reg, solver=solver, tol=1e-13, max_iter=100_000, class_weight=class_weight)
        fit.fit(z, label, sample_weight=weight)
        intercept, coefficients = fit.intercept_[0], fit.coef_[0]
    else:
        each = numpy.ones(rows) if weight is None else weight
        if class_weight == "balanced":
            # Ridge has no class_weight; it is RidgeClassifier that multiplies the weights of rows like this.
            each = each * numpy.where(label, each.sum() / 2 / each[label].sum(), each.sum() / 2 / each[~label].sum())
        elif class_weight:
            each = each * numpy.where(label, class_weight[1], 1.0)
        fit = Ridge(alpha=l2_reg, solver="cholesky").fit(z, numpy.log(target), sample_weight=each)
        intercept, coefficients = fit.intercept_, fit.coef_
    option = class_weight[1] if isinstance(class_weight, dict) else class_weight
    return {
        "name": name,
        "model": model,
        "rows": rows,
        "count": count,
        "sum_of": sum_of,
        "l2_reg": l2_reg,
        "class_weight": option,
        "labels": "".join("1" if positive else "0" for positive in label),
        "target": target.tolist(),
        "weights": None if weight is None else weight.tolist(),
        "intercept": float(intercept),
        "coefficients": [float(f"{value:.12g}") for value in coefficients],
    }


five = {0: 1.0, 1: 5.0}
cases = []
for model in ["logistic_reg", "linear_reg"]:
    cases += [
        case("plain", model, 150, 5, 1.0),
        case("heavily penalised", model, 150, 5, 1e8),
        case("hardly penalised", model, 400, 3, 1e-4),
        case("collinear", model, 150, 4, 0.5, sum_of=[0, 2]),
        case("more features than rows", model, 12, 20, 1.0),
        case("weighted", model, 150, 5, 1.0, weighted=True),
        case("balanced", model, 150, 5, 1.0, class_weight="balanced"),
        case("positives count five times", model, 150, 5, 1.0, class_weight=five),
        case("weighted and balanced", model, 150, 5, 1.0, weighted=True, class_weight="balanced"),
    ]
cases += [case("many features", "logistic_reg", 500, 150, 20.0), case("many weighted", "logistic_reg", 500, 150, 20.0, weighted=True)]
made_by = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "script": "tests/reference/sklearn_fits.py"}
print("{\n \"made_by\": " + json.dumps(made_by) + ",\n \"cases\": [")
print(",\n".join("  " + json.dumps(case) for case in cases))
print(" ]\n}")
