#!/usr/bin/env python3
"""Records scikit-learn's permutation importance by average precision, with the shuffles that it used.

    pip install scikit-learn==1.9.1 numpy==2.4.6
    python tests/reference/sklearn_importance.py > tests/reference/sklearn_importance.json

scikit-learn shuffles one list of rows again and again, and applies it to the column that it shuffled before. The recorded shuffles are the
compositions: the value of row i comes from row shuffle[i].
"""

import json

import numpy
import sklearn
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS, REPEATS, SEED = 300, 8, 5


def shuffles():
    """The shuffles of `permutation_importance(…, random_state = SEED)`, which are the same for each column."""
    state = numpy.random.RandomState(numpy.random.RandomState(SEED).randint(numpy.iinfo(numpy.int32).max + 1))
    index, source, all_sources = numpy.arange(ROWS), numpy.arange(ROWS), []
    for _ in range(REPEATS):
        state.shuffle(index)
        source = source[index]
        all_sources.append(source.tolist())
    return all_sources


def main():
    random = numpy.random.default_rng(11)
    x = random.normal(size=(ROWS, 4)) * [1.0, 5.0, 0.1, 1.0] + [0.0, 10.0, -1.0, 3.0]
    log_odds = 1.5 * x[:, 0] + 0.2 * (x[:, 1] - 10.0) - 2.0
    y = (random.uniform(size=ROWS) < 1 / (1 + numpy.exp(-log_odds))).astype(int)
    x, log_odds = numpy.round(x, 6), None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)).fit(x, y)
    found = permutation_importance(
        model, x, y, scoring="average_precision", n_repeats=REPEATS, random_state=SEED, n_jobs=1)
    scaler, fit = model[0], model[1]
    score = lambda rows: model.decision_function(rows)
    baseline = average_precision_score(y, score(x))
    sources = shuffles()
    # The recorded shuffles give scikit-learn's own figures.
    for column in range(x.shape[1]):
        for repeat, source in enumerate(sources):
            mixed = x.copy()
            mixed[:, column] = x[source, column]
            drop = baseline - average_precision_score(y, score(mixed))
            assert abs(drop - found.importances[column, repeat]) < 1e-12
    print(json.dumps({
        "made_with": f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}",
        "features": x.T.tolist(),
        "label": y.tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "coefficients": fit.coef_[0].tolist(),
        "intercept": float(fit.intercept_[0]),
        "shuffles": sources,
        "baseline": float(baseline),
        "importances_mean": found.importances_mean.tolist(),
        "importances_std": found.importances_std.tolist(),
    }))


if __name__ == "__main__":
    main()
