#!/usr/bin/env python3
"""Records what Evidently's DataDriftPreset says of samples that tests/it/report/reference.rs makes again.

    python3 -m venv venv && venv/bin/pip install evidently==0.7.23 && venv/bin/python evidently_drift.py > evidently_drift.json

Samples come from a linear congruential generator and exact arithmetic alone, so that both languages see the same bits.
"""
import json
import math
import os

os.environ["DO_NOT_TRACK"] = "1"

import evidently  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
import scipy  # noqa: E402
from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402

SIZES = {
    "small": (600, 400),
    "equal": (500, 500),
    "one_side_large": (900, 12_000),
    "tiny_against_large": (120, 10_500),
    "large": (5_000, 3_000),
}


def dice(seed, rows):
    state, values = seed, []
    for _ in range(rows):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 11) / 2**53)
    return values


# For each column: a value of the reference, a value of the current sample, from u uniform in [0, 1).
COLUMNS = {
    "same": (lambda u: u, lambda u: u),
    "shifted_little": (lambda u: u, lambda u: u + 0.02),
    "shifted": (lambda u: u, lambda u: u + 0.0625),
    "shifted_far": (lambda u: u, lambda u: u + 0.25),
    "squared": (lambda u: u, lambda u: u * u),
    "rounded": (lambda u: math.floor(u * 50) / 2, lambda u: math.floor(u * 50) / 2 + 0.5),
    "holes": (
        lambda u: float("nan") if u < 0.1 else float("inf") if u > 0.95 else u,
        lambda u: float("nan") if u < 0.2 else u,
    ),
    "levels": (lambda u: math.floor(u * 4) / 2, lambda u: math.floor(u * u * 4) / 2),
    "pair": (lambda u: 1.5 if u < 0.5 else 0.5, lambda u: 1.5 if u < 0.55 else 0.5),
    "constant": (lambda u: 1.0, lambda u: 1.0),
    "whole_few": (lambda u: math.floor(u * 8), lambda u: math.floor(u * (u + 1) / 2 * 8)),
    "whole_many": (lambda u: math.floor(u * 200), lambda u: math.floor(u * 200) + 3),
    "text": (lambda u: "abc"[math.floor(u * 3)], lambda u: "abc"[math.floor(u * u * 3)]),
    "text_pair": (lambda u: "yes" if u < 0.3 else "no", lambda u: "yes" if u < 0.33 else "no"),
    "text_new": (lambda u: "abc"[math.floor(u * 3)], lambda u: "abcd"[math.floor(u * 4)]),
    "flag": (lambda u: u < 0.5, lambda u: u < 0.52),
}


def frame(side, rows, seed):
    return pandas.DataFrame(
        {
            name: [makers[side](u) for u in dice(1_000 * seed + 2 * index + side, rows)]
            for index, (name, makers) in enumerate(COLUMNS.items())
        }
    )


def main():
    recorded = {
        "evidently": evidently.__version__,
        "scipy": scipy.__version__,
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
        "samples": {},
    }
    for seed, (name, (reference_rows, current_rows)) in enumerate(SIZES.items()):
        reference, current = frame(0, reference_rows, seed), frame(1, current_rows, seed)
        snapshot = Report([DataDriftPreset()]).run(current, reference).dict()
        columns = {}
        for metric in snapshot["metrics"]:
            config = metric.get("config", {})
            if "column" in config:
                columns[config["column"]] = {
                    "test": config.get("method"),
                    "threshold": config.get("threshold"),
                    "value": float(metric["value"]),
                }
        recorded["samples"][name] = {
            "reference_rows": reference_rows,
            "current_rows": current_rows,
            "columns": columns,
        }
    print(json.dumps(recorded, indent=1))


main()
