#!/usr/bin/env python3
"""Records what Evidently's DataDriftPreset says of samples that tests/it/report/reference.rs makes again.

    python3 -m venv venv && venv/bin/pip install evidently==0.7.23 && venv/bin/python evidently_drift.py > evidently_drift.json

Samples come from a linear congruential generator and exact arithmetic alone, so that both languages see the same bits. How a column is made
is recorded beside the results, so that it is written down once.
"""
import json
import math
import os
import sys
import warnings

os.environ["DO_NOT_TRACK"] = "1"
warnings.simplefilter("ignore")

import evidently  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
import scipy  # noqa: E402
from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402

SIZES = [
    (1, 1), (2, 2), (10, 12), (50, 70), (600, 400), (500, 500), (999, 1_000), (1_000, 999), (1_000, 1_001), (1_001, 1_000),
    (1_001, 300), (900, 12_000), (120, 10_500), (5_000, 3_000), (11_000, 9_500),
]


def dice(seed, rows):
    state, values = seed, []
    for _ in range(rows):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 11) / 2**53)
    return values


def number(**now):
    """A column of DOUBLE: u to a power, scaled, cut, stepped and moved; `now` is what differs in the current sample."""
    return {"type": "double", "reference": {}, "current": now}


def both(kind="double", reference=None, current=None, **shared):
    return {"type": kind, "reference": {**shared, **(reference or {})}, "current": {**shared, **(current or {})}}


# Of each column: its type, and for each sample
# - power: u to this power; scale: times this; floor: cut to a whole number; step: times this; offset: plus this
# - null_below, nan_below, inf_above, minus_inf_above: of u
COLUMNS = {
    "same": number(),
    "shifted_1": number(offset=0.02),
    "shifted_2": number(offset=0.0625),
    "shifted_3": number(offset=0.25),
    "apart": number(offset=7.0),
    "squared": number(power=2),
    "cubed": number(power=3),
    "wider": number(scale=1.5),
    "much_wider": number(scale=64.0),
    "negative": both(offset=-0.5, current={"offset": -0.4375}),
    "mirrored": number(scale=-1.0),
    "large_values": both(scale=1000.0, offset=1e9, current={"offset": 1e9 + 50}),
    "tiny_values": both(scale=2.0**-40, current={"scale": 2.0**-41}),
    "tiny_deviation": both(scale=2.0**-20, offset=1.0, current={"offset": 1.0 + 2.0**-22}),
    "huge_values": both(scale=2.0**300, current={"scale": 1.25 * 2.0**300}),
    "ties_50": both(scale=50.0, floor=True, step=0.5, current={"offset": 0.5}),
    "ties_12": both(scale=12.0, floor=True, step=0.25, current={"power": 2}),
    "ties_6": both(scale=6.0, floor=True, step=0.5, current={"power": 2}),
    "levels_5": both(scale=5.0, floor=True, step=0.5, current={"power": 2}),
    "levels_4": both(scale=4.0, floor=True, step=0.5, current={"power": 2}),
    "levels_3": both(scale=3.0, floor=True, step=0.5),
    "levels_3_moved": both(scale=3.0, floor=True, step=0.5, current={"offset": 1.0}),
    "levels_2": both(scale=2.0, floor=True, step=0.5, offset=0.5, current={"power": 2}),
    "levels_2_same": both(scale=2.0, floor=True, step=0.5, offset=0.5),
    "constant": both(scale=0.0, offset=1.5),
    "constant_moved": both(scale=0.0, offset=1.5, current={"offset": 2.5}),
    "constant_then_not": both(offset=1.5, reference={"scale": 0.0}),
    "not_then_constant": both(offset=1.5, current={"scale": 0.0}),
    "zero": both(scale=0.0),
    "minus_zero": both(scale=0.0, current={"scale": -0.0}),
    "holes_nan": both(current={"nan_below": 0.2}, nan_below=0.1),
    "holes_null": both(current={"null_below": 0.3}),
    "holes_inf": both(inf_above=0.95),
    "holes_both_infs": both(inf_above=0.95, minus_inf_above=0.9),
    "holes_all_kinds": both(null_below=0.1, nan_below=0.2, inf_above=0.9, current={"offset": 0.125}),
    "many_holes": both(null_below=0.8, current={"null_below": 0.7}),
    "real": both("real", current={"offset": 0.0625}),
    "real_ties": both("real", scale=9.0, floor=True, step=0.5, current={"power": 2}),
    "whole_1": both("bigint", scale=0.0, offset=7.0),
    "whole_2": both("bigint", scale=2.0, floor=True, current={"power": 2}),
    "whole_3": both("bigint", scale=3.0, floor=True, current={"power": 2}),
    "whole_8": both("bigint", scale=8.0, floor=True, current={"power": 2}),
    "whole_10": both("bigint", scale=10.0, floor=True, offset=-5.0),
    "whole_11": both("bigint", scale=11.0, floor=True, current={"power": 2}),
    "whole_many_then_few": both("bigint", floor=True, reference={"scale": 40.0}, current={"scale": 4.0}),
    "whole_few_then_many": both("bigint", floor=True, reference={"scale": 4.0}, current={"scale": 40.0}),
    "whole_200": both("bigint", scale=200.0, floor=True, current={"offset": 3.0}),
    "whole_million": both("bigint", scale=1e6, floor=True, current={"power": 2}),
    "whole_int": both("int", scale=300.0, floor=True, offset=-150.0, current={"scale": 310.0}),
    "whole_large_few": both("large", scale=4.0, floor=True, current={"power": 2}),
    "text_1": both("text", scale=0.0),
    "text_2": both("text", scale=2.0, floor=True, current={"scale": 2.0, "power": 2}),
    "text_3": both("text", scale=3.0, floor=True, current={"power": 2}),
    "text_new": both("text", floor=True, scale=3.0, current={"scale": 4.0}),
    "text_gone": both("text", floor=True, scale=4.0, current={"scale": 3.0}),
    "text_disjoint": both("text", floor=True, scale=3.0, current={"offset": 5.0}),
    "text_26": both("text", scale=26.0, floor=True, current={"power": 2}),
    "text_holes": both("text", scale=3.0, floor=True, null_below=0.1, current={"null_below": 0.2}),
    "flag": both("boolean", scale=2.0, floor=True, current={"scale": 2.08}),
    "flag_same": both("boolean", scale=2.0, floor=True),
    "flag_constant": both("boolean", scale=0.0, current={"scale": 2.0, "floor": True}),
    "date": both("timestamp", scale=1000.0, floor=True, current={"offset": 1000.0}),
}

LARGE = 2**53 + 1


def value(kind, how, u):
    if u < how.get("null_below", 0.0):
        return None
    if u < how.get("nan_below", 0.0):
        return float("nan")
    if u > how.get("inf_above", 1.0):
        return float("inf")
    if u > how.get("minus_inf_above", 1.0):
        return float("-inf")
    v = 1.0
    for _ in range(how.get("power", 1)):
        v *= u
    v *= how.get("scale", 1.0)
    if how.get("floor", False):
        v = float(math.floor(v))
    v = v * how.get("step", 1.0) + how.get("offset", 0.0)
    if kind in ("double", "real"):
        return v
    if kind in ("bigint", "int"):
        return math.floor(v)
    if kind == "large":
        return LARGE + math.floor(v)
    if kind == "text":
        return chr(ord("a") + math.floor(v))
    if kind == "boolean":
        return math.floor(v) >= 1
    return pandas.Timestamp(math.floor(v), unit="s")


TYPES = {"double": "float64", "real": "float32", "bigint": "int64", "int": "int32", "large": "int64", "boolean": "bool"}


def frame(side, rows, seed):
    columns = {}
    for index, (name, column) in enumerate(COLUMNS.items()):
        how = column["current" if side else "reference"]
        values = [value(column["type"], how, u) for u in dice(1_000 * seed + 2 * index + side, rows)]
        columns[name] = pandas.Series(values, dtype=TYPES.get(column["type"]))
    return pandas.DataFrame(columns)


def drift(reference, current):
    """Evidently's findings; a column that it refuses is left out."""
    columns = {}
    for name in reference.columns:
        try:
            snapshot = Report([DataDriftPreset()]).run(current[[name]], reference[[name]]).dict()
        except Exception as error:
            print(f"{name}: {error!r}"[:200], file=sys.stderr)
            continue
        for metric in snapshot["metrics"]:
            config = metric.get("config", {})
            if config.get("column") == name:
                columns[name] = {
                    "test": config.get("method"),
                    "threshold": config.get("threshold"),
                    "value": float(metric["value"]),
                }
    return columns


def main():
    recorded = {
        "evidently": evidently.__version__,
        "scipy": scipy.__version__,
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
        # A reader of JSON need not keep the order of an object.
        "order": list(COLUMNS),
        "columns": COLUMNS,
        "samples": [],
    }
    for seed, (reference_rows, current_rows) in enumerate(SIZES):
        reference, current = frame(0, reference_rows, seed), frame(1, current_rows, seed)
        columns = drift(reference, current)
        recorded["samples"].append(
            {"reference_rows": reference_rows, "current_rows": current_rows, "columns": columns}
        )
    # One line a column keeps the file readable.
    text = json.dumps(recorded, allow_nan=True)
    print(text.replace('}, "', '},\n"').replace('": {"', '":\n{"'))


main()
