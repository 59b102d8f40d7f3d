"""Writes bootstrap.json: intervals by the moving-block bootstrap over time, from numpy and scikit-learn alone.

    pip install scikit-learn==1.9.1
    python tests/reference/bootstrap.py > tests/reference/bootstrap.json

The rows follow from a formula, which src/model/bootstrap/tests.rs repeats.
"""

import json
import math

import numpy
import sklearn
from sklearn import metrics

SECONDS, BLOCK_S, CELLS, RESAMPLES = 5 * 3600, 600, 50, 4000
THRESHOLD = 0.75


def uniform(index):
    """splitmix64, as a number in [0, 1)."""
    mask = 2**64 - 1
    z = (index + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return ((z ^ z >> 31) >> 11) / 2**53


def level(t):
    return math.sin(t / 700) + math.sin(t / 111)


def squash(x):
    return 1 / (1 + math.exp(-x))


rows = []
for t in range(SECONDS):
    if 6000 <= t < 9000:  # The recording pauses.
        continue
    for product in range(2 if t % 3 == 0 else 1):
        noise = [uniform(8 * t + 4 * product + k) - 0.5 for k in range(3)]
        label = level(t + 30) + 0.6 * noise[0] > 1.5
        rows.append((t, label, squash(level(t) + noise[1]), squash(level(t) + 3 * noise[2])))
time, label, first, second = (numpy.array(column) for column in zip(*rows))

# The cell of each row; the pause is longer than a block and is taken out.
cell = time // (BLOCK_S // CELLS)
used = numpy.unique(cell)
steps = numpy.diff(used)
moved = numpy.concatenate([[0], numpy.cumsum(numpy.where(steps > CELLS, 1, steps))])
cell = moved[numpy.searchsorted(used, cell)]
count = cell.max() + 1



# No two scores are equal, so every row is a step of its own.
def average_precision(label, weight):
    hits, all_rows = numpy.cumsum(weight * label), numpy.cumsum(weight)
    return (weight * label * hits / numpy.maximum(all_rows, 1)).sum() / hits[-1]


def roc_auc(label, weight):
    hits = numpy.cumsum(weight * label)
    return (weight * ~label * hits).sum() / (hits[-1] * (weight * ~label).sum())


assert len(set(first)) == len(first) and len(set(second)) == len(second)
orders = [numpy.argsort(-first), numpy.argsort(-second)]
losses = -numpy.log(numpy.where(label, first, 1 - first))
called = first >= THRESHOLD
ones = numpy.ones(len(label), dtype=int)
assert abs(average_precision(label[orders[0]], ones) - metrics.average_precision_score(label, first)) < 1e-12
assert abs(roc_auc(label[orders[0]], ones) - metrics.roc_auc_score(label, first)) < 1e-12
assert abs(losses.mean() - metrics.log_loss(label, first)) < 1e-12

rng = numpy.random.default_rng(7)
figures = {name: [] for name in ["average_precision", "second", "gain", "roc_auc", "log_loss", "brier", "precision", "recall", "f1"]}
for _ in range(RESAMPLES):
    weights = numpy.zeros(count, dtype=int)
    left = count
    while left > 0:
        start = rng.integers(0, count - CELLS + 1)
        taken = min(CELLS, left)
        weights[start : start + taken] += 1
        left -= taken
    weight = weights[cell]
    positives = (weight * label).sum()
    ours, theirs = (average_precision(label[order], weight[order]) for order in orders)
    figures["average_precision"].append(ours)
    figures["second"].append(theirs)
    figures["gain"].append(ours - theirs)
    figures["roc_auc"].append(roc_auc(label[orders[0]], weight[orders[0]]))
    figures["log_loss"].append(numpy.average(losses, weights=weight))
    figures["brier"].append(numpy.average((first - label) ** 2, weights=weight))
    hits = (weight * (label & called)).sum()
    precision, recall = hits / (weight * called).sum(), hits / positives
    figures["precision"].append(precision)
    figures["recall"].append(recall)
    figures["f1"].append(2 * precision * recall / (precision + recall))

estimate = {
    "average_precision": metrics.average_precision_score(label, first),
    "second": metrics.average_precision_score(label, second),
}
out = {
    "made_with": {"numpy": numpy.__version__, "scikit-learn": sklearn.__version__},
    "rows": len(rows),
    "positives": int(label.sum()),
    "estimate": estimate,
    "share_better": float((numpy.array(figures["gain"]) > 0).mean()),
    "figures": {
        name: {
            "low": float(numpy.percentile(values, 2.5)),
            "high": float(numpy.percentile(values, 97.5)),
            "deviation": float(numpy.std(values)),
        }
        for name, values in figures.items()
    },
}
print(json.dumps(out, indent=1))
