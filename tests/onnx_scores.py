#!/usr/bin/env python3
"""Checks that onnxruntime scores what EXPORT MODEL writes as squall does, for every type of model.

    tests/onnx_scores.py SQUALL

Trains a model of each type on random rows in a folder of its own, and scores other rows with both. Files are in 64-bit floats
throughout, so scores agree to 1e-12: sums are added in another order, and exp may differ in its last bit.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile

import numpy
import onnxruntime

ROWS = """SELECT value,
    sin(value * 12.9898) * 43758.5453 - floor(sin(value * 12.9898) * 43758.5453) AS "a b",
    1000 * (sin(value * 78.233) * 12345.678 - floor(sin(value * 78.233) * 12345.678)) AS b,
    CAST(value * 7919 % 13 AS DOUBLE) AS c
    FROM generate_series({first}, {last})"""
LEARNT = """SELECT "a b", b, c, exp("a b" + b / 500 + sin(c) + sin(value * 1.7)) AS size,
    exp("a b" + b / 500 + sin(c) + sin(value * 1.7)) >= 20 AS big FROM ({rows})"""
TYPES = {
    "boosted_tree_classifier": "",
    "boosted_tree_regressor": "",
    "linear_reg": "",
    "logistic_reg": "",
    "naive": "one",
    "quantile_threshold": "one",
}


def run(program, folder, sql):
    command = [program, "--data", folder, "sql", "--format", "csv", sql]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if result.returncode != 0:
        sys.exit(f"{sql}\n{result.stderr}")
    return list(csv.reader(io.StringIO(result.stdout)))[1:]


def check(program, folder, model_type, one):
    learnt = LEARNT.format(rows=ROWS.format(first=1, last=3000))
    select = f"SELECT b, big FROM ({learnt})" if one else learnt
    target = "" if one else ", target_col = 'size'"
    run(program, folder, f"CREATE MODEL {model_type} OPTIONS (model_type = '{model_type}', input_label_cols = ['big']{target}) AS {select}")
    path = os.path.join(folder, f"{model_type}.onnx")
    run(program, folder, f"EXPORT MODEL {model_type} TO '{path}'")
    # Rows beyond those that trained the model, and three without a feature.
    odd = "SELECT 90000 AS value, 'NaN'::DOUBLE, 1.0, 1.0 UNION ALL SELECT 90001, 1.0, 'inf'::DOUBLE, 1.0 UNION ALL SELECT 90002, 1e9, -1e9, 1e9"
    rows = f"{ROWS.format(first=5001, last=7000)} UNION ALL {odd}"
    features = "b" if one else '"a b", b, c'
    table = run(program, folder, f"SELECT {features}, ml_score('{model_type}', {features}) FROM ({rows}) ORDER BY value")
    number = lambda cell: float(cell) if cell else numpy.nan
    table = numpy.array([[number(cell) for cell in row] for row in table])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(["score"], {"features": table[:, :-1]})[0]
    ours = table[:, -1]
    assert (numpy.isnan(ours) == numpy.isnan(theirs)).all(), model_type
    assert len(numpy.unique(ours)) > 1, model_type
    known = ~numpy.isnan(ours)
    difference = numpy.abs(ours - theirs)[known] / numpy.maximum(1.0, numpy.abs(ours[known]))
    print(f"{model_type}: {known.sum()} rows, largest difference {difference.max():.1e}")
    if difference.max() > 1e-12:
        sys.exit(f"{model_type}: onnxruntime gives other scores")


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for model_type, one in TYPES.items():
            check(program, folder, model_type, one)


main()
