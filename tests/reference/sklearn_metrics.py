"""Writes sklearn_metrics.json: scikit-learn's own metrics of small samples, ties and extremes among them.

    pip install scikit-learn==1.9.1
    python tests/reference/sklearn_metrics.py > tests/reference/sklearn_metrics.json
"""

import json

import numpy
import sklearn
from sklearn import metrics
from sklearn.calibration import calibration_curve

rng = numpy.random.default_rng(20251124)


def sample(rows, prevalence, separation, decimals):
    label = rng.random(rows) < prevalence
    score = 1 / (1 + numpy.exp(-(rng.normal(size=rows) + separation * label - 1)))
    return label, score if decimals is None else score.round(decimals)


SAMPLES = {
    "smooth": sample(300, 0.2, 1.5, None),
    "many_ties": sample(300, 0.3, 1.0, 1),
    "rare": sample(400, 0.03, 2.0, 2),
    "mostly_positive": sample(200, 0.9, 1.0, 2),
    "inverted": sample(200, 0.4, -2.0, None),
    "constant_score": (numpy.array([True, False, False, True, False]), numpy.full(5, 0.3)),
    "perfect": (numpy.array([False, False, True, True]), numpy.array([0.0, 0.1, 0.9, 1.0])),
    "extremes": (numpy.array([False, True, False, True, True]), numpy.array([1.0, 0.0, 0.0, 1.0, 0.5])),
    "one_positive": (numpy.arange(50) == 17, numpy.arange(50) / 50),
}


def best_f1(label, score):
    precision, recall, thresholds = metrics.precision_recall_curve(label, score)
    sums = precision[:-1] + recall[:-1]
    f1 = numpy.divide(2 * precision[:-1] * recall[:-1], sums, out=numpy.zeros_like(sums), where=sums > 0)
    # The highest threshold among equals.
    return thresholds[numpy.flatnonzero(f1 >= f1.max() - 1e-15)[-1]]


def curve(label, score, bins, strategy):
    rate, mean = calibration_curve(label, score, n_bins=bins, strategy=strategy)
    return {"bins": bins, "strategy": strategy, "mean_score": mean.tolist(), "positive_rate": rate.tolist()}


def case(name, label, score):
    threshold = float(numpy.median(score))
    called = score >= threshold
    tn, fp, fn, tp = metrics.confusion_matrix(label, called, labels=[False, True]).ravel()
    precision, recall, pr_thresholds = metrics.precision_recall_curve(label, score)
    fpr, tpr, roc_thresholds = metrics.roc_curve(label, score, drop_intermediate=False)
    return {
        "name": name,
        "label": label.astype(int).tolist(),
        "score": score.tolist(),
        "average_precision": metrics.average_precision_score(label, score),
        "roc_auc": metrics.roc_auc_score(label, score),
        "log_loss": metrics.log_loss(label, score),
        "brier_score": metrics.brier_score_loss(label, score),
        "prevalence": float(label.mean()),
        "best_f1_threshold": float(best_f1(label, score)),
        "threshold": threshold,
        "confusion_counts": [int(tp), int(fp), int(fn), int(tn)],
        "precision_at": metrics.precision_score(label, called),
        "recall_at": metrics.recall_score(label, called),
        "f1_at": metrics.f1_score(label, called),
        # By rising recall, without scikit-learn's closing point (0, 1).
        "pr_curve": [pr_thresholds[::-1].tolist(), recall[:-1][::-1].tolist(), precision[:-1][::-1].tolist()],
        # Without scikit-learn's opening point at infinity.
        "roc_curve": [roc_thresholds[1:].tolist(), fpr[1:].tolist(), tpr[1:].tolist()],
        "calibration_curves": [
            curve(label, score, 5, "uniform"),
            curve(label, score, 10, "uniform"),
            curve(label, score, 4, "quantile"),
        ],
    }


cases = [case(name, label, score) for name, (label, score) in SAMPLES.items()]
made_by = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "script": "tests/reference/sklearn_metrics.py"}
print("{\n \"made_by\": " + json.dumps(made_by) + ",\n \"cases\": [")
print(",\n".join("  " + json.dumps(case) for case in cases))
print(" ]\n}")
